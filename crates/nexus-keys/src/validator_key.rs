//! A validator's signing key.

use blst::min_pk::SecretKey;
use nexus_primitives::{
    BlsSignature, ValidatorPubkey,
    bls::{self, BlsError, ETHEREUM_DST},
    signing::SigningRoot,
};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The secret key of one validator: a scalar `0 < k < r` of BLS12-381.
///
/// # Security
/// Lives in one heap allocation that is overwritten when the key is dropped, and is never moved or copied. There is
/// no `Clone`, `Display`, `Serialize` or `PartialEq`, and `Debug` isn't implemented either; the scalar is read only
/// through [`Self::expose_secret`]. No error of this crate carries any of its bytes.
pub struct ValidatorKey {
    scalar: Box<Zeroizing<[u8; 32]>>,
    pubkey: ValidatorPubkey,
}

/// Why a key couldn't be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The 32 bytes are zero or not below the group order `r`.
    #[error("secret key is not a scalar between 1 and r - 1 of BLS12-381")]
    ScalarRange,
    /// A signature that was just made didn't verify: a fault of memory or processor. Nothing was handed out.
    #[error("a fresh signature by validator {pubkey} does not verify: hardware fault")]
    SelfCheck {
        /// The key that signed.
        pubkey: ValidatorPubkey,
        /// What verification said.
        source: BlsError,
    },
}

impl ValidatorKey {
    /// Takes a big-endian scalar; zero and anything not below the group order are refused.
    pub fn from_bytes(scalar: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        let key = SecretKey::from_bytes(scalar.as_slice()).map_err(|_| KeyError::ScalarRange)?;
        let mut boxed = Box::new(Zeroizing::new([0; 32]));
        boxed.copy_from_slice(scalar.as_slice());
        Ok(Self { scalar: boxed, pubkey: ValidatorPubkey::new(key.sk_to_pk().compress()) })
    }

    /// Returns the public key.
    pub fn pubkey(&self) -> ValidatorPubkey {
        self.pubkey
    }

    /// Signs a signing root of the consensus layer (a deposit message, a voluntary exit).
    pub fn sign(&self, root: &SigningRoot) -> Result<BlsSignature, KeyError> {
        self.sign_message(root.as_bytes())
    }

    /// Signs 32 bytes that aren't a consensus signing root: the Keccak-256 digest of SSV's `owner:nonce`.
    ///
    /// The signature is verified before it is returned.
    pub fn sign_message(&self, message: &[u8; 32]) -> Result<BlsSignature, KeyError> {
        let signature = self.secret_key().sign(message, ETHEREUM_DST, &[]);
        let signature = BlsSignature::new(signature.compress());
        bls::verify(&self.pubkey, message, &signature)
            .map_err(|source| KeyError::SelfCheck { pubkey: self.pubkey, source })?;
        Ok(signature)
    }

    /// Returns the scalar, big endian.
    ///
    /// # Security
    /// Whoever holds these bytes controls the validator. For splitting into shares and for sealing in a keystore;
    /// call as late as possible, copy only into zeroizing memory, don't keep the reference across an `await`.
    pub fn expose_secret(&self) -> &Zeroizing<[u8; 32]> {
        &self.scalar
    }

    /// Compares two keys in constant time.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.scalar.as_slice().ct_eq(other.scalar.as_slice()).into()
    }

    fn secret_key(&self) -> SecretKey {
        SecretKey::from_bytes(self.scalar.as_slice()).expect("the range was checked when the key was built")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

    fn key(hex: &str) -> Result<ValidatorKey, KeyError> {
        let mut scalar = Zeroizing::new([0; 32]);
        hex::decode_to_slice(hex, scalar.as_mut_slice()).unwrap();
        ValidatorKey::from_bytes(&scalar)
    }

    #[test]
    fn only_scalars_between_one_and_the_order_are_taken() {
        assert_eq!(key(&"00".repeat(32)).err(), Some(KeyError::ScalarRange));
        assert_eq!(key(ORDER).err(), Some(KeyError::ScalarRange));
        assert_eq!(key(&"ff".repeat(32)).err(), Some(KeyError::ScalarRange));
        assert!(key(&format!("{}01", "00".repeat(31))).is_ok());
        assert!(key(&ORDER.replace("00000001", "00000000")).is_ok());
    }

    #[test]
    fn equality_is_that_of_the_scalars() {
        let one = key(&format!("{}01", "00".repeat(31))).unwrap();
        let two = key(&format!("{}02", "00".repeat(31))).unwrap();
        assert!(one.ct_eq(&one));
        assert!(!one.ct_eq(&two));
    }
}
