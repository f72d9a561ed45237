//! What to do about an exit that was broadcast.

use nexus_primitives::Epoch;

use crate::BeaconValidator;

/// The next step for an exit that was broadcast.
///
/// A node that accepted an exit has promised nothing: pools are lost on restart, gossip fails, blocks take 16 exits.
/// Only `exit_epoch` in the state counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitFollowUp {
    /// No block has included it: send the same bytes to every node again.
    Rebroadcast,
    /// The chain has scheduled it: wait for this epoch.
    Exiting {
        /// When the validator stops being active.
        exit_epoch: Epoch,
    },
    /// The exit epoch has passed.
    Done,
}

impl ExitFollowUp {
    /// Decides from the validator's latest state. Pass the finalized one: a reorg may take a scheduled exit back.
    pub const fn decide(validator: &BeaconValidator) -> Self {
        match validator.exit_epoch {
            None => Self::Rebroadcast,
            Some(_) if validator.status.has_exited() => Self::Done,
            Some(exit_epoch) => Self::Exiting { exit_epoch },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ValidatorStatus, validator::tests::active};

    #[test]
    fn only_the_state_ends_the_rebroadcasts() {
        let exit_epoch = Epoch::new(5);
        let with =
            |status, exit_epoch| ExitFollowUp::decide(&BeaconValidator { status, exit_epoch, ..active() });
        let exiting = ExitFollowUp::Exiting { exit_epoch };
        assert_eq!(with(ValidatorStatus::ActiveOngoing, None), ExitFollowUp::Rebroadcast);
        assert_eq!(with(ValidatorStatus::ActiveExiting, Some(exit_epoch)), exiting);
        assert_eq!(with(ValidatorStatus::ActiveSlashed, Some(exit_epoch)), exiting);
        for status in [
            ValidatorStatus::ExitedUnslashed,
            ValidatorStatus::ExitedSlashed,
            ValidatorStatus::WithdrawalPossible,
            ValidatorStatus::WithdrawalDone,
        ] {
            assert_eq!(with(status, Some(exit_epoch)), ExitFollowUp::Done);
        }
    }
}
