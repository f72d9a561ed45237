//! Signed transactions that have to succeed.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::{BlockId, Encodable2718 as _},
    primitives::{Address, B256, Bytes, TxKind, U256},
    rpc::types::TransactionRequest,
    signers::SignerSync as _,
};

use super::{account::DevnetAccount, artifact::Artifact};
use crate::execution::{CallError, ExecutionChain, RpcError};

/// How many blocks a transaction may take before it counts as lost.
const PATIENCE_BLOCKS: u32 = 64;
/// Wei per gas on top of the base fee.
const TIP: u128 = 1_000_000_000;
/// Enough for the largest contract; unused gas costs nothing.
const GAS_LIMIT: u64 = 8_000_000;

/// Why a deployment or a change of it stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The pool refused a transaction.
    #[error("sending {step}")]
    Refused {
        /// What the transaction was for.
        step: String,
        /// The pool's answer.
        source: RpcError,
    },
    /// Mining went on and the transaction stayed out.
    #[error("{step} was not mined within {PATIENCE_BLOCKS} blocks")]
    NotMined {
        /// What the transaction was for.
        step: String,
    },
    /// The transaction was mined and failed.
    #[error("{step} failed on chain")]
    Failed {
        /// What the transaction was for.
        step: String,
        /// What the same call answers now; `None` when it would go through by now.
        source: Option<Box<CallError>>,
    },
}

/// Sends a queue of transactions and sees them through.
pub(super) struct Sender<'a> {
    chain: &'a ExecutionChain,
    mine: &'a mut dyn FnMut(),
    sent: Vec<Sent>,
}

struct Sent {
    step: String,
    hash: B256,
    replay: TransactionRequest,
}

impl<'a> Sender<'a> {
    pub(super) fn new(chain: &'a ExecutionChain, mine: &'a mut dyn FnMut()) -> Self {
        Self { chain, mine, sent: Vec::new() }
    }

    /// Queues the creation of a contract and returns the address that it will have.
    pub(super) fn create(
        &mut self,
        from: &DevnetAccount,
        artifact: Artifact,
        arguments: &[u8],
    ) -> Result<Address, DeployError> {
        let address = from.address().create(self.chain.pending_nonce(from.address()));
        let step = format!("creation of {}", artifact.name);
        self.send(from, step, TxKind::Create, U256::ZERO, artifact.creation_code(arguments))?;
        Ok(address)
    }

    /// Queues a call; `call` is ABI-encoded.
    pub(super) fn call(
        &mut self,
        from: &DevnetAccount,
        step: impl Into<String>,
        to: Address,
        call: Vec<u8>,
    ) -> Result<(), DeployError> {
        self.send(from, step.into(), TxKind::Call(to), U256::ZERO, call.into())
    }

    /// Queues a transfer of ETH, in wei.
    pub(super) fn pay(
        &mut self,
        from: &DevnetAccount,
        step: impl Into<String>,
        to: Address,
        value: U256,
    ) -> Result<(), DeployError> {
        self.send(from, step.into(), TxKind::Call(to), value, Bytes::new())
    }

    fn send(
        &mut self,
        from: &DevnetAccount,
        step: String,
        to: TxKind,
        value: U256,
        input: Bytes,
    ) -> Result<(), DeployError> {
        let tx = TxEip1559 {
            chain_id: self.chain.chain_id(),
            nonce: self.chain.pending_nonce(from.address()),
            gas_limit: GAS_LIMIT,
            max_fee_per_gas: 2 * u128::from(self.chain.next_base_fee()) + TIP,
            max_priority_fee_per_gas: TIP,
            to,
            value,
            input: input.clone(),
            ..TxEip1559::default()
        };
        let signature =
            from.signer.sign_hash_sync(&tx.signature_hash()).expect("a local key signs any digest");
        let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718();
        let replay = TransactionRequest { from: Some(from.address()), to: Some(to), ..Default::default() };
        let replay = replay.value(value).input(input.into());
        match self.chain.submit_raw(&raw) {
            Ok(hash) => self.sent.push(Sent { step, hash, replay }),
            Err(source) => return Err(DeployError::Refused { step, source }),
        }
        Ok(())
    }

    /// Mines until everything sent has succeeded, or one thing has failed.
    pub(super) fn settle(&mut self) -> Result<(), DeployError> {
        for sent in std::mem::take(&mut self.sent) {
            self.settle_one(sent)?;
        }
        Ok(())
    }

    fn settle_one(&mut self, sent: Sent) -> Result<(), DeployError> {
        for _ in 0..PATIENCE_BLOCKS {
            match self.chain.receipt(sent.hash).map(|receipt| receipt.status()) {
                Some(true) => return Ok(()),
                Some(false) => {
                    let outcome = self.chain.call(&sent.replay, BlockId::latest(), None, None);
                    return Err(DeployError::Failed { step: sent.step, source: outcome.err().map(Box::new) });
                }
                None => (self.mine)(),
            }
        }
        Err(DeployError::NotMined { step: sent.step })
    }
}
