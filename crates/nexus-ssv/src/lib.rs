//! SSV keyshares: a validator key split among operators, none of whom can sign alone.
//!
//! Splits a key by Shamir's scheme over the scalar field of BLS12-381 with the operators' ids as x-coordinates,
//! encrypts each share to its operator, signs `owner:nonce` for the registration, and reads, writes and verifies the
//! result, both as the `sharesData` bytes that the SSV contract takes and as the `keyshares.json` that SSV's tools
//! exchange. Nothing is handed out that wasn't interpolated back to the validator's public key first.
//!
//! What this crate never does: talk to a network, touch a file, read a clock, or draw randomness of its own. Secrets
//! live in zeroizing types and appear in no error.
//!
//! ```
//! use nexus_keys::ValidatorKey;
//! use nexus_primitives::{OperatorId, OwnerNonce};
//! use nexus_ssv::{
//!     Expectation, KeysharesFile, KeysharesItem, Operator, OperatorPrivateKey, Registration, split,
//! };
//! # use zeroize::Zeroizing;
//!
//! let mut rng = rand::rng();
//! // Operators publish these keys; here we play the operators too.
//! let private_keys =
//!     (0..4).map(|_| OperatorPrivateKey::generate(&mut rng)).collect::<Result<Vec<_>, _>>()?;
//! let operators = (1..)
//!     .zip(&private_keys)
//!     .map(|(id, key)| Ok(Operator { id: OperatorId::new(id)?, key: key.public_key() }))
//!     .collect::<Result<Vec<_>, nexus_primitives::ZeroOperatorId>>()?;
//!
//! let key = ValidatorKey::from_bytes(&Zeroizing::new([7; 32]))?;
//! let owner = "0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6".parse()?;
//! let registration = Registration::new(owner, OwnerNonce::new(0));
//! let keyshares = split(&key, &operators, registration, &mut rng)?;
//! assert_eq!(keyshares.shares_data().encode().len(), 96 + 304 * 4);
//!
//! let item = KeysharesItem::new(keyshares, &operators)?;
//! let file = KeysharesFile { created_at: None, items: vec![item] };
//! let json = file.to_json("2026-11-23T08:58:25.912Z".parse()?);
//!
//! let read = KeysharesFile::from_json(&json)?;
//! let expectation =
//!     Expectation::none().pubkey(key.pubkey()).registration(registration).operators(&operators);
//! for item in &read.items {
//!     item.verify(&expectation)?;
//!     item.verify_decryption(operators.iter().map(|operator| operator.id).zip(&private_keys))?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod abi_bytes;
mod created_at;
mod keyshares;
mod keyshares_file;
mod keyshares_item;
mod lagrange;
mod operator;
mod operator_private_key;
mod operator_public_key;
mod pem;
mod polynomial;
mod pss;
mod registration;
mod scalar;
mod share_secret;
mod shares_data;
mod split;
mod verify;
mod wire;

pub use created_at::{CreatedAt, CreatedAtError};
pub use keyshares::Keyshares;
pub use keyshares_file::{KeysharesFile, KeysharesFileError};
pub use keyshares_item::{KeysharesItem, KeysharesItemError};
pub use lagrange::{CombineError, combine_pubkeys, combine_signatures, recombine};
pub use operator::{ClusterError, Operator, OperatorError, cluster};
pub use operator_private_key::{DecryptError, OperatorPrivateKey, OperatorPrivateKeyError, decrypt_share};
pub use operator_public_key::{EncryptError, OperatorKeyError, OperatorPublicKey};
pub use pem::PemError;
pub use pss::{PssError, PssMismatch, PssSalt};
pub use registration::Registration;
pub use share_secret::{ShareSecret, ShareSecretError};
pub use shares_data::{EncryptedShare, SharesData, SharesDataError};
pub use split::{SplitError, split};
pub use verify::{Expectation, VerifyError, verify, verify_decryption};
