//! [`TxNetwork`] over JSON-RPC.

use alloy::primitives::{B256, Bytes, U64, U256};
use async_trait::async_trait;
use futures::FutureExt as _;
use nexus_primitives::{Address, BlockHash, BlockNumber, ChainId, TxHash, Wei};
use serde_json::json;

use crate::{
    AccountState, BlockAt, BlockRef, BroadcastRoute, CallOutcome, ChainError, ContractCall, FeeQuote, Mined,
    NexusChain, ReceiptSearch, Revert, RpcChain, SendOutcome, TxNetwork,
    node::Node,
    rpc_endpoint::{RpcCall, RpcEndpoint},
    simulation,
    wire::{WireBlock, WireFeeHistory, WireReceipt, quantity},
};

/// Blocks that the usual priority fee is taken from.
const FEE_HISTORY_BLOCKS: u64 = 10;

#[async_trait]
impl TxNetwork for RpcChain {
    fn chain_id(&self) -> ChainId {
        self.config.chain_id
    }

    fn nexus(&self) -> Address {
        self.config.nexus
    }

    async fn fetch_block(&self, at: BlockAt) -> Result<BlockRef, ChainError> {
        NexusChain::fetch_block(self, at).await
    }

    async fn fetch_block_hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, ChainError> {
        self.first_answer(move |node| block_hash(node, number).boxed()).await
    }

    /// The highest counts that any endpoint reports: one that lags behind must not make a nonce look free.
    async fn fetch_account(
        &self,
        address: Address,
        confirmed: &BlockRef,
    ) -> Result<AccountState, ChainError> {
        let asked = self.nodes.iter().map(async |node| {
            node.check(&self.config).await?;
            account(&node.rpc, address, confirmed).await
        });
        let mut first_error = None;
        let mut combined: Option<AccountState> = None;
        for answer in futures::future::join_all(asked).await {
            match (answer, &mut combined) {
                (Err(error), _) => drop(first_error.get_or_insert(error)),
                (Ok(state), None) => combined = Some(state),
                (Ok(state), Some(so_far)) => {
                    so_far.latest_nonce = so_far.latest_nonce.max(state.latest_nonce);
                    so_far.pending_nonce = so_far.pending_nonce.max(state.pending_nonce);
                    // Only what all of them call final is.
                    so_far.confirmed_nonce = so_far.confirmed_nonce.min(state.confirmed_nonce);
                }
            }
        }
        combined
            .ok_or_else(|| first_error.expect("there is at least one endpoint, and each answered or failed"))
    }

    async fn fetch_fees(&self) -> Result<FeeQuote, ChainError> {
        self.first_answer(|node| fees(&node.rpc).boxed()).await
    }

    /// A call counts as reverting only when it does on every endpoint: one that lags behind may lack the transaction
    /// that the call builds on.
    async fn estimate_gas(&self, from: Address, call: &ContractCall) -> Result<CallOutcome, ChainError> {
        let mut first = None;
        for node in &self.nodes {
            match (self.estimate_on(node, from, call).await, &first) {
                (Ok(success @ CallOutcome::Success { .. }), _) => return Ok(success),
                (Ok(reverted), None | Some(Err(_))) => first = Some(Ok(reverted)),
                (Err(error), None) => first = Some(Err(error)),
                (Ok(CallOutcome::Reverted(_)) | Err(_), Some(_)) => {}
            }
        }
        first.expect("there is at least one endpoint, and each answered or failed")
    }

    async fn send_raw(&self, raw: &[u8], route: BroadcastRoute) -> Result<SendOutcome, ChainError> {
        if let (BroadcastRoute::PreferPrivate, Some(private)) = (route, &self.private) {
            return send_raw(private, raw).await;
        }
        let sent = futures::future::join_all(self.nodes.iter().map(|node| send_raw(&node.rpc, raw))).await;
        best_outcome(sent)
    }

    async fn find_receipt(&self, hashes: &[TxHash]) -> Result<ReceiptSearch, ChainError> {
        let asked = self.nodes.iter().map(async |node| {
            node.check(&self.config).await?;
            receipt(&node.rpc, hashes).await
        });
        let mut complete = true;
        let mut first_error = None;
        for answer in futures::future::join_all(asked).await {
            match answer {
                Ok(Some(mined)) => {
                    self.remember_mined(mined.block_number);
                    return Ok(ReceiptSearch { found: Some(mined), complete: true });
                }
                Ok(None) => {}
                Err(error) => {
                    complete = false;
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if self.nodes.len() == 1 => Err(error),
            _ => Ok(ReceiptSearch { found: None, complete }),
        }
    }

    async fn replay(
        &self,
        from: Address,
        call: &ContractCall,
        block: BlockHash,
    ) -> Result<Option<Revert>, ChainError> {
        self.first_answer(move |node| replay(node, self.config.nexus, from, call, block).boxed()).await
    }
}

impl RpcChain {
    async fn estimate_on(
        &self,
        node: &Node,
        from: Address,
        call: &ContractCall,
    ) -> Result<CallOutcome, ChainError> {
        node.check(&self.config).await?;
        let head = self.current_head(node).await?;
        simulation::estimate_gas(&node.rpc, self.config.nexus, from, call, head.number).await
    }
}

async fn block_hash(node: &Node, number: BlockNumber) -> Result<Option<BlockHash>, ChainError> {
    let call = RpcCall::new("eth_getBlockByNumber", json!([quantity(number.get()), false]));
    let block: Option<WireBlock> = node.rpc.request(call).await?;
    Ok(block.map(|block| block.to_ref().hash))
}

async fn account(
    rpc: &RpcEndpoint,
    address: Address,
    confirmed: &BlockRef,
) -> Result<AccountState, ChainError> {
    let address = address.to_string();
    let count = |at: serde_json::Value| RpcCall::new("eth_getTransactionCount", json!([address, at]));
    let calls = [
        count(json!("latest")),
        count(json!("pending")),
        count(json!({ "blockHash": confirmed.hash.to_string(), "requireCanonical": true })),
        RpcCall::new("eth_getBalance", json!([address, "latest"])),
    ];
    let replies = rpc.send(&calls).await?;
    let (counts, balance) =
        calls.iter().zip(&replies).partition::<Vec<_>, _>(|(call, _)| call.method != "eth_getBalance");
    let mut nonces =
        counts.into_iter().map(|(call, reply)| rpc.decode::<U64>(call, reply).map(|count| count.to::<u64>()));
    let mut next = || nonces.next().expect("three counts were asked for");
    let (latest_nonce, pending_nonce, confirmed_nonce) = (next()?, next()?, next()?);
    let balance = balance.first().map(|(call, reply)| rpc.decode::<U256>(call, reply)).transpose()?;
    let balance = Wei::new(balance.unwrap_or_default());
    Ok(AccountState { latest_nonce, pending_nonce, confirmed_nonce, balance })
}

/// The next block's base fee, and the median of what recent blocks' median transactions paid on top.
async fn fees(rpc: &RpcEndpoint) -> Result<FeeQuote, ChainError> {
    let params = json!([quantity(FEE_HISTORY_BLOCKS), "latest", [50]]);
    let history: WireFeeHistory = rpc.request(RpcCall::new("eth_feeHistory", params)).await?;
    let base_fee = history.base_fee_per_gas.last().copied();
    let base_fee = base_fee.ok_or_else(|| rpc.unreachable("eth_feeHistory without a base fee"))?;
    let mut rewards: Vec<U256> =
        history.reward.unwrap_or_default().iter().filter_map(|block| block.first().copied()).collect();
    // Empty blocks report zero, which says nothing about what is paid.
    rewards.retain(|reward| !reward.is_zero());
    rewards.sort_unstable();
    let priority_fee = rewards.get(rewards.len() / 2).copied().unwrap_or(DEFAULT_PRIORITY_FEE);
    Ok(FeeQuote { base_fee: Wei::new(base_fee), priority_fee: Wei::new(priority_fee) })
}

/// One gwei: what wallets offer when recent blocks give no hint.
const DEFAULT_PRIORITY_FEE: U256 = U256::from_limbs([1_000_000_000, 0, 0, 0]);

async fn send_raw(rpc: &RpcEndpoint, raw: &[u8]) -> Result<SendOutcome, ChainError> {
    let call = RpcCall::new("eth_sendRawTransaction", json!([Bytes::copy_from_slice(raw)]));
    Ok(match rpc.send_one(&call).await? {
        Ok(_) => SendOutcome::Accepted,
        Err(refusal) => refusal.send_outcome(),
    })
}

/// One endpoint's acceptance is enough; failures count only when there is nothing better.
fn best_outcome(sent: Vec<Result<SendOutcome, ChainError>>) -> Result<SendOutcome, ChainError> {
    let rank = |outcome: &Result<SendOutcome, ChainError>| match outcome {
        Ok(SendOutcome::Accepted) => 0,
        Ok(SendOutcome::AlreadyKnown) => 1,
        Ok(SendOutcome::NonceTooLow) => 2,
        Ok(SendOutcome::Rejected(_)) => 3,
        Err(_) => 4,
    };
    sent.into_iter().min_by_key(rank).expect("there is at least one endpoint")
}

async fn receipt(rpc: &RpcEndpoint, hashes: &[TxHash]) -> Result<Option<Mined>, ChainError> {
    let call = |hash: &TxHash| RpcCall::new("eth_getTransactionReceipt", json!([hash.to_string()]));
    let calls: Vec<_> = hashes.iter().map(call).collect();
    let replies = rpc.send(&calls).await?;
    for (call, reply) in calls.iter().zip(&replies) {
        if let Some(receipt) = rpc.decode::<Option<WireReceipt>>(call, reply)? {
            return Ok(Some(mined(&receipt)));
        }
    }
    Ok(None)
}

fn mined(receipt: &WireReceipt) -> Mined {
    Mined {
        hash: receipt.hash(),
        block_number: BlockNumber::new(receipt.block_number.to()),
        block_hash: BlockHash::new(receipt.block_hash.0),
        succeeded: receipt.status == U64::from(1),
        fee: receipt.fee(),
    }
}

async fn replay(
    node: &Node,
    nexus: Address,
    from: Address,
    call: &ContractCall,
    block: BlockHash,
) -> Result<Option<Revert>, ChainError> {
    let request = RpcCall::new("eth_getBlockByHash", json!([block.to_string(), false]));
    let block: Option<WireBlock> = node.rpc.request(request).await?;
    let parent: Option<B256> = block.map(|block| block.parent_hash);
    match parent {
        Some(parent) => simulation::replay(&node.rpc, nexus, from, call, parent).await,
        None => Ok(None),
    }
}
