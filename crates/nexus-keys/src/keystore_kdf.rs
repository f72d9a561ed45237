//! How a keystore turns its password into a key.

use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    KdfCost, KdfCostError, KeystoreError,
    keystore::{decode_hex, params},
    keystore_wire::{ModuleWire, Pbkdf2Wire, ScryptWire},
};

/// Key derivation of a keystore (EIP-2335, "KDF"), cost bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeystoreKdf {
    /// scrypt.
    Scrypt(KdfCost),
    /// PBKDF2 with HMAC-SHA-256.
    Pbkdf2(Pbkdf2Rounds),
}

/// Rounds of PBKDF2: 1 to ten million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pbkdf2Rounds(u32);

impl Pbkdf2Rounds {
    /// What EIP-2335 and deposit-cli use: 2^18.
    pub const STANDARD: Self = Self(1 << 18);

    /// Takes a number of rounds; fewer than [`Self::STANDARD`] protect only tests.
    pub fn new(rounds: u64) -> Result<Self, KdfCostError> {
        match u32::try_from(rounds) {
            Ok(count @ 1..=10_000_000) => Ok(Self(count)),
            _ => Err(KdfCostError::Rounds(rounds)),
        }
    }

    /// Returns the number of rounds.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl KeystoreKdf {
    /// Reads the KDF and its salt.
    pub(crate) fn from_wire(module: &ModuleWire) -> Result<(Self, Vec<u8>), KeystoreError> {
        match module.function.as_str() {
            "scrypt" => {
                let wire: ScryptWire = params("crypto.kdf.params", module)?;
                check_dklen(wire.dklen)?;
                let cost = KdfCost::new(log_n(wire.n)?, wire.r, wire.p)?;
                Ok((Self::Scrypt(cost), decode_hex("crypto.kdf.params.salt", &wire.salt)?))
            }
            "pbkdf2" => {
                let wire: Pbkdf2Wire = params("crypto.kdf.params", module)?;
                check_dklen(wire.dklen)?;
                if wire.prf != "hmac-sha256" {
                    return Err(unsupported("crypto.kdf.params.prf", &wire.prf));
                }
                let rounds = Pbkdf2Rounds::new(wire.c)?;
                Ok((Self::Pbkdf2(rounds), decode_hex("crypto.kdf.params.salt", &wire.salt)?))
            }
            other => Err(unsupported("crypto.kdf.function", other)),
        }
    }

    pub(crate) fn to_wire(self, salt: &[u8]) -> ModuleWire {
        let salt = hex::encode(salt);
        let (function, params) = match self {
            Self::Scrypt(cost) => {
                let n = 1_u64 << cost.log_n();
                ("scrypt", json!({"dklen": 32, "n": n, "r": cost.r(), "p": cost.p(), "salt": salt}))
            }
            Self::Pbkdf2(rounds) => {
                ("pbkdf2", json!({"dklen": 32, "c": rounds.0, "prf": "hmac-sha256", "salt": salt}))
            }
        };
        ModuleWire { function: function.to_owned(), params, message: String::new() }
    }

    pub(crate) fn derive_key(self, password: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
        match self {
            Self::Scrypt(cost) => cost.derive_key(password, salt),
            Self::Pbkdf2(rounds) => {
                let mut key = Zeroizing::new([0; 32]);
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds.0, key.as_mut_slice());
                key
            }
        }
    }
}

fn check_dklen(dklen: u64) -> Result<(), KeystoreError> {
    if dklen == 32 { Ok(()) } else { Err(unsupported("crypto.kdf.params.dklen", &dklen.to_string())) }
}

fn log_n(n: u64) -> Result<u8, KdfCostError> {
    if !n.is_power_of_two() {
        return Err(KdfCostError::N(n));
    }
    u8::try_from(n.ilog2()).map_err(|_| KdfCostError::N(n))
}

fn unsupported(field: &'static str, found: &str) -> KeystoreError {
    KeystoreError::Unsupported { field, found: found.to_owned() }
}
