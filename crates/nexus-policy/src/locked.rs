//! The ETH a limit is a share of.

use nexus_primitives::{BasisPoints, VALIDATOR_DEPOSIT, Wei};
use ruint::aliases::U256;

use crate::{PositionError, RollupPosition};

/// A rollup's locked ETH: on the bridge, or staked by it. Less than 2^64 times 32 ETH.
///
/// The bound is checked once, here, for all that the bridge counts. It is 10^12 times more ETH than exists, and below it no product that a plan
/// needs comes near 2^256.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locked(Wei);

impl Locked {
    /// Adds up what is on the bridge and what its validators hold, when so many of them hold nothing any more.
    ///
    /// The bridge counts a withdrawn validator until it is closed. Its 32 ETH are part of the balance by then, and would
    /// be counted twice.
    pub(crate) fn of(position: &RollupPosition, withdrawn: u64) -> Result<Self, PositionError> {
        let RollupPosition { balance, validator_count, .. } = *position;
        VALIDATOR_DEPOSIT
            .checked_mul(validator_count)
            .and_then(|staked| balance.checked_add(staked))
            .ok()
            .filter(|locked| {
                locked.div_floor(VALIDATOR_DEPOSIT).is_some_and(|count| count <= U256::from(u64::MAX))
            })
            .map(|counted| Self(counted.saturating_sub(validators_hold(withdrawn))))
            .ok_or(PositionError::LockedOutOfRange { balance, validator_count })
    }

    /// Returns the amount.
    pub(crate) const fn get(self) -> Wei {
        self.0
    }

    /// Returns how many validators `share` of the amount pays for, rounded down.
    pub(crate) fn validators_within(self, share: BasisPoints) -> u64 {
        whole_validators(self.0.mul_floor(share))
    }
}

/// Returns what `count` validators hold: 32 ETH each.
pub(crate) fn validators_hold(count: u64) -> Wei {
    Wei::new(VALIDATOR_DEPOSIT.get().saturating_mul(U256::from(count)))
}

/// Returns how many whole validators `amount` pays for, stopping at 2^64 - 1.
pub(crate) fn whole_validators(amount: Wei) -> u64 {
    amount.div_floor(VALIDATOR_DEPOSIT).unwrap_or_default().saturating_to()
}
