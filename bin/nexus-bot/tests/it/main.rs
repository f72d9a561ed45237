//! The real binary, driven from outside.

mod bench;
mod config_check;
mod demo;
mod devnet;
mod dkg;
mod endpoints;
mod exits;
mod instances;
mod keyshares;
mod vault;
mod workspace;
mod world;
