//! Validator keys.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod deposit;
mod deposit_json;
#[cfg(any(feature = "mnemonic", feature = "keystore"))]
mod key_path;
#[cfg(feature = "mnemonic")]
mod mnemonic;
#[cfg(feature = "mnemonic")]
mod seed;
mod validator_key;

pub use deposit::{DepositError, DepositMessage, SignedDeposit};
pub use deposit_json::{DepositDataJson, DepositEntryError, DepositJsonError};
#[cfg(any(feature = "mnemonic", feature = "keystore"))]
pub use key_path::{KeyPath, ParseKeyPathError};
#[cfg(feature = "mnemonic")]
pub use mnemonic::{Mnemonic, MnemonicError};
#[cfg(feature = "mnemonic")]
pub use seed::{Seed, SeedTooShort};
pub use validator_key::{KeyError, ValidatorKey};
