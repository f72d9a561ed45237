//! What binds keyshares to one registration: the owner and its nonce.

use nexus_keys::{KeyError, ValidatorKey};
use nexus_primitives::{
    Address, BlsSignature, OwnerNonce, ValidatorPubkey,
    bls::{self, BlsError},
    keccak256,
};

/// The owner of an SSV cluster and the nonce its next registration will have.
///
/// The validator key signs both, so that nobody can take the shares out of the mempool into a cluster of their own
/// and nobody can register an old set again. SSV's nodes check it, its contract doesn't: a wrong nonce costs a
/// registration that pays fees and never runs.
///
/// Nodes written in Go count nonces modulo 65 536; an owner with more registrations signs `nonce % 65536`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Registration {
    /// The account that registers: for Nexus, the proxy contract.
    pub owner: Address,
    /// Number of registrations the owner has made before this one.
    pub nonce: OwnerNonce,
}

impl Registration {
    /// Names the owner and its nonce.
    pub const fn new(owner: Address, nonce: OwnerNonce) -> Self {
        Self { owner, nonce }
    }

    /// Returns the signed text: the address in EIP-55 case, a colon, the nonce in decimal.
    pub fn message(&self) -> String {
        format!("{}:{}", self.owner.to_checksum(), self.nonce)
    }

    /// Returns the Keccak-256 digest of [`Self::message`], the 32 bytes that BLS signs. There is no SSZ domain.
    pub fn digest(&self) -> [u8; 32] {
        keccak256(self.message().as_bytes())
    }

    /// Signs with the whole validator key (not with a share).
    pub fn sign(&self, key: &ValidatorKey) -> Result<BlsSignature, KeyError> {
        key.sign_message(&self.digest())
    }

    /// Verifies a signature by the validator's key.
    pub fn verify(&self, pubkey: &ValidatorPubkey, signature: &BlsSignature) -> Result<(), BlsError> {
        bls::verify(pubkey, &self.digest(), signature)
    }
}
