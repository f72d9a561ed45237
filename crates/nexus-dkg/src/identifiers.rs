//! The names of a ceremony and the hashes they are made of.

use std::fmt;

use nexus_primitives::keccak256;
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};

use crate::wire::{Init, Ssz as _};

/// What the initiator calls a ceremony in its first message: 24 random bytes, of which 8 go into the [`InstanceId`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 24]);

/// What everybody calls a ceremony after the first message.
///
/// Derived from the initiator's key, the first message and the request id, so that nobody can open a ceremony under
/// somebody else's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId([u8; 24]);

impl RequestId {
    /// Takes the bytes as they are.
    pub const fn new(bytes: [u8; 24]) -> Self {
        Self(bytes)
    }

    /// Draws a fresh one.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = [0; 24];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }
}

impl InstanceId {
    /// Takes the bytes as they are.
    pub const fn new(bytes: [u8; 24]) -> Self {
        Self(bytes)
    }

    /// Derives the id of the ceremony that `initiator` (an encoded public key) opens with `init`.
    pub fn derive(initiator: &str, init: &Init, request: RequestId) -> Self {
        let parts = [keccak256(initiator.as_bytes()), init.message_hash()];
        let mut bytes = [0; 24];
        let (own, requested) = bytes.split_at_mut(16);
        for (slot, part) in own.chunks_mut(8).zip(&parts) {
            slot.copy_from_slice(part.split_at(8).0);
        }
        requested.copy_from_slice(request.0.split_at(8).0);
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }

    /// Returns the id by which the key generation binds its messages to this ceremony.
    pub fn session_id(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl Init {
    /// Returns the hash that stands for the message in the instance id: that of its own hash's hexadecimal text, as a
    /// wallet signs a text (EIP-191).
    pub fn message_hash(&self) -> [u8; 32] {
        let text = hex::encode(keccak256(&self.encode()));
        keccak256(format!("\x19Ethereum Signed Message:\n{}{text}", text.len()).as_bytes())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
