//! The check that the bridge contract makes before it deposits.

use std::{error::Error, fmt};

use nexus_primitives::{BasisPoints, VALIDATOR_DEPOSIT, Wei};
use ruint::aliases::U256;

use crate::RollupPosition;

/// What the bridge contract looks at when the Nexus contract asks it to deposit.
///
/// A model of `NexusBaseBridge.depositValidatorNexus`, to the wei and with its rounding, which the tests compare with
/// the compiled contract:
///
/// ```text
/// (validatorCount + k) · 32e18 · 10000 / (balance + (validatorCount + k) · 32e18) > limit  →  StakingLimitExceeding
/// ```
///
/// `balance` is the balance *before* the deposit, so that the ETH about to be staked is counted twice: the contract
/// takes more than the true share allows, and takes more in one batch than one by one. It also counts validators that
/// are exiting, and those that are withdrawn and not closed, whose 32 ETH it counts twice. A plan keeps to the true share, and within what the contract takes however the deposits are batched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeState {
    /// ETH on the bridge.
    pub balance: Wei,
    /// Validators the bridge counts.
    pub validator_count: u64,
}

/// Why the bridge contract would revert a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DepositRefused {
    /// `StakingLimitExceeding()`.
    AboveLimit,
    /// The balance can't pay 32 ETH for each: a revert without data.
    NoBalance,
    /// A number in the check leaves its range: `Panic(0x11)`.
    Overflow,
}

impl BridgeState {
    /// Returns the state after depositing for `validators` new ones in one call.
    pub fn deposit(self, validators: u64, limit: BasisPoints) -> Result<Self, DepositRefused> {
        let validator_count = self.validator_count.checked_add(validators).ok_or(DepositRefused::Overflow)?;
        if self.share_bps(validator_count)? > U256::from(limit.get()) {
            return Err(DepositRefused::AboveLimit);
        }
        let cost = VALIDATOR_DEPOSIT.checked_mul(validators).map_err(|_| DepositRefused::Overflow)?;
        let balance = self.balance.checked_sub(cost).ok_or(DepositRefused::NoBalance)?;
        Ok(Self { balance, validator_count })
    }

    /// Returns the share the contract computes for a new count, rounded down as it does; zero of nothing.
    fn share_bps(self, validator_count: u64) -> Result<U256, DepositRefused> {
        let staked = VALIDATOR_DEPOSIT.checked_mul(validator_count).map_err(|_| DepositRefused::Overflow)?;
        let total = staked.checked_add(self.balance).map_err(|_| DepositRefused::Overflow)?;
        let scaled = staked.checked_mul(u64::from(BasisPoints::FULL.get()));
        let scaled = scaled.map_err(|_| DepositRefused::Overflow)?;
        Ok(scaled.div_floor(total).unwrap_or_default())
    }
}

/// Returns how many more deposits the bridge takes after those in flight, whichever way they are batched.
///
/// A call for `b` validators that brings the count to `c` compares `c · 32e18 · 10000 / (total + b · 32e18)` with the
/// limit, where `total` is the balance and 32 ETH for all that the bridge counts, withdrawn ones included: every deposit
/// moves 32 ETH from the balance to the count. Strictest is the last of single deposits:
/// `b = 1`, `c` largest. The quotient is rounded down, so `c` passes up to, and not including, `limit + 1`.
pub(crate) fn room(position: &RollupPosition) -> u64 {
    let deposit = VALIDATOR_DEPOSIT.get();
    let counted_and_one = U256::from(position.validator_count).saturating_add(U256::ONE);
    let total = deposit.saturating_mul(counted_and_one).saturating_add(position.balance.get());
    let first_refused_bps = U256::from(position.limit.get()).saturating_add(U256::ONE);
    let scaled = total.saturating_mul(first_refused_bps).saturating_sub(U256::ONE);
    let per_validator = deposit.saturating_mul(U256::from(BasisPoints::FULL.get()));
    let most: u64 = scaled.checked_div(per_validator).unwrap_or_default().saturating_to();
    position.counted_once_landed().map_or(0, |counted| most.saturating_sub(counted))
}

impl fmt::Display for DepositRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AboveLimit => "the bridge's check finds the share above the limit",
            Self::NoBalance => "the bridge's balance doesn't cover the deposit",
            Self::Overflow => "the bridge's check overflows",
        })
    }
}

impl Error for DepositRefused {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures measured on the deployed contracts' code: at 500 ETH and 50 % the true share allows 7.
    #[test]
    fn a_batch_passes_where_single_deposits_do_not() {
        let half = BasisPoints::new(5_000).unwrap();
        let bridge = BridgeState { balance: Wei::from_ether(500), validator_count: 0 };
        assert!(bridge.deposit(15, half).is_ok());
        assert_eq!(bridge.deposit(16, half), Err(DepositRefused::AboveLimit));
        let eight = (0..8).try_fold(bridge, |bridge, _| bridge.deposit(1, half)).unwrap();
        assert_eq!(eight.deposit(1, half), Err(DepositRefused::AboveLimit));
    }

    #[test]
    fn an_empty_balance_pays_nothing() {
        let bridge = BridgeState { balance: Wei::from_ether(31), validator_count: 0 };
        assert_eq!(bridge.deposit(1, BasisPoints::FULL), Err(DepositRefused::NoBalance));
        assert_eq!(bridge.deposit(0, BasisPoints::ZERO), Ok(bridge));
    }

    #[test]
    fn the_largest_balance_is_refused_and_not_wrapped() {
        let bridge = BridgeState { balance: Wei::MAX, validator_count: 1 };
        assert_eq!(bridge.deposit(1, BasisPoints::FULL), Err(DepositRefused::Overflow));
    }
}
