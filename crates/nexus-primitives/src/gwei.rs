//! Amounts of ETH on the consensus layer.

use std::fmt;

use ruint::aliases::U256;
use serde::{Deserialize, Serialize};

use crate::Wei;

/// An amount in gwei (10^-9 ETH), the unit of the consensus layer (`Gwei` in its specification).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gwei(u64);

const WEI_PER_GWEI: U256 = U256::from_limbs([1_000_000_000, 0, 0, 0]);

/// An amount in wei that isn't a whole number of gwei, or too large for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} wei is not a whole number of gwei below 2^64")]
pub struct GweiFromWeiError(pub Wei);

impl Gwei {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// What one validator takes: 32 ETH.
    pub const VALIDATOR_DEPOSIT: Self = Self(32_000_000_000);

    /// Takes an amount in gwei.
    pub const fn new(gwei: u64) -> Self {
        Self(gwei)
    }

    /// Returns the amount in gwei.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Adds; `None` when the sum doesn't fit 64 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Subtracts, stopping at zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Gwei> for Wei {
    fn from(amount: Gwei) -> Self {
        Self::new(U256::from(amount.0) * WEI_PER_GWEI)
    }
}

impl TryFrom<Wei> for Gwei {
    type Error = GweiFromWeiError;

    fn try_from(amount: Wei) -> Result<Self, GweiFromWeiError> {
        let (gwei, rest) = amount.get().div_rem(WEI_PER_GWEI);
        if rest != U256::ZERO {
            return Err(GweiFromWeiError(amount));
        }
        u64::try_from(gwei).map(Self).map_err(|_| GweiFromWeiError(amount))
    }
}

impl fmt::Display for Gwei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_refuses_a_remainder() {
        assert_eq!(Gwei::try_from(Wei::from_ether(32)), Ok(Gwei::VALIDATOR_DEPOSIT));
        assert!(Gwei::try_from(Wei::new(U256::from(1))).is_err());
        assert!(Gwei::try_from(Wei::MAX).is_err());
        assert_eq!(Wei::from(Gwei::VALIDATOR_DEPOSIT), Wei::from_ether(32));
    }
}
