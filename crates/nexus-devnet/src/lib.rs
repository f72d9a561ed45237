//! The embedded world: an EVM with compiled contracts and a beacon chain, behind real HTTP.
#![forbid(unsafe_code)]

mod chain_truth;
mod clock;
mod commands;
mod config_dir;
pub mod consensus;
pub mod deploy;
mod devnet;
pub mod execution;
mod lockstep;
pub mod operators;
pub mod ssv_operators;
mod world;
mod world_info;

pub use chain_truth::{NexusStatus, ReadError, RollupOnChain};
pub use clock::DevnetClock;
pub use config_dir::{ConfigDir, ConfigDirError};
pub use devnet::{Devnet, DevnetConfig, Pace, StartError};
pub use world::{ActError, GenesisError, NotReached, World, WorldConfig};
pub use world_info::WorldInfo;
