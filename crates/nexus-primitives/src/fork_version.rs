//! Fork versions of the consensus layer.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{HexError, fixed_bytes};

/// A fork version (consensus specification, `Version`): four bytes that separate networks and forks in signatures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForkVersion([u8; 4]);

impl ForkVersion {
    /// Genesis fork version of Ethereum mainnet.
    pub const MAINNET: Self = Self([0, 0, 0, 0]);
    /// Genesis fork version of the Hoodi test network.
    pub const HOODI: Self = Self([0x10, 0x00, 0x09, 0x10]);

    /// Takes the bytes.
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for ForkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for ForkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ForkVersion {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        fixed_bytes::decode("ForkVersion", text).map(Self)
    }
}

impl Serialize for ForkVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ForkVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fixed_bytes::deserialize_text(deserializer)
    }
}
