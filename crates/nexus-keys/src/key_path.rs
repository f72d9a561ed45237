//! Paths in a tree of keys.

use std::{fmt, str::FromStr};

use nexus_primitives::DerivationIndex;

/// A path from the master key to a key below it (EIP-2334), such as `m/12381/3600/0/0/0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<u32>);

/// A text isn't a key path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key path {text:?}: expected m followed by /-separated indices below 2^32")]
pub struct ParseKeyPathError {
    text: String,
}

impl KeyPath {
    /// Returns the path of a validator's signing key, `m/12381/3600/i/0/0` (EIP-2334, "Validator keys").
    pub fn signing(index: DerivationIndex) -> Self {
        Self(vec![12_381, 3_600, index.get(), 0, 0])
    }

    /// Returns the child indices, from the master key down.
    pub fn indices(&self) -> &[u32] {
        &self.0
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.0.iter().try_for_each(|index| write!(f, "/{index}"))
    }
}

impl FromStr for KeyPath {
    type Err = ParseKeyPathError;

    fn from_str(text: &str) -> Result<Self, ParseKeyPathError> {
        let refused = || ParseKeyPathError { text: text.to_owned() };
        let mut parts = text.split('/');
        if parts.next() != Some("m") {
            return Err(refused());
        }
        parts.map(parse_index).collect::<Option<Vec<_>>>().map(Self).ok_or_else(refused)
    }
}

/// Decimal digits only: `u32::from_str` would take a sign.
fn parse_index(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_round_trip() {
        for text in ["m", "m/0", "m/12381/3600/4294967295/0/0"] {
            assert_eq!(text.parse::<KeyPath>().unwrap().to_string(), text);
        }
        assert_eq!(KeyPath::signing(DerivationIndex::new(7)).to_string(), "m/12381/3600/7/0/0");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "M/0", "m/", "m//0", "m/0'", "m/+1", "m/-1", "m/4294967296", "/0"] {
            assert!(text.parse::<KeyPath>().is_err(), "{text}");
        }
    }
}
