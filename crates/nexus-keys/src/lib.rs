//! Validator keys.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod validator_key;

pub use validator_key::{KeyError, ValidatorKey};
