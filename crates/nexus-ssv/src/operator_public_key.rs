//! An SSV operator's RSA public key, in the forms in which it travels.
//!
//! The SSV network passes it around as base64 of a PEM text whose label says `RSA PUBLIC KEY` (PKCS#1) while its
//! body is a `SubjectPublicKeyInfo`. On chain, `OperatorAdded.publicKey` holds that base64 ABI-encoded once more.
//!
//! # Why the RSA timing advisory doesn't apply
//!
//! RUSTSEC-2023-0071 ("Marvin") lets someone who can time many decryptions recover a plaintext. Splitting uses the
//! public key only: `m^e mod n` with a public exponent, on a plaintext that is encrypted once, and no private key
//! exists in the process. Private operations belong to operators; see
//! [`OperatorPrivateKey`](crate::OperatorPrivateKey).

use std::{fmt, iter, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand_core::CryptoRng;
use rsa::{
    pkcs1::{self, RsaPublicKeyRef},
    pkcs8::{EncodePublicKey as _, SubjectPublicKeyInfoRef, der::Decode as _},
    traits::PublicKeyParts as _,
};
use zeroize::Zeroizing;

use crate::{EncryptedShare, ShareSecret, abi_bytes, pem};

/// Label that SSV puts on the PEM text, whatever its body.
const LABEL: &str = "RSA PUBLIC KEY";
/// Label that a `SubjectPublicKeyInfo` has everywhere else; read, never written.
const SPKI_LABEL: &str = "PUBLIC KEY";

/// Bits of the modulus; another size would change the length of the ciphertext and break the shares layout.
const MODULUS_BITS: usize = 2048;
/// The one public exponent that SSV's operators have.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// No honest modulus has a prime factor below this; five of six damaged ones do.
const SMALL_FACTORS: u64 = 1000;

/// The RSA-2048 key to which an operator's share is encrypted. Two keys are equal when modulus and exponent are.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorPublicKey(rsa::PublicKey);

/// Why a text isn't an operator's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorKeyError {
    /// The outer text isn't base64.
    #[error("key is not base64 of a PEM text")]
    Base64,
    /// The decoded text isn't PEM.
    #[error(transparent)]
    Pem(#[from] pem::PemError),
    /// PEM of something else, a private key for example.
    #[error("key is a PEM {found:?}, expected {LABEL:?}")]
    Label {
        /// The label found.
        found: String,
    },
    /// A well-formed key of another algorithm.
    #[error("key is not RSA, its algorithm is {oid}")]
    NotRsa {
        /// Object identifier of the algorithm.
        oid: String,
    },
    /// The body is neither `SubjectPublicKeyInfo` nor PKCS#1.
    #[error("key is not RSA: its body is neither SubjectPublicKeyInfo nor PKCS#1")]
    Der,
    /// Not a 2048-bit modulus.
    #[error("modulus has {bits} bits, expected {MODULUS_BITS}")]
    Modulus {
        /// Bits found.
        bits: usize,
    },
    /// Not the exponent 65537.
    #[error("public exponent is 0x{found}, expected 0x010001")]
    Exponent {
        /// The exponent in hexadecimal.
        found: String,
    },
    /// The modulus has a small factor: the key is damaged, and others could open what is encrypted to it.
    #[error("modulus is divisible by {factor}, the key is damaged")]
    Factor {
        /// The smallest factor.
        factor: u64,
    },
    /// Modulus and exponent make no key.
    #[error("modulus and exponent are not an RSA key")]
    Invalid,
    /// The bytes of an event aren't text.
    #[error("event bytes are not a text")]
    EventText,
}

/// Encryption failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("encrypting a share to {key:?}")]
pub struct EncryptError {
    key: OperatorPublicKey,
    source: rsa::Error,
}

impl OperatorPublicKey {
    /// Reads the bytes of `OperatorAdded.publicKey`: the ABI-encoded text (704 bytes), or the bare text.
    pub fn from_event_bytes(bytes: &[u8]) -> Result<Self, OperatorKeyError> {
        let text = abi_bytes::unwrap(bytes).unwrap_or(bytes);
        str::from_utf8(text).map_err(|_| OperatorKeyError::EventText)?.parse()
    }

    /// Returns the bytes that `OperatorAdded.publicKey` holds for this key.
    pub fn to_event_bytes(&self) -> Vec<u8> {
        abi_bytes::wrap(self.to_text().as_bytes())
    }

    /// Returns the canonical `operatorKey` text: base64 of a PEM with the SPKI body in 64-column lines.
    pub fn to_text(&self) -> String {
        BASE64_STANDARD.encode(pem::encode(LABEL, &self.to_spki_der()))
    }

    /// Encrypts a share's text with PKCS#1 v1.5 padding, as operators expect it.
    pub fn encrypt<R: CryptoRng + ?Sized>(
        &self,
        share: &ShareSecret,
        rng: &mut R,
    ) -> Result<EncryptedShare, EncryptError> {
        let plaintext: Zeroizing<String> = share.to_text();
        self.encrypt_text(&plaintext, rng)
    }

    /// Encrypts a share's 64 digits without `0x`, as operators of DKG ceremonies encrypt their own.
    pub fn encrypt_digits<R: CryptoRng + ?Sized>(
        &self,
        share: &ShareSecret,
        rng: &mut R,
    ) -> Result<EncryptedShare, EncryptError> {
        let plaintext: Zeroizing<String> = share.to_text();
        self.encrypt_text(plaintext.trim_start_matches("0x"), rng)
    }

    fn encrypt_text<R: CryptoRng + ?Sized>(
        &self,
        text: &str,
        rng: &mut R,
    ) -> Result<EncryptedShare, EncryptError> {
        let ciphertext = self
            .0
            .pkcs1v15_encrypt_with_rng(rng, text.as_bytes())
            .map_err(|source| EncryptError { key: self.clone(), source })?;
        let bytes = ciphertext.try_into().expect("a ciphertext is as long as the 2048-bit modulus");
        Ok(EncryptedShare::new(bytes))
    }

    pub(crate) fn as_rsa(&self) -> &rsa::PublicKey {
        &self.0
    }

    pub(crate) fn from_rsa(key: rsa::PublicKey) -> Result<Self, OperatorKeyError> {
        check_parts(&key.n_bytes(), &key.e_bytes())?;
        Ok(Self(key))
    }

    fn from_der(der: &[u8]) -> Result<Self, OperatorKeyError> {
        let parsed = match SubjectPublicKeyInfoRef::from_der(der) {
            Ok(info) if info.algorithm.oid == pkcs1::ALGORITHM_OID => {
                let key = info.subject_public_key.as_bytes().ok_or(OperatorKeyError::Der)?;
                RsaPublicKeyRef::from_der(key)
            }
            Ok(info) => return Err(OperatorKeyError::NotRsa { oid: info.algorithm.oid.to_string() }),
            Err(_) => RsaPublicKeyRef::from_der(der),
        };
        let parts = parsed.map_err(|_| OperatorKeyError::Der)?;
        check_parts(parts.modulus.as_bytes(), parts.public_exponent.as_bytes())?;
        parts.try_into().map(Self).map_err(|_| OperatorKeyError::Invalid)
    }

    fn to_spki_der(&self) -> Vec<u8> {
        self.0.to_public_key_der().expect("a 2048-bit key has an encoding").into_vec()
    }
}

/// Checks size and exponent before any arithmetic is done with them.
fn check_parts(modulus: &[u8], exponent: &[u8]) -> Result<(), OperatorKeyError> {
    let leading_zeros = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len().saturating_mul(8).saturating_sub(leading_zeros);
    if bits != MODULUS_BITS {
        return Err(OperatorKeyError::Modulus { bits });
    }
    if exponent != EXPONENT {
        return Err(OperatorKeyError::Exponent { found: hex::encode(exponent) });
    }
    match small_factor(modulus) {
        Some(factor) => Err(OperatorKeyError::Factor { factor }),
        None => Ok(()),
    }
}

fn small_factor(modulus: &[u8]) -> Option<u64> {
    // 256 bytes, so no byte is left over.
    let (words, _) = modulus.as_chunks();
    let words: Vec<_> = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).collect();
    iter::once(2).chain((3..SMALL_FACTORS).step_by(2)).find(|factor| {
        let remainder = words.iter().try_fold(0_u64, |rest, word| ((rest << 32) | word).checked_rem(*factor));
        remainder == Some(0)
    })
}

impl FromStr for OperatorPublicKey {
    type Err = OperatorKeyError;

    /// Reads the `operatorKey` text. PEM lines may end in LF or CRLF; a PKCS#1 body is accepted too.
    fn from_str(text: &str) -> Result<Self, OperatorKeyError> {
        let pem_text = BASE64_STANDARD.decode(text.trim()).map_err(|_| OperatorKeyError::Base64)?;
        let pem_text = str::from_utf8(&pem_text).map_err(|_| OperatorKeyError::Base64)?;
        let (label, der) = pem::decode(pem_text)?;
        if label != LABEL && label != SPKI_LABEL {
            return Err(OperatorKeyError::Label { found: label.to_owned() });
        }
        Self::from_der(&der)
    }
}

impl fmt::Display for OperatorPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for OperatorPublicKey {
    /// Shows the start of the modulus, enough to tell keys apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start: Vec<u8> = self.0.n_bytes().iter().take(8).copied().collect();
        write!(f, "RSA-2048 key 0x{}…", hex::encode(start))
    }
}
