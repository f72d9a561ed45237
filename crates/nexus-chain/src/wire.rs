//! The parts of JSON-RPC answers that are read here, as serde structs without logic of their own (execution-apis).

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use nexus_primitives::{BlockHash, BlockNumber, TxHash, UnixSeconds, Wei};
use serde::Deserialize;

use crate::BlockRef;

/// A block, without its transactions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireBlock {
    pub(crate) number: U64,
    pub(crate) hash: B256,
    pub(crate) parent_hash: B256,
    pub(crate) timestamp: U64,
}

/// A receipt.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireReceipt {
    pub(crate) transaction_hash: B256,
    pub(crate) block_hash: B256,
    pub(crate) block_number: U64,
    pub(crate) status: U64,
    pub(crate) gas_used: U256,
    #[serde(default)]
    pub(crate) effective_gas_price: Option<U256>,
}

/// `eth_feeHistory`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireFeeHistory {
    pub(crate) base_fee_per_gas: Vec<U256>,
    #[serde(default)]
    pub(crate) reward: Option<Vec<Vec<U256>>>,
}

/// One block of `eth_simulateV1`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WireSimulatedBlock {
    pub(crate) calls: Vec<WireSimulatedCall>,
}

/// One call of `eth_simulateV1`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireSimulatedCall {
    pub(crate) status: U64,
    pub(crate) gas_used: U64,
    #[serde(default)]
    pub(crate) return_data: Bytes,
    #[serde(default)]
    pub(crate) error: Option<WireSimulatedError>,
}

/// Why a simulated call failed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WireSimulatedError {
    #[serde(default)]
    pub(crate) data: Option<Bytes>,
}

impl WireBlock {
    pub(crate) fn to_ref(&self) -> BlockRef {
        BlockRef {
            number: BlockNumber::new(self.number.to()),
            hash: BlockHash::new(self.hash.0),
            timestamp: UnixSeconds::new(self.timestamp.to()),
        }
    }
}

impl WireReceipt {
    pub(crate) fn hash(&self) -> TxHash {
        TxHash::new(self.transaction_hash.0)
    }

    /// Gas times effective price; without a price in the receipt, nothing is claimed.
    pub(crate) fn fee(&self) -> Wei {
        Wei::new(self.gas_used.saturating_mul(self.effective_gas_price.unwrap_or_default()))
    }
}

/// Writes a number as JSON-RPC does: hexadecimal without leading zeros.
pub(crate) fn quantity(number: u64) -> String {
    format!("0x{number:x}")
}

/// Returns the storage word as the address in its last 20 bytes; `None` for a zero word.
pub(crate) fn address_in_word(word: B256) -> Option<Address> {
    (word != B256::ZERO).then(|| Address::from_word(word))
}
