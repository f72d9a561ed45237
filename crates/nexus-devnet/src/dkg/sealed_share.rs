//! What a dealer gives to one operator through everybody's hands: a share under a key that only the two know (ECIES).

use aes_gcm::{
    Aes256Gcm,
    aead::{AeadInOut as _, KeyInit as _},
};
use bls12_381::Scalar;
use blst::{
    MultiPoint as _,
    min_pk::{PublicKey, SecretKey},
};
use hkdf::Hkdf;
use nexus_primitives::BlsSignature;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::scalar;

/// A sealed share: an ephemeral point, the encrypted scalar, a tag.
pub(super) type SealedShare = [u8; POINT + SHARE + TAG];

const POINT: usize = 48;
const SHARE: usize = 32;
const TAG: usize = 16;
const KEY: usize = 32;
const NONCE: usize = 12;

/// Bits of a scalar, as blst's multiplication takes them.
const SCALAR_BITS: usize = 255;

/// Domain separation tag of bundles' signatures: not Ethereum's, which ends in `POP_`.
const BUNDLE_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";

/// The ephemeral key of an operator in one ceremony: shares are sealed to it, and it signs the operator's bundles.
///
/// # Security
/// No `Clone`, `Debug` or `Serialize`; blst overwrites it when dropped. Not for a real operator: the multiplication of
/// another's point isn't constant time.
pub(super) struct ExchangeSecret(SecretKey);

impl ExchangeSecret {
    /// Draws a key.
    pub(super) fn random(rng: &mut dyn CryptoRng) -> Self {
        Self(scalar::to_secret_key(&scalar::random(rng)).expect("it isn't zero"))
    }

    /// Returns the public half.
    pub(super) fn public(&self) -> PublicKey {
        self.0.sk_to_pk()
    }

    /// Signs a bundle's hash. The protocol's aggregate scheme (BDN) is plain BLS when only one signs.
    pub(super) fn sign(&self, hash: &[u8; 32]) -> BlsSignature {
        BlsSignature::new(self.0.sign(hash, BUNDLE_DST, &[]).compress())
    }

    /// Computes what the owners of two keys have in common.
    fn agree(&self, other: &PublicKey) -> Zeroizing<[u8; POINT]> {
        let mut scalar = Zeroizing::new(self.0.to_bytes());
        scalar.reverse();
        let point = [*other].as_slice().mult(scalar.as_slice(), SCALAR_BITS);
        Zeroizing::new(point.to_public_key().compress())
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(SecretKey::from_bytes(bytes).unwrap())
    }
}

/// Verifies the signature under a bundle.
pub(super) fn verify_bundle(key: &PublicKey, hash: &[u8; 32], signature: &BlsSignature) -> bool {
    let signature = blst::min_pk::Signature::from_bytes(signature.as_bytes());
    signature.is_ok_and(|signature| {
        signature.verify(true, hash, BUNDLE_DST, &[], key, false) == blst::BLST_ERROR::BLST_SUCCESS
    })
}

/// Seals a share so that only the owner of `recipient` can open it.
pub(super) fn seal(share: &Scalar, recipient: &PublicKey, rng: &mut dyn CryptoRng) -> SealedShare {
    let ephemeral = ExchangeSecret::random(rng);
    let (cipher, nonce) = keys(&ephemeral.agree(recipient));
    let mut text = scalar::to_be_bytes(share);
    let tag = cipher
        .encrypt_inout_detached(&(*nonce).into(), &[], text.as_mut_slice().into())
        .expect("32 bytes are not too many");
    let mut sealed = [0; POINT + SHARE + TAG];
    sealed[..POINT].copy_from_slice(&ephemeral.public().compress());
    sealed[POINT..POINT + SHARE].copy_from_slice(text.as_slice());
    sealed[POINT + SHARE..].copy_from_slice(&tag);
    sealed
}

/// Opens a share; `None` when it wasn't sealed to this key, was damaged, or is no scalar.
pub(super) fn open(sealed: &SealedShare, secret: &ExchangeSecret) -> Option<Zeroizing<Scalar>> {
    let (ephemeral, rest) = sealed.split_first_chunk::<POINT>()?;
    let (text, tag) = rest.split_first_chunk::<SHARE>()?;
    let ephemeral = PublicKey::key_validate(ephemeral).ok()?;
    let (cipher, nonce) = keys(&secret.agree(&ephemeral));
    let mut text = Zeroizing::new(*text);
    let tag = <[u8; TAG]>::try_from(tag).ok()?;
    cipher.decrypt_inout_detached(&(*nonce).into(), &[], text.as_mut_slice().into(), &tag.into()).ok()?;
    scalar::from_be_bytes(&text)
}

/// Derives the cipher's key and nonce: HKDF-SHA256 without salt and info. The key serves once, so the nonce may be fixed.
fn keys(agreed: &Zeroizing<[u8; POINT]>) -> (Aes256Gcm, Zeroizing<[u8; NONCE]>) {
    let mut derived = Zeroizing::new([0; KEY + NONCE]);
    Hkdf::<Sha256>::new(None, agreed.as_slice())
        .expand(&[], derived.as_mut_slice())
        .expect("44 bytes are not too many");
    let cipher = Aes256Gcm::new_from_slice(&derived[..KEY]).expect("AES-256 takes 32 bytes");
    let mut nonce = Zeroizing::new([0; NONCE]);
    nonce.copy_from_slice(&derived[KEY..]);
    (cipher, nonce)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn only_the_recipient_opens_and_only_what_is_whole() {
        let rng = &mut StdRng::seed_from_u64(1);
        let (recipient, other) = (ExchangeSecret::random(rng), ExchangeSecret::random(rng));
        let share = scalar::random(rng);
        let sealed = seal(&share, &recipient.public(), rng);
        assert_eq!(*open(&sealed, &recipient).unwrap(), *share);
        assert!(open(&sealed, &other).is_none());
        for position in [1, POINT, POINT + SHARE] {
            let mut damaged = sealed;
            damaged[position] ^= 1;
            assert!(open(&damaged, &recipient).is_none(), "{position}");
        }
    }
}
