//! The chain as a JSON-RPC server over HTTP.
//!
//! ```no_run
//! # async fn serve() -> std::io::Result<()> {
//! use std::sync::Arc;
//! use nexus_devnet::execution::{ExecutionChain, GenesisConfig, rpc};
//!
//! let chain = Arc::new(ExecutionChain::new(GenesisConfig::new(1_337, 1_700_000_000)));
//! let producer = Arc::new(rpc::SelfMining::new(chain.clone()));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! axum::serve(listener, rpc::router(chain, producer)).await
//! # }
//! ```

mod blocks;
mod control;
mod execute;
mod fees;
mod filters;
mod message;
mod params;
mod producer;
mod server;
mod transactions;

pub use producer::{BlockProducer, SelfMining};
pub use server::router;
