//! Blocks, their states and the pool: what one snapshot holds.

use std::sync::Arc;

use alloy::{
    consensus::{TxEnvelope, transaction::Recovered},
    eips::{BlockId, BlockNumberOrTag, eip4895},
    primitives::{Address, B256, map::HashMap},
    rpc::types::TransactionReceipt,
};

use super::{
    block::{BlockRef, MinedBlock, Withdrawal},
    error::{CallError, PoolError},
    evm::BlockContext,
    genesis::GenesisConfig,
    mining::{Assembly, next_base_fee, prevrandao},
    pool::{Admission, Pool},
    state::{StateView, WorldState},
};

/// Seconds between blocks where nobody says otherwise.
pub(super) const SLOT_SECONDS: u64 = 12;
/// Fees go here; an address nobody holds the key of.
const BENEFICIARY: Address = Address::new(*b"nexus-devnet-builder");

/// Everything that a snapshot takes in. Cloning is cheap: blocks and states are shared.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub(super) chain_id: u64,
    pub(super) max_log_range: Option<u64>,
    pub(super) deposit_contract: Address,
    gas_limit: u64,
    blocks: Vec<Arc<MinedBlock>>,
    states: Vec<WorldState>,
    hashes: Vec<B256>,
    by_hash: HashMap<B256, u64>,
    by_transaction: HashMap<B256, (u64, usize)>,
    orphans: HashMap<B256, (Arc<MinedBlock>, WorldState)>,
    pub(super) pool: Pool,
    pub(super) safe: u64,
    pub(super) finalized: u64,
    reorgs: u64,
}

impl Ledger {
    pub(super) fn genesis(config: GenesisConfig) -> Self {
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

    pub(super) fn head_state_mut(&mut self) -> &mut WorldState {
        self.states.last_mut().expect("there is always a genesis")
    }

    pub(super) fn submit(&mut self, raw: &[u8]) -> Result<B256, PoolError> {
        let state = self.states.last().expect("there is always a genesis");
        let admission = Admission { chain_id: self.chain_id, block_gas_limit: self.gas_limit, state };
        self.pool.submit(raw, admission)
    }

    pub(super) fn mine(&mut self, timestamp: u64, withdrawals: &[Withdrawal]) -> BlockRef {
        let mut pool = std::mem::take(&mut self.pool);
        let (block, state) = self.assemble(timestamp, withdrawals, &mut pool);
        pool.prune(&state);
        self.pool = pool;
        self.append(block, state)
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

    pub(super) fn reorg(&mut self, depth: u64) -> BlockRef {
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
