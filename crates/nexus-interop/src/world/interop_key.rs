//! The keys that every consensus client gives to the validators of networks made for tests.

use alloy::primitives::U256;
use nexus_keys::ValidatorKey;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The order of the group that BLS12-381 keys are scalars of.
const ORDER: &str = "0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

/// Returns the key of the validator with this index: SHA-256 of the index in 32 little-endian bytes, read as a
/// little-endian number, modulo the group's order.
pub(crate) fn interop_key(index: u64) -> anyhow::Result<ValidatorKey> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&index.to_le_bytes());
    let digest = U256::from_le_bytes::<32>(Sha256::digest(seed).into());
    Ok(ValidatorKey::from_bytes(&Zeroizing::new((digest % ORDER.parse::<U256>()?).to_be_bytes()))?)
}
