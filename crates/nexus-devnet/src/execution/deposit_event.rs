//! Deposits, as the deposit contract announces them.

use alloy::{
    primitives::{Address, B256, Log, b256},
    sol_types::{SolType, sol_data},
};
use nexus_primitives::{BlsSignature, Gwei, ValidatorPubkey};

/// Topic of `DepositEvent(bytes,bytes,bytes,bytes,bytes)`.
const DEPOSIT_EVENT: B256 = b256!("0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");

type DepositData = (sol_data::Bytes, sol_data::Bytes, sol_data::Bytes, sol_data::Bytes, sol_data::Bytes);

/// One deposit as the consensus layer takes it in (EIP-6110 deposit request). Nothing in it is verified: the
/// contract accepts any signature and any credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositEvent {
    /// The validator's BLS public key, as 48 unchecked bytes.
    pub pubkey: ValidatorPubkey,
    /// The 32 bytes that say where the stake goes in the end.
    pub withdrawal_credentials: [u8; 32],
    /// Amount in gwei.
    pub amount: Gwei,
    /// Signature over the deposit message, as 96 unchecked bytes.
    pub signature: BlsSignature,
    /// Running number of the deposit, from 0.
    pub index: u64,
}

impl DepositEvent {
    /// Reads the event from a log of `contract`; `None` when it isn't one.
    pub(super) fn from_log(log: &Log, contract: Address) -> Option<Self> {
        if log.address != contract || log.topics() != [DEPOSIT_EVENT] {
            return None;
        }
        let (pubkey, credentials, amount, signature, index) =
            <DepositData as SolType>::abi_decode_params(&log.data.data).ok()?;
        Some(Self {
            pubkey: ValidatorPubkey::new(pubkey.as_ref().try_into().ok()?),
            withdrawal_credentials: credentials.as_ref().try_into().ok()?,
            amount: Gwei::new(u64::from_le_bytes(amount.as_ref().try_into().ok()?)),
            signature: BlsSignature::new(signature.as_ref().try_into().ok()?),
            index: u64::from_le_bytes(index.as_ref().try_into().ok()?),
        })
    }

    /// Returns the 192 bytes of the deposit request (EIP-6110).
    pub(super) fn to_request(&self) -> Vec<u8> {
        let mut request = Vec::with_capacity(192);
        request.extend_from_slice(self.pubkey.as_bytes());
        request.extend_from_slice(&self.withdrawal_credentials);
        request.extend_from_slice(&self.amount.get().to_le_bytes());
        request.extend_from_slice(self.signature.as_bytes());
        request.extend_from_slice(&self.index.to_le_bytes());
        request
    }
}
