//! The operator's side: opening an encrypted share.

use nexus_primitives::ValidatorPubkey;
use rand_core::CryptoRng;
use rsa::{pkcs1::DecodeRsaPrivateKey as _, pkcs8::DecodePrivateKey as _};
use zeroize::Zeroizing;

use crate::{EncryptedShare, OperatorKeyError, OperatorPublicKey, ShareSecret, ShareSecretError};

/// Bits of a generated key, the only size that SSV takes.
const MODULUS_BITS: usize = 2048;

/// The RSA private key with which an operator opens its shares and signs its messages in DKG ceremonies.
///
/// Nexus never has one of a real operator: this is for operators, their devnet stand-ins, and tests.
///
/// # Security
/// No `Clone`, `Debug`, `Display` or `Serialize`; overwritten when dropped. Decryption isn't constant time
/// (RUSTSEC-2023-0071): don't decrypt ciphertexts of strangers where they can time it. A share is decrypted once,
/// after a transaction was mined, and no answer goes back to whoever encrypted it.
pub struct OperatorPrivateKey(rsa::PrivateKey);

/// Why a text isn't an operator's private key, or why none could be made. The text is kept out of the error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorPrivateKeyError {
    /// Neither PKCS#1 nor PKCS#8 PEM.
    #[error("not an RSA private key in PEM (PKCS#1 or PKCS#8)")]
    Pem,
    /// A private key that no SSV operator can have.
    #[error(transparent)]
    Key(#[from] OperatorKeyError),
    /// Key generation failed.
    #[error("generating an RSA key")]
    Generate(#[source] rsa::Error),
}

/// Why an encrypted share isn't the one that was promised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The ciphertext isn't below the modulus: it was made for another key, or damaged.
    #[error("ciphertext can't be decrypted with this key")]
    Ciphertext(#[source] rsa::Error),
    /// What was decrypted is no share: it was encrypted to another key, or damaged.
    #[error("decrypted text is no share")]
    Plaintext(#[source] ShareSecretError),
    /// A share, but not the one whose public key is published beside it.
    #[error("decrypted share has the public key {found}, published is {expected}")]
    Pubkey {
        /// The published share public key.
        expected: ValidatorPubkey,
        /// The public key of what was decrypted.
        found: ValidatorPubkey,
    },
}

impl OperatorPrivateKey {
    /// Draws a new 2048-bit key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Result<Self, OperatorPrivateKeyError> {
        rsa::PrivateKey::new(rng, MODULUS_BITS).map(Self).map_err(OperatorPrivateKeyError::Generate)
    }

    /// Reads PEM: PKCS#1 (`RSA PRIVATE KEY`, what SSV's tools write) or PKCS#8 (`PRIVATE KEY`).
    pub fn from_pem(text: &str) -> Result<Self, OperatorPrivateKeyError> {
        let key = rsa::PrivateKey::from_pkcs1_pem(text)
            .or_else(|_| rsa::PrivateKey::from_pkcs8_pem(text))
            .map_err(|_| OperatorPrivateKeyError::Pem)?;
        OperatorPublicKey::from_rsa(key.to_public_key())?;
        Ok(Self(key))
    }

    pub(crate) fn as_rsa(&self) -> &rsa::PrivateKey {
        &self.0
    }

    /// Returns the public half, to register with the SSV network.
    pub fn public_key(&self) -> OperatorPublicKey {
        OperatorPublicKey::from_rsa(self.0.to_public_key()).expect("size and exponent were checked")
    }
}

/// Opens a share and checks it against the public key published beside it, as SSV's nodes do.
pub fn decrypt_share(
    key: &OperatorPrivateKey,
    encrypted: &EncryptedShare,
    expected: &ValidatorPubkey,
) -> Result<ShareSecret, DecryptError> {
    // Damaged padding decrypts to a synthetic text instead of an error; the public key below tells it apart.
    let text = key.0.pkcs1v15_decrypt(encrypted.as_bytes()).map_err(DecryptError::Ciphertext)?;
    let share = ShareSecret::from_text(&Zeroizing::new(text)).map_err(DecryptError::Plaintext)?;
    if share.pubkey() == *expected {
        Ok(share)
    } else {
        Err(DecryptError::Pubkey { expected: *expected, found: share.pubkey() })
    }
}
