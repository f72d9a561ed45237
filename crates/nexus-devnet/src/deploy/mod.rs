//! Deploys the compiled contracts on a fresh chain, by signed transactions, the way a team would.
//!
//! Everything is reproducible: accounts are derived from published labels ([`DevnetAccounts`]), so that the same
//! configuration gives the same addresses on every run. The one cheat is the deposit contract's address, which belongs
//! to nobody's nonce: its constructor runs elsewhere, and code and storage are copied to where the chain expects it.
//!
//! ```
//! use nexus_devnet::{
//!     deploy::{DeployConfig, Deployment, DevnetAccounts, NexusVersion, RollupConfig},
//!     execution::{ExecutionChain, GenesisConfig},
//! };
//! use nexus_primitives::BasisPoints;
//!
//! let accounts = DevnetAccounts::new();
//! let chain = ExecutionChain::new(GenesisConfig { alloc: accounts.alloc(), ..GenesisConfig::new(1_337, 1_700_000_000) });
//! let mut mine = || drop(chain.mine_block(chain.head().timestamp + 12, &[]));
//!
//! let deployment = Deployment::deploy(&chain, &mut mine, DeployConfig::new(NexusVersion::SsvExits))?;
//! let limit = BasisPoints::new(4_000).expect("40 %");
//! let rollup = deployment.register_rollup(&chain, &mut mine, RollupConfig::new("alpha", limit))?;
//! assert!(!chain.code(rollup.bridge).is_empty());
//! # Ok::<(), nexus_devnet::deploy::DeployError>(())
//! ```

mod account;
mod artifact;
mod bindings;
mod config;
mod deployment;
mod rollup;
mod sender;
mod staging;

pub use account::{DevnetAccount, DevnetAccounts};
pub use config::{ClusterConfig, DeployConfig, NexusVersion, OperatorConfig};
pub use deployment::Deployment;
pub use rollup::{RollupConfig, RollupHandle};
pub use sender::DeployError;
