//! The consensus layer as the bot sees it: one or several beacon nodes, validators, their liveness, queues, voluntary
//! exits.
//!
//! [`BeaconNode`] is the capability. [`HttpBeaconNode`] speaks the standard beacon API to one endpoint within bounded
//! time and memory; [`BeaconNodes`] joins several of one network: reads need a quorum that agrees, exits go to all.
//! A node is trusted with nothing that can be checked: answers that weren't asked for, other networks and numbers out
//! of range are errors that name the endpoint.
//!
//! An exit becomes a [`SignedVoluntaryExit`], the only kind that can be submitted, by verifying its signature against
//! the validator's key under the domain of EIP-7044. [`check_eligibility`] says beforehand whether the chain would take
//! it, [`ExitFollowUp`] afterwards what is left to do.
//!
//! What this crate never does: hold a secret key, decide who leaves, take a node's "accepted" for an exit, read a clock.
//!
//! ```
//! use nexus_beacon::{BeaconError, BeaconNode, HttpBeaconNode, NetworkSpec, SignedVoluntaryExit, VoluntaryExit};
//! use nexus_http::{HttpClient, HttpLimits};
//! use nexus_primitives::{ChainId, Epoch, EpochCount, ForkVersion, UnixSeconds, ValidatorIndex};
//!
//! let mainnet = NetworkSpec {
//!     genesis_time: UnixSeconds::new(1_606_824_023),
//!     genesis_validators_root: "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95".parse()?,
//!     genesis_fork_version: ForkVersion::MAINNET,
//!     capella_fork_version: ForkVersion::new([3, 0, 0, 0]),
//!     seconds_per_slot: 12,
//!     slots_per_epoch: 32,
//!     shard_committee_period: EpochCount::new(256),
//!     deposit_contract: "0x00000000219ab540356cBB839Cbe05303d7705Fa".parse()?,
//!     deposit_chain_id: ChainId::new(1),
//! };
//! let exit = VoluntaryExit { epoch: Epoch::new(194_048), validator_index: ValidatorIndex::new(1234) };
//! // Made by the validator's key over `exit.signing_root(&mainnet)`, by whoever holds it.
//! let signature = "0xb3fc13b71042eaade035c9c25cf1fc497cd493964414ac77cf3d8a3ed84260122c8eaf1f22f7fdc39a895452d5155af0\
//!                  159f38dbdf87c271963f7c45273d5e7ff06dabcfbcf80d45dadb5df95c5048e5d7211d14555c7c71f251f5df49cd6a64";
//! let pubkey = "0xb3e445d43871965d890a398f719348a1405ac72e35b92727cc570026f54471af7ea7b2040622a8fd0b5bfb2a209b5911";
//! let exit = SignedVoluntaryExit::assemble(exit, signature.parse()?, &pubkey.parse()?, &mainnet)?;
//!
//! async fn broadcast(node: &dyn BeaconNode, exit: &SignedVoluntaryExit) -> Result<(), BeaconError> {
//!     println!("{}", node.submit_exit(exit).await?);
//!     Ok(())
//! }
//! let client = HttpClient::new(HttpLimits::default())?;
//! let node = HttpBeaconNode::new("http://127.0.0.1:5052".parse()?, client);
//! # let _ = broadcast(&node, &exit);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod eligibility;
mod error;
mod follow_up;
mod head;
mod http_node;
mod network;
mod node;
mod node_words;
mod nodes;
mod pending;
mod quoted;
mod submission;
mod validator;
mod voluntary_exit;
mod wire;

pub use eligibility::{Ineligible, check_eligibility};
pub use error::BeaconError;
pub use follow_up::ExitFollowUp;
pub use head::{BeaconHead, NotReady};
pub use http_node::HttpBeaconNode;
pub use network::{NetworkSpec, SpecDifference};
#[cfg(feature = "test-utils")]
pub use node::MockBeaconNode;
pub use node::{BeaconNode, StateId};
pub use nodes::{BeaconNodes, QuorumError};
pub use pending::{PendingDeposit, PendingPartialWithdrawal};
pub use submission::{EndpointAnswer, ExitSubmission, SubmissionOutcome};
pub use validator::{BeaconValidator, ValidatorStatus};
pub use voluntary_exit::{ExitError, SignedVoluntaryExit, UnverifiedVoluntaryExit, VoluntaryExit};
