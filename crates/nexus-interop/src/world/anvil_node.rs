//! anvil, moved block by block.

use std::{path::Path, time::Duration};

use alloy::primitives::{Address, U256};
use async_trait::async_trait;
use nexus_devnet::consensus::Withdrawal;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    execution_node::{Block, ChainStart, ExecutionNode},
    json_rpc::JsonRpc,
};
use crate::child_process::{ChildProcess, free_port};

/// A running anvil.
pub(crate) struct AnvilNode {
    rpc: JsonRpc,
    base_fee: Option<U256>,
    _process: ChildProcess,
}

impl AnvilNode {
    /// Starts anvil on this chain.
    ///
    /// Its safe and finalized blocks are one and two "epochs" of blocks behind the head. These are made half as long
    /// again as the beacon chain's, so that the node never calls final what the beacon chain hasn't finalized.
    pub(crate) async fn start(component: &Path, start: &ChainStart, log: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(component.join("node_modules/.bin/anvil"));
        command
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--chain-id", &start.chain_id.to_string(), "--timestamp", &start.timestamp.to_string()])
            .args(["--slots-in-an-epoch", &(start.slots_per_epoch * 3 / 2).to_string()])
            .args(["--hardfork", "prague", "--gas-limit", "60000000", "--no-mining", "--accounts", "1"]);
        let mut process = ChildProcess::start(&mut command, log)?;
        let rpc = JsonRpc::new(&format!("http://127.0.0.1:{port}"));
        process.wait_until(Duration::from_secs(30), || rpc.answers()).await?;
        let node = Self { rpc, base_fee: None, _process: process };
        node.place(start).await?;
        Ok(node)
    }

    /// Gives every block from now on this base fee, in wei per gas; `None` lets it float again.
    pub(crate) fn hold_base_fee(&mut self, wei: Option<u64>) {
        self.base_fee = wei.map(U256::from);
    }

    /// Replaces the last `depth` blocks by empty ones.
    pub(crate) async fn reorg(&self, depth: u64) -> anyhow::Result<()> {
        self.cheat("anvil_reorg", json!([depth, []])).await
    }

    async fn place(&self, start: &ChainStart) -> anyhow::Result<()> {
        for (address, balance) in &start.alloc {
            self.cheat("anvil_setBalance", json!([address, balance])).await?;
        }
        let contract = &start.deposit_contract;
        self.cheat("anvil_setCode", json!([contract.address, contract.code])).await?;
        for (slot, value) in &contract.storage {
            let value = alloy::primitives::B256::from(*value);
            self.cheat("anvil_setStorageAt", json!([contract.address, slot, value])).await?;
        }
        Ok(())
    }

    async fn credit(&self, address: Address, wei: U256) -> anyhow::Result<()> {
        let balance: U256 = self.rpc.call("eth_getBalance", json!([address, "latest"])).await?;
        self.cheat("anvil_setBalance", json!([address, balance + wei])).await
    }

    async fn cheat(&self, method: &str, params: Value) -> anyhow::Result<()> {
        self.rpc.call::<Value>(method, params).await.map(drop)
    }
}

#[async_trait]
impl ExecutionNode for AnvilNode {
    fn rpc(&self) -> &JsonRpc {
        &self.rpc
    }

    async fn mine(&mut self, timestamp: u64, withdrawals: &[Withdrawal]) -> anyhow::Result<Block> {
        for withdrawal in withdrawals {
            let wei = U256::from(withdrawal.amount.get()) * U256::from(1_000_000_000_u64);
            self.credit(Address::new(withdrawal.address.into_bytes()), wei).await?;
        }
        if let Some(base_fee) = self.base_fee {
            self.cheat("anvil_setNextBlockBaseFeePerGas", json!([base_fee])).await?;
        }
        self.cheat("evm_setNextBlockTimestamp", json!([timestamp])).await?;
        self.cheat("evm_mine", json!([])).await?;
        Block::fetch(&self.rpc, "latest").await
    }

    async fn set_finality(&mut self, _safe: u64, _finalized: u64) -> anyhow::Result<()> {
        Ok(())
    }
}
