//! Both chains in step: one slot is one execution block.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::primitives::Address;
use nexus_primitives::{BlockHash, BlockNumber, Slot};

use crate::{
    clock::DevnetClock,
    consensus::{self, BeaconChain, BeaconState, ExecutionBlock, RewindError, SlotError, rest::SharedBeacon},
    execution::{self, BlockRef, ExecutionChain},
    ssv_operators::SsvOperators,
};

/// Moves the execution chain, the beacon chain, the SSV operators and the clock together.
///
/// Steps are taken one at a time, whoever asks for them.
pub(crate) struct Lockstep {
    execution: Arc<ExecutionChain>,
    beacon: SharedBeacon,
    clock: DevnetClock,
    ssv_network: Address,
    progress: Mutex<Progress>,
}

/// What only a step changes.
struct Progress {
    operators: OperatorHistory,
    /// Nodes that are down miss exits for ever: when they come back they catch up on registrations only.
    operators_are_up: bool,
    snapshots: BTreeMap<u64, Snapshot>,
}

struct Snapshot {
    beacon: BeaconChain,
    operators: OperatorHistory,
}

/// The operators' knowledge after each slot in which it changed, from the finalized slot on.
#[derive(Clone, Default)]
struct OperatorHistory(BTreeMap<Slot, SsvOperators>);

impl Lockstep {
    /// Joins a beacon chain at genesis to an execution chain that may have blocks already: their slots are processed.
    pub(crate) fn new(
        execution: Arc<ExecutionChain>,
        beacon: BeaconChain,
        ssv_network: Address,
    ) -> Result<Self, SlotError> {
        let clock = DevnetClock::starting_at(beacon.config().genesis_time);
        let progress = Progress {
            operators: OperatorHistory::default(),
            operators_are_up: true,
            snapshots: BTreeMap::new(),
        };
        let lockstep = Self {
            beacon: SharedBeacon::new(beacon),
            clock,
            ssv_network,
            progress: Mutex::new(progress),
            execution,
        };
        lockstep.catch_up()?;
        Ok(lockstep)
    }

    pub(crate) fn execution(&self) -> &Arc<ExecutionChain> {
        &self.execution
    }

    pub(crate) fn beacon(&self) -> &SharedBeacon {
        &self.beacon
    }

    pub(crate) fn clock(&self) -> DevnetClock {
        self.clock.clone()
    }

    /// Processes the next slot: its withdrawals go into the execution block, the block's deposits into the queue.
    pub(crate) fn step(&self) -> BlockRef {
        let mut progress = self.lock();
        let mut beacon = self.beacon.write();
        let slot = Slot::new(beacon.head().slot().get() + 1);
        let withdrawals = beacon.start_slot(slot).expect("the slot after the head");
        let withdrawals: Vec<_> = withdrawals.into_iter().map(execution::Withdrawal::from).collect();
        let timestamp = beacon.config().slot_time(slot).get();
        let block = self.execution.mine_block(timestamp, &withdrawals);
        self.finish(&mut beacon, &mut progress, block);
        block
    }

    /// Replaces the last `depth` blocks by others: their transactions, deposits and exits un-happen.
    ///
    /// Their transactions don't return to the pool; exits do return to the beacon node's.
    pub(crate) fn reorg(&self, depth: u64) -> Result<BlockRef, RewindError> {
        {
            let mut progress = self.lock();
            let mut beacon = self.beacon.write();
            let head = beacon.head().slot().get();
            let ancestor = Slot::new(head.saturating_sub(depth));
            beacon.rewind_to(ancestor)?;
            self.execution.reorg(head - ancestor.get());
            progress.operators.rewind_to(ancestor);
        }
        let mut block = self.execution.head();
        for _ in 0..depth {
            block = self.step();
        }
        Ok(block)
    }

    /// Remembers everything and returns the number by which to come back.
    pub(crate) fn snapshot(&self) -> u64 {
        let mut progress = self.lock();
        let id = self.execution.snapshot();
        let beacon = self.beacon.read().clone();
        let operators = progress.operators.clone();
        progress.snapshots.insert(id, Snapshot { beacon, operators });
        id
    }

    /// Comes back to a snapshot, which is used up with all later ones; `false` when there is none.
    pub(crate) fn revert(&self, id: u64) -> bool {
        let mut progress = self.lock();
        let later = progress.snapshots.split_off(&id);
        let Some(snapshot) = later.into_iter().find_map(|(key, snapshot)| (key == id).then_some(snapshot))
        else {
            return false;
        };
        let mut beacon = self.beacon.write();
        *beacon = snapshot.beacon;
        progress.operators = snapshot.operators;
        self.execution.revert(id);
        self.show(&beacon);
        true
    }

    /// Returns what the SSV operators know.
    pub(crate) fn ssv_operators(&self) -> SsvOperators {
        self.lock().operators.newest()
    }

    /// Takes all SSV operators' nodes down, or starts them again.
    pub(crate) fn set_ssv_operators_up(&self, up: bool) {
        self.lock().operators_are_up = up;
    }

    /// Gives a slot to every block the execution chain has and the beacon chain hasn't.
    fn catch_up(&self) -> Result<(), SlotError> {
        let mut progress = self.lock();
        let mut beacon = self.beacon.write();
        for number in 1..=self.execution.head().number {
            let Some(block) = self.execution.block(number) else { break };
            beacon.start_slot(Slot::new(number))?;
            self.finish(&mut beacon, &mut progress, block);
        }
        Ok(())
    }

    fn finish(&self, beacon: &mut BeaconChain, progress: &mut Progress, block: BlockRef) {
        let deposits = self.execution.deposit_events(block.number);
        let deposits: Vec<_> = deposits.into_iter().map(consensus::DepositEvent::from).collect();
        beacon.finish_slot(ExecutionBlock::from(block), &deposits).expect("the slot was started");
        let logs = self.execution.logs(block.number, block.number, &[self.ssv_network], &[]);
        let mut logs = logs.expect("one block is within every limit");
        if !progress.operators_are_up {
            logs.retain(|log| !SsvOperators::is_exit(log));
        }
        let exits = progress.operators.follow(&logs, beacon);
        if progress.operators_are_up {
            for exit in exits {
                // The beacon node may refuse: the operators send once and never look again.
                let _ = beacon.submit_exit(exit);
            }
            beacon.attest(progress.operators.newest().attesting());
        }
        self.show(beacon);
    }

    /// Tells the execution chain what is safe and final, and the clock what time it is.
    fn show(&self, beacon: &BeaconChain) {
        let number = |state: &BeaconState| state.execution().map_or(0, |block| block.number.get());
        self.execution.set_finality(number(beacon.justified()), number(beacon.finalized()));
        self.clock.set(beacon.config().slot_time(beacon.head().slot()));
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().expect("no step panics")
    }
}

impl OperatorHistory {
    fn newest(&self) -> SsvOperators {
        self.0.last_key_value().map(|(_, operators)| operators.clone()).unwrap_or_default()
    }

    fn rewind_to(&mut self, slot: Slot) {
        self.0.retain(|known, _| *known <= slot);
    }

    /// Takes in the head slot's logs and returns the exits the operators sign in it.
    fn follow(
        &mut self,
        logs: &[alloy::rpc::types::Log],
        beacon: &BeaconChain,
    ) -> Vec<consensus::SignedVoluntaryExit> {
        let mut operators = self.newest();
        operators.observe(logs, beacon.head());
        let exits = operators.sign_due_exits(beacon.head(), beacon.config());
        if !logs.is_empty() || !exits.is_empty() {
            self.0.insert(beacon.head().slot(), operators);
        }
        self.forget_before(beacon.finalized().slot());
        exits
    }

    /// Keeps the newest knowledge at the finalized slot and everything since.
    fn forget_before(&mut self, finalized: Slot) {
        if let Some(oldest) = self.0.range(..=finalized).next_back().map(|(slot, _)| *slot) {
            self.0 = self.0.split_off(&oldest);
        }
    }
}

impl From<BlockRef> for ExecutionBlock {
    fn from(block: BlockRef) -> Self {
        Self { number: BlockNumber::new(block.number), hash: BlockHash::new(block.hash.0) }
    }
}

impl From<execution::DepositEvent> for consensus::DepositEvent {
    fn from(event: execution::DepositEvent) -> Self {
        Self {
            pubkey: event.pubkey,
            withdrawal_credentials: event.withdrawal_credentials,
            amount: event.amount,
            signature: event.signature,
            index: event.index,
        }
    }
}

impl From<consensus::Withdrawal> for execution::Withdrawal {
    fn from(withdrawal: consensus::Withdrawal) -> Self {
        Self {
            index: withdrawal.index,
            validator_index: withdrawal.validator_index.get(),
            address: Address::new(withdrawal.address.into_bytes()),
            amount_gwei: withdrawal.amount.get(),
        }
    }
}
