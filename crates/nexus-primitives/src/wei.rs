//! Amounts of ETH on the execution layer.

use std::{fmt, iter::Sum, str::FromStr};

use ruint::aliases::{U256, U512};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{BasisPoints, fixed_bytes};

/// An amount in wei (10^-18 ETH), up to 2^256 - 1.
///
/// Arithmetic is checked or says how it rounds. In text and JSON an amount is a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wei(U256);

/// What one validator takes: 32 ETH.
pub const VALIDATOR_DEPOSIT: Wei = Wei::from_ether(32);

const WEI_PER_ETHER: u64 = 1_000_000_000_000_000_000;

/// A sum or product left the range of 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("amount exceeds 2^256 - 1 wei")]
pub struct WeiOverflow;

/// A text isn't an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ParseWeiError {
    text: String,
    expected: &'static str,
}

impl Wei {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);
    /// The largest amount there is.
    pub const MAX: Self = Self(U256::MAX);

    /// Takes an amount in wei.
    pub const fn new(wei: U256) -> Self {
        Self(wei)
    }

    /// Takes a whole number of ETH.
    pub const fn from_ether(ether: u64) -> Self {
        let wei = ether as u128 * WEI_PER_ETHER as u128;
        #[expect(clippy::cast_possible_truncation, reason = "the halves of a 128-bit number")]
        Self(U256::from_limbs([wei as u64, (wei >> 64) as u64, 0, 0]))
    }

    /// Returns the amount in wei.
    pub const fn get(self) -> U256 {
        self.0
    }

    /// Adds, or says that the sum doesn't fit.
    pub fn checked_add(self, other: Self) -> Result<Self, WeiOverflow> {
        self.0.checked_add(other.0).map(Self).ok_or(WeiOverflow)
    }

    /// Subtracts; `None` when `other` is larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Subtracts, stopping at zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Multiplies by a count, or says that the product doesn't fit.
    pub fn checked_mul(self, count: u64) -> Result<Self, WeiOverflow> {
        self.0.checked_mul(U256::from(count)).map(Self).ok_or(WeiOverflow)
    }

    /// Returns the share of the amount, rounded down. Exact for every amount: computed in 512 bits.
    pub fn mul_floor(self, share: BasisPoints) -> Self {
        let product = U512::from(self.0) * U512::from(share.get());
        Self(U256::from(product / U512::from(BasisPoints::FULL.get())))
    }

    /// Returns how often `divisor` fits; `None` for a zero divisor.
    pub fn div_floor(self, divisor: Self) -> Option<U256> {
        self.0.checked_div(divisor.0)
    }

    /// Parses a decimal number of ETH with up to 18 decimals: `0.5`, `64`.
    pub fn from_ether_text(text: &str) -> Result<Self, ParseWeiError> {
        Self::from_decimal(text, 18, "a decimal amount of ETH with at most 18 decimals")
    }

    /// Parses a decimal number of gwei with up to 9 decimals: `60`, `1.5`.
    pub fn from_gwei_text(text: &str) -> Result<Self, ParseWeiError> {
        Self::from_decimal(text, 9, "a decimal amount of gwei with at most 9 decimals")
    }

    /// Returns the amount in ETH with as many decimals as it needs, for people.
    pub fn to_ether_text(self) -> String {
        let unit = U256::from(WEI_PER_ETHER);
        let fraction = format!("{:018}", self.0 % unit);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            (self.0 / unit).to_string()
        } else {
            format!("{}.{fraction}", self.0 / unit)
        }
    }

    fn from_decimal(text: &str, decimals: usize, expected: &'static str) -> Result<Self, ParseWeiError> {
        let error = || ParseWeiError { text: text.to_owned(), expected };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > decimals {
            return Err(error());
        }
        U256::from_str_radix(&format!("{whole}{fraction:0<decimals$}"), 10).map(Self).map_err(|_| error())
    }
}

impl Sum for Wei {
    /// # Panics
    /// When the sum exceeds 2^256 - 1 wei, more than exists by 50 orders of magnitude.
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| sum.checked_add(amount).expect("a sum of amounts that exist"))
    }
}

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Wei {
    type Err = ParseWeiError;

    /// Parses a decimal number of wei.
    fn from_str(text: &str) -> Result<Self, ParseWeiError> {
        let error = || ParseWeiError { text: text.to_owned(), expected: "a decimal number of wei" };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        U256::from_str_radix(text, 10).map(Self).map_err(|_| error())
    }
}

impl Serialize for Wei {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Wei {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fixed_bytes::deserialize_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ether_text_is_exact() {
        assert_eq!(Wei::from_ether_text("0.5").unwrap(), Wei::new(U256::from(WEI_PER_ETHER / 2)));
        assert_eq!(Wei::from_gwei_text("60").unwrap(), Wei::new(U256::from(60_000_000_000_u64)));
        assert_eq!(Wei::from_ether_text("1.05").unwrap().to_ether_text(), "1.05");
        for wrong in ["", ".", "1.", ".5", "-1", "1e18", "0x1", "1.0000000000000000001"] {
            assert!(Wei::from_ether_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_largest_amount_has_an_exact_share() {
        assert_eq!(Wei::MAX.mul_floor(BasisPoints::FULL), Wei::MAX);
        assert_eq!(Wei::MAX.checked_add(Wei::new(U256::from(1))), Err(WeiOverflow));
    }

    proptest! {
        #[test]
        fn text_round_trips(limbs: [u64; 4]) {
            let amount = Wei::new(U256::from_limbs(limbs));
            prop_assert_eq!(amount.to_string().parse::<Wei>().unwrap(), amount);
            prop_assert_eq!(Wei::from_ether_text(&amount.to_ether_text()).unwrap(), amount);
        }
    }
}
