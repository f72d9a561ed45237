//! The embedded world: an EVM with the compiled contracts, a beacon chain and SSV operators, behind real HTTP.
//!
//! [`World`] moves all of it in step, one execution block per slot; [`Devnet`] serves it over JSON-RPC and the beacon
//! REST API, to the very adapters that talk to real nodes. Signatures, ciphertexts, transactions and contract code are
//! real; peers, attestations and fork choice are not there. [`execution`] and [`consensus`] also work alone.
//!
//! What this crate never does: reach for a network, read the system's clock, keep anything of value. The keys of its
//! accounts and operators are published.
//!
//! ```
//! use nexus_devnet::{World, WorldConfig, deploy::RollupConfig};
//! use nexus_primitives::{Address, BasisPoints, RollupAdmin, UnixSeconds, Wei};
//!
//! let world = World::new(WorldConfig::fast(UnixSeconds::new(1_700_000_000)))?;
//! let rollup = world.register_rollup(RollupConfig::new("alpha", BasisPoints::new(4_000)?))?;
//! let admin = RollupAdmin::new(Address::new(rollup.admin.address().into_array()));
//! world.bridge_in(admin, Wei::from_ether(500))?;
//!
//! let stored = world.rollup_on_chain(admin)?.expect("it was registered");
//! assert_eq!(world.balance(stored.bridge), Wei::from_ether(500));
//! assert_eq!(world.beacon().read().head().slot().get(), world.execution().head().number);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod chain_truth;
mod clock;
mod commands;
mod config_dir;
pub mod consensus;
pub mod deploy;
mod devnet;
pub mod dkg;
pub mod execution;
mod lockstep;
pub mod operators;
pub mod ssv_operators;
mod world;
mod world_info;

/// The README's example, compiled.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
pub struct Readme;

pub use chain_truth::{NexusStatus, ReadError, RollupOnChain};
pub use clock::DevnetClock;
pub use config_dir::{ConfigDir, ConfigDirError};
pub use devnet::{Devnet, DevnetConfig, Pace, StartError};
pub use world::{ActError, GenesisError, NotReached, World, WorldConfig};
pub use world_info::WorldInfo;
