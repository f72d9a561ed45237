//! The vocabulary of Nexus tooling: units, identities and times as newtypes.
//!
//! Every quantity that could be mistaken for another has a type of its own: wei are not gwei, an epoch is not a
//! slot, a rollup admin is not a bridge. Values are checked once, when they are built, and trusted afterwards.
//!
//! What this crate never does: read a clock, touch a file or a socket, draw randomness. The optional `consensus`
//! feature adds domains, signing roots and BLS verification, still as pure functions.
//!
//! ```
//! use nexus_primitives::{BasisPoints, Gwei, Wei};
//!
//! let bridged = Wei::from_ether(500);
//! let limit = BasisPoints::new(4_000)?;
//! assert_eq!(bridged.mul_floor(limit), Wei::from_ether(200));
//! assert_eq!(Wei::from(Gwei::new(32_000_000_000)), Wei::from_ether(32));
//! # Ok::<(), nexus_primitives::BasisPointsAboveFull>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod basis_points;
mod clock;
mod fixed_bytes;
mod fork_version;
mod gwei;
mod ids;
mod number;
mod operator_set;
mod time;
mod wei;
mod withdrawal_credentials;

#[cfg(feature = "consensus")]
pub mod bls;
#[cfg(feature = "consensus")]
pub mod signing;

pub use address::{Address, AddressError, RollupAdmin};
pub use basis_points::{BasisPoints, BasisPointsAboveFull};
pub use clock::{Clock, UnixSeconds};
pub use fixed_bytes::{BlockHash, BlsSignature, CodeHash, HexError, Root, TxHash, ValidatorPubkey};
pub use fork_version::ForkVersion;
pub use gwei::{Gwei, GweiFromWeiError};
pub use ids::{
    BlockNumber, ChainId, ClusterId, DerivationIndex, OperatorId, OwnerNonce, ValidatorIndex, ZeroOperatorId,
};
pub use operator_set::{OperatorSet, OperatorSetError, Threshold};
pub use ruint::aliases::U256;
pub use time::{Epoch, EpochCount, Slot};
pub use wei::{ParseWeiError, VALIDATOR_DEPOSIT, Wei, WeiOverflow};
pub use withdrawal_credentials::{WithdrawalCredentials, WithdrawalCredentialsError};

use sha3::Digest as _;

/// Returns the Keccak-256 digest of `bytes`, as Ethereum uses it (EIP-55, `owner:nonce`, topics).
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    sha3::Keccak256::digest(bytes).into()
}
