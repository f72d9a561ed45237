//! How a rollup stands to its limit.

use nexus_primitives::{BasisPoints, VALIDATOR_DEPOSIT, Wei};
use ruint::aliases::U256;

use crate::{PositionError, RollupPosition, locked::Locked};

/// The figures a plan is made of, for people and dashboards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assessment {
    /// ETH on the bridge and staked by it: what the limit is a share of.
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
    /// Assesses a position.
    ///
    /// # Errors
    /// When counts contradict each other or the locked ETH is out of range. Exit candidates aren't looked at.
    pub fn of(position: &RollupPosition) -> Result<Self, PositionError> {
        let staying = position.staying()?;
        let locked = Locked::of(position)?;
        let staked = Wei::new(VALIDATOR_DEPOSIT.get().saturating_mul(U256::from(staying)));
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
