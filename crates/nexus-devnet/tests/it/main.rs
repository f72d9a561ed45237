//! The embedded world through its public API and real sockets.

mod beacon_api;
mod beacon_client;
mod deploy;
mod devnet;
mod dkg;
mod execution;
mod world;
