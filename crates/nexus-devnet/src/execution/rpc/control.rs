//! Methods that move the world, as development nodes have them.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde_json::Value;

use super::{
    params::Params,
    server::{Answer, Node, json},
};
use crate::execution::{RpcError, ledger::SLOT_SECONDS};

/// The most blocks one request may ask for.
const MAX_BLOCKS: u64 = 100_000;

impl Node {
    pub(super) fn control(&self, method: &str, params: Params<'_>) -> Answer {
        Some(match method {
            "evm_snapshot" | "anvil_snapshot" => json(U64::from(self.chain.snapshot())),
            "evm_revert" | "anvil_revert" => required(params, 0).and_then(|id| json(self.chain.revert(id))),
            "evm_mine" => self.mine_once(params),
            "anvil_mine" | "hardhat_mine" => self.mine(params),
            "evm_increaseTime" | "anvil_increaseTime" => self.increase_time(params),
            "anvil_setBalance" | "hardhat_setBalance" => self.set_balance(params),
            "anvil_setNonce" | "hardhat_setNonce" => self.set_nonce(params),
            "anvil_setCode" | "hardhat_setCode" => self.set_code(params),
            "anvil_setStorageAt" | "hardhat_setStorageAt" => self.set_storage(params),
            "anvil_dropTransaction" => params.get(0).and_then(|hash| json(self.drop_transaction(hash))),
            "devnet_reorg" | "anvil_reorg" => self.reorg(params),
            _ => return None,
        })
    }

    fn mine_once(&self, params: Params<'_>) -> Result<Value, RpcError> {
        if let Some(timestamp) = params.number(0)? {
            let next = self.chain.head().timestamp + SLOT_SECONDS;
            self.producer.increase_time(timestamp.saturating_sub(next));
        }
        self.producer.mine(1);
        json("0x0")
    }

    fn mine(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let blocks = params.number(0)?.unwrap_or(1);
        if blocks > MAX_BLOCKS {
            return Err(RpcError::invalid_params(format!("{blocks} blocks: at most {MAX_BLOCKS} at a time")));
        }
        match params.number(1)? {
            None => self.producer.mine(blocks),
            Some(interval) => self.mine_apart(blocks, interval),
        }
        Ok(Value::Null)
    }

    /// Mines blocks at least `interval` seconds apart.
    fn mine_apart(&self, blocks: u64, interval: u64) {
        for _ in 0..blocks {
            self.producer.increase_time(interval.saturating_sub(SLOT_SECONDS));
            self.producer.mine(1);
        }
    }

    fn increase_time(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let seconds = required(params, 0)?;
        self.producer.increase_time(seconds);
        json(seconds)
    }

    fn set_balance(&self, params: Params<'_>) -> Result<Value, RpcError> {
        self.chain.set_balance(params.get::<Address>(0)?, params.get::<U256>(1)?);
        Ok(Value::Null)
    }

    fn set_nonce(&self, params: Params<'_>) -> Result<Value, RpcError> {
        self.chain.set_nonce(params.get::<Address>(0)?, required(params, 1)?);
        Ok(Value::Null)
    }

    fn set_code(&self, params: Params<'_>) -> Result<Value, RpcError> {
        self.chain.set_code(params.get::<Address>(0)?, params.get::<Bytes>(1)?);
        Ok(Value::Null)
    }

    fn set_storage(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let (slot, value) = (params.get::<U256>(1)?, params.get::<U256>(2)?);
        self.chain.set_storage(params.get::<Address>(0)?, slot, value);
        json(true)
    }

    fn drop_transaction(&self, hash: B256) -> Option<B256> {
        self.chain.drop_transaction(hash).then_some(hash)
    }

    /// Drops blocks; the beacon chain, where there is one, is told through the producer instead.
    fn reorg(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let head = self.chain.reorg(required(params, 0)?);
        json(head.hash)
    }
}

fn required(params: Params<'_>, index: usize) -> Result<u64, RpcError> {
    let missing = || RpcError::invalid_params(format!("missing value for required argument {index}"));
    params.number(index)?.ok_or_else(missing)
}
