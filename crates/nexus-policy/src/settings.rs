//! What an operator may choose.

use nexus_primitives::{BasisPoints, Wei};

use crate::ExitOrder;

/// How closely, how soon and how fast a rollup is kept at its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicySettings {
    /// ETH that creations leave on the bridge, for withdrawals to be paid from. Doesn't cause exits.
    pub reserve: Wei,
    /// How far the share may lie from the limit, to either side, before anything is done. A limit at or below it leads
    /// to no creation; a limit within it of one hundred percent leads to no exit.
    pub dead_band: BasisPoints,
    /// Seconds for which an excess must have lasted before validators exit.
    pub exit_after_secs: u64,
    /// Which validators exit first.
    pub exit_order: ExitOrder,
    /// The most validators one plan creates; zero for none.
    pub max_create: u64,
    /// The most validators one plan exits; zero for none.
    pub max_exit: u64,
}

impl PolicySettings {
    /// The exact rule: no reserve, no dead band, no patience, no caps; the worst performers exit first.
    pub const fn exact() -> Self {
        Self {
            reserve: Wei::ZERO,
            dead_band: BasisPoints::ZERO,
            exit_after_secs: 0,
            exit_order: ExitOrder::WorstPerforming,
            max_create: u64::MAX,
            max_exit: u64::MAX,
        }
    }
}
