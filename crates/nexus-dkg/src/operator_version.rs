//! The versions of the operators' software that a ceremony works with.

use std::{fmt, str::FromStr};

use crate::OperatorWords;

/// The version of an operator's software: `v3.1.` and a number.
///
/// Operators refuse a first message of any version but exactly their own, so each is sent its own. That is safe among
/// these releases only: 3.0 reads the withdrawal credentials of the same message differently.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperatorVersion(String);

/// A version that can't take part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operator's software has version {0}, expected v3.1.x: ask the operator to update")]
pub struct UnsupportedVersion(pub OperatorWords);

impl OperatorVersion {
    /// Returns the text, as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorVersion {
    type Err = UnsupportedVersion;

    fn from_str(text: &str) -> Result<Self, UnsupportedVersion> {
        let patch = text.strip_prefix("v3.1.").unwrap_or_default();
        if (1..=5).contains(&patch.len()) && patch.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(UnsupportedVersion(text.into()))
    }
}

impl fmt::Display for OperatorVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_releases_that_are_known_to_be_compatible_take_part() {
        for good in ["v3.1.0", "v3.1.1", "v3.1.12"] {
            assert_eq!(good.parse::<OperatorVersion>().unwrap().as_str(), good);
        }
        let bad =
            ["", "dev", "3.1.0", "v3.1", "v3.1.", "v3.0.3", "v3.10.0", "v3.2.0", "v3.1.0-rc1", "v3.1.0\n"];
        for bad in bad {
            assert!(bad.parse::<OperatorVersion>().is_err(), "{bad:?}");
        }
    }
}
