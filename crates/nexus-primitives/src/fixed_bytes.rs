//! Byte strings of a fixed length with an identity: keys, signatures, hashes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a hexadecimal text isn't the expected byte string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// The text holds another number of bytes.
    #[error("{what}: expected {expected} bytes of hexadecimal, got {got} characters")]
    Length {
        /// Name of the type that was read.
        what: &'static str,
        /// Bytes expected.
        expected: usize,
        /// Characters found after an optional `0x`.
        got: usize,
    },
    /// The text has a character outside `0-9a-fA-F`.
    #[error("{what}: not hexadecimal")]
    Digit {
        /// Name of the type that was read.
        what: &'static str,
    },
}

/// Decodes `N` bytes from hexadecimal text with an optional `0x` prefix.
pub(crate) fn decode<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N], HexError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() != N * 2 {
        return Err(HexError::Length { what, expected: N, got: digits.chars().count() });
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| HexError::Digit { what })?;
    Ok(bytes)
}

/// Reads a string from any serde format and parses it with `FromStr`.
pub(crate) fn deserialize_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(std::marker::PhantomData<T>);
    impl<T: FromStr<Err: fmt::Display>> de::Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(std::marker::PhantomData))
}

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Takes the bytes as they are; what they mean is checked where they are used.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Returns the bytes by value.
            pub const fn into_bytes(self) -> [u8; $len] {
                self.0
            }

            /// Takes a slice of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, HexError> {
                let array = bytes.try_into().map_err(|_| HexError::Length {
                    what: stringify!($name),
                    expected: $len,
                    got: bytes.len() * 2,
                })?;
                Ok(Self(array))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{}", hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            /// Parses hexadecimal with or without `0x`, in either case.
            fn from_str(text: &str) -> Result<Self, HexError> {
                decode(stringify!($name), text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(deserializer)
            }
        }
    };
}

fixed_bytes! {
    /// A validator's BLS public key: 48 bytes, a compressed G1 point (consensus specification, `BLSPubkey`).
    ///
    /// Only the length is checked here; `bls::verify` checks that it is a point of the right group.
    ValidatorPubkey, 48
}
fixed_bytes! {
    /// A BLS signature: 96 bytes, a compressed G2 point (consensus specification, `BLSSignature`).
    BlsSignature, 96
}
fixed_bytes! {
    /// An SSZ hash-tree root (consensus specification, `Root`).
    Root, 32
}
fixed_bytes! {
    /// Hash of an execution-layer block header.
    BlockHash, 32
}
fixed_bytes! {
    /// Hash of a signed execution-layer transaction.
    TxHash, 32
}
fixed_bytes! {
    /// Keccak-256 of a contract's runtime code (EIP-1052).
    CodeHash, 32
}

impl ValidatorPubkey {
    /// Returns the first four bytes as hexadecimal, for tables meant for people.
    pub fn short(&self) -> String {
        format!("0x{}…", hex::encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_with_and_without_prefix() {
        let key = ValidatorPubkey::new([0xab; 48]);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!("AB".repeat(48).parse(), Ok(key));
        assert_eq!(
            serde_json::from_str::<ValidatorPubkey>(&serde_json::to_string(&key).unwrap()).unwrap(),
            key
        );
    }

    #[test]
    fn wrong_length_and_wrong_digit_name_the_type() {
        let short = "0xabcd".parse::<ValidatorPubkey>().unwrap_err();
        assert_eq!(short.to_string(), "ValidatorPubkey: expected 48 bytes of hexadecimal, got 4 characters");
        assert_eq!("zz".repeat(32).parse::<Root>(), Err(HexError::Digit { what: "Root" }));
    }
}
