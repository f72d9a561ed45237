//! Signing transactions.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::{Decodable2718 as _, Encodable2718 as _, eip2930::AccessList},
    primitives::{Bytes, TxKind, U256},
    signers::SignerSync as _,
};
use async_trait::async_trait;
use nexus_primitives::{Address, ChainId, TxHash, Wei};

use crate::{
    KeystoreSigner,
    alloy_types::{from_alloy, to_alloy},
};

/// An EIP-1559 transaction that sends no ETH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedTx {
    /// The only chain it is valid on (EIP-155).
    pub chain_id: ChainId,
    /// The sender's transaction count.
    pub nonce: u64,
    /// The contract that is called.
    pub to: Address,
    /// Selector and arguments.
    pub data: Vec<u8>,
    /// Most gas it may use.
    pub gas_limit: u64,
    /// `maxFeePerGas`, in wei.
    pub max_fee: Wei,
    /// `maxPriorityFeePerGas`, in wei.
    pub priority_fee: Wei,
}

impl UnsignedTx {
    /// Reads the transaction back from its signed bytes; `None` when they are no call of this kind.
    pub fn from_raw(raw: &[u8]) -> Option<Self> {
        let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(raw).ok()? else { return None };
        let tx = signed.tx();
        Some(Self {
            chain_id: ChainId::new(tx.chain_id),
            nonce: tx.nonce,
            to: from_alloy(*tx.to.to()?),
            data: tx.input.to_vec(),
            gas_limit: tx.gas_limit,
            max_fee: Wei::new(U256::from(tx.max_fee_per_gas)),
            priority_fee: Wei::new(U256::from(tx.max_priority_fee_per_gas)),
        })
    }
}

/// A transaction ready to be broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTx {
    /// The bytes (EIP-2718).
    pub raw: Vec<u8>,
    /// Their hash, by which receipts are found.
    pub hash: TxHash,
}

/// A key that signs transactions, wherever it is kept.
#[cfg_attr(feature = "test-utils", mockall::automock)]
#[async_trait]
pub trait TxSigner: Send + Sync {
    /// Returns the account the key belongs to.
    fn address(&self) -> Address;

    /// Signs the transaction as it is.
    async fn sign(&self, tx: &UnsignedTx) -> Result<SignedTx, SignerError>;
}

const _: Option<&dyn TxSigner> = None;

/// Why a transaction couldn't be signed. Carries nothing of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// A fee doesn't fit the transaction format.
    #[error("fee of {0} wei per gas is above 2^128 - 1")]
    Fee(Wei),
    /// The key, or what keeps it, refused.
    #[error("signing as {address}")]
    Key {
        /// The account.
        address: Address,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[async_trait]
impl TxSigner for KeystoreSigner {
    fn address(&self) -> Address {
        self.account()
    }

    async fn sign(&self, tx: &UnsignedTx) -> Result<SignedTx, SignerError> {
        let tx = typed(tx)?;
        let signature = self.key().sign_hash_sync(&tx.signature_hash());
        let signature = signature
            .map_err(|source| SignerError::Key { address: self.account(), source: source.into() })?;
        let signed = tx.into_signed(signature);
        Ok(SignedTx { raw: signed.encoded_2718(), hash: TxHash::new(signed.hash().0) })
    }
}

fn typed(tx: &UnsignedTx) -> Result<TxEip1559, SignerError> {
    let fee = |wei: Wei| u128::try_from(wei.get()).map_err(|_| SignerError::Fee(wei));
    Ok(TxEip1559 {
        chain_id: tx.chain_id.get(),
        nonce: tx.nonce,
        gas_limit: tx.gas_limit,
        max_fee_per_gas: fee(tx.max_fee)?,
        max_priority_fee_per_gas: fee(tx.priority_fee)?,
        to: TxKind::Call(to_alloy(tx.to)),
        value: U256::ZERO,
        access_list: AccessList::default(),
        input: Bytes::copy_from_slice(&tx.data),
    })
}

#[cfg(test)]
mod tests {
    use alloy::consensus::Transaction as _;

    use super::*;
    use crate::keystore_signer::tests::example_signer;

    fn unsigned() -> UnsignedTx {
        UnsignedTx {
            chain_id: ChainId::new(560_048),
            nonce: 7,
            to: Address::new([0x4e; 20]),
            data: vec![1, 2, 3],
            gas_limit: 300_000,
            max_fee: Wei::from_gwei_text("60").unwrap(),
            priority_fee: Wei::from_gwei_text("2").unwrap(),
        }
    }

    #[tokio::test]
    async fn the_signed_bytes_recover_to_the_signer_and_carry_every_field() {
        let key = example_signer();
        let signed = key.sign(&unsigned()).await.unwrap();
        let decoded = TxEnvelope::decode_2718(&mut signed.raw.as_slice()).unwrap();
        let TxEnvelope::Eip1559(inner) = &decoded else { panic!("not an EIP-1559 transaction: {decoded:?}") };
        let recovered = inner.signature().recover_address_from_prehash(&inner.signature_hash()).unwrap();
        assert_eq!(to_alloy(key.address()), recovered);
        assert_eq!(UnsignedTx::from_raw(&signed.raw), Some(unsigned()));
        assert_eq!(decoded.tx_hash().0, signed.hash.into_bytes());
        assert_eq!((decoded.chain_id(), decoded.nonce(), decoded.gas_limit()), (Some(560_048), 7, 300_000));
        assert_eq!(decoded.max_fee_per_gas(), 60_000_000_000);
        assert_eq!(decoded.max_priority_fee_per_gas(), Some(2_000_000_000));
        assert_eq!(decoded.to(), Some(to_alloy(Address::new([0x4e; 20]))));
        assert_eq!((decoded.value(), decoded.input().as_ref()), (U256::ZERO, [1, 2, 3].as_slice()));
    }

    #[tokio::test]
    async fn a_fee_beyond_the_format_is_refused() {
        let tx = UnsignedTx { max_fee: Wei::MAX, ..unsigned() };
        assert!(matches!(example_signer().sign(&tx).await, Err(SignerError::Fee(_))));
    }
}
