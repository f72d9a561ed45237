//! The beacon state: what every node agrees on after a slot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nexus_primitives::{Epoch, Gwei, Root, Slot, ValidatorIndex, ValidatorPubkey};
use sha2::{Digest as _, Sha256};

use super::{
    config::ConsensusConfig, deposit::PendingDeposit, validator::Validator,
    voluntary_exit::SignedVoluntaryExit, withdrawal::PendingPartialWithdrawal,
};

/// An epoch and the root of the block at its start (consensus specification, `Checkpoint`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The epoch.
    pub epoch: Epoch,
    /// Root of the block at the epoch's first slot.
    pub root: Root,
}

/// The execution block a beacon block carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionBlock {
    /// Its height.
    pub number: nexus_primitives::BlockNumber,
    /// Its hash.
    pub hash: nexus_primitives::BlockHash,
}

/// What is known after a slot was processed.
///
/// Roots are digests of the slot's content, unique per history; they are not SSZ hash-tree roots.
#[derive(Debug, Clone)]
pub struct BeaconState {
    pub(super) slot: Slot,
    pub(super) validators: Vec<Validator>,
    pub(super) index_of: BTreeMap<ValidatorPubkey, ValidatorIndex>,
    pub(super) pending_deposits: VecDeque<PendingDeposit>,
    pub(super) pending_partial_withdrawals: Vec<PendingPartialWithdrawal>,
    pub(super) previous_epoch_participation: BTreeSet<ValidatorIndex>,
    pub(super) current_epoch_participation: BTreeSet<ValidatorIndex>,
    pub(super) deposit_balance_to_consume: Gwei,
    pub(super) exit_balance_to_consume: Gwei,
    pub(super) earliest_exit_epoch: Epoch,
    pub(super) next_withdrawal_index: u64,
    pub(super) next_withdrawal_validator: usize,
    pub(super) justified: Checkpoint,
    pub(super) finalized: Checkpoint,
    pub(super) burnt: Gwei,
    pub(super) included_exits: Vec<SignedVoluntaryExit>,
    pub(super) execution: Option<ExecutionBlock>,
    pub(super) parent_root: Root,
    pub(super) block_root: Root,
}

impl BeaconState {
    pub(super) fn genesis(config: &ConsensusConfig, validators: Vec<Validator>) -> Self {
        let root = Root::new(Sha256::digest(config.genesis_validators_root.as_bytes()).into());
        let checkpoint = Checkpoint { epoch: Epoch::new(0), root };
        let index_of = (0..).map(ValidatorIndex::new);
        Self {
            slot: Slot::new(0),
            index_of: validators.iter().map(|validator| validator.pubkey).zip(index_of).collect(),
            validators,
            pending_deposits: VecDeque::new(),
            pending_partial_withdrawals: Vec::new(),
            previous_epoch_participation: BTreeSet::new(),
            current_epoch_participation: BTreeSet::new(),
            deposit_balance_to_consume: Gwei::ZERO,
            exit_balance_to_consume: Gwei::ZERO,
            earliest_exit_epoch: Epoch::new(0),
            next_withdrawal_index: 0,
            next_withdrawal_validator: 0,
            justified: checkpoint,
            finalized: checkpoint,
            burnt: Gwei::ZERO,
            included_exits: Vec::new(),
            execution: None,
            parent_root: Root::new([0; 32]),
            block_root: root,
        }
    }

    /// Returns the slot this is the state after.
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// Returns the epoch of the slot.
    pub fn epoch(&self, config: &ConsensusConfig) -> Epoch {
        self.slot.epoch(config.slots_per_epoch)
    }

    /// Returns the registry in the order of validator indices.
    pub fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// Returns a validator and its index by public key.
    pub fn validator(&self, pubkey: &ValidatorPubkey) -> Option<(ValidatorIndex, &Validator)> {
        let index = *self.index_of.get(pubkey)?;
        Some((index, self.validator_at(index)?))
    }

    /// Returns a validator by index.
    pub fn validator_at(&self, index: ValidatorIndex) -> Option<&Validator> {
        self.validators.get(usize::try_from(index.get()).ok()?)
    }

    /// Returns the deposits that wait to be applied, oldest first.
    pub fn pending_deposits(&self) -> impl Iterator<Item = &PendingDeposit> {
        self.pending_deposits.iter()
    }

    /// Returns the partial withdrawals that were asked for and not yet paid.
    pub fn pending_partial_withdrawals(&self) -> &[PendingPartialWithdrawal] {
        &self.pending_partial_withdrawals
    }

    /// Returns the validators that attested in `epoch`; `None` unless it is the current or the previous one.
    pub fn participation(&self, config: &ConsensusConfig, epoch: Epoch) -> Option<&BTreeSet<ValidatorIndex>> {
        let current = self.epoch(config);
        if epoch == current {
            Some(&self.current_epoch_participation)
        } else if epoch.get().checked_add(1) == Some(current.get()) {
            Some(&self.previous_epoch_participation)
        } else {
            None
        }
    }

    /// Returns the justified checkpoint.
    pub fn justified(&self) -> Checkpoint {
        self.justified
    }

    /// Returns the finalized checkpoint.
    pub fn finalized(&self) -> Checkpoint {
        self.finalized
    }

    /// Returns the ETH that deposits with a wrong signature have lost so far.
    pub fn burnt(&self) -> Gwei {
        self.burnt
    }

    /// Returns the voluntary exits that this slot's block included.
    pub fn included_exits(&self) -> &[SignedVoluntaryExit] {
        &self.included_exits
    }

    /// Returns the execution block of this slot; `None` at genesis.
    pub fn execution(&self) -> Option<ExecutionBlock> {
        self.execution
    }

    /// Returns the root of this slot's block.
    pub fn block_root(&self) -> Root {
        self.block_root
    }

    /// Returns the root of the block before.
    pub fn parent_root(&self) -> Root {
        self.parent_root
    }

    /// Returns a digest that stands for the state's root.
    pub fn state_root(&self) -> Root {
        Root::new(Sha256::digest(self.block_root.as_bytes()).into())
    }

    pub(super) fn validator_at_mut(&mut self, index: ValidatorIndex) -> Option<&mut Validator> {
        self.validators.get_mut(usize::try_from(index.get()).ok()?)
    }

    pub(super) fn add_validator(&mut self, validator: Validator) {
        self.index_of.insert(validator.pubkey, ValidatorIndex::new(self.validators.len() as u64));
        self.validators.push(validator);
    }

    /// Seals the slot's block: its root depends on everything before and on the execution block it carries.
    pub(super) fn seal(&mut self, execution: ExecutionBlock) {
        let mut digest = Sha256::new();
        digest.update(self.parent_root.as_bytes());
        digest.update(self.slot.get().to_le_bytes());
        digest.update(execution.hash.as_bytes());
        self.execution = Some(execution);
        self.block_root = Root::new(digest.finalize().into());
    }

    /// Schedules an exit behind those already queued (`initiate_validator_exit`, `compute_exit_epoch_and_update_churn`).
    pub(super) fn initiate_exit(&mut self, config: &ConsensusConfig, index: ValidatorIndex) {
        let Some(validator) = self.validator_at(index) else { return };
        if validator.exit_epoch.scheduled().is_some() {
            return;
        }
        let exit_epoch = self.queue_exit(config, validator.effective_balance);
        if let Some(validator) = self.validator_at_mut(index) {
            validator.exit_epoch = exit_epoch;
            validator.withdrawable_epoch =
                exit_epoch.saturating_add(config.min_validator_withdrawability_delay);
        }
    }

    /// Finds the epoch in which `stake` may leave, and takes its place in the queue.
    pub(super) fn queue_exit(&mut self, config: &ConsensusConfig, stake: Gwei) -> Epoch {
        let earliest = self.earliest_exit_epoch.max(activation_exit_epoch(config, self.epoch(config)));
        let churn = config.exit_churn_per_epoch.get().max(1);
        let left =
            if self.earliest_exit_epoch < earliest { churn } else { self.exit_balance_to_consume.get() };
        let missing = stake.get().saturating_sub(left);
        let more_epochs = missing.div_ceil(churn);
        self.exit_balance_to_consume = Gwei::new(left + more_epochs * churn - stake.get());
        self.earliest_exit_epoch = Epoch::new(earliest.get() + more_epochs);
        self.earliest_exit_epoch
    }
}

/// Returns when an activation or exit decided in `epoch` takes effect at the earliest
/// (`compute_activation_exit_epoch`).
pub(super) fn activation_exit_epoch(config: &ConsensusConfig, epoch: Epoch) -> Epoch {
    Epoch::new(epoch.get() + 1).saturating_add(config.max_seed_lookahead)
}
