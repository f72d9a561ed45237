//! Blocks as they are kept, and what others are told about them.

use alloy::{
    consensus::{
        BlockBody, BlockHeader as _, Header, ReceiptEnvelope, Sealed, Transaction as _, TxEnvelope,
        transaction::Recovered,
    },
    eips::{Encodable2718, eip4895},
    network::TransactionResponse as _,
    primitives::{Address, B256, U256},
    rpc::types::{Block, BlockTransactions, Header as RpcHeader, Log, Transaction, TransactionReceipt},
};

/// A block's name and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRef {
    /// Height above genesis.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
    /// Seconds since 1970.
    pub timestamp: u64,
}

/// ETH that arrives from the consensus layer (EIP-4895).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// Running number of the withdrawal, from 0.
    pub index: u64,
    /// The validator whose balance it was.
    pub validator_index: u64,
    /// Who receives it.
    pub address: Address,
    /// Amount in gwei.
    pub amount_gwei: u64,
}

impl From<Withdrawal> for eip4895::Withdrawal {
    fn from(withdrawal: Withdrawal) -> Self {
        Self {
            index: withdrawal.index,
            validator_index: withdrawal.validator_index,
            address: withdrawal.address,
            amount: withdrawal.amount_gwei,
        }
    }
}

/// A block with its body and what its transactions did.
#[derive(Debug, Clone)]
pub(super) struct MinedBlock {
    pub(super) header: Sealed<Header>,
    pub(super) transactions: Vec<Recovered<TxEnvelope>>,
    pub(super) receipts: Vec<MinedReceipt>,
    pub(super) withdrawals: Vec<eip4895::Withdrawal>,
}

/// A receipt, and what its RPC form needs beside it.
#[derive(Debug, Clone)]
pub(super) struct MinedReceipt {
    pub(super) envelope: ReceiptEnvelope,
    pub(super) gas_used: u64,
    pub(super) contract_address: Option<Address>,
    /// How many logs of the block come before this receipt's.
    pub(super) first_log: u64,
}

impl MinedBlock {
    /// Returns the block's name and time.
    pub(super) fn reference(&self) -> BlockRef {
        BlockRef { number: self.header.number, hash: self.header.hash(), timestamp: self.header.timestamp }
    }

    /// Returns the header.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn base_fee(&self) -> u64 {
        self.header.base_fee_per_gas().unwrap_or_default()
    }

    pub(super) fn rpc_block(&self, hydrated: bool) -> Block {
        let transactions = if hydrated {
            BlockTransactions::Full(
                (0..self.transactions.len()).filter_map(|i| self.rpc_transaction(i)).collect(),
            )
        } else {
            BlockTransactions::Hashes(self.transactions.iter().map(|tx| *tx.tx_hash()).collect())
        };
        Block {
            header: RpcHeader::from_consensus(self.header.clone(), None, Some(self.size())),
            uncles: Vec::new(),
            transactions,
            withdrawals: Some(self.withdrawals.clone().into()),
        }
    }

    /// Returns the length of the block's RLP in bytes.
    fn size(&self) -> U256 {
        let body = BlockBody {
            transactions: self.transactions.iter().map(|tx| tx.inner().clone()).collect(),
            ommers: Vec::new(),
            withdrawals: Some(self.withdrawals.clone().into()),
        };
        U256::from(alloy::consensus::Block::rlp_length_for(self.header(), &body))
    }

    pub(super) fn rpc_transaction(&self, index: usize) -> Option<Transaction> {
        let inner = self.transactions.get(index)?.clone();
        Some(Transaction {
            effective_gas_price: Some(inner.effective_gas_price(self.header.base_fee_per_gas)),
            inner,
            block_hash: Some(self.header.hash()),
            block_number: Some(self.header.number),
            transaction_index: u64::try_from(index).ok(),
            block_timestamp: Some(self.header.timestamp),
        })
    }

    pub(super) fn rpc_receipt(&self, index: usize) -> Option<TransactionReceipt> {
        let transaction = self.rpc_transaction(index)?;
        let receipt = self.receipts.get(index)?;
        let logs = self.receipt_logs(index);
        Some(TransactionReceipt {
            inner: with_rpc_logs(&receipt.envelope, logs),
            transaction_hash: transaction.tx_hash(),
            transaction_index: transaction.transaction_index,
            block_hash: transaction.block_hash,
            block_number: transaction.block_number,
            gas_used: receipt.gas_used,
            effective_gas_price: transaction.effective_gas_price.unwrap_or_default(),
            blob_gas_used: None,
            blob_gas_price: None,
            from: transaction.inner.signer(),
            to: transaction.inner.to(),
            contract_address: receipt.contract_address,
        })
    }

    /// Returns every log of the block, in order.
    pub(super) fn rpc_logs(&self) -> Vec<Log> {
        (0..self.receipts.len()).flat_map(|index| self.receipt_logs(index)).collect()
    }

    fn receipt_logs(&self, index: usize) -> Vec<Log> {
        let (Some(receipt), Some(transaction)) = (self.receipts.get(index), self.transactions.get(index))
        else {
            return Vec::new();
        };
        receipt
            .envelope
            .logs()
            .iter()
            .zip(receipt.first_log..)
            .map(|(log, log_index)| Log {
                inner: log.clone(),
                block_hash: Some(self.header.hash()),
                block_number: Some(self.header.number),
                block_timestamp: Some(self.header.timestamp),
                transaction_hash: Some(*transaction.tx_hash()),
                transaction_index: u64::try_from(index).ok(),
                log_index: Some(log_index),
                removed: false,
            })
            .collect()
    }

    pub(super) fn raw_transaction(&self, index: usize) -> Option<Vec<u8>> {
        self.transactions.get(index).map(Encodable2718::encoded_2718)
    }
}

fn with_rpc_logs(envelope: &ReceiptEnvelope, logs: Vec<Log>) -> ReceiptEnvelope<Log> {
    let mut logs = logs.into_iter();
    envelope.clone().map_logs(|_| logs.next().expect("one RPC log for each of the receipt's logs"))
}
