//! Integers as the beacon API writes them: decimal digits in a string.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

pub(crate) fn serialize<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(D::Error::custom(format_args!("{text:?} is not a decimal integer in a string")));
    }
    text.parse().map_err(|_| D::Error::custom(format_args!("{text} is out of range (2^64 - 1)")))
}

#[cfg(test)]
mod tests {
    use nexus_primitives::Epoch;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Quoted(#[serde(with = "super")] Epoch);

    #[test]
    fn only_digits_in_a_string_are_read() {
        assert_eq!(
            serde_json::from_str::<Quoted>("\"18446744073709551615\"").unwrap(),
            Quoted(Epoch::FAR_FUTURE)
        );
        assert_eq!(serde_json::to_string(&Quoted(Epoch::new(7))).unwrap(), "\"7\"");
        for wrong in
            ["7", "\"\"", "\"-1\"", "\"+1\"", "\"0x1\"", "\"1.0\"", "\" 1\"", "\"18446744073709551616\""]
        {
            assert!(serde_json::from_str::<Quoted>(wrong).is_err(), "{wrong}");
        }
    }
}
