//! The chain: blocks, their states, the pool, and the ways to move it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::{
    consensus::{Header, TxEnvelope, transaction::Recovered},
    eips::{BlockId, BlockNumberOrTag, eip4895},
    primitives::{Address, B256, Bytes, U256, map::HashMap},
    rpc::types::{Log, TransactionReceipt},
};

use super::{
    block::{BlockRef, MinedBlock, Withdrawal},
    deposit_event::DepositEvent,
    error::{CallError, RpcError},
    evm::BlockContext,
    genesis::GenesisConfig,
    log_query::filter_of,
    mining::{Assembly, next_base_fee, prevrandao},
    pool::{Admission, Pool},
    state::{StateView, WorldState},
};

/// Seconds between blocks where nobody says otherwise.
pub(super) const SLOT_SECONDS: u64 = 12;
/// Fees go here; an address nobody holds the key of.
const BENEFICIARY: Address = Address::new(*b"nexus-devnet-builder");

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

/// Everything that a snapshot takes in. Cloning is cheap: blocks and states are shared.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub(super) chain_id: u64,
    pub(super) max_log_range: Option<u64>,
    deposit_contract: Address,
    gas_limit: u64,
    blocks: Vec<Arc<MinedBlock>>,
    states: Vec<WorldState>,
    hashes: Vec<B256>,
    by_hash: HashMap<B256, u64>,
    by_transaction: HashMap<B256, (u64, usize)>,
    orphans: HashMap<B256, (Arc<MinedBlock>, WorldState)>,
    pub(super) pool: Pool,
    safe: u64,
    finalized: u64,
    reorgs: u64,
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
        self.update(|ledger| {
            let head = ledger.states.last().expect("there is always a genesis");
            let admission =
                Admission { chain_id: ledger.chain_id, block_gas_limit: ledger.gas_limit, state: head };
            Ok(ledger.pool.submit(raw, admission)?)
        })
    }

    /// Makes the next block: pool transactions by tip and nonce, then the withdrawals' credits.
    ///
    /// `timestamp` in seconds; a time that isn't after the parent's becomes the parent's plus one.
    pub fn mine_block(&self, timestamp: u64, withdrawals: &[Withdrawal]) -> BlockRef {
        self.update(|ledger| {
            let mut pool = std::mem::take(&mut ledger.pool);
            let (block, state) = ledger.assemble(timestamp, withdrawals, &mut pool);
            pool.prune(&state);
            ledger.pool = pool;
            ledger.append(block, state)
        })
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
        self.update(|ledger| change(ledger.states.last_mut().expect("there is always a genesis")));
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

impl Ledger {
    fn genesis(config: GenesisConfig) -> Self {
        let mut state = WorldState::default();
        for (address, balance) in config.alloc {
            state.set_balance(address, balance);
        }
        let context = BlockContext {
            chain_id: config.chain_id,
            number: 0,
            timestamp: config.timestamp,
            beneficiary: BENEFICIARY,
            gas_limit: config.gas_limit,
            base_fee: config.base_fee,
            prevrandao: prevrandao(B256::ZERO, 0, config.chain_id),
        };
        let (block, state) =
            Assembly::new(context, state, &[]).seal(B256::ZERO, Vec::new(), config.deposit_contract);
        let mut ledger = Self {
            chain_id: config.chain_id,
            max_log_range: config.max_log_range,
            deposit_contract: config.deposit_contract,
            gas_limit: config.gas_limit,
            blocks: Vec::new(),
            states: Vec::new(),
            hashes: Vec::new(),
            by_hash: HashMap::default(),
            by_transaction: HashMap::default(),
            orphans: HashMap::default(),
            pool: Pool::default(),
            safe: 0,
            finalized: 0,
            reorgs: 0,
        };
        ledger.append(block, state);
        ledger
    }

    pub(super) fn head(&self) -> &Arc<MinedBlock> {
        self.blocks.last().expect("there is always a genesis")
    }

    pub(super) fn head_state(&self) -> &WorldState {
        self.states.last().expect("there is always a genesis")
    }

    pub(super) fn canonical(&self, number: u64) -> Option<&Arc<MinedBlock>> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    /// Returns the height that a tag stands for.
    pub(super) fn number_of(&self, tag: BlockNumberOrTag) -> u64 {
        let head = self.head().header.number;
        match tag {
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => head,
            BlockNumberOrTag::Safe => self.safe.min(head),
            BlockNumberOrTag::Finalized => self.finalized.min(head),
            BlockNumberOrTag::Earliest => 0,
            BlockNumberOrTag::Number(number) => number,
        }
    }

    /// Returns a block, made on the spot for `pending`; dropped ones by hash.
    pub(super) fn block(&self, id: BlockId) -> Option<Arc<MinedBlock>> {
        self.at(id).ok().map(|moment| moment.block)
    }

    /// Returns a block with the state after it.
    pub(super) fn at(&self, id: BlockId) -> Result<Moment, CallError> {
        match id {
            BlockId::Number(BlockNumberOrTag::Pending) => Ok(self.pending()),
            BlockId::Number(tag) => self.moment(self.number_of(tag)).ok_or(CallError::UnknownBlock),
            BlockId::Hash(wanted) => {
                let canonical = self.by_hash.get(&wanted.block_hash).and_then(|number| self.moment(*number));
                let orphan = || self.orphans.get(&wanted.block_hash).cloned();
                match (canonical, orphan()) {
                    (Some(moment), _) => Ok(moment),
                    (None, Some(_)) if wanted.require_canonical == Some(true) => {
                        Err(CallError::NotCanonical(wanted.block_hash))
                    }
                    (None, Some((block, state))) => Ok(Moment { block, state }),
                    (None, None) => Err(CallError::UnknownHash(wanted.block_hash)),
                }
            }
        }
    }

    fn moment(&self, number: u64) -> Option<Moment> {
        let index = usize::try_from(number).ok()?;
        Some(Moment { block: self.blocks.get(index)?.clone(), state: self.states.get(index)?.clone() })
    }

    fn pending(&self) -> Moment {
        let mut pool = self.pool.clone();
        let timestamp = self.head().header.timestamp + SLOT_SECONDS;
        let (block, state) = self.assemble(timestamp, &[], &mut pool);
        Moment { block: Arc::new(block), state }
    }

    /// Returns what surrounds a transaction of the block after `parent`.
    pub(super) fn next_context(&self, parent: &MinedBlock, timestamp: u64) -> BlockContext {
        let number = parent.header.number + 1;
        BlockContext {
            chain_id: self.chain_id,
            number,
            timestamp: timestamp.max(parent.header.timestamp + 1),
            beneficiary: BENEFICIARY,
            gas_limit: self.gas_limit,
            base_fee: next_base_fee(parent.header()),
            prevrandao: prevrandao(parent.header.hash(), number, self.reorgs),
        }
    }

    /// Returns what surrounds a call made as if inside `block`.
    pub(super) fn context_of(&self, block: &MinedBlock) -> BlockContext {
        BlockContext {
            chain_id: self.chain_id,
            number: block.header.number,
            timestamp: block.header.timestamp,
            beneficiary: block.header.beneficiary,
            gas_limit: block.header.gas_limit,
            base_fee: block.base_fee(),
            prevrandao: block.header.mix_hash,
        }
    }

    pub(super) fn view<'a>(&'a self, state: &'a WorldState) -> StateView<'a> {
        StateView { state, hashes: &self.hashes }
    }

    pub(super) fn hashes(&self) -> &[B256] {
        &self.hashes
    }

    pub(super) fn deposit_contract(&self) -> Address {
        self.deposit_contract
    }

    fn assemble(
        &self,
        timestamp: u64,
        withdrawals: &[Withdrawal],
        pool: &mut Pool,
    ) -> (MinedBlock, WorldState) {
        let parent = self.head();
        let context = self.next_context(parent, timestamp);
        let mut assembly = Assembly::new(context, self.head_state().clone(), &self.hashes);
        assembly.fill_from(pool);
        let withdrawals = withdrawals.iter().copied().map(eip4895::Withdrawal::from).collect();
        assembly.seal(parent.header.hash(), withdrawals, self.deposit_contract)
    }

    fn append(&mut self, block: MinedBlock, state: WorldState) -> BlockRef {
        let reference = block.reference();
        for (index, tx) in block.transactions.iter().enumerate() {
            self.by_transaction.insert(*tx.tx_hash(), (reference.number, index));
        }
        self.by_hash.insert(reference.hash, reference.number);
        self.hashes.push(reference.hash);
        self.blocks.push(Arc::new(block));
        self.states.push(state);
        reference
    }

    fn reorg(&mut self, depth: u64) -> BlockRef {
        self.reorgs += 1;
        for _ in 0..depth.min(self.head().header.number) {
            let (Some(block), Some(state)) = (self.blocks.pop(), self.states.pop()) else { break };
            self.hashes.pop();
            self.by_hash.remove(&block.header.hash());
            for tx in &block.transactions {
                self.by_transaction.remove(tx.tx_hash());
            }
            self.orphans.insert(block.header.hash(), (block, state));
        }
        let state = self.states.last().expect("there is always a genesis");
        self.pool.prune(state);
        self.head().reference()
    }

    /// Returns a mined transaction's block and its place in it.
    pub(super) fn find(&self, transaction: B256) -> Option<(&Arc<MinedBlock>, usize)> {
        let (number, index) = self.by_transaction.get(&transaction)?;
        Some((self.canonical(*number)?, *index))
    }

    pub(super) fn receipt(&self, transaction: B256) -> Option<TransactionReceipt> {
        let (block, index) = self.find(transaction)?;
        block.rpc_receipt(index)
    }

    pub(super) fn pooled(&self, transaction: B256) -> Option<&Recovered<TxEnvelope>> {
        self.pool.find(transaction)
    }
}

/// A block, and the world after it.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) block: Arc<MinedBlock>,
    pub(super) state: WorldState,
}
