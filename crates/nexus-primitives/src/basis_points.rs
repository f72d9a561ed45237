//! Shares of a whole in hundredths of a percent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A share in basis points, 0 to 10 000 (one hundred percent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct BasisPoints(u16);

/// A share above one hundred percent was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} basis points is above 10000 (100 %)")]
pub struct BasisPointsAboveFull(pub u16);

impl BasisPoints {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One hundred percent.
    pub const FULL: Self = Self(10_000);

    /// Checks that `value` is at most 10 000.
    pub const fn new(value: u16) -> Result<Self, BasisPointsAboveFull> {
        if value > Self::FULL.0 { Err(BasisPointsAboveFull(value)) } else { Ok(Self(value)) }
    }

    /// Returns the number of basis points.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Adds, stopping at one hundred percent.
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(Self::FULL.0))
    }

    /// Subtracts, stopping at zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl TryFrom<u16> for BasisPoints {
    type Error = BasisPointsAboveFull;

    fn try_from(value: u16) -> Result<Self, BasisPointsAboveFull> {
        Self::new(value)
    }
}

impl From<BasisPoints> for u16 {
    fn from(value: BasisPoints) -> Self {
        value.0
    }
}

/// Shown as a percentage with two decimals: `38.40 %`.
impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} %", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shares_up_to_the_whole_exist() {
        assert_eq!(BasisPoints::new(10_000), Ok(BasisPoints::FULL));
        assert_eq!(BasisPoints::new(10_001), Err(BasisPointsAboveFull(10_001)));
        assert!(serde_json::from_str::<BasisPoints>("10001").is_err());
        assert_eq!(BasisPoints::new(3_840).unwrap().to_string(), "38.40 %");
    }
}
