//! The embedded world through its public API and real sockets.

mod beacon_api;
mod deploy;
mod execution;
mod world;
