//! Contract bindings for Nexus and SSV, consistent snapshots, signers and the transaction pipeline.
//!
//! * [`RpcChain`] reads everything the bot decides on at one block hash ([`ChainSnapshot`]), from several nodes that
//!   must agree, and tries calls out before they are paid for ([`NexusChain`]).
//! * [`TxPipeline`] takes recorded [`Intent`]s to the chain so that, whatever a crash interrupts, at most one of an
//!   intent's transactions is ever mined.
//! * [`encode_call`], [`decode_revert`] and [`registration_amount`] are the pure parts.
//!
//! What this crate never does: decide what to send, keep a key that can be read out, read a clock, or let a type of
//! alloy into its interface (but for [`HttpTransport`], which exists to be given to alloy). What is on a chain is
//! never taken from one log query on trust: counts on the contracts, SSV's own hashes and a quorum of nodes check it.
//!
//! ```
//! use nexus_chain::{BlockAt, ChainConfig, ConnectError, NexusChain, RpcChain, decode_revert};
//! use nexus_primitives::{Address, BlockNumber, ChainId};
//!
//! async fn print_rollups(nexus: Address, ssv: Address, token: Address) -> Result<(), ConnectError> {
//!     let chain = RpcChain::connect(ChainConfig {
//!         endpoints: vec!["http://127.0.0.1:8545".parse().expect("a URL")],
//!         private_endpoint: None,
//!         chain_id: ChainId::new(560_048),
//!         nexus,
//!         ssv_network: ssv,
//!         ssv_network_views: None,
//!         ssv_token: token,
//!         deposit_contract: "0x00000000219ab540356cBB839Cbe05303d7705Fa".parse().expect("an address"),
//!         start_block: BlockNumber::new(1_065),
//!         bot: Address::ZERO,
//!         quorum: 1,
//!         batch_limit: ChainConfig::DEFAULT_BATCH_LIMIT,
//!         log_window: ChainConfig::DEFAULT_LOG_WINDOW,
//!         limits: Default::default(),
//!     })
//!     .await?;
//!     for rollup in chain.fetch_snapshot(BlockAt::Finalized).await?.rollups {
//!         println!("{}: {} of {} wei may be staked", rollup.name, rollup.limit, rollup.bridge.balance);
//!     }
//!     Ok(())
//! }
//!
//! // Revert data of any of the contracts has a name:
//! assert_eq!(decode_revert(&[0x85, 0x5c, 0x34, 0x06]).to_string(), "StakingLimitExceeding()");
//! # let _ = print_rollups;
//! ```
#![forbid(unsafe_code)]

mod abi_encode;
mod alloy_types;
mod bindings;
mod capability;
mod chain_config;
mod completeness;
mod contract_call;
mod deployment_reader;
mod deposit_history;
mod deposited_pubkeys;
mod event_index;
mod event_log;
mod exit_abi;
mod fee_policy;
mod funding;
mod intent;
mod keystore_signer;
mod log_query;
mod log_reader;
mod miscount;
mod node;
mod node_message;
mod owner_index;
mod pipeline;
mod proxy_slots;
mod quorum;
mod read_batch;
mod registration_reader;
mod revert;
mod revert_decode;
mod rollup_reader;
mod rpc_chain;
mod rpc_endpoint;
mod rpc_tx_network;
mod signer;
mod simulation;
mod snapshot;
mod snapshot_reader;
mod ssv_reader;
mod transport;
mod tx_network;
mod wire;

pub use abi_encode::{EncodedCall, encode_call};
pub use capability::{BlockAt, CallOutcome, ChainError, NexusChain};
pub use chain_config::ChainConfig;
pub use contract_call::{ContractCall, ValidatorDeposit};
pub use deposit_history::DepositHistory;
pub use fee_policy::FeeCeilings;
pub use funding::{ClusterCosts, registration_amount, runway_blocks};
pub use intent::{
    Attempt, Intent, IntentId, IntentPhase, JournalError, Mined, Outcome, PipelineProgress, TxJournal,
};
pub use keystore_signer::{KeystoreError, KeystoreSigner};
pub use node_message::SendOutcome;
pub use pipeline::{Disposition, FeeHold, PipelineConfig, TxError, TxPipeline};
pub use revert::Revert;
pub use revert_decode::decode_revert;
pub use rpc_chain::{ConnectError, RpcChain};
pub use signer::{SignedTx, SignerError, TxSigner, UnsignedTx};
pub use snapshot::{
    BlockRef, BotAccount, BridgeSnapshot, ChainSnapshot, ClusterSnapshot, Deployment, ExitAbi, LeftOutRollup,
    NexusStatus, NexusValidator, OperatorSnapshot, RegistrationContext, RollupSnapshot, SsvParameters,
    SsvRegistration, SsvVersion,
};
pub use transport::HttpTransport;
pub use tx_network::{AccountState, BroadcastRoute, FeeQuote, ReceiptSearch, TxNetwork};

#[cfg(feature = "test-utils")]
pub use {capability::MockNexusChain, signer::MockTxSigner, tx_network::MockTxNetwork};
