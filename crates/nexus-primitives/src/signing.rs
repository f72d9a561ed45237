//! Domains and signing roots of the consensus layer.
//!
//! The containers the bot signs have two to four fixed-size fields each, so their hash-tree roots are a handful of
//! SHA-256 calls (consensus specification, `ssz/simple-serialize.md`, "Merkleization").

use sha2::{Digest as _, Sha256};

use crate::{ForkVersion, Root};

/// What a signature is for; first four bytes of its domain (consensus specification, "Domain types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainType {
    /// `DOMAIN_DEPOSIT`.
    Deposit,
    /// `DOMAIN_VOLUNTARY_EXIT`.
    VoluntaryExit,
}

/// A 32-byte signature domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain([u8; 32]);

/// The 32 bytes that are actually signed: `hash_tree_root(SigningData)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningRoot([u8; 32]);

impl Domain {
    /// Computes the domain (`compute_domain`).
    ///
    /// Deposits use the genesis fork version and a zero `genesis_validators_root`; voluntary exits use the
    /// Capella fork version whatever the current fork (EIP-7044).
    pub fn new(domain_type: DomainType, fork: ForkVersion, genesis_validators_root: Root) -> Self {
        let tag = match domain_type {
            DomainType::Deposit => 3,
            DomainType::VoluntaryExit => 4,
        };
        let fork_data_root = merkle_root(&[chunk(fork.as_bytes()), genesis_validators_root.into_bytes()]);
        let mut domain = [0; 32];
        domain[0] = tag;
        domain[4..].copy_from_slice(&fork_data_root.as_bytes()[..28]);
        Self(domain)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the root to sign for an object with the given hash-tree root (`compute_signing_root`).
    pub fn signing_root(&self, object_root: Root) -> SigningRoot {
        SigningRoot(merkle_root(&[object_root.into_bytes(), self.0]).into_bytes())
    }
}

impl SigningRoot {
    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Pads up to 32 bytes with zeros on the right: the chunk of a basic value or short byte vector.
///
/// # Panics
/// When `bytes` is longer than 32: a caller's bug.
pub fn chunk(bytes: &[u8]) -> [u8; 32] {
    let mut chunk = [0; 32];
    chunk[..bytes.len()].copy_from_slice(bytes);
    chunk
}

/// Returns the hash-tree root of a byte vector of any fixed length.
pub fn bytes_root(bytes: &[u8]) -> Root {
    merkle_root(&bytes.chunks(32).map(chunk).collect::<Vec<_>>())
}

/// Merkleizes chunks, padding their number to a power of two with zero chunks (`merkleize`).
pub fn merkle_root(chunks: &[[u8; 32]]) -> Root {
    let mut layer = chunks.to_vec();
    layer.resize(chunks.len().next_power_of_two(), [0; 32]);
    while layer.len() > 1 {
        layer = layer.chunks_exact(2).map(|pair| sha256(&pair.concat())).collect();
    }
    Root::new(layer[0])
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mainnet_deposit_domain_is_the_known_one() {
        // The value every deposit tool prints for mainnet.
        let domain = Domain::new(DomainType::Deposit, ForkVersion::MAINNET, Root::new([0; 32]));
        assert_eq!(
            Root::new(*domain.as_bytes()).to_string(),
            "0x03000000f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a9"
        );
    }
}
