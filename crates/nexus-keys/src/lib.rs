//! Validator keys: where they come from, what they sign, and how they are kept.
//!
//! A rollup has one BIP-39 mnemonic, sealed in a vault under a secret that only the operator holds. Validator keys are
//! derived from it when they are needed (EIP-2333, EIP-2334), sign a deposit, and are dropped again. Every signature
//! is verified and every root recomputed before it leaves the crate.
//!
//! What this crate never does: touch the network, read a clock, draw randomness of its own, log, or put a secret into
//! an error. Secret types are overwritten when dropped and have no `Clone`, `Debug`, `Display` or `Serialize`.
//! The one thing it writes is the directory of [`LocalVault`].
//!
#![cfg_attr(feature = "mnemonic", doc = "```")]
#![cfg_attr(not(feature = "mnemonic"), doc = "```ignore")]
//! use nexus_keys::{DepositDataJson, Mnemonic, SignedDeposit};
//! use nexus_primitives::{DerivationIndex, ForkVersion, Gwei, WithdrawalCredentials};
//!
//! let mnemonic = Mnemonic::generate(&mut rand::rng());
//! let key = mnemonic.seed("").derive_validator(DerivationIndex::new(0)); // m/12381/3600/0/0/0
//!
//! let bridge = "0x00000000219ab540356cBB839Cbe05303d7705Fa".parse()?;
//! let credentials = WithdrawalCredentials::to_address(bridge);
//! let deposit = SignedDeposit::sign(&key, credentials, Gwei::VALIDATOR_DEPOSIT, ForkVersion::HOODI)?;
//!
//! let file = DepositDataJson::write_file(&[deposit], "");
//! assert_eq!(DepositDataJson::read_file(&file)?, [deposit]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Features, all on by default but the last:
//!
//! * `mnemonic`: [`Mnemonic`], [`Seed`] and key derivation;
//! * `keystore`: EIP-2335 files, [`Keystore`];
//! * `vault`: [`SealedMnemonic`], [`MnemonicVault`], [`LocalVault`] (Unix only) and [`MnemonicKeyring`];
//! * `test-utils`: `MockMnemonicVault`.
//!
//! Without any of them the crate is [`ValidatorKey`] and [`SignedDeposit`].
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
