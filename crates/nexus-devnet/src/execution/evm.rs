//! One run of the EVM.

use std::convert::Infallible;

use alloy::{
    consensus::{Transaction as _, TxEnvelope, transaction::Recovered},
    primitives::{Address, B256, U256},
};
use revm::{
    Context, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::{
        block::BlobExcessGasAndPrice,
        result::{EVMError, ExecutionResult, InvalidTransaction},
    },
    database_interface::WrapDatabaseRef,
    primitives::hardfork::SpecId,
    state::EvmState,
};

use super::state::StateView;

/// How strictly a transaction is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// As in a block.
    Transaction,
    /// As `eth_call`: any sender, any nonce, any gas, and no base fee when the call names no price.
    Call,
}

/// What surrounds the transactions of a block.
#[derive(Debug, Clone)]
pub(super) struct BlockContext {
    pub(super) chain_id: u64,
    pub(super) number: u64,
    pub(super) timestamp: u64,
    pub(super) beneficiary: Address,
    pub(super) gas_limit: u64,
    pub(super) base_fee: u64,
    pub(super) prevrandao: B256,
}

impl BlockContext {
    fn block_env(&self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.number),
            beneficiary: self.beneficiary,
            timestamp: U256::from(self.timestamp),
            gas_limit: self.gas_limit,
            basefee: self.base_fee,
            prevrandao: Some(self.prevrandao),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice { excess_blob_gas: 0, blob_gasprice: 1 }),
            ..BlockEnv::default()
        }
    }

    fn configure(&self, cfg: &mut CfgEnv, strictness: Strictness, free: bool) {
        cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
        cfg.chain_id = self.chain_id;
        if strictness == Strictness::Call {
            cfg.disable_nonce_check = true;
            cfg.disable_eip3607 = true;
            cfg.disable_block_gas_limit = true;
            cfg.disable_base_fee = free;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        }
    }
}

/// Runs `tx` on `view` and returns what it did, without keeping it.
pub(super) fn execute(
    view: StateView<'_>,
    block: &BlockContext,
    tx: TxEnv,
    strictness: Strictness,
) -> Result<(ExecutionResult, EvmState), InvalidTransaction> {
    let free = tx.gas_price == 0;
    let context = Context::mainnet()
        .with_db(WrapDatabaseRef(view))
        .with_block(block.block_env())
        .modify_cfg_chained(|cfg| block.configure(cfg, strictness, free));
    match context.build_mainnet().transact(tx) {
        Ok(outcome) => Ok((outcome.result, outcome.state)),
        Err(error) => Err(invalid(error)),
    }
}

fn invalid(error: EVMError<Infallible>) -> InvalidTransaction {
    match error {
        EVMError::Transaction(reason) => reason,
        EVMError::Database(never) => match never {},
        other => InvalidTransaction::Str(other.to_string().into()),
    }
}

/// Returns a signed transaction as the EVM takes it.
pub(super) fn signed_tx_env(tx: &Recovered<TxEnvelope>) -> TxEnv {
    TxEnv {
        tx_type: tx.tx_type().into(),
        caller: tx.signer(),
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        ..TxEnv::default()
    }
}
