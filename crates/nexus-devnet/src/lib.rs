//! The embedded world: an EVM with compiled contracts and a beacon chain, behind real HTTP.
#![forbid(unsafe_code)]

mod clock;
pub mod consensus;
pub mod deploy;
pub mod execution;
mod lockstep;
pub mod operators;
pub mod ssv_operators;

pub use clock::DevnetClock;
