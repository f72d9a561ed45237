//! A validator as the beacon state has it.

use std::fmt;

use nexus_primitives::{Epoch, Gwei, Root, ValidatorIndex, ValidatorPubkey};
use serde::{Deserialize, Serialize};

/// Where a validator is in its life (beacon API, "Validator status").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidatorStatus {
    /// Deposited, not yet eligible for activation.
    PendingInitialized,
    /// In the activation queue.
    PendingQueued,
    /// Active with no exit scheduled.
    ActiveOngoing,
    /// Active until its exit epoch.
    ActiveExiting,
    /// Slashed and active until its exit epoch.
    ActiveSlashed,
    /// Exited, balance not yet withdrawable.
    ExitedUnslashed,
    /// Slashed and exited, balance not yet withdrawable.
    ExitedSlashed,
    /// Balance is withdrawable and waits for the sweep.
    WithdrawalPossible,
    /// Balance has been withdrawn.
    WithdrawalDone,
}

impl ValidatorStatus {
    /// Returns the beacon API's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingInitialized => "pending_initialized",
            Self::PendingQueued => "pending_queued",
            Self::ActiveOngoing => "active_ongoing",
            Self::ActiveExiting => "active_exiting",
            Self::ActiveSlashed => "active_slashed",
            Self::ExitedUnslashed => "exited_unslashed",
            Self::ExitedSlashed => "exited_slashed",
            Self::WithdrawalPossible => "withdrawal_possible",
            Self::WithdrawalDone => "withdrawal_done",
        }
    }

    /// Says whether the validator hasn't been activated.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::PendingInitialized | Self::PendingQueued)
    }

    /// Says whether the validator has duties, an exit ahead or not.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::ActiveOngoing | Self::ActiveExiting | Self::ActiveSlashed)
    }

    /// Says whether the validator's exit epoch has passed, withdrawn or not.
    pub const fn has_exited(self) -> bool {
        !self.is_pending() && !self.is_active()
    }
}

impl fmt::Display for ValidatorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A validator as the beacon state has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeaconValidator {
    /// Its place in the registry.
    pub index: ValidatorIndex,
    /// Its signing key.
    pub pubkey: ValidatorPubkey,
    /// What it holds now.
    pub balance: Gwei,
    /// Where it is in its life.
    pub status: ValidatorStatus,
    /// What its duties are weighted with.
    pub effective_balance: Gwei,
    /// It was slashed.
    pub slashed: bool,
    /// When it became or becomes active; `None` while that isn't scheduled.
    pub activation_epoch: Option<Epoch>,
    /// When it stopped or stops being active; `None` while no exit is scheduled.
    pub exit_epoch: Option<Epoch>,
    /// From when its balance may be withdrawn; `None` while no exit is scheduled.
    pub withdrawable_epoch: Option<Epoch>,
    /// The raw 32 bytes: another depositor may have chosen any.
    pub withdrawal_credentials: Root,
}

impl BeaconValidator {
    /// Returns the first field that decides about money and differs in `other`.
    ///
    /// Balances are left out: they change every epoch, and two nodes' heads are rarely the same slot.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("index", self.index != other.index),
            ("pubkey", self.pubkey != other.pubkey),
            ("withdrawal_credentials", self.withdrawal_credentials != other.withdrawal_credentials),
            ("slashed", self.slashed != other.slashed),
            ("exit_epoch", self.exit_epoch != other.exit_epoch),
            ("withdrawable_epoch", self.withdrawable_epoch != other.withdrawable_epoch),
            ("activation_epoch", self.activation_epoch != other.activation_epoch),
            ("status", self.status != other.status),
        ]
        .into_iter()
        .find_map(|(field, differs)| differs.then_some(field))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An active validator with nothing unusual about it.
    pub(crate) fn active() -> BeaconValidator {
        BeaconValidator {
            index: ValidatorIndex::new(1234),
            pubkey: ValidatorPubkey::new([0xab; 48]),
            balance: Gwei::VALIDATOR_DEPOSIT,
            status: ValidatorStatus::ActiveOngoing,
            effective_balance: Gwei::VALIDATOR_DEPOSIT,
            slashed: false,
            activation_epoch: Some(Epoch::new(1_000)),
            exit_epoch: None,
            withdrawable_epoch: None,
            withdrawal_credentials: Root::new([1; 32]),
        }
    }

    #[test]
    fn status_names_are_the_beacon_api_s() {
        let names = [
            "pending_initialized",
            "pending_queued",
            "active_ongoing",
            "active_exiting",
            "active_slashed",
            "exited_unslashed",
            "exited_slashed",
            "withdrawal_possible",
            "withdrawal_done",
        ];
        for name in names {
            let status: ValidatorStatus = serde_json::from_value(name.into()).unwrap();
            assert_eq!(status.as_str(), name);
            assert_eq!(serde_json::to_value(status).unwrap(), name);
            let phases = [status.is_pending(), status.is_active(), status.has_exited()];
            assert_eq!(phases.iter().filter(|phase| **phase).count(), 1, "{name}");
        }
        assert!(serde_json::from_value::<ValidatorStatus>("active".into()).is_err());
    }

    #[test]
    fn two_views_differ_by_everything_but_balances() {
        let validator = active();
        let richer =
            BeaconValidator { balance: Gwei::ZERO, effective_balance: Gwei::ZERO, ..validator.clone() };
        assert_eq!(validator.difference(&richer), None);
        let exiting = BeaconValidator { exit_epoch: Some(Epoch::new(1)), ..validator.clone() };
        assert_eq!(validator.difference(&exiting), Some("exit_epoch"));
        let stolen = BeaconValidator { withdrawal_credentials: Root::new([2; 32]), ..validator.clone() };
        assert_eq!(validator.difference(&stolen), Some("withdrawal_credentials"));
    }
}
