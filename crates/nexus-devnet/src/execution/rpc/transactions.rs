//! Sending transactions and finding them again.

use alloy::{
    consensus::{Transaction as _, TxEnvelope, transaction::Recovered},
    eips::{BlockId, Encodable2718 as _},
    primitives::{B256, Bytes},
    rpc::types::Transaction,
};
use serde_json::Value;

use super::{
    params::Params,
    server::{Answer, Node, json},
};
use crate::execution::RpcError;

impl Node {
    pub(super) fn transactions(&self, method: &str, params: Params<'_>) -> Answer {
        Some(match method {
            "eth_sendRawTransaction" => self.send(params),
            "eth_getTransactionByHash" => self.transaction(params),
            "eth_getRawTransactionByHash" => self.raw_transaction(params),
            "eth_getTransactionByBlockHashAndIndex" | "eth_getTransactionByBlockNumberAndIndex" => {
                self.transaction_in_block(params)
            }
            "eth_getTransactionReceipt" => {
                params.get::<B256>(0).and_then(|hash| json(self.chain.receipt(hash)))
            }
            _ => return None,
        })
    }

    fn send(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let hash = self.chain.submit_raw(&params.get::<Bytes>(0)?)?;
        self.producer.transaction_submitted();
        json(hash)
    }

    fn transaction(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let hash = params.get::<B256>(0)?;
        json(self.chain.with(|ledger| match ledger.find(hash) {
            Some((block, index)) => block.rpc_transaction(index),
            None => ledger.pooled(hash).map(pending),
        }))
    }

    fn raw_transaction(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let hash = params.get::<B256>(0)?;
        json(self.chain.with(|ledger| match ledger.find(hash) {
            Some((block, index)) => block.raw_transaction(index).map(Bytes::from),
            None => ledger.pooled(hash).map(|tx| Bytes::from(tx.encoded_2718())),
        }))
    }

    fn transaction_in_block(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let (id, index) = (params.get::<BlockId>(0)?, params.number(1)?.unwrap_or_default());
        json(self.chain.with(|ledger| {
            let index = usize::try_from(index).ok()?;
            ledger.block(id)?.rpc_transaction(index)
        }))
    }
}

/// Returns the RPC form of a transaction that is in no block yet.
fn pending(tx: &Recovered<TxEnvelope>) -> Transaction {
    Transaction {
        effective_gas_price: Some(tx.max_fee_per_gas()),
        inner: tx.clone(),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        block_timestamp: None,
    }
}
