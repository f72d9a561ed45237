//! Signatures with operators' RSA keys: RSASSA-PSS with SHA-256, as SSV's DKG operators sign their messages.
//!
//! # Why the RSA timing advisory doesn't apply
//!
//! RUSTSEC-2023-0071 ("Marvin") needs many private operations on inputs of the attacker's choice, timed. Verifying is a
//! public operation. Signing is blinded, over a padding with fresh randomness; outside of the devnet the only signer is
//! the initiator of a DKG ceremony, with a key that signs half a dozen messages and is thrown away.

use rand_core::CryptoRng;
use rsa::Pss;
use sha2::{Digest as _, Sha256};

use crate::{OperatorPrivateKey, OperatorPublicKey};

/// Bytes of a SHA-256 digest.
const DIGEST: usize = 32;
/// Bytes of a signature: those of a 2048-bit modulus.
const SIGNATURE: usize = 256;

/// How long the random salt in a signature is. Verifiers written in Go take any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PssSalt {
    /// As long as the digest, 32 bytes, as RFC 8017 recommends.
    Digest,
    /// As long as fits, 222 bytes: what signers written in Go use, SSV's operators among them.
    Maximum,
}

/// A signature isn't by this key, or not over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("RSA-PSS signature does not verify")]
pub struct PssMismatch;

/// Signing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing with an RSA key")]
pub struct PssError(#[source] rsa::Error);

impl OperatorPublicKey {
    /// Verifies an RSASSA-PSS signature (SHA-256, MGF1 with SHA-256) over `message`, whatever the length of its salt.
    pub fn verify_pss(&self, message: &[u8], signature: &[u8]) -> Result<(), PssMismatch> {
        let any_salt = Pss::<Sha256> { salt_len: None, ..Pss::new() };
        self.as_rsa().verify(any_salt, &Sha256::digest(message), signature).map_err(|_| PssMismatch)
    }
}

impl OperatorPrivateKey {
    /// Signs `message` with RSASSA-PSS (SHA-256, MGF1 with SHA-256). The private operation is blinded.
    pub fn sign_pss<R: CryptoRng + ?Sized>(
        &self,
        message: &[u8],
        salt: PssSalt,
        rng: &mut R,
    ) -> Result<[u8; SIGNATURE], PssError> {
        let salt_len = match salt {
            PssSalt::Digest => DIGEST,
            // RFC 8017 §9.1.1: the encoded message also holds the digest, 0x01 and 0xbc.
            PssSalt::Maximum => SIGNATURE.saturating_sub(DIGEST).saturating_sub(2),
        };
        let padding = Pss::<Sha256>::new_with_salt(salt_len);
        let signature = self.as_rsa().sign_with_rng(rng, padding, &Sha256::digest(message));
        let signature = signature.map_err(PssError)?;
        Ok(signature.try_into().expect("a signature is as long as the 2048-bit modulus"))
    }
}
