//! Why nothing is done.

use std::fmt;

/// Why a plan leaves a rollup as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldReason {
    /// As many validators stay as the limit allows.
    AtLimit,
    /// The difference to the target lies within the dead band.
    WithinDeadBand,
    /// Too many validators stay, but not yet for as long as configured.
    ExcessTooRecent,
    /// Validators are missing, and the balance without the reserve and the deposits in flight can't pay for one.
    NoBalance,
    /// Validators are missing, and the bridge's own check would refuse one: it still counts those that are exiting.
    BridgeWouldRefuse,
    /// Too many validators stay, and none of them can exit now.
    NoExitCandidates,
    /// Something is to be done, and the cap on it is zero.
    CapReached,
    /// What is to be done depends on withdrawals that are just being paid.
    Settling,
}

impl HoldReason {
    /// Every reason there is.
    pub const ALL: [Self; 8] = [
        Self::AtLimit,
        Self::WithinDeadBand,
        Self::ExcessTooRecent,
        Self::NoBalance,
        Self::BridgeWouldRefuse,
        Self::NoExitCandidates,
        Self::CapReached,
        Self::Settling,
    ];

    /// Returns the stable name used in `plan --json` as `action.reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtLimit => "at-limit",
            Self::WithinDeadBand => "within-dead-band",
            Self::ExcessTooRecent => "excess-too-recent",
            Self::NoBalance => "no-balance",
            Self::BridgeWouldRefuse => "bridge-would-refuse",
            Self::NoExitCandidates => "no-exit-candidates",
            Self::CapReached => "cap-reached",
            Self::Settling => "settling",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_documented_ones() {
        assert_eq!(
            HoldReason::ALL.map(HoldReason::as_str),
            [
                "at-limit",
                "within-dead-band",
                "excess-too-recent",
                "no-balance",
                "bridge-would-refuse",
                "no-exit-candidates",
                "cap-reached",
                "settling"
            ]
        );
    }
}
