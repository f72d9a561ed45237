//! The chain of states, slot by slot, and the node around it.

use std::{collections::BTreeMap, sync::Arc};

use nexus_primitives::{
    BlockHash, BlockNumber, Epoch, EpochCount, Gwei, Slot, ValidatorIndex, ValidatorPubkey, keccak256,
};

use super::{
    config::ConsensusConfig,
    deposit::{DepositEvent, PendingDeposit},
    state::{BeaconState, Checkpoint, ExecutionBlock},
    validator::Validator,
    voluntary_exit::{ExitRefusal, SignedVoluntaryExit},
    withdrawal::{PendingPartialWithdrawal, Withdrawal},
};

/// A beacon chain in memory, moved by hand.
///
/// Keeps the state after every slot from the finalized one to the head, so that it can be asked for each of them and
/// rewound to any.
#[derive(Debug, Clone)]
pub struct BeaconChain {
    config: ConsensusConfig,
    genesis: Arc<BeaconState>,
    kept: BTreeMap<Slot, Arc<BeaconState>>,
    head: Arc<BeaconState>,
    started: Option<BeaconState>,
    exit_pool: Vec<SignedVoluntaryExit>,
    finality_stalled: bool,
    health: NodeHealth,
}

/// What the node says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeHealth {
    /// It claims to be behind the network.
    pub syncing: bool,
    /// It claims that its execution node hasn't verified the head.
    pub optimistic: bool,
}

/// A slot can't be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// The slot isn't after the head.
    #[error("slot {slot} is not after the head, slot {head}")]
    NotAfterHead {
        /// The slot asked for.
        slot: Slot,
        /// The head's.
        head: Slot,
    },
    /// A slot was finished that wasn't started.
    #[error("no slot was started")]
    NotStarted,
}

/// The chain can't be rewound that far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewindError {
    /// The slot is final, or ahead, or had no block.
    #[error("slot {slot} can't become the head: final is {finalized}, the head is {head}")]
    OutOfReach {
        /// The slot asked for.
        slot: Slot,
        /// The first slot of the finalized epoch.
        finalized: Slot,
        /// The present head.
        head: Slot,
    },
}

/// No validator has the public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("validator {0} is not in the registry")]
pub struct UnknownValidator(pub ValidatorPubkey);

impl BeaconChain {
    /// Starts a network without validators.
    pub fn new(config: ConsensusConfig) -> Self {
        Self::with_genesis_validators(config, [])
    }

    /// Starts a network with validators that have been active since genesis, 32 ETH each.
    pub fn with_genesis_validators(
        config: ConsensusConfig,
        validators: impl IntoIterator<Item = (ValidatorPubkey, [u8; 32])>,
    ) -> Self {
        let active = |(pubkey, credentials)| Validator {
            activation_eligibility_epoch: Epoch::new(0),
            activation_epoch: Epoch::new(0),
            ..Validator::from_deposit(pubkey, credentials, Gwei::VALIDATOR_DEPOSIT)
        };
        let validators = validators.into_iter().map(active).collect();
        let genesis = Arc::new(BeaconState::genesis(&config, validators));
        Self {
            config,
            kept: BTreeMap::from([(genesis.slot, Arc::clone(&genesis))]),
            head: Arc::clone(&genesis),
            genesis,
            started: None,
            exit_pool: Vec::new(),
            finality_stalled: false,
            health: NodeHealth::default(),
        }
    }

    /// Returns the network's constants.
    pub fn config(&self) -> &ConsensusConfig {
        &self.config
    }

    /// Returns the state after the newest slot.
    pub fn head(&self) -> &BeaconState {
        &self.head
    }

    /// Returns the state at the start of the finalized epoch.
    pub fn finalized(&self) -> &BeaconState {
        self.state_of(self.head.finalized)
    }

    /// Returns the state at the start of the justified epoch.
    pub fn justified(&self) -> &BeaconState {
        self.state_of(self.head.justified)
    }

    /// Returns the state at genesis.
    pub fn genesis(&self) -> &BeaconState {
        &self.genesis
    }

    /// Returns the state after `slot`, if it is still kept: from the finalized epoch on.
    pub fn state_at(&self, slot: Slot) -> Option<&BeaconState> {
        self.kept.get(&slot).map(Arc::as_ref)
    }

    /// Returns the kept states, oldest first.
    pub fn kept_states(&self) -> impl DoubleEndedIterator<Item = &BeaconState> {
        self.kept.values().map(Arc::as_ref)
    }

    /// Processes a whole slot with an execution block of its own making: for use without an execution chain.
    pub fn process_slot(
        &mut self,
        slot: Slot,
        deposits: &[DepositEvent],
    ) -> Result<Vec<Withdrawal>, SlotError> {
        let withdrawals = self.start_slot(slot)?;
        let hash =
            keccak256(&[self.head.block_root.as_bytes().as_slice(), &slot.get().to_le_bytes()].concat());
        let execution = ExecutionBlock { number: BlockNumber::new(slot.get()), hash: BlockHash::new(hash) };
        self.finish_slot(execution, deposits)?;
        Ok(withdrawals)
    }

    /// Advances to `slot` and returns the withdrawals its execution block must contain.
    ///
    /// Slots in between stay without a block. The head moves only in [`Self::finish_slot`]; starting again drops what
    /// was started.
    pub fn start_slot(&mut self, slot: Slot) -> Result<Vec<Withdrawal>, SlotError> {
        if slot <= self.head.slot {
            return Err(SlotError::NotAfterHead { slot, head: self.head.slot });
        }
        let mut state = BeaconState::clone(&self.head);
        while state.slot < slot {
            let next = Slot::new(state.slot.get() + 1);
            if next.get().is_multiple_of(self.config.slots_per_epoch) {
                let finality = self.finality_entering(next.epoch(self.config.slots_per_epoch), &state);
                state.process_epoch(&self.config, finality);
            }
            state.slot = next;
        }
        state.parent_root = self.head.block_root;
        let withdrawals = state.process_withdrawals(&self.config);
        self.started = Some(state);
        Ok(withdrawals)
    }

    /// Completes the started slot with its execution block: queues the deposits of its logs, includes exits.
    pub fn finish_slot(
        &mut self,
        execution: ExecutionBlock,
        deposits: &[DepositEvent],
    ) -> Result<(), SlotError> {
        let mut state = self.started.take().ok_or(SlotError::NotStarted)?;
        let slot = state.slot;
        state.pending_deposits.extend(deposits.iter().map(|event| PendingDeposit { event: *event, slot }));
        state.include_exits(&self.config, self.exit_pool.iter());
        state.seal(execution);
        self.head = Arc::new(state);
        self.kept.insert(slot, Arc::clone(&self.head));
        self.forget_the_finalized();
        Ok(())
    }

    /// Has those of `pubkeys` that are active attest in the head's epoch.
    pub fn attest<'a>(&mut self, pubkeys: impl IntoIterator<Item = &'a ValidatorPubkey>) {
        let (head, epoch) = (&self.head, self.head.epoch(&self.config));
        let active = pubkeys.into_iter().filter_map(|pubkey| {
            let (index, validator) = head.validator(pubkey)?;
            validator.is_active(epoch).then_some(index)
        });
        let new: Vec<_> = active.filter(|index| !head.current_epoch_participation.contains(index)).collect();
        if !new.is_empty() {
            self.edit_head(|state, _| state.current_epoch_participation.extend(&new));
        }
    }

    /// Makes the state after `slot` the head again: what came later un-happens. Exits return to the pool.
    pub fn rewind_to(&mut self, slot: Slot) -> Result<(), RewindError> {
        let finalized = self.first_slot(self.head.finalized.epoch);
        let out_of_reach = RewindError::OutOfReach { slot, finalized, head: self.head.slot };
        if slot < finalized {
            return Err(out_of_reach);
        }
        self.head = Arc::clone(self.kept.get(&slot).ok_or(out_of_reach)?);
        self.kept.split_off(&Slot::new(slot.get() + 1));
        self.started = None;
        Ok(())
    }

    /// Takes a signed exit into the pool if the next block could include it. Twice the same is once.
    pub fn submit_exit(&mut self, exit: SignedVoluntaryExit) -> Result<(), ExitRefusal> {
        self.head.check_exit(&self.config, &exit)?;
        if !self.exit_pool.iter().any(|known| known.validator_index == exit.validator_index) {
            self.exit_pool.push(exit);
        }
        Ok(())
    }

    /// Returns the exits that wait for a block.
    pub fn exit_pool(&self) -> impl Iterator<Item = &SignedVoluntaryExit> {
        self.exit_pool.iter().filter(|exit| !exit_is_scheduled(&self.head, exit.validator_index))
    }

    /// Holds justification and finalization where they are, or lets them move again.
    pub fn stall_finality(&mut self, stalled: bool) {
        self.finality_stalled = stalled;
    }

    /// Makes the node claim that it is syncing.
    pub fn set_syncing(&mut self, syncing: bool) {
        self.health.syncing = syncing;
    }

    /// Makes the node claim that its head is optimistic.
    pub fn set_optimistic(&mut self, optimistic: bool) {
        self.health.optimistic = optimistic;
    }

    /// Returns what the node says about itself.
    pub fn health(&self) -> NodeHealth {
        self.health
    }

    /// Slashes a validator as of the head: exit, long wait, and a penalty of the caller's choice.
    pub fn slash(&mut self, pubkey: &ValidatorPubkey, penalty: Gwei) -> Result<(), UnknownValidator> {
        let index = self.index_of(pubkey)?;
        let wait = self.config.epochs_per_slashings_vector;
        self.edit_head(|state, config| {
            state.initiate_exit(config, index);
            let earliest = state.epoch(config).saturating_add(wait);
            if let Some(validator) = state.validator_at_mut(index) {
                validator.slashed = true;
                validator.withdrawable_epoch = validator.withdrawable_epoch.max(earliest);
                validator.balance = validator.balance.saturating_sub(penalty);
            }
        });
        Ok(())
    }

    /// Takes a penalty from a validator's balance as of the head.
    pub fn penalise(&mut self, pubkey: &ValidatorPubkey, penalty: Gwei) -> Result<(), UnknownValidator> {
        let index = self.index_of(pubkey)?;
        self.edit_head(|state, _| {
            if let Some(validator) = state.validator_at_mut(index) {
                validator.balance = validator.balance.saturating_sub(penalty);
            }
        });
        Ok(())
    }

    /// Queues a partial withdrawal as of the head, without EIP-7002's checks of who asks.
    pub fn queue_partial_withdrawal(
        &mut self,
        pubkey: &ValidatorPubkey,
        amount: Gwei,
    ) -> Result<(), UnknownValidator> {
        let index = self.index_of(pubkey)?;
        self.edit_head(|state, config| {
            let exit_epoch = state.queue_exit(config, amount);
            let withdrawable_epoch = exit_epoch.saturating_add(config.min_validator_withdrawability_delay);
            let pending = PendingPartialWithdrawal { validator_index: index, amount, withdrawable_epoch };
            state.pending_partial_withdrawals.push(pending);
        });
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn edit_balance(&mut self, pubkey: &ValidatorPubkey, balance: Gwei) {
        let index = self.index_of(pubkey).unwrap();
        self.edit_head(|state, _| state.validator_at_mut(index).unwrap().balance = balance);
    }

    fn index_of(&self, pubkey: &ValidatorPubkey) -> Result<ValidatorIndex, UnknownValidator> {
        self.head.index_of.get(pubkey).copied().ok_or(UnknownValidator(*pubkey))
    }

    fn edit_head(&mut self, edit: impl Fn(&mut BeaconState, &ConsensusConfig)) {
        let mut head = BeaconState::clone(&self.head);
        edit(&mut head, &self.config);
        self.head = Arc::new(head);
        self.kept.insert(self.head.slot, Arc::clone(&self.head));
        if let Some(started) = &mut self.started {
            edit(started, &self.config);
        }
    }

    /// Justified and finalized checkpoints once `epoch` begins; `None` while finality is stalled.
    fn finality_entering(&self, epoch: Epoch, state: &BeaconState) -> Option<(Checkpoint, Checkpoint)> {
        if self.finality_stalled {
            return None;
        }
        let before = |lag: u64| Epoch::new(epoch.get().saturating_sub(lag));
        let justified = before(1).max(state.justified.epoch);
        let finalized =
            before(self.config.finality_lag.max(EpochCount::new(1)).get()).max(state.finalized.epoch);
        Some((self.checkpoint(justified), self.checkpoint(finalized)))
    }

    fn checkpoint(&self, epoch: Epoch) -> Checkpoint {
        Checkpoint { epoch, root: self.newest_until(self.first_slot(epoch)).block_root }
    }

    fn state_of(&self, checkpoint: Checkpoint) -> &BeaconState {
        self.newest_until(self.first_slot(checkpoint.epoch))
    }

    /// The newest block at or before a slot: slots can be empty.
    fn newest_until(&self, slot: Slot) -> &BeaconState {
        self.kept.range(..=slot).next_back().map_or(&self.genesis, |(_, state)| state)
    }

    fn first_slot(&self, epoch: Epoch) -> Slot {
        Slot::new(epoch.get().saturating_mul(self.config.slots_per_epoch))
    }

    /// Drops the states before the finalized one, and the exits that are final.
    fn forget_the_finalized(&mut self) {
        let finalized = self.finalized().slot;
        if self.kept.first_key_value().is_none_or(|(oldest, _)| *oldest == finalized) {
            return;
        }
        self.kept = self.kept.split_off(&finalized);
        let finalized = self.newest_until(finalized);
        let is_final = |exit: &SignedVoluntaryExit| exit_is_scheduled(finalized, exit.validator_index);
        let settled: Vec<_> = self.exit_pool.iter().filter(|exit| is_final(exit)).copied().collect();
        self.exit_pool.retain(|exit| !settled.contains(exit));
    }
}

fn exit_is_scheduled(state: &BeaconState, index: ValidatorIndex) -> bool {
    state.validator_at(index).is_some_and(|validator| validator.exit_epoch.scheduled().is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nexus_primitives::Root;

    use super::*;
    use crate::consensus::ValidatorStatus;
    use crate::consensus::testing::{chain_with, config, deposit, pubkey, run_to, run_to_epoch, status};

    #[test]
    fn finality_lags_and_stalls_and_catches_up() {
        let mut chain = chain_with(config(), 1);
        let epochs = |chain: &BeaconChain| {
            let head = chain.head();
            (head.justified().epoch.get(), head.finalized().epoch.get())
        };
        run_to_epoch(&mut chain, 5);
        assert_eq!(epochs(&chain), (4, 3));
        assert_eq!(chain.finalized().slot(), Slot::new(24));
        assert_eq!(chain.justified().slot(), Slot::new(32));
        assert_eq!(chain.head().finalized().root, chain.finalized().block_root());
        chain.stall_finality(true);
        run_to_epoch(&mut chain, 9);
        assert_eq!(epochs(&chain), (4, 3));
        chain.stall_finality(false);
        run_to_epoch(&mut chain, 10);
        assert_eq!(epochs(&chain), (9, 8));
    }

    #[test]
    fn only_states_since_finality_are_kept() {
        let mut chain = chain_with(config(), 1);
        run_to_epoch(&mut chain, 5);
        assert!(chain.state_at(Slot::new(23)).is_none());
        assert_eq!(chain.state_at(Slot::new(24)).map(BeaconState::slot), Some(Slot::new(24)));
        assert_eq!(chain.kept_states().count(), 17);
    }

    #[test]
    fn slots_only_move_forward() {
        let mut chain = BeaconChain::new(config());
        run_to(&mut chain, 3);
        let refused = chain.process_slot(Slot::new(3), &[]).unwrap_err();
        assert_eq!(refused, SlotError::NotAfterHead { slot: Slot::new(3), head: Slot::new(3) });
        let execution = ExecutionBlock { number: BlockNumber::new(4), hash: BlockHash::new([0; 32]) };
        assert_eq!(chain.finish_slot(execution, &[]), Err(SlotError::NotStarted));
    }

    #[test]
    fn empty_slots_are_passed_over() {
        let mut chain = chain_with(config(), 1);
        chain.process_slot(Slot::new(50), &[]).unwrap();
        chain.process_slot(Slot::new(56), &[]).unwrap();
        // The checkpoint of an epoch without a block at its start is the newest block before.
        assert_eq!(chain.head().finalized().epoch, Epoch::new(5));
        assert_eq!(chain.finalized().slot(), Slot::new(0));
    }

    #[test]
    fn rewinding_undoes_deposits_and_changes_roots() {
        let mut chain = BeaconChain::new(config());
        run_to(&mut chain, 3);
        let fork_point = chain.head().block_root();
        chain.process_slot(Slot::new(4), &[deposit(1)]).unwrap();
        let dropped = chain.head().block_root();
        chain.rewind_to(Slot::new(3)).unwrap();
        assert_eq!(chain.head().block_root(), fork_point);
        assert_eq!(chain.head().pending_deposits().count(), 0);
        chain.start_slot(Slot::new(4)).unwrap();
        let other = ExecutionBlock { number: BlockNumber::new(4), hash: BlockHash::new([4; 32]) };
        chain.finish_slot(other, &[]).unwrap();
        assert_ne!(chain.head().block_root(), dropped);
        run_to_epoch(&mut chain, 6);
        assert_eq!(status(&chain, 1), None);
    }

    #[test]
    fn attesting_counts_in_its_epoch_and_until_the_end_of_the_next() {
        let attested = |chain: &BeaconChain, epoch| {
            let indices = chain.head().participation(chain.config(), Epoch::new(epoch))?;
            Some(indices.iter().map(|index| index.get()).collect::<Vec<_>>())
        };
        let mut chain = chain_with(config(), 2);
        run_to_epoch(&mut chain, 1);
        // Nobody has the third key, and the first attests twice.
        chain.attest(&[pubkey(1), pubkey(3)]);
        chain.attest(&[pubkey(1)]);
        assert_eq!((attested(&chain, 0), attested(&chain, 1)), (Some(vec![]), Some(vec![0])));
        run_to_epoch(&mut chain, 2);
        chain.attest(&[pubkey(2)]);
        assert_eq!((attested(&chain, 1), attested(&chain, 2)), (Some(vec![0]), Some(vec![1])));
        assert_eq!(
            (attested(&chain, 0), attested(&chain, 3), attested(&chain, u64::MAX)),
            (None, None, None)
        );
        run_to_epoch(&mut chain, 4);
        assert_eq!((attested(&chain, 3), attested(&chain, 4)), (Some(vec![]), Some(vec![])));
    }

    #[test]
    fn only_active_validators_attest_and_a_rewound_slot_is_forgotten() {
        let mut chain = chain_with(config(), 1);
        chain.process_slot(Slot::new(1), &[deposit(2)]).unwrap();
        run_to_epoch(&mut chain, 6);
        assert_eq!(status(&chain, 2), Some(ValidatorStatus::PendingQueued));
        chain.attest(&[pubkey(2)]);
        let nobody = Some(&BTreeSet::new());
        assert_eq!(chain.head().participation(chain.config(), Epoch::new(6)), nobody);
        run_to(&mut chain, 50);
        chain.attest(&[pubkey(1)]);
        assert_ne!(chain.head().participation(chain.config(), Epoch::new(6)), nobody);
        chain.rewind_to(Slot::new(49)).unwrap();
        assert_eq!(chain.head().participation(chain.config(), Epoch::new(6)), nobody);
    }

    #[test]
    fn final_slots_stay() {
        let mut chain = chain_with(config(), 1);
        run_to_epoch(&mut chain, 5);
        assert!(chain.rewind_to(Slot::new(23)).is_err());
        assert!(chain.rewind_to(Slot::new(41)).is_err());
        assert_eq!(chain.rewind_to(Slot::new(24)), Ok(()));
        assert_eq!(chain.head().slot(), Slot::new(24));
    }

    #[test]
    fn same_history_has_the_same_roots() {
        let root = |deposits: &[DepositEvent]| {
            let mut chain = BeaconChain::new(config());
            chain.process_slot(Slot::new(1), deposits).unwrap();
            run_to_epoch(&mut chain, 3);
            chain.head().block_root()
        };
        assert_eq!(root(&[deposit(1)]), root(&[deposit(1)]));
        assert_ne!(root(&[]), Root::new([0; 32]));
    }

    #[test]
    fn unknown_validators_cannot_be_punished() {
        let mut chain = BeaconChain::new(config());
        assert_eq!(chain.slash(&pubkey(1), Gwei::new(1)), Err(UnknownValidator(pubkey(1))));
        assert_eq!(chain.penalise(&pubkey(1), Gwei::new(1)), Err(UnknownValidator(pubkey(1))));
    }
}
