//! Who makes blocks when a client asks for them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::execution::{ExecutionChain, RpcError, ledger::SLOT_SECONDS};

/// Makes blocks and moves time on behalf of `evm_mine` and its kin, so that a beacon chain can keep step.
pub trait BlockProducer: Send + Sync {
    /// Produces this many blocks.
    fn mine(&self, blocks: u64);

    /// Moves the clock ahead; the next block shows it.
    fn increase_time(&self, seconds: u64);

    /// Serves a method that the execution node doesn't know, or that more than the execution node must hear of
    /// (`devnet_*`, `evm_*`, `anvil_*` are offered first); `None` declines.
    fn extra(&self, method: &str, params: &Value) -> Option<Result<Value, RpcError>>;

    /// Hears that a transaction has entered the pool.
    fn transaction_submitted(&self) {}
}

const _: Option<&dyn BlockProducer> = None;

/// Mines on a chain that stands alone: a block every 12 seconds of its own time.
#[derive(Debug)]
pub struct SelfMining {
    chain: Arc<ExecutionChain>,
    /// Seconds by which the next block is later than its parent's slot.
    skipped: Mutex<u64>,
}

impl SelfMining {
    /// Mines on `chain`.
    pub fn new(chain: Arc<ExecutionChain>) -> Self {
        Self { chain, skipped: Mutex::new(0) }
    }
}

impl BlockProducer for SelfMining {
    fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            let skipped = std::mem::take(&mut *self.skipped.lock().unwrap_or_else(PoisonError::into_inner));
            let timestamp = self.chain.head().timestamp.saturating_add(SLOT_SECONDS).saturating_add(skipped);
            self.chain.mine_block(timestamp, &[]);
        }
    }

    fn increase_time(&self, seconds: u64) {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        *skipped = skipped.saturating_add(seconds);
    }

    fn extra(&self, _: &str, _: &Value) -> Option<Result<Value, RpcError>> {
        None
    }
}
