//! Execution-layer addresses.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{HexError, fixed_bytes, keccak256};

/// A 20-byte execution-layer address, shown in EIP-55 checksum case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

/// Why a text isn't an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not 20 bytes of hexadecimal.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// Mixed case that doesn't match the EIP-55 checksum: most often a mistyped digit.
    #[error("address {text}: wrong EIP-55 checksum, expected {expected}")]
    Checksum {
        /// What was given.
        text: String,
        /// The same bytes with the right checksum.
        expected: Address,
    },
}

impl Address {
    /// The all-zero address.
    pub const ZERO: Self = Self([0; 20]);

    /// Takes the bytes as they are.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Returns the bytes by value.
    pub const fn into_bytes(self) -> [u8; 20] {
        self.0
    }

    /// Returns `0x` and 40 hexadecimal digits in EIP-55 checksum case.
    pub fn to_checksum(&self) -> String {
        let lower = hex::encode(self.0);
        let hash = keccak256(lower.as_bytes());
        let nibble = |i: usize| (hash[i / 2] >> (4 * (1 - i % 2))) & 0x0f;
        let cased =
            lower.chars().enumerate().map(|(i, c)| if nibble(i) >= 8 { c.to_ascii_uppercase() } else { c });
        "0x".chars().chain(cased).collect()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_checksum())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Parses 40 digits with or without `0x`: all lower case, all upper case, or the exact EIP-55 case.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let address = Self(fixed_bytes::decode("Address", text)?);
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mixed = digits.contains(|c: char| c.is_ascii_lowercase())
            && digits.contains(|c: char| c.is_ascii_uppercase());
        if mixed && address.to_checksum()[2..] != *digits {
            return Err(AddressError::Checksum { text: text.to_owned(), expected: address });
        }
        Ok(address)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fixed_bytes::deserialize_text(deserializer)
    }
}

/// The admin address by which the Nexus contract identifies a rollup.
///
/// Not the bridge: passing one for the other would credit or stake another rollup's ETH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RollupAdmin(Address);

impl RollupAdmin {
    /// Names `address` as a rollup's admin.
    pub const fn new(address: Address) -> Self {
        Self(address)
    }

    /// Returns the admin's address.
    pub const fn address(self) -> Address {
        self.0
    }
}

impl fmt::Display for RollupAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RollupAdmin {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of EIP-55.
    const EIP_55: [&str; 4] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn checksum_case_matches_eip_55() {
        for text in EIP_55 {
            assert_eq!(text.to_lowercase().parse::<Address>().unwrap().to_string(), text);
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn one_digit_in_the_wrong_case_is_refused() {
        let wrong = EIP_55[0].replacen('A', "a", 1);
        assert!(matches!(wrong.parse::<Address>(), Err(AddressError::Checksum { .. })));
    }
}
