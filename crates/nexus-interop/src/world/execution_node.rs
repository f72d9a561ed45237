//! What the suite asks of an execution node beyond JSON-RPC: blocks on demand, with a beacon chain's wishes in them.

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use nexus_devnet::consensus::Withdrawal;
use serde::Deserialize;

use super::json_rpc::JsonRpc;

/// A block, by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Height.
    pub(crate) number: u64,
    /// Hash.
    pub(crate) hash: B256,
}

/// What a chain starts from.
#[derive(Debug, Clone)]
pub(crate) struct ChainStart {
    /// EIP-155 chain id.
    pub(crate) chain_id: u64,
    /// Time of block 0.
    pub(crate) timestamp: u64,
    /// Slots of a beacon epoch, for nodes that finalize by counting blocks.
    pub(crate) slots_per_epoch: u64,
    /// Accounts with their balances in wei.
    pub(crate) alloc: Vec<(Address, U256)>,
    /// The deposit contract, where the network has it.
    pub(crate) deposit_contract: Predeploy,
}

/// A contract that is there from the start.
#[derive(Debug, Clone)]
pub(crate) struct Predeploy {
    /// Where.
    pub(crate) address: Address,
    /// Runtime code.
    pub(crate) code: Bytes,
    /// Storage that isn't zero.
    pub(crate) storage: Vec<(U256, U256)>,
}

/// A running execution node.
#[async_trait]
pub(crate) trait ExecutionNode: Send + Sync {
    /// Returns the node's JSON-RPC.
    fn rpc(&self) -> &JsonRpc;

    /// Makes the next block at `timestamp`, paying these withdrawals.
    async fn mine(&mut self, timestamp: u64, withdrawals: &[Withdrawal]) -> anyhow::Result<Block>;

    /// Tells the node what the beacon chain has justified and finalized; a node that counts blocks ignores it.
    async fn set_finality(&mut self, safe: u64, finalized: u64) -> anyhow::Result<()>;
}

#[derive(Deserialize)]
struct WireBlock {
    number: alloy::primitives::U64,
    hash: B256,
}

impl Block {
    /// Asks a node for a block by number or tag.
    pub(crate) async fn fetch(rpc: &JsonRpc, which: &str) -> anyhow::Result<Self> {
        let block: WireBlock = rpc.call("eth_getBlockByNumber", serde_json::json!([which, false])).await?;
        Ok(Self { number: block.number.to(), hash: block.hash })
    }

    /// Asks a node for a block by number.
    pub(crate) async fn at(rpc: &JsonRpc, number: u64) -> anyhow::Result<Self> {
        Self::fetch(rpc, &format!("{number:#x}")).await
    }
}
