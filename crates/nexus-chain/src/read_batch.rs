//! Many reads at one block hash, sent together.

use std::marker::PhantomData;

use alloy::primitives::{B256, Bytes, U64, U256};
use alloy_sol_types::SolCall;
use nexus_primitives::{Address, BlockHash, CodeHash, Wei, keccak256};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    ChainError, Revert, decode_revert,
    rpc_endpoint::{RpcCall, RpcEndpoint, RpcReply},
    wire::quantity,
};

/// A getter takes a hundredth of it; memory for an answer of more than 700 kB takes more (Yellow Paper, appendix H).
const STRANGER_GAS: u64 = 1_000_000;

/// Reads that are all answered for the same block, by hash (EIP-1898), or not at all.
pub(crate) struct ReadBatch {
    at: Value,
    calls: Vec<RpcCall>,
}

/// The answers, asked for by the handles that [`ReadBatch`] gave out.
pub(crate) struct Readings<'a> {
    endpoint: &'a RpcEndpoint,
    calls: Vec<RpcCall>,
    replies: Vec<RpcReply>,
}

/// A contract call in a batch.
pub(crate) struct Call<C>(usize, PhantomData<fn() -> C>);

/// Any other read in a batch.
pub(crate) struct Read<T>(usize, PhantomData<fn() -> T>);

impl<C> Clone for Call<C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for Call<C> {}

impl ReadBatch {
    pub(crate) fn new(at: BlockHash) -> Self {
        Self { at: json!({ "blockHash": at.to_string(), "requireCanonical": true }), calls: Vec::new() }
    }

    /// The same for a contract that a stranger wrote: a gas limit keeps its work and its answer small.
    pub(crate) fn call_stranger<C: SolCall>(&mut self, to: Address, call: &C) -> Call<C> {
        let data = Bytes::from(call.abi_encode());
        let request = json!({ "to": to.to_string(), "data": data, "gas": quantity(STRANGER_GAS) });
        Call(self.push("eth_call", json!([request, self.at.clone()])), PhantomData)
    }

    fn push(&mut self, method: &'static str, params: Value) -> usize {
        self.calls.push(RpcCall::new(method, params));
        self.calls.len() - 1
    }

    pub(crate) fn call<C: SolCall>(&mut self, to: Address, call: &C) -> Call<C> {
        self.call_from(None, to, call)
    }

    pub(crate) fn call_from<C: SolCall>(&mut self, from: Option<Address>, to: Address, call: &C) -> Call<C> {
        let mut request = json!({ "to": to.to_string(), "data": Bytes::from(call.abi_encode()) });
        if let (Some(from), Some(fields)) = (from, request.as_object_mut()) {
            fields.insert("from".to_owned(), json!(from.to_string()));
        }
        Call(self.push("eth_call", json!([request, self.at.clone()])), PhantomData)
    }

    pub(crate) fn balance(&mut self, address: Address) -> Read<U256> {
        Read(self.push("eth_getBalance", json!([address.to_string(), self.at.clone()])), PhantomData)
    }

    pub(crate) fn transaction_count(&mut self, address: Address) -> Read<U64> {
        Read(self.push("eth_getTransactionCount", json!([address.to_string(), self.at.clone()])), PhantomData)
    }

    pub(crate) fn code(&mut self, address: Address) -> Read<Bytes> {
        Read(self.push("eth_getCode", json!([address.to_string(), self.at.clone()])), PhantomData)
    }

    pub(crate) fn storage(&mut self, address: Address, slot: B256) -> Read<B256> {
        Read(self.push("eth_getStorageAt", json!([address.to_string(), slot, self.at.clone()])), PhantomData)
    }

    pub(crate) fn chain_id(&mut self) -> Read<U64> {
        Read(self.push("eth_chainId", json!([])), PhantomData)
    }

    pub(crate) async fn send(self, endpoint: &RpcEndpoint) -> Result<Readings<'_>, ChainError> {
        let replies = endpoint.send(&self.calls).await?;
        Ok(Readings { endpoint, calls: self.calls, replies })
    }
}

impl Readings<'_> {
    fn at(&self, index: usize) -> (&RpcCall, &RpcReply) {
        let both = self.calls.get(index).zip(self.replies.get(index));
        both.expect("a handle belongs to the batch that gave it out, which has one reply per call")
    }

    /// Returns what the call returned, or what it reverted with. Data that isn't the function's return type counts
    /// as a revert without a name: the contract is another one.
    pub(crate) fn returned<C: SolCall>(
        &self,
        call: Call<C>,
    ) -> Result<Result<C::Return, Revert>, ChainError> {
        let (request, reply) = self.at(call.0);
        if let Err(refusal) = reply {
            return match refusal.revert() {
                Some(revert) => Ok(Err(revert)),
                None => Err(self.endpoint.refused(request.method, refusal.clone())),
            };
        }
        let data: Bytes = self.endpoint.decode(request, reply)?;
        Ok(C::abi_decode_returns(&data).map_err(|_| decode_revert(&data)))
    }

    /// Returns what the call returned, or why it didn't: a revert, or the node's words. What a node says about a
    /// stranger's contract that runs amok has no common form, and that the node itself is well the other reads of the
    /// batch tell.
    pub(crate) fn returned_by_stranger<C: SolCall>(&self, call: Call<C>) -> Result<C::Return, String> {
        match self.returned(call) {
            Ok(returned) => returned.map_err(|revert| revert.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, read: &Read<T>) -> Result<T, ChainError> {
        let (request, reply) = self.at(read.0);
        self.endpoint.decode(request, reply)
    }

    pub(crate) fn wei(&self, read: &Read<U256>) -> Result<Wei, ChainError> {
        self.read(read).map(Wei::new)
    }

    /// Returns the Keccak-256 of the code; `None` when there is none.
    pub(crate) fn code_hash(&self, read: &Read<Bytes>) -> Result<Option<CodeHash>, ChainError> {
        let code = self.read(read)?;
        Ok((!code.is_empty()).then(|| CodeHash::new(keccak256(&code))))
    }
}

/// Returns what a call returned; a revert means that the contract isn't the one it should be.
pub(crate) fn required<C: SolCall>(
    readings: &Readings<'_>,
    call: Call<C>,
    name: &'static str,
    address: Address,
    function: &str,
) -> Result<C::Return, ChainError> {
    readings.returned(call)?.map_err(|revert| ChainError::Contract {
        name,
        address,
        problem: format!("{function}: {revert}"),
    })
}
