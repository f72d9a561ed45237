//! What the transaction pipeline asks of the execution layer.

use async_trait::async_trait;
use nexus_primitives::{Address, BlockHash, BlockNumber, ChainId, TxHash, Wei};

use crate::{
    BlockAt, BlockRef, CallOutcome, ChainError, ContractCall, DepositHistory, Mined, Revert, SendOutcome,
};

/// The signing account right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// Transactions mined at the head.
    pub latest_nonce: u64,
    /// The same and those waiting in the node's pool.
    pub pending_nonce: u64,
    /// Transactions mined at the block that counts as final.
    pub confirmed_nonce: u64,
    /// ETH at the head.
    pub balance: Wei,
}

/// What transactions cost right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeQuote {
    /// Base fee of the next block, in wei per gas.
    pub base_fee: Wei,
    /// What recent transactions gave on top, in wei per gas.
    pub priority_fee: Wei,
}

/// Whether any of some transactions was mined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptSearch {
    /// The one that was.
    pub found: Option<Mined>,
    /// Whether every endpoint answered: only then does "not found" mean "not mined".
    pub complete: bool,
}

/// Where a transaction is broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BroadcastRoute {
    /// To every endpoint.
    Public,
    /// Only to the private endpoint; to every endpoint when none is configured.
    PreferPrivate,
}

/// The execution layer as the pipeline sees it.
#[cfg_attr(feature = "test-utils", mockall::automock)]
#[async_trait]
pub trait TxNetwork: DepositHistory {
    /// Returns the chain transactions are signed for.
    fn chain_id(&self) -> ChainId;

    /// Returns the contract that is called.
    fn nexus(&self) -> Address;

    /// Returns the block that `at` names now.
    async fn fetch_block(&self, at: BlockAt) -> Result<BlockRef, ChainError>;

    /// Returns the canonical block of a height; `None` when it isn't known yet.
    async fn fetch_block_hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, ChainError>;

    /// Reads an account at the head and at `confirmed`.
    async fn fetch_account(&self, address: Address, confirmed: &BlockRef)
    -> Result<AccountState, ChainError>;

    /// Reads what transactions cost.
    async fn fetch_fees(&self) -> Result<FeeQuote, ChainError>;

    /// Runs the call at the head, sent by `from`, and returns the gas it needs or why it would revert.
    async fn estimate_gas(&self, from: Address, call: &ContractCall) -> Result<CallOutcome, ChainError>;

    /// Hands signed bytes to the network.
    async fn send_raw(&self, raw: &[u8], route: BroadcastRoute) -> Result<SendOutcome, ChainError>;

    /// Looks for the receipts of transactions of which at most one can be mined.
    async fn find_receipt(&self, hashes: &[TxHash]) -> Result<ReceiptSearch, ChainError>;

    /// Runs a mined call again on the state before its block, to learn why it reverted.
    async fn replay(
        &self,
        from: Address,
        call: &ContractCall,
        block: BlockHash,
    ) -> Result<Option<Revert>, ChainError>;
}

const _: Option<&dyn TxNetwork> = None;
