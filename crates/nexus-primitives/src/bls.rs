//! Verification of BLS signatures as Ethereum's consensus layer does it.

use blst::{BLST_ERROR, min_pk};

use crate::{BlsSignature, ValidatorPubkey};

/// Domain separation tag of Ethereum's signatures: minimal-pubkey-size, proof of possession
/// (consensus specification, "BLS Signatures").
pub const ETHEREUM_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// Why a signature isn't accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlsError {
    /// The public key isn't a point of G1, or is the point at infinity.
    #[error("public key is not a valid G1 point")]
    Pubkey,
    /// The signature isn't a point of G2.
    #[error("signature is not a valid G2 point")]
    Signature,
    /// Key and signature are well formed, and the signature is for another key or message.
    #[error("signature does not verify")]
    Mismatch,
}

/// Verifies `signature` over the 32-byte `message` under `pubkey`, with group checks on both points.
pub fn verify(
    pubkey: &ValidatorPubkey,
    message: &[u8; 32],
    signature: &BlsSignature,
) -> Result<(), BlsError> {
    let key = min_pk::PublicKey::key_validate(pubkey.as_bytes()).map_err(|_| BlsError::Pubkey)?;
    let signature = min_pk::Signature::from_bytes(signature.as_bytes()).map_err(|_| BlsError::Signature)?;
    match signature.verify(true, message, ETHEREUM_DST, &[], &key, false) {
        BLST_ERROR::BLST_SUCCESS => Ok(()),
        BLST_ERROR::BLST_POINT_NOT_IN_GROUP
        | BLST_ERROR::BLST_POINT_NOT_ON_CURVE
        | BLST_ERROR::BLST_BAD_ENCODING => Err(BlsError::Signature),
        _ => Err(BlsError::Mismatch),
    }
}

/// Checks that the 48 bytes are a point of G1 other than infinity.
pub fn validate_pubkey(pubkey: &ValidatorPubkey) -> Result<(), BlsError> {
    min_pk::PublicKey::key_validate(pubkey.as_bytes()).map(drop).map_err(|_| BlsError::Pubkey)
}
