//! The seed of a key tree, and the keys below it.

use blst::min_pk::SecretKey;
use nexus_primitives::DerivationIndex;
use zeroize::Zeroizing;

use crate::{KeyPath, ValidatorKey};

/// The seed of a tree of keys (EIP-2333), at least 32 bytes.
///
/// # Security
/// As secret as the mnemonic it comes from: overwritten when dropped, no `Clone`, `Debug`, `Display` or `Serialize`,
/// and no way to read it.
pub struct Seed(Zeroizing<Vec<u8>>);

/// A seed is shorter than EIP-2333 allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("seed has {0} bytes, expected at least 32")]
pub struct SeedTooShort(pub usize);

impl Seed {
    /// Takes a seed made elsewhere.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SeedTooShort> {
        if bytes.len() < 32 { Err(SeedTooShort(bytes.len())) } else { Ok(Self(bytes)) }
    }

    pub(crate) fn from_array(bytes: &[u8; 64]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// Derives the signing key of a validator, at `m/12381/3600/i/0/0` (EIP-2334).
    pub fn derive_validator(&self, index: DerivationIndex) -> ValidatorKey {
        self.derive(&KeyPath::signing(index))
    }

    /// Derives the key at any path (EIP-2333).
    pub fn derive(&self, path: &KeyPath) -> ValidatorKey {
        let master = SecretKey::derive_master_eip2333(&self.0).expect("a seed has 32 bytes or more");
        let key = path.indices().iter().fold(master, |parent, index| parent.derive_child_eip2333(*index));
        ValidatorKey::from_bytes(&Zeroizing::new(key.to_bytes()))
            .expect("EIP-2333's hkdf_mod_r yields a scalar between 1 and r - 1")
    }
}
