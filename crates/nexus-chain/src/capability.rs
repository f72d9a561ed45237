//! What the bot asks of the execution layer.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nexus_primitives::{Address, BlockNumber, ChainId, OperatorSet, ValidatorPubkey};

use crate::{BlockRef, ChainSnapshot, ContractCall, RegistrationContext, Revert};

/// Which block to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockAt {
    /// The newest finalized block.
    Finalized,
    /// The newest justified block.
    Safe,
    /// The head, or an ancestor of it.
    Latest {
        /// Blocks to stay behind the head.
        lag: u64,
    },
}

/// How a simulated call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// It would succeed.
    Success {
        /// Gas it would use.
        gas_used: u64,
    },
    /// It would revert.
    Reverted(Revert),
}

/// The execution layer as the controller sees it: reads and simulations, no writes.
#[cfg_attr(feature = "test-utils", mockall::automock)]
#[async_trait]
pub trait NexusChain: Send + Sync {
    /// Returns the block that `at` names now.
    async fn fetch_block(&self, at: BlockAt) -> Result<BlockRef, ChainError>;

    /// Reads everything the bot decides on at one block hash, in a number of round trips that doesn't grow with
    /// the number of rollups. With a quorum, that many endpoints must give the same snapshot.
    async fn fetch_snapshot(&self, at: BlockAt) -> Result<ChainSnapshot, ChainError>;

    /// Reads what a registration needs at the head, which is no older than the bot's own last transaction.
    async fn fetch_registration(&self, operators: &OperatorSet) -> Result<RegistrationContext, ChainError>;

    /// Returns the public keys in the deposit contract's events from block `since` to the head.
    async fn fetch_deposited_pubkeys(
        &self,
        since: BlockNumber,
    ) -> Result<BTreeSet<ValidatorPubkey>, ChainError>;

    /// Simulates the calls one after the other at the head, each on the state the previous one left, sent by `from`.
    async fn simulate(&self, from: Address, calls: &[ContractCall]) -> Result<Vec<CallOutcome>, ChainError>;
}

const _: Option<&dyn NexusChain> = None;

/// Why the execution layer couldn't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The endpoint didn't answer, or not with JSON-RPC.
    #[error("execution endpoint {endpoint} is unreachable")]
    Unreachable {
        /// The endpoint, without credentials.
        endpoint: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The endpoint answered with an error.
    #[error("execution endpoint {endpoint} refused {method}: {message}")]
    Refused {
        /// The endpoint, without credentials.
        endpoint: String,
        /// JSON-RPC method.
        method: String,
        /// The node's words.
        message: String,
    },
    /// The endpoint serves another chain.
    #[error("execution endpoint {endpoint} serves chain {found}, the configuration says {expected}")]
    WrongChain {
        /// The endpoint, without credentials.
        endpoint: String,
        /// Chain id of the endpoint.
        found: ChainId,
        /// Chain id of the configuration.
        expected: ChainId,
    },
    /// Endpoints gave different answers to the same question.
    #[error("execution endpoints {first} and {second} disagree on {what}")]
    Disagreement {
        /// One endpoint.
        first: String,
        /// The other.
        second: String,
        /// What they disagree on.
        what: String,
    },
    /// The endpoint hasn't reached a block that others have shown: it would answer from before the bot's own last
    /// transaction. The same question has an answer a little later.
    #[error(
        "execution endpoint {endpoint} is behind block {mined}, in which a transaction of the bot was mined: its head \
         is {head}"
    )]
    Behind {
        /// The endpoint, without credentials.
        endpoint: String,
        /// Its head.
        head: BlockNumber,
        /// The highest block with a transaction of the bot.
        mined: BlockNumber,
    },
    /// A contract isn't what the configuration says it is.
    #[error("contract {name} at {address}: {problem}")]
    Contract {
        /// Its name in the configuration.
        name: &'static str,
        /// Its address.
        address: Address,
        /// What is wrong.
        problem: String,
    },
    /// The history of events doesn't add up, as when a node answers with missing logs.
    #[error("event history is incomplete: {what}")]
    IncompleteHistory {
        /// What doesn't add up.
        what: String,
    },
}

impl ChainError {
    /// Returns whether a service the bot needs couldn't be reached (exit code 69).
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}
