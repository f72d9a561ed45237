//! The chain as others hold it: what can be read, and the ways to move it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy::{
    consensus::Header,
    primitives::{Address, B256, Bytes, U256},
    rpc::types::{Log, TransactionReceipt},
};

use super::{
    block::{BlockRef, Withdrawal},
    deposit_event::DepositEvent,
    error::RpcError,
    genesis::GenesisConfig,
    ledger::Ledger,
    log_query::filter_of,
    mining::next_base_fee,
    state::WorldState,
};

/// An execution node in memory. All methods take `&self`: share it in an `Arc`.
#[derive(Debug)]
pub struct ExecutionChain {
    state: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    snapshots: BTreeMap<u64, Ledger>,
    snapshots_taken: u64,
}

impl ExecutionChain {
    /// Starts a chain with its block 0.
    pub fn new(genesis: GenesisConfig) -> Self {
        let ledger = Ledger::genesis(genesis);
        Self { state: Mutex::new(Inner { ledger, snapshots: BTreeMap::new(), snapshots_taken: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` on the chain as it is.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        read(&self.lock().ledger)
    }

    fn update<T>(&self, write: impl FnOnce(&mut Ledger) -> T) -> T {
        write(&mut self.lock().ledger)
    }

    /// Returns the EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.with(|ledger| ledger.chain_id)
    }

    /// Returns the newest block.
    pub fn head(&self) -> BlockRef {
        self.with(|ledger| ledger.head().reference())
    }

    /// Returns block `number`, or `None` above the head.
    pub fn block(&self, number: u64) -> Option<BlockRef> {
        self.with(|ledger| ledger.canonical(number).map(|block| block.reference()))
    }

    /// Returns the header of block `number`, or `None` above the head.
    pub fn header(&self, number: u64) -> Option<Header> {
        self.with(|ledger| ledger.canonical(number).map(|block| block.header().clone()))
    }

    /// Returns how many transactions wait in the pool.
    pub fn pending_count(&self) -> usize {
        self.with(|ledger| ledger.pool.iter().count())
    }

    /// Takes a signed transaction (EIP-2718 bytes, or a legacy one's RLP) into the pool.
    ///
    /// # Errors
    /// As geth's pool refuses it ([`super::PoolError`]), with code -32000.
    pub fn submit_raw(&self, raw: &[u8]) -> Result<B256, RpcError> {
        self.update(|ledger| Ok(ledger.submit(raw)?))
    }

    /// Makes the next block: pool transactions by tip and nonce, then the withdrawals' credits.
    ///
    /// `timestamp` in seconds; a time that isn't after the parent's becomes the parent's plus one.
    pub fn mine_block(&self, timestamp: u64, withdrawals: &[Withdrawal]) -> BlockRef {
        self.update(|ledger| ledger.mine(timestamp, withdrawals))
    }

    /// Sets what the tags `safe` and `finalized` mean; heights above the head mean the head.
    pub fn set_finality(&self, safe: u64, finalized: u64) {
        self.update(|ledger| (ledger.safe, ledger.finalized) = (safe, finalized));
    }

    /// Drops the last `depth` blocks with their transactions, which do not return to the pool; genesis stays.
    ///
    /// Blocks made afterwards have other hashes. Dropped blocks can still be read by hash.
    pub fn reorg(&self, depth: u64) -> BlockRef {
        self.update(|ledger| ledger.reorg(depth))
    }

    /// Remembers the whole chain, pool included, and returns the number by which to come back.
    pub fn snapshot(&self) -> u64 {
        let mut inner = self.lock();
        inner.snapshots_taken += 1;
        let id = inner.snapshots_taken;
        let ledger = inner.ledger.clone();
        inner.snapshots.insert(id, ledger);
        id
    }

    /// Comes back to a snapshot, which is used up with all that were taken after it; `false` when there is none.
    pub fn revert(&self, id: u64) -> bool {
        let mut inner = self.lock();
        let later = inner.snapshots.split_off(&id);
        let Some(ledger) = later.into_iter().find_map(|(key, ledger)| (key == id).then_some(ledger)) else {
            return false;
        };
        inner.ledger = ledger;
        true
    }

    /// Returns the receipt of a mined transaction.
    pub fn receipt(&self, transaction: B256) -> Option<TransactionReceipt> {
        self.with(|ledger| ledger.receipt(transaction))
    }

    /// Returns a balance in wei at the head.
    pub fn balance(&self, address: Address) -> U256 {
        self.with(|ledger| ledger.head_state().balance(address))
    }

    /// Returns an account's next nonce at the head, without the pool.
    pub fn nonce(&self, address: Address) -> u64 {
        self.with(|ledger| ledger.head_state().nonce(address))
    }

    /// Returns the next nonce after the account's pending transactions.
    pub fn pending_nonce(&self, address: Address) -> u64 {
        self.with(|ledger| ledger.pool.next_nonce(address, ledger.head_state()))
    }

    /// Returns the code at an address at the head.
    pub fn code(&self, address: Address) -> Bytes {
        self.with(|ledger| ledger.head_state().code(address))
    }

    /// Returns a storage slot at the head.
    pub fn storage(&self, address: Address, slot: U256) -> U256 {
        self.with(|ledger| ledger.head_state().storage(address, slot))
    }

    /// Returns the base fee of the next block, in wei per gas.
    pub fn next_base_fee(&self) -> u64 {
        self.with(|ledger| next_base_fee(ledger.head().header()))
    }

    /// Returns the logs of blocks `from..=to` from any of `addresses` (none: all) that carry, at each position, any
    /// of the topics named there (none: all).
    pub fn logs(
        &self,
        from: u64,
        to: u64,
        addresses: &[Address],
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, RpcError> {
        self.with(|ledger| ledger.logs_between(from, to, &filter_of(addresses, topics)))
    }

    /// Returns the deposits made in a block, in order; none above the head.
    pub fn deposit_events(&self, block_number: u64) -> Vec<DepositEvent> {
        self.with(|ledger| {
            let logs = ledger.canonical(block_number).map(|block| block.rpc_logs()).unwrap_or_default();
            logs.iter()
                .filter_map(|log| DepositEvent::from_log(&log.inner, ledger.deposit_contract))
                .collect()
        })
    }

    /// Returns the contract whose events are deposits.
    pub fn deposit_contract(&self) -> Address {
        self.with(|ledger| ledger.deposit_contract)
    }

    /// Sets how many blocks one `eth_getLogs` may span; `None` leaves it open.
    pub fn set_max_log_range(&self, blocks: Option<u64>) {
        self.update(|ledger| ledger.max_log_range = blocks);
    }

    /// Cheat: sets a balance in wei.
    pub fn set_balance(&self, address: Address, balance: U256) {
        self.cheat(|state| state.set_balance(address, balance));
    }

    /// Cheat: sets an account's next nonce.
    pub fn set_nonce(&self, address: Address, nonce: u64) {
        self.cheat(|state| state.set_nonce(address, nonce));
    }

    /// Cheat: puts code at an address.
    pub fn set_code(&self, address: Address, code: Bytes) {
        self.cheat(|state| state.set_code(address, code));
    }

    /// Cheat: sets one storage slot.
    pub fn set_storage(&self, address: Address, slot: U256, value: U256) {
        self.cheat(|state| state.set_storage(address, slot, value));
    }

    /// Cheat: gives `to` the code and storage of `from`.
    pub fn copy_contract(&self, from: Address, to: Address) {
        self.cheat(|state| state.copy_contract(from, to));
    }

    fn cheat(&self, change: impl FnOnce(&mut WorldState)) {
        self.update(|ledger| change(ledger.head_state_mut()));
    }

    /// Cheat: throws a transaction out of the pool; `false` when it isn't there.
    pub fn drop_transaction(&self, hash: B256) -> bool {
        self.update(|ledger| {
            let found = ledger.pool.find(hash).cloned();
            found.is_some_and(|transaction| {
                ledger.pool.remove(&transaction);
                true
            })
        })
    }
}
