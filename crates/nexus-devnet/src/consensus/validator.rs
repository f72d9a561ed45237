//! One validator of the registry and where it stands.

use std::{fmt, str::FromStr};

use nexus_primitives::{Address, Epoch, Gwei, ValidatorPubkey};

/// `EFFECTIVE_BALANCE_INCREMENT`, in gwei.
pub(super) const EFFECTIVE_BALANCE_INCREMENT: u64 = 1_000_000_000;
/// `MAX_EFFECTIVE_BALANCE_ELECTRA` of validators with 0x02 credentials, in gwei.
const MAX_EFFECTIVE_BALANCE_COMPOUNDING: u64 = 2_048_000_000_000;

/// An entry of the registry (consensus specification, `Validator`), with its balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    /// The key that attests and signs exits.
    pub pubkey: ValidatorPubkey,
    /// The 32 bytes of the first valid deposit, whatever they are.
    pub withdrawal_credentials: [u8; 32],
    /// What it holds.
    pub balance: Gwei,
    /// What counts: whole ETH, capped, with hysteresis.
    pub effective_balance: Gwei,
    /// Whether it was slashed.
    pub slashed: bool,
    /// When it entered the activation queue.
    pub activation_eligibility_epoch: Epoch,
    /// When it starts to attest.
    pub activation_epoch: Epoch,
    /// When it stops.
    pub exit_epoch: Epoch,
    /// When the sweep may empty it.
    pub withdrawable_epoch: Epoch,
}

/// A validator's status by the beacon API's table ("Validator status specification").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValidatorStatus {
    /// Deposited, not in the activation queue.
    PendingInitialized,
    /// In the activation queue.
    PendingQueued,
    /// Attesting.
    ActiveOngoing,
    /// Attesting, exit scheduled.
    ActiveExiting,
    /// Attesting, slashed.
    ActiveSlashed,
    /// Exited, not yet withdrawable.
    ExitedUnslashed,
    /// Exited by slashing, not yet withdrawable.
    ExitedSlashed,
    /// Withdrawable with a balance.
    WithdrawalPossible,
    /// Withdrawable and empty.
    WithdrawalDone,
}

/// A text names no validator status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a validator status")]
pub struct UnknownStatus(pub String);

impl Validator {
    /// Enters the registry with the first valid deposit (`get_validator_from_deposit`).
    pub(super) fn from_deposit(pubkey: ValidatorPubkey, credentials: [u8; 32], amount: Gwei) -> Self {
        let mut validator = Self {
            pubkey,
            withdrawal_credentials: credentials,
            balance: amount,
            effective_balance: Gwei::ZERO,
            slashed: false,
            activation_eligibility_epoch: Epoch::FAR_FUTURE,
            activation_epoch: Epoch::FAR_FUTURE,
            exit_epoch: Epoch::FAR_FUTURE,
            withdrawable_epoch: Epoch::FAR_FUTURE,
        };
        validator.effective_balance = validator.capped_balance();
        validator
    }

    /// Returns the status at `epoch`.
    pub fn status(&self, epoch: Epoch) -> ValidatorStatus {
        if epoch < self.activation_epoch {
            return match self.activation_eligibility_epoch.scheduled() {
                None => ValidatorStatus::PendingInitialized,
                Some(_) => ValidatorStatus::PendingQueued,
            };
        }
        match (epoch < self.exit_epoch, epoch < self.withdrawable_epoch) {
            (true, _) if self.exit_epoch.scheduled().is_none() => ValidatorStatus::ActiveOngoing,
            (true, _) if self.slashed => ValidatorStatus::ActiveSlashed,
            (true, _) => ValidatorStatus::ActiveExiting,
            (false, true) if self.slashed => ValidatorStatus::ExitedSlashed,
            (false, true) => ValidatorStatus::ExitedUnslashed,
            (false, false) if self.balance == Gwei::ZERO => ValidatorStatus::WithdrawalDone,
            (false, false) => ValidatorStatus::WithdrawalPossible,
        }
    }

    /// Says whether it attests at `epoch` (`is_active_validator`).
    pub fn is_active(&self, epoch: Epoch) -> bool {
        self.activation_epoch <= epoch && epoch < self.exit_epoch
    }

    /// Returns where the sweep pays to; `None` for credentials that aren't 0x01 or 0x02: those are never paid.
    pub fn withdrawal_address(&self) -> Option<Address> {
        let [prefix, padding_and_address @ ..] = &self.withdrawal_credentials;
        let (_, address) = padding_and_address.split_at(11);
        matches!(prefix, 0x01 | 0x02)
            .then(|| Address::new(address.try_into().expect("20 of 32 bytes remain after 1 and 11")))
    }

    /// Says whether rewards compound up to 2048 ETH (0x02 credentials).
    pub fn is_compounding(&self) -> bool {
        self.withdrawal_credentials[0] == 0x02
    }

    /// Returns the largest effective balance its credentials allow (`get_max_effective_balance`).
    pub fn max_effective_balance(&self) -> Gwei {
        if self.is_compounding() {
            Gwei::new(MAX_EFFECTIVE_BALANCE_COMPOUNDING)
        } else {
            Gwei::VALIDATOR_DEPOSIT
        }
    }

    /// Follows the balance with hysteresis: a quarter below, five quarters above
    /// (`process_effective_balance_updates`).
    pub(super) fn update_effective_balance(&mut self) {
        let (balance, effective) = (self.balance.get(), self.effective_balance.get());
        let quarter = EFFECTIVE_BALANCE_INCREMENT / 4;
        if balance.saturating_add(quarter) < effective || effective.saturating_add(5 * quarter) < balance {
            self.effective_balance = self.capped_balance();
        }
    }

    pub(super) fn add(&mut self, amount: Gwei) {
        self.balance = Gwei::new(self.balance.get().saturating_add(amount.get()));
    }

    fn capped_balance(&self) -> Gwei {
        let whole = self.balance.get() - self.balance.get() % EFFECTIVE_BALANCE_INCREMENT;
        Gwei::new(whole).min(self.max_effective_balance())
    }
}

impl ValidatorStatus {
    /// Every status, in the order of a validator's life.
    pub const ALL: [Self; 9] = [
        Self::PendingInitialized,
        Self::PendingQueued,
        Self::ActiveOngoing,
        Self::ActiveExiting,
        Self::ActiveSlashed,
        Self::ExitedUnslashed,
        Self::ExitedSlashed,
        Self::WithdrawalPossible,
        Self::WithdrawalDone,
    ];

    /// Returns the API's name.
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

    /// Returns the statuses a filter names: one by its own name, or a group (`pending`, `active`, `exited`,
    /// `withdrawal`).
    pub fn matching(filter: &str) -> Result<Vec<Self>, UnknownStatus> {
        let of_group = |status: &Self| status.as_str().split('_').next() == Some(filter);
        let found: Vec<_> =
            Self::ALL.into_iter().filter(|status| status.as_str() == filter || of_group(status)).collect();
        if found.is_empty() { Err(UnknownStatus(filter.to_owned())) } else { Ok(found) }
    }
}

impl fmt::Display for ValidatorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ValidatorStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(credentials_prefix: u8) -> Validator {
        let mut credentials = [0x11; 32];
        credentials[0] = credentials_prefix;
        Validator::from_deposit(ValidatorPubkey::new([1; 48]), credentials, Gwei::VALIDATOR_DEPOSIT)
    }

    #[test]
    fn status_follows_the_api_table() {
        let at = |eligible, active, exit, withdrawable, slashed, balance| {
            let validator = Validator {
                activation_eligibility_epoch: Epoch::new(eligible),
                activation_epoch: Epoch::new(active),
                exit_epoch: Epoch::new(exit),
                withdrawable_epoch: Epoch::new(withdrawable),
                slashed,
                balance: Gwei::new(balance),
                ..validator(1)
            };
            validator.status(Epoch::new(10)).as_str()
        };
        let far = u64::MAX;
        assert_eq!(at(far, far, far, far, false, 1), "pending_initialized");
        assert_eq!(at(5, far, far, far, false, 1), "pending_queued");
        assert_eq!(at(5, 11, far, far, false, 1), "pending_queued");
        assert_eq!(at(5, 10, far, far, false, 1), "active_ongoing");
        assert_eq!(at(5, 6, 11, 13, false, 1), "active_exiting");
        assert_eq!(at(5, 6, 11, 13, true, 1), "active_slashed");
        assert_eq!(at(5, 6, 10, 13, false, 1), "exited_unslashed");
        assert_eq!(at(5, 6, 10, 13, true, 1), "exited_slashed");
        assert_eq!(at(5, 6, 8, 10, false, 1), "withdrawal_possible");
        assert_eq!(at(5, 6, 8, 10, true, 0), "withdrawal_done");
    }

    #[test]
    fn only_execution_credentials_are_paid() {
        assert_eq!(validator(0).withdrawal_address(), None);
        assert_eq!(validator(1).withdrawal_address(), Some(Address::new([0x11; 20])));
        assert_eq!(validator(2).withdrawal_address(), Some(Address::new([0x11; 20])));
        assert_eq!(validator(3).withdrawal_address(), None);
    }

    #[test]
    fn effective_balance_has_hysteresis() {
        let mut validator = validator(1);
        let mut follow = |balance| {
            validator.balance = Gwei::new(balance);
            validator.update_effective_balance();
            validator.effective_balance.get()
        };
        assert_eq!(follow(31_750_000_000), 32_000_000_000);
        assert_eq!(follow(31_749_999_999), 31_000_000_000);
        assert_eq!(follow(32_250_000_000), 31_000_000_000);
        assert_eq!(follow(32_250_000_001), 32_000_000_000);
        assert_eq!(follow(90_000_000_000), 32_000_000_000);
    }

    #[test]
    fn filters_name_a_status_or_a_group() {
        use ValidatorStatus::{ActiveExiting, ActiveOngoing, ActiveSlashed};
        assert_eq!(
            ValidatorStatus::matching("active"),
            Ok(vec![ActiveOngoing, ActiveExiting, ActiveSlashed])
        );
        assert_eq!(ValidatorStatus::matching("active_ongoing"), Ok(vec![ActiveOngoing]));
        assert!(ValidatorStatus::matching("act").is_err());
        for status in ValidatorStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }
}
