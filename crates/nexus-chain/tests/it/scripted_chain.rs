//! A chain of a handful of transactions that the test mines, reorganises and breaks by hand, and a journal that
//! crashes on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use nexus_chain::{
    AccountState, Attempt, BlockAt, BlockRef, BroadcastRoute, CallOutcome, ChainError, ContractCall,
    DepositHistory, FeeQuote, Intent, IntentId, IntentPhase, JournalError, Mined, Outcome, ReceiptSearch,
    Revert, SendOutcome, TxJournal, TxNetwork, UnsignedTx,
};
use nexus_primitives::{
    Address, BlockHash, BlockNumber, ChainId, TxHash, U256, UnixSeconds, ValidatorPubkey, Wei, keccak256,
};

pub(crate) struct ScriptedChain(Mutex<State>);

pub(crate) struct State {
    /// Transactions per block, the oldest first; block 0 is empty.
    blocks: Vec<Vec<(TxHash, u64)>>,
    /// Tells blocks of the same height on different branches apart.
    branch: u8,
    pool: Vec<(TxHash, UnsignedTx)>,
    pub(crate) broadcasts: Vec<(TxHash, BroadcastRoute)>,
    pub(crate) base_fee: Wei,
    pub(crate) balance: Wei,
    pub(crate) confirmations: u64,
    pub(crate) estimate: CallOutcome,
    pub(crate) foreign_pending: u64,
    /// Keys in the deposit contract's events, with their blocks.
    pub(crate) deposited: Vec<(ValidatorPubkey, u64)>,
    pub(crate) transactions_succeed: bool,
    pub(crate) broadcasts_arrive: bool,
    pub(crate) receipts_complete: bool,
}

impl ScriptedChain {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            blocks: vec![vec![]],
            branch: 0,
            pool: vec![],
            broadcasts: vec![],
            base_fee: Wei::from_gwei_text("10").unwrap(),
            balance: Wei::from_ether(1),
            confirmations: 2,
            estimate: CallOutcome::Success { gas_used: 100_000 },
            foreign_pending: 0,
            deposited: vec![],
            transactions_succeed: true,
            broadcasts_arrive: true,
            receipts_complete: true,
        }))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn nonce_at(&self, height: u64) -> u64 {
        self.blocks.iter().take(usize::try_from(height).unwrap() + 1).map(|block| block.len() as u64).sum()
    }

    fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    fn hash(&self, height: u64) -> BlockHash {
        let mut hash = [self.branch; 32];
        hash[31] = u8::try_from(height).unwrap();
        BlockHash::new(hash)
    }

    fn block(&self, height: u64) -> BlockRef {
        let number = BlockNumber::new(height);
        BlockRef { number, hash: self.hash(height), timestamp: UnixSeconds::new(12 * height) }
    }

    /// Mines a block with the best offer for each next nonce.
    pub(crate) fn mine(&mut self) {
        let mut block = vec![];
        let mut nonce = self.nonce_at(self.height());
        loop {
            let next = self.pool.iter().filter(|(_, tx)| tx.nonce == nonce);
            let Some((hash, _)) = next.max_by_key(|(_, tx)| tx.max_fee) else { break };
            block.push((*hash, nonce));
            nonce += 1;
        }
        self.pool.retain(|(_, tx)| tx.nonce >= nonce);
        self.blocks.push(block);
    }

    /// Mines a block with somebody else's transaction of the same account.
    pub(crate) fn mine_foreign(&mut self) {
        let nonce = self.nonce_at(self.height());
        self.pool.retain(|(_, tx)| tx.nonce != nonce);
        self.blocks.push(vec![(TxHash::new([0xff; 32]), nonce)]);
    }

    /// Drops blocks; as on anvil, their transactions don't return to the pool.
    pub(crate) fn reorganise(&mut self, depth: usize) {
        self.blocks.truncate(self.blocks.len() - depth);
        self.branch += 1;
    }

    pub(crate) fn mined(&self) -> Vec<TxHash> {
        self.blocks.iter().flatten().map(|(hash, _)| *hash).collect()
    }

    pub(crate) fn drop_pool(&mut self) {
        self.pool.clear();
    }
}

#[async_trait]
impl DepositHistory for ScriptedChain {
    async fn deposited_since(&self, since: BlockNumber) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
        let state = self.state();
        let recent = state.deposited.iter().filter(|(_, block)| *block >= since.get());
        Ok(recent.map(|(pubkey, _)| *pubkey).collect())
    }
}

#[async_trait]
impl TxNetwork for ScriptedChain {
    fn chain_id(&self) -> ChainId {
        ChainId::new(31_337)
    }

    fn nexus(&self) -> Address {
        Address::new([0x4e; 20])
    }

    async fn fetch_block(&self, _: BlockAt) -> Result<BlockRef, ChainError> {
        let state = self.state();
        Ok(state.block(state.height().saturating_sub(state.confirmations)))
    }

    async fn fetch_block_hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, ChainError> {
        let state = self.state();
        Ok((number.get() <= state.height()).then(|| state.hash(number.get())))
    }

    async fn fetch_account(&self, _: Address, confirmed: &BlockRef) -> Result<AccountState, ChainError> {
        let state = self.state();
        let latest_nonce = state.nonce_at(state.height());
        Ok(AccountState {
            latest_nonce,
            pending_nonce: latest_nonce + state.foreign_pending,
            confirmed_nonce: state.nonce_at(confirmed.number.get()),
            balance: state.balance,
        })
    }

    async fn fetch_fees(&self) -> Result<FeeQuote, ChainError> {
        let base_fee = self.state().base_fee;
        Ok(FeeQuote { base_fee, priority_fee: Wei::from_gwei_text("1").unwrap() })
    }

    async fn estimate_gas(&self, _: Address, _: &ContractCall) -> Result<CallOutcome, ChainError> {
        Ok(self.state().estimate.clone())
    }

    async fn send_raw(&self, raw: &[u8], route: BroadcastRoute) -> Result<SendOutcome, ChainError> {
        let mut state = self.state();
        let hash = TxHash::new(keccak256(raw));
        let tx = UnsignedTx::from_raw(raw).expect("the pipeline signs calls");
        if !state.broadcasts_arrive {
            let source = "connection reset".into();
            return Err(ChainError::Unreachable { endpoint: "http://node.example".into(), source });
        }
        state.broadcasts.push((hash, route));
        if tx.nonce < state.nonce_at(state.height()) {
            return Ok(SendOutcome::NonceTooLow);
        }
        if state.pool.iter().any(|(known, _)| *known == hash) {
            return Ok(SendOutcome::AlreadyKnown);
        }
        state.pool.push((hash, tx));
        Ok(SendOutcome::Accepted)
    }

    async fn find_receipt(&self, hashes: &[TxHash]) -> Result<ReceiptSearch, ChainError> {
        let state = self.state();
        let in_block = |(height, block): (usize, &Vec<(TxHash, u64)>)| {
            let (hash, _) = block.iter().find(|(hash, _)| hashes.contains(hash))?;
            Some(Mined {
                hash: *hash,
                block_number: BlockNumber::new(height as u64),
                block_hash: state.hash(height as u64),
                succeeded: state.transactions_succeed,
                fee: Wei::new(U256::from(21_000)),
            })
        };
        let found = state.blocks.iter().enumerate().find_map(in_block);
        Ok(ReceiptSearch { found, complete: state.receipts_complete })
    }

    async fn replay(&self, _: Address, _: &ContractCall, _: BlockHash) -> Result<Option<Revert>, ChainError> {
        Ok(Some(Revert::Empty))
    }
}

/// When a crash strikes, relative to the write it interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    BeforeTheWrite,
    AfterTheWrite,
}

/// A journal in memory that survives the crashes it causes.
pub(crate) struct CrashingJournal {
    intents: Mutex<BTreeMap<IntentId, Intent>>,
    crash: Mutex<Option<(usize, Crash)>>,
}

impl CrashingJournal {
    pub(crate) fn new(calls: impl IntoIterator<Item = ContractCall>) -> Self {
        let intent = |(id, call)| {
            let id = IntentId(id);
            let created_at = UnixSeconds::new(0);
            (id, Intent { id, call, created_at, phase: IntentPhase::Recorded, attempts: vec![] })
        };
        let intents = (1..).zip(calls).map(intent).collect();
        Self { intents: Mutex::new(intents), crash: Mutex::new(None) }
    }

    /// Lets the write after `writes` more fail.
    pub(crate) fn crash_after(&self, writes: usize, when: Crash) {
        *self.crash.lock().unwrap() = Some((writes, when));
    }

    pub(crate) fn intent(&self, id: i64) -> Intent {
        self.intents.lock().unwrap()[&IntentId(id)].clone()
    }

    fn write(&self, id: IntentId, change: impl FnOnce(&mut Intent)) -> Result<(), JournalError> {
        let mut crash = self.crash.lock().unwrap();
        let strikes = match crash.as_mut() {
            Some((0, when)) => Some(*when),
            Some((writes, _)) => {
                *writes -= 1;
                None
            }
            None => None,
        };
        if strikes != Some(Crash::BeforeTheWrite) {
            change(self.intents.lock().unwrap().get_mut(&id).unwrap());
        }
        if strikes.is_some() {
            *crash = None;
            return Err(JournalError { context: "the process died".into(), source: "crash".into() });
        }
        Ok(())
    }
}

impl TxJournal for CrashingJournal {
    fn unfinished(&self) -> Result<Vec<Intent>, JournalError> {
        let intents = self.intents.lock().unwrap();
        let open = intents.values().filter(|intent| !matches!(intent.phase, IntentPhase::Done(_)));
        Ok(open.cloned().collect())
    }

    fn record_attempt(&self, id: IntentId, attempt: &Attempt) -> Result<(), JournalError> {
        self.write(id, |intent| {
            intent.attempts.push(attempt.clone());
            intent.phase = IntentPhase::Sent;
        })
    }

    fn record_mined(&self, id: IntentId, mined: Option<&Mined>) -> Result<(), JournalError> {
        self.write(id, |intent| {
            intent.phase = mined.map_or(IntentPhase::Sent, |mined| IntentPhase::Mined(mined.clone()));
        })
    }

    fn record_outcome(&self, id: IntentId, outcome: &Outcome, _: UnixSeconds) -> Result<(), JournalError> {
        self.write(id, |intent| intent.phase = IntentPhase::Done(outcome.clone()))
    }
}
