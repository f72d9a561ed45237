//! Validator keys.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod deposit;
mod deposit_json;
#[cfg(any(feature = "keystore", feature = "vault"))]
mod kdf_cost;
#[cfg(any(feature = "mnemonic", feature = "keystore"))]
mod key_path;
#[cfg(feature = "keystore")]
mod keystore;
#[cfg(feature = "keystore")]
mod keystore_kdf;
#[cfg(feature = "keystore")]
mod keystore_password;
#[cfg(feature = "keystore")]
mod keystore_wire;
#[cfg(feature = "vault")]
mod local_vault;
#[cfg(feature = "mnemonic")]
mod mnemonic;
#[cfg(feature = "vault")]
mod mnemonic_keyring;
#[cfg(feature = "vault")]
mod mnemonic_vault;
#[cfg(feature = "vault")]
mod salt;
#[cfg(feature = "vault")]
mod sealed_mnemonic;
#[cfg(feature = "vault")]
mod sealed_wire;
#[cfg(feature = "mnemonic")]
mod seed;
mod validator_key;

pub use deposit::{DepositError, DepositMessage, SignedDeposit};
pub use deposit_json::{DepositDataJson, DepositEntryError, DepositJsonError};
#[cfg(any(feature = "keystore", feature = "vault"))]
pub use kdf_cost::{KdfCost, KdfCostError};
#[cfg(any(feature = "mnemonic", feature = "keystore"))]
pub use key_path::{KeyPath, ParseKeyPathError};
#[cfg(feature = "keystore")]
pub use keystore::{Keystore, KeystoreError};
#[cfg(feature = "keystore")]
pub use keystore_kdf::{KeystoreKdf, Pbkdf2Rounds};
#[cfg(feature = "vault")]
pub use local_vault::LocalVault;
#[cfg(feature = "mnemonic")]
pub use mnemonic::{Mnemonic, MnemonicError};
#[cfg(feature = "vault")]
pub use mnemonic_keyring::{KeyringError, MnemonicKeyring, Provision};
#[cfg(feature = "test-utils")]
pub use mnemonic_vault::MockMnemonicVault;
#[cfg(feature = "vault")]
pub use mnemonic_vault::{MnemonicVault, VaultError};
#[cfg(feature = "vault")]
pub use salt::{Salt, SaltTooShort};
#[cfg(feature = "vault")]
pub use sealed_mnemonic::{SealError, SealedMnemonic, VaultBinding};
#[cfg(feature = "mnemonic")]
pub use seed::{Seed, SeedTooShort};
pub use validator_key::{KeyError, ValidatorKey};
