//! How a rollup stands to its limit.

use nexus_primitives::{BasisPoints, Wei};
use ruint::aliases::U256;

use crate::{
    PositionError, RollupPosition,
    locked::{Locked, validators_hold},
};

/// The figures a plan is made of, for people and dashboards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assessment {
    /// ETH on the bridge and staked by it: what the limit is a share of. Each ETH once: that of withdrawn validators
    /// is on the bridge and no longer staked.
    pub locked: Wei,
    /// 32 ETH for each validator that stays.
    pub staked: Wei,
    /// `staked / locked`, rounded down; zero when nothing is locked. Stops at one hundred percent, which only deposits
    /// in flight that the bridge can't pay any more could exceed.
    pub staked_bps: BasisPoints,
    /// How many validators the limit allows.
    pub target: u64,
    /// How many there are once everything under way has happened: counted, without exiting, with those in flight.
    pub staying: u64,
}

impl Assessment {
    /// Assesses a position, with the withdrawals that are certain.
    ///
    /// # Errors
    /// When counts contradict each other or the locked ETH is out of range. Exit candidates aren't looked at.
    pub fn of(position: &RollupPosition) -> Result<Self, PositionError> {
        position.check_withdrawn()?;
        Self::when_withdrawn(position, position.withdrawn_at_least)
    }

    /// Assesses a position whose counts fit together, when so many validators are withdrawn.
    pub(crate) fn when_withdrawn(position: &RollupPosition, withdrawn: u64) -> Result<Self, PositionError> {
        let staying = position.staying()?;
        let locked = Locked::of(position, withdrawn)?;
        let staked = validators_hold(staying);
        Ok(Self {
            locked: locked.get(),
            staked,
            staked_bps: share_floor(staked, locked.get()),
            target: locked.validators_within(position.limit),
            staying,
        })
    }
}

/// Returns `part / whole` in basis points, rounded down, at most one hundred percent; zero of nothing.
fn share_floor(part: Wei, whole: Wei) -> BasisPoints {
    let full = U256::from(BasisPoints::FULL.get());
    let share = part.get().saturating_mul(full).checked_div(whole.get()).unwrap_or_default();
    BasisPoints::new(share.saturating_to()).unwrap_or(BasisPoints::FULL)
}
