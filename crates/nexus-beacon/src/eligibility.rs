//! Whether a voluntary exit would be processed now.

use nexus_primitives::{Epoch, Gwei};

use crate::{BeaconValidator, NetworkSpec, PendingPartialWithdrawal, ValidatorStatus};

/// Why a voluntary exit of a validator would be invalid now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ineligible {
    /// It was slashed: its exit is forced and scheduled already.
    #[error("validator is slashed and leaves by itself{}", at_epoch(*.exit_epoch))]
    Slashed {
        /// When it leaves.
        exit_epoch: Option<Epoch>,
    },
    /// Its exit is scheduled or done.
    #[error("validator's exit is already set to epoch {exit_epoch}")]
    Exiting {
        /// When it leaves or left.
        exit_epoch: Epoch,
    },
    /// It isn't active yet.
    #[error("validator is {status}, not active{}", not_before(*.from))]
    NotActive {
        /// Where it is instead.
        status: ValidatorStatus,
        /// First epoch in which it could leave; `None` while its activation isn't scheduled.
        from: Option<Epoch>,
    },
    /// It hasn't been active for the shard-committee period.
    #[error("validator is active since epoch {active_since} and may leave from epoch {from}")]
    TooYoung {
        /// When it became active.
        active_since: Epoch,
        /// First epoch in which it can leave.
        from: Epoch,
    },
    /// A partial withdrawal is still to be paid (Electra).
    #[error("validator has {amount} gwei of partial withdrawals pending, payable from epoch {from}")]
    PartialWithdrawalPending {
        /// Sum of what is pending.
        amount: Gwei,
        /// When the last of them may be paid; the exit can't be valid before that, and may have to wait longer.
        from: Epoch,
    },
}

impl Ineligible {
    /// Returns the first epoch in which an exit may be possible, where that is known.
    pub const fn possible_from(&self) -> Option<Epoch> {
        match *self {
            Self::Slashed { .. } | Self::Exiting { .. } => None,
            Self::NotActive { from, .. } => from,
            Self::TooYoung { from, .. } | Self::PartialWithdrawalPending { from, .. } => Some(from),
        }
    }
}

/// Checks that a voluntary exit of `validator` would be valid in `current_epoch`
/// (consensus specification, Electra, `process_voluntary_exit`).
///
/// `pending` may list other validators' withdrawals too.
pub fn check_eligibility(
    validator: &BeaconValidator,
    current_epoch: Epoch,
    spec: &NetworkSpec,
    pending: &[PendingPartialWithdrawal],
) -> Result<(), Ineligible> {
    if validator.slashed {
        return Err(Ineligible::Slashed { exit_epoch: validator.exit_epoch });
    }
    if let Some(exit_epoch) = validator.exit_epoch {
        return Err(Ineligible::Exiting { exit_epoch });
    }
    check_age(validator, current_epoch, spec)?;
    check_pending(validator, pending)
}

fn check_age(
    validator: &BeaconValidator,
    current_epoch: Epoch,
    spec: &NetworkSpec,
) -> Result<(), Ineligible> {
    let status = validator.status;
    let from = validator.activation_epoch.map(|epoch| epoch.saturating_add(spec.shard_committee_period));
    match (validator.activation_epoch, from) {
        (Some(active_since), Some(from)) if active_since <= current_epoch && status.is_active() => {
            if current_epoch < from {
                Err(Ineligible::TooYoung { active_since, from })
            } else {
                Ok(())
            }
        }
        _ => Err(Ineligible::NotActive { status, from }),
    }
}

fn check_pending(
    validator: &BeaconValidator,
    pending: &[PendingPartialWithdrawal],
) -> Result<(), Ineligible> {
    let own = pending.iter().filter(|withdrawal| withdrawal.validator_index == validator.index);
    let (amount, from) = own.fold((0_u64, Epoch::new(0)), |(amount, from), withdrawal| {
        (amount.saturating_add(withdrawal.amount.get()), from.max(withdrawal.withdrawable_epoch))
    });
    if amount == 0 {
        return Ok(());
    }
    Err(Ineligible::PartialWithdrawalPending { amount: Gwei::new(amount), from })
}

fn at_epoch(epoch: Option<Epoch>) -> String {
    epoch.map(|epoch| format!(" at epoch {epoch}")).unwrap_or_default()
}

fn not_before(epoch: Option<Epoch>) -> String {
    epoch.map_or_else(|| ", and its activation is not scheduled".to_owned(), |e| format!(" before epoch {e}"))
}

#[cfg(test)]
mod tests {
    use nexus_primitives::ValidatorIndex;

    use super::*;
    use crate::{network::tests::mainnet, validator::tests::active};

    fn check(validator: &BeaconValidator, epoch: u64) -> Result<(), Ineligible> {
        check_eligibility(validator, Epoch::new(epoch), &mainnet(), &[])
    }

    fn withdrawal(index: u64, amount: u64, epoch: u64) -> PendingPartialWithdrawal {
        PendingPartialWithdrawal {
            validator_index: ValidatorIndex::new(index),
            amount: Gwei::new(amount),
            withdrawable_epoch: Epoch::new(epoch),
        }
    }

    #[test]
    fn the_shard_committee_period_ends_on_its_last_epoch() {
        let (active_since, from) = (Epoch::new(1_000), Epoch::new(1_256));
        assert_eq!(check(&active(), 1_255), Err(Ineligible::TooYoung { active_since, from }));
        assert_eq!(check(&active(), 1_256), Ok(()));
    }

    #[test]
    fn a_validator_must_be_active() {
        let pending = ValidatorStatus::PendingQueued;
        let queued = BeaconValidator { status: pending, activation_epoch: None, ..active() };
        assert_eq!(check(&queued, 2_000), Err(Ineligible::NotActive { status: pending, from: None }));
        let scheduled = BeaconValidator { status: pending, ..active() };
        let refused = check(&scheduled, 999).unwrap_err();
        assert_eq!(refused, Ineligible::NotActive { status: pending, from: Some(Epoch::new(1_256)) });
        assert_eq!(refused.possible_from(), Some(Epoch::new(1_256)));
    }

    #[test]
    fn an_exit_under_way_or_forced_is_not_repeated() {
        let exit_epoch = Epoch::new(3_000);
        let status = ValidatorStatus::ActiveExiting;
        let exiting = BeaconValidator { exit_epoch: Some(exit_epoch), status, ..active() };
        assert_eq!(check(&exiting, 2_000), Err(Ineligible::Exiting { exit_epoch }));
        let slashed = BeaconValidator { slashed: true, ..exiting };
        let refused = check(&slashed, 2_000).unwrap_err();
        assert_eq!(refused, Ineligible::Slashed { exit_epoch: Some(exit_epoch) });
        assert_eq!(refused.to_string(), "validator is slashed and leaves by itself at epoch 3000");
    }

    #[test]
    fn only_the_validator_s_own_partial_withdrawals_count() {
        let check = |pending: &[_]| check_eligibility(&active(), Epoch::new(2_000), &mainnet(), pending);
        assert_eq!(check(&[withdrawal(1233, 5, 9), withdrawal(1235, 5, 9)]), Ok(()));
        let pending = [withdrawal(1234, 5, 2_100), withdrawal(1234, 6, 2_050), withdrawal(1, 7, 9_999)];
        let (amount, from) = (Gwei::new(11), Epoch::new(2_100));
        assert_eq!(check(&pending), Err(Ineligible::PartialWithdrawalPending { amount, from }));
    }
}
