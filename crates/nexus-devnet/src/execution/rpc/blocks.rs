//! Chain, block and account reads.

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, Bytes, U64, U256, keccak256},
};
use serde_json::Value;

use super::{
    params::Params,
    server::{Answer, Node, json},
};
use crate::execution::{CallError, RpcError, state::WorldState};

impl Node {
    pub(super) fn blocks(&self, method: &str, params: Params<'_>) -> Answer {
        Some(match method {
            "eth_chainId" => json(U64::from(self.chain.chain_id())),
            "net_version" => json(self.chain.chain_id().to_string()),
            "net_listening" => json(true),
            "net_peerCount" => json(U64::ZERO),
            "web3_clientVersion" => json(concat!("nexus-devnet/v", env!("CARGO_PKG_VERSION"))),
            "web3_sha3" => params.get::<Bytes>(0).and_then(|bytes| json(keccak256(bytes))),
            "eth_syncing" | "eth_mining" => json(false),
            "eth_accounts" => json(Vec::<Address>::new()),
            "eth_blockNumber" => json(U64::from(self.chain.head().number)),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => self.block(params),
            "eth_getHeaderByNumber" | "eth_getHeaderByHash" => self.header(params),
            "eth_getBlockReceipts" => self.block_receipts(params),
            "eth_getBlockTransactionCountByNumber" | "eth_getBlockTransactionCountByHash" => {
                self.block_transaction_count(params)
            }
            "eth_getUncleCountByBlockNumber" | "eth_getUncleCountByBlockHash" => self.uncle_count(params),
            "eth_getBalance" => self.account(params, 1, |state, address| json(state.balance(address))),
            "eth_getCode" => self.account(params, 1, |state, address| json(state.code(address))),
            "eth_getTransactionCount" => {
                self.account(params, 1, |state, address| json(U64::from(state.nonce(address))))
            }
            "eth_getStorageAt" => self.storage_at(params),
            _ => return None,
        })
    }

    fn block(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let (id, hydrated) = (params.get::<BlockId>(0)?, params.optional(1)?.unwrap_or(false));
        json(self.chain.with(|ledger| ledger.block(id).map(|block| block.rpc_block(hydrated))))
    }

    fn header(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let id = params.get::<BlockId>(0)?;
        json(self.chain.with(|ledger| ledger.block(id).map(|block| block.rpc_block(false).header)))
    }

    fn block_receipts(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let id = params.get::<BlockId>(0)?;
        json(self.chain.with(|ledger| {
            let block = ledger.block(id)?;
            Some((0..block.receipts.len()).filter_map(|index| block.rpc_receipt(index)).collect::<Vec<_>>())
        }))
    }

    fn block_transaction_count(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let id = params.get::<BlockId>(0)?;
        json(self.chain.with(|ledger| ledger.block(id).map(|block| U64::from(block.transactions.len()))))
    }

    fn uncle_count(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let id = params.get::<BlockId>(0)?;
        json(self.chain.with(|ledger| ledger.block(id).map(|_| U64::ZERO)))
    }

    fn account(
        &self,
        params: Params<'_>,
        block_at: usize,
        read: impl FnOnce(&WorldState, Address) -> Result<Value, RpcError>,
    ) -> Result<Value, RpcError> {
        let (address, id) = (params.get(0)?, params.block(block_at)?);
        self.chain.with(|ledger| {
            let moment = ledger.at(id).map_err(|error: CallError| RpcError::from(error))?;
            read(&moment.state, address)
        })
    }

    fn storage_at(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let slot = params.get::<U256>(1)?;
        self.account(params, 2, |state, address| json(B256::from(state.storage(address, slot))))
    }
}
