//! Contract bindings for Nexus and SSV, consistent snapshots, signers and the transaction pipeline.
#![forbid(unsafe_code)]

mod capability;
mod contract_call;
mod intent;
mod revert;
mod snapshot;

pub use capability::{BlockAt, CallOutcome, ChainError, NexusChain};
pub use contract_call::{ContractCall, ValidatorDeposit};
pub use intent::{
    Attempt, Intent, IntentId, IntentPhase, JournalError, Mined, Outcome, PipelineProgress, TxJournal,
};
pub use revert::Revert;
pub use snapshot::{
    BlockRef, BotAccount, BridgeSnapshot, ChainSnapshot, ClusterSnapshot, Deployment, ExitAbi, NexusStatus,
    NexusValidator, OperatorSnapshot, RegistrationContext, RollupSnapshot, SsvParameters, SsvRegistration,
    SsvVersion,
};
