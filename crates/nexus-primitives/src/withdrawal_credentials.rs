//! Where a validator's balance goes when it leaves.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Address, HexError, fixed_bytes};

/// Withdrawal credentials that pay to an execution address: `0x01`, eleven zero bytes, the address.
///
/// The bridge contract compares only the last 20 bytes. Any other prefix or padding would pass there and lock
/// 32 ETH for ever, so no other credentials can be built here
/// (consensus specification, `ETH1_ADDRESS_WITHDRAWAL_PREFIX`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WithdrawalCredentials(Address);

/// Why 32 bytes aren't credentials that pay to an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WithdrawalCredentialsError {
    /// Another prefix than `0x01`.
    #[error("withdrawal credentials start with 0x{0:02x}, expected 0x01")]
    Prefix(u8),
    /// A byte between prefix and address that isn't zero.
    #[error("withdrawal credentials have padding that is not zero")]
    Padding,
    /// Not 32 bytes of hexadecimal.
    #[error(transparent)]
    Hex(#[from] HexError),
}

impl WithdrawalCredentials {
    /// Builds the credentials that pay to `address`.
    pub const fn to_address(address: Address) -> Self {
        Self(address)
    }

    /// Returns the address that is paid.
    pub const fn address(self) -> Address {
        self.0
    }

    /// Returns the 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[0] = 0x01;
        bytes[12..].copy_from_slice(self.0.as_bytes());
        bytes
    }
}

impl TryFrom<[u8; 32]> for WithdrawalCredentials {
    type Error = WithdrawalCredentialsError;

    fn try_from(bytes: [u8; 32]) -> Result<Self, WithdrawalCredentialsError> {
        let [prefix, rest @ ..] = bytes;
        if prefix != 0x01 {
            return Err(WithdrawalCredentialsError::Prefix(prefix));
        }
        let (padding, address) = rest.split_at(11);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(WithdrawalCredentialsError::Padding);
        }
        Ok(Self(Address::new(address.try_into().expect("20 of 32 bytes remain after 1 and 11"))))
    }
}

impl fmt::Display for WithdrawalCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for WithdrawalCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for WithdrawalCredentials {
    type Err = WithdrawalCredentialsError;

    fn from_str(text: &str) -> Result<Self, WithdrawalCredentialsError> {
        Self::try_from(fixed_bytes::decode::<32>("WithdrawalCredentials", text)?)
    }
}

impl Serialize for WithdrawalCredentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WithdrawalCredentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fixed_bytes::deserialize_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_prefix_or_padding_byte_is_refused() {
        let good = WithdrawalCredentials::to_address(Address::new([0xaa; 20])).to_bytes();
        assert!(WithdrawalCredentials::try_from(good).is_ok());
        for at in 0..12 {
            for value in 0..=255 {
                let mut bytes = good;
                bytes[at] = value;
                assert_eq!(
                    WithdrawalCredentials::try_from(bytes).is_ok(),
                    value == good[at],
                    "byte {at} = {value}"
                );
            }
        }
    }
}
