//! The embedded beacon chain.
//!
//! Deposits, activations, exits, slashings and withdrawals by the rules of Electra, with every BLS signature
//! verified; no attestations, committees or gossip. Finality arrives on schedule, unless it is stalled on purpose.
//! Who attests is told from outside ([`BeaconChain::attest`]) and makes no difference to balances.
//!
//! ```
//! use nexus_devnet::consensus::{BeaconChain, ConsensusConfig};
//! use nexus_primitives::{Address, ChainId, Slot, UnixSeconds};
//!
//! let config = ConsensusConfig::fast(UnixSeconds::new(1_700_000_000), Address::ZERO, ChainId::new(1337));
//! let mut chain = BeaconChain::new(config);
//! let withdrawals = chain.process_slot(Slot::new(1), &[])?;
//! assert!(withdrawals.is_empty());
//! # Ok::<(), nexus_devnet::consensus::SlotError>(())
//! ```

mod chain;
mod config;
mod deposit;
mod epoch_transition;
pub mod rest;
mod state;
#[cfg(test)]
mod testing;
mod validator;
mod voluntary_exit;
mod withdrawal;

pub use chain::{BeaconChain, NodeHealth, RewindError, SlotError, UnknownValidator};
pub use config::ConsensusConfig;
pub use deposit::{DepositEvent, PendingDeposit};
pub use state::{BeaconState, Checkpoint, ExecutionBlock};
pub use validator::{UnknownStatus, Validator, ValidatorStatus};
pub use voluntary_exit::{ExitRefusal, SignedVoluntaryExit};
pub use withdrawal::{PendingPartialWithdrawal, Withdrawal};
