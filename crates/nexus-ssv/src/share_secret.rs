//! One operator's share of a validator key.

use bls12_381::Scalar;
use nexus_keys::{KeyError, ValidatorKey};
use nexus_primitives::{BlsSignature, ValidatorPubkey};
use zeroize::Zeroizing;

use crate::scalar;

/// Digits of a share's text, after an optional `0x`.
const DIGITS: usize = 64;

/// The share of one operator: a scalar `0 < s < r`, itself a BLS secret key.
///
/// # Security
/// Kept like a validator key: no `Clone`, `Debug`, `Display` or `Serialize`, overwritten when dropped. A threshold
/// of them is the validator key.
pub struct ShareSecret(ValidatorKey);

/// Why a plaintext isn't a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareSecretError {
    /// Not 64 hexadecimal digits, with or without `0x`. The text itself is kept out of the error.
    #[error("not 64 hexadecimal digits with or without 0x, but {len} other bytes")]
    Text {
        /// Bytes of the text.
        len: usize,
    },
    /// Zero or not below the group order.
    #[error(transparent)]
    Range(#[from] KeyError),
}

impl ShareSecret {
    /// Reads the plaintext that operators decrypt: 64 hexadecimal digits, big endian, with `0x` (`ssv-keys`) or
    /// without (`ssv-dkg`, Anchor).
    pub fn from_text(text: &[u8]) -> Result<Self, ShareSecretError> {
        let digits = text.strip_prefix(b"0x").unwrap_or(text);
        let mut bytes = Zeroizing::new([0; 32]);
        if digits.len() != DIGITS || hex::decode_to_slice(digits, bytes.as_mut_slice()).is_err() {
            return Err(ShareSecretError::Text { len: text.len() });
        }
        Ok(Self(ValidatorKey::from_bytes(&bytes)?))
    }

    /// Takes a big-endian scalar; zero and anything not below the group order are refused.
    pub fn from_bytes(scalar: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        ValidatorKey::from_bytes(scalar).map(Self)
    }

    /// Returns the plaintext that is encrypted to an operator: `0x` and 64 lower-case digits, as `ssv-keys` does.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut digits = Zeroizing::new([0; DIGITS]);
        hex::encode_to_slice(self.expose_secret().as_slice(), digits.as_mut_slice())
            .expect("32 bytes have 64 digits");
        let mut text = Zeroizing::new(String::with_capacity(DIGITS.saturating_add(2)));
        text.push_str("0x");
        text.push_str(str::from_utf8(digits.as_slice()).expect("hexadecimal digits are ASCII"));
        text
    }

    /// Returns the share's public key: 48 bytes, a compressed G1 point.
    pub fn pubkey(&self) -> ValidatorPubkey {
        self.0.pubkey()
    }

    /// Signs 32 bytes with the share: a partial signature for [`combine_signatures`](crate::combine_signatures).
    pub fn sign_message(&self, message: &[u8; 32]) -> Result<BlsSignature, KeyError> {
        self.0.sign_message(message)
    }

    /// Returns the scalar, big endian.
    ///
    /// # Security
    /// Call as late as possible and copy only into zeroizing memory.
    pub fn expose_secret(&self) -> &Zeroizing<[u8; 32]> {
        self.0.expose_secret()
    }

    pub(crate) fn from_scalar(value: &Scalar) -> Option<Self> {
        Self::from_bytes(&scalar::to_be_bytes(value)).ok()
    }

    pub(crate) fn scalar(&self) -> Zeroizing<Scalar> {
        scalar::from_be_bytes(self.expose_secret()).expect("a share is below the order")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_plaintext_forms_are_read_and_leading_zeros_are_kept() {
        let digits = format!("{:064x}", 0xabcd);
        let plain = ShareSecret::from_text(digits.as_bytes()).unwrap();
        let prefixed = ShareSecret::from_text(format!("0x{digits}").as_bytes()).unwrap();
        assert_eq!(plain.pubkey(), prefixed.pubkey());
        assert_eq!(plain.to_text().as_str(), format!("0x{digits}"));
    }

    #[test]
    fn other_plaintexts_are_refused_without_being_repeated() {
        #[track_caller]
        fn check(text: &[u8], expected: ShareSecretError) {
            assert_eq!(ShareSecret::from_text(text).err(), Some(expected));
        }
        check(b"", ShareSecretError::Text { len: 0 });
        check(&[b'1'; 63], ShareSecretError::Text { len: 63 });
        check(&[b'1'; 66], ShareSecretError::Text { len: 66 });
        check(&[0xff; 64], ShareSecretError::Text { len: 64 });
        check(&[b'0'; 64], ShareSecretError::Range(KeyError::ScalarRange));
        check(&[b'f'; 64], ShareSecretError::Range(KeyError::ScalarRange));
    }
}
