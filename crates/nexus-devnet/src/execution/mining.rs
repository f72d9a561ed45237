//! Making the next block.

use alloy::{
    consensus::{
        EMPTY_OMMER_ROOT_HASH, Eip658Value, Header, Receipt, ReceiptEnvelope, Sealable as _, TxEnvelope,
        TxReceipt as _, TxType, proofs, transaction::Recovered,
    },
    eips::{eip1559::BaseFeeParams, eip4895, eip7685::EMPTY_REQUESTS_HASH},
    primitives::{Address, B64, B256, Bloom, Bytes, Log, U256, keccak256},
};
use revm::context_interface::result::ExecutionResult;
use sha2::{Digest as _, Sha256};

use super::{
    block::{MinedBlock, MinedReceipt},
    deposit_event::DepositEvent,
    evm::{BlockContext, Strictness, execute, signed_tx_env},
    pool::Pool,
    state::{StateView, WorldState},
};

/// A block under construction.
pub(super) struct Assembly<'a> {
    pub(super) context: BlockContext,
    pub(super) state: WorldState,
    pub(super) hashes: &'a [B256],
    transactions: Vec<Recovered<TxEnvelope>>,
    receipts: Vec<MinedReceipt>,
    gas_used: u64,
    logs: u64,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(context: BlockContext, state: WorldState, hashes: &'a [B256]) -> Self {
        Self { context, state, hashes, transactions: Vec::new(), receipts: Vec::new(), gas_used: 0, logs: 0 }
    }

    pub(super) fn gas_left(&self) -> u64 {
        self.context.gas_limit.saturating_sub(self.gas_used)
    }

    pub(super) fn view(&self) -> StateView<'_> {
        StateView { state: &self.state, hashes: self.hashes }
    }

    /// Takes transactions from `pool`, best first, until none fits; what can't be executed is thrown out.
    pub(super) fn fill_from(&mut self, pool: &mut Pool) {
        while let Some(tx) = pool.best(&self.state, self.context.base_fee, self.gas_left()) {
            pool.remove(&tx);
            let outcome = execute(self.view(), &self.context, signed_tx_env(&tx), Strictness::Transaction);
            if let Ok((result, changes)) = outcome {
                self.state.commit(changes);
                self.include(tx, result);
            }
        }
    }

    /// Adds an executed transaction with its receipt.
    pub(super) fn include(&mut self, tx: Recovered<TxEnvelope>, result: ExecutionResult) {
        self.gas_used += result.tx_gas_used();
        let gas_used = result.tx_gas_used();
        let contract_address = result.created_address();
        let success = result.is_success();
        let logs = if success { result.into_logs() } else { Vec::new() };
        let first_log = self.logs;
        self.logs += u64::try_from(logs.len()).expect("a length fits 64 bits");
        let envelope = receipt_envelope(tx.tx_type(), success, self.gas_used, logs);
        self.receipts.push(MinedReceipt { envelope, gas_used, contract_address, first_log });
        self.transactions.push(tx);
    }

    /// Credits the withdrawals, works out the roots and seals the block.
    pub(super) fn seal(
        mut self,
        parent_hash: B256,
        withdrawals: Vec<eip4895::Withdrawal>,
        deposit_contract: Address,
    ) -> (MinedBlock, WorldState) {
        for withdrawal in &withdrawals {
            self.state.credit(withdrawal.address, withdrawal.amount_wei());
        }
        let envelopes: Vec<_> = self.receipts.iter().map(|receipt| receipt.envelope.clone()).collect();
        let logs_bloom = envelopes.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
        let deposits = envelopes.iter().flat_map(ReceiptEnvelope::logs);
        let deposits = deposits.filter_map(|log| DepositEvent::from_log(log, deposit_contract));
        let header = Header {
            parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: self.context.beneficiary,
            state_root: self.state.root(),
            transactions_root: proofs::calculate_transaction_root(&self.transactions),
            receipts_root: proofs::calculate_receipt_root(&envelopes),
            logs_bloom,
            difficulty: U256::ZERO,
            number: self.context.number,
            gas_limit: self.context.gas_limit,
            gas_used: self.gas_used,
            timestamp: self.context.timestamp,
            extra_data: Bytes::from_static(b"nexus-devnet"),
            mix_hash: self.context.prevrandao,
            nonce: B64::ZERO,
            base_fee_per_gas: Some(self.context.base_fee),
            withdrawals_root: Some(proofs::calculate_withdrawals_root(&withdrawals)),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(requests_hash(deposits)),
            ..Header::default()
        };
        let block = MinedBlock {
            header: header.seal_slow(),
            transactions: self.transactions,
            receipts: self.receipts,
            withdrawals,
        };
        (block, self.state)
    }
}

/// Returns the base fee of the block after `parent` (EIP-1559), in wei per gas.
pub(super) fn next_base_fee(parent: &Header) -> u64 {
    parent.next_block_base_fee(BaseFeeParams::ethereum()).unwrap_or_default()
}

/// Returns the randomness of a block: of its parent, and of how often this chain has been reorganised, so that a
/// block that replaces another never has its hash.
pub(super) fn prevrandao(parent: B256, number: u64, reorgs: u64) -> B256 {
    keccak256([parent.as_slice(), &number.to_be_bytes(), &reorgs.to_be_bytes()].concat())
}

/// Returns the commitment to the block's deposits (EIP-7685, request type 0).
fn requests_hash(deposits: impl Iterator<Item = DepositEvent>) -> B256 {
    let mut request = vec![0];
    deposits.for_each(|deposit| request.extend(deposit.to_request()));
    if request.len() == 1 {
        return EMPTY_REQUESTS_HASH;
    }
    B256::new(Sha256::digest(Sha256::digest(&request)).into())
}

fn receipt_envelope(
    kind: TxType,
    success: bool,
    cumulative_gas_used: u64,
    logs: Vec<Log>,
) -> ReceiptEnvelope {
    let receipt = Receipt { status: Eip658Value::Eip658(success), cumulative_gas_used, logs }.with_bloom();
    match kind {
        TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
        TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
        TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
        TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
        TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
    }
}
