//! The execution layer over JSON-RPC: several nodes, one answer.

use std::{
    collections::BTreeSet,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
use nexus_http::{HttpClient, HttpError};
use nexus_primitives::{Address, BlockNumber, OperatorSet, ValidatorPubkey};

use crate::{
    BlockAt, BlockRef, CallOutcome, ChainConfig, ChainError, ChainSnapshot, ContractCall, NexusChain,
    RegistrationContext, deposited_pubkeys::read_deposited_pubkeys, node::Node, quorum::Comparable,
    rpc_endpoint::RpcEndpoint, simulation,
};

/// The production [`NexusChain`] and [`TxNetwork`](crate::TxNetwork).
///
/// Reads go to the endpoints in order of preference and fail over to the next; snapshots and registrations are read
/// from as many endpoints as the quorum asks for, at the same block, and have to be equal. Each endpoint has an event
/// index of its own, so that one node's missing logs can't hide behind another's.
pub struct RpcChain {
    pub(crate) config: ChainConfig,
    pub(crate) nodes: Vec<Node>,
    pub(crate) private: Option<RpcEndpoint>,
    /// Height of the highest block in which a receipt was found: heads below it are from before our own transactions.
    mined_up_to: AtomicU64,
}

/// Why a connection couldn't be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The HTTP client couldn't be set up.
    #[error("setting up the connection to the execution endpoints")]
    Http(#[source] HttpError),
    /// More endpoints have to agree than there are, or none.
    #[error("quorum is {quorum}, there are {endpoints} execution endpoints")]
    Quorum {
        /// Endpoints that must agree.
        quorum: usize,
        /// Endpoints configured.
        endpoints: usize,
    },
    /// The chain isn't what the configuration says, or can't be reached.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl fmt::Debug for RpcChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcChain").field("endpoints", &self.config.endpoints).finish_non_exhaustive()
    }
}

impl RpcChain {
    /// Connects to all endpoints and checks that they serve the configured chain with code at every contract's
    /// address. Endpoints that don't answer are tolerated for as long as a quorum does; they are checked before they
    /// are first used.
    pub async fn connect(config: ChainConfig) -> Result<Self, ConnectError> {
        if config.quorum == 0 || config.quorum > config.endpoints.len() {
            return Err(ConnectError::Quorum { quorum: config.quorum, endpoints: config.endpoints.len() });
        }
        let http = HttpClient::new(config.limits).map_err(ConnectError::Http)?;
        let rpc = |endpoint| RpcEndpoint::new(http.clone(), endpoint, config.batch_limit);
        let nodes = config.endpoints.iter().cloned().map(|endpoint| Node::new(rpc(endpoint))).collect();
        let private = config.private_endpoint.clone().map(rpc);
        let chain = Self { config, nodes, private, mined_up_to: AtomicU64::new(0) };
        chain.check_endpoints().await?;
        Ok(chain)
    }

    async fn check_endpoints(&self) -> Result<(), ChainError> {
        let checks = futures::future::join_all(self.nodes.iter().map(|node| node.check(&self.config))).await;
        let mut answering = 0;
        let mut silent = None;
        for check in checks {
            match check {
                Ok(()) => answering += 1,
                Err(error) if error.is_unreachable() => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "endpoint isn't checked yet");
                    silent.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match silent {
            Some(error) if answering < self.config.quorum => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks the endpoints one after the other until one answers. The first error counts when none does.
    pub(crate) async fn first_answer<'a, T>(
        &'a self,
        ask: impl Fn(&'a Node) -> BoxFuture<'a, Result<T, ChainError>> + Send + Sync,
    ) -> Result<T, ChainError> {
        let mut first_error = None;
        for node in &self.nodes {
            let answer = match node.check(&self.config).await {
                Ok(()) => ask(node).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "trying the next endpoint");
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.expect("there is at least one endpoint, and each either answered or failed"))
    }

    /// Remembers that a transaction of the bot is in this block.
    pub(crate) fn remember_mined(&self, block: BlockNumber) {
        self.mined_up_to.fetch_max(block.get(), Ordering::Relaxed);
    }

    fn mined_up_to(&self) -> BlockNumber {
        BlockNumber::new(self.mined_up_to.load(Ordering::Relaxed))
    }

    /// Returns a node's head, unless the node is behind the bot's own last transaction.
    pub(crate) async fn current_head(&self, node: &Node) -> Result<BlockRef, ChainError> {
        node.block_from(BlockAt::Latest { lag: 0 }, self.mined_up_to()).await
    }

    /// Asks a quorum of endpoints about the same block, no lower than `lowest`, and compares.
    async fn agreed<'a, T: Comparable>(
        &'a self,
        at: BlockAt,
        lowest: BlockNumber,
        ask: impl Fn(&'a Node, BlockRef) -> BoxFuture<'a, Result<T, ChainError>> + Copy + Send + Sync + 'a,
    ) -> Result<T, ChainError> {
        if self.config.quorum == 1 {
            return self
                .first_answer(move |node| {
                    async move { ask(node, node.block_from(at, lowest).await?).await }.boxed()
                })
                .await;
        }
        let (block, nodes) = self.common_block(at, lowest).await?;
        let mut agreed: Option<(T, &Node)> = None;
        let mut votes = 0;
        let mut first_error = None;
        for node in nodes {
            match (ask(node, block).await, &agreed) {
                (Err(error), _) => drop(first_error.get_or_insert(error)),
                (Ok(answer), None) => {
                    agreed = Some((answer, node));
                    votes = 1;
                }
                (Ok(answer), Some((reference, first))) => {
                    if let Some(what) = reference.first_difference(&answer) {
                        let (first, second) = (first.rpc.to_string(), node.rpc.to_string());
                        return Err(ChainError::Disagreement { first, second, what });
                    }
                    votes += 1;
                }
            }
            if votes == self.config.quorum {
                break;
            }
        }
        match (agreed, first_error) {
            (Some((answer, _)), _) if votes == self.config.quorum => Ok(answer),
            (_, error) => Err(error.expect("fewer answers than endpoints asked means that one failed")),
        }
    }

    async fn deposited_pubkeys(
        &self,
        node: &Node,
        since: BlockNumber,
    ) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
        let head = self.current_head(node).await?;
        read_deposited_pubkeys(node, &self.config, since, head.number).await
    }

    async fn simulate_on(
        &self,
        node: &Node,
        from: Address,
        calls: &[ContractCall],
    ) -> Result<Vec<CallOutcome>, ChainError> {
        let head = self.current_head(node).await?;
        simulation::simulate(&node.rpc, self.config.nexus, from, calls, head.number).await
    }

    /// Returns the highest block that a quorum of endpoints has reached, and the endpoints that have.
    async fn common_block(
        &self,
        at: BlockAt,
        lowest: BlockNumber,
    ) -> Result<(BlockRef, Vec<&Node>), ChainError> {
        let blocks = futures::future::join_all(self.nodes.iter().map(async |node| {
            node.check(&self.config).await?;
            node.block_from(at, lowest).await
        }))
        .await;
        let mut reached = Vec::new();
        let mut first_error = None;
        for (node, block) in self.nodes.iter().zip(blocks) {
            match block {
                Ok(block) => reached.push((block, node)),
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        reached.sort_by_key(|(block, _)| std::cmp::Reverse(block.number));
        match reached.get(self.config.quorum - 1) {
            Some((block, _)) => {
                let block = *block;
                let able = reached.into_iter().filter(|(own, _)| own.number >= block.number);
                Ok((block, able.map(|(_, node)| node).collect()))
            }
            None => Err(first_error.expect("fewer answers than endpoints means that one failed")),
        }
    }
}

#[async_trait]
impl NexusChain for RpcChain {
    async fn fetch_block(&self, at: BlockAt) -> Result<BlockRef, ChainError> {
        self.first_answer(move |node| node.block(at).boxed()).await
    }

    async fn fetch_snapshot(&self, at: BlockAt) -> Result<ChainSnapshot, ChainError> {
        let config = &self.config;
        let any = BlockNumber::new(0);
        self.agreed(at, any, move |node, block| node.snapshot(config, block).boxed()).await
    }

    async fn fetch_registration(&self, operators: &OperatorSet) -> Result<RegistrationContext, ChainError> {
        let config = &self.config;
        let at = BlockAt::Latest { lag: 0 };
        let lowest = self.mined_up_to();
        self.agreed(at, lowest, move |node, block| node.registration(config, block, operators).boxed()).await
    }

    /// With a quorum, the keys that any of its endpoints knows: a key too many is refused, a key too few is lost ETH.
    async fn fetch_deposited_pubkeys(
        &self,
        since: BlockNumber,
    ) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
        if self.config.quorum == 1 {
            return self.first_answer(move |node| self.deposited_pubkeys(node, since).boxed()).await;
        }
        let mut pubkeys = BTreeSet::new();
        let (_, nodes) = self.common_block(BlockAt::Latest { lag: 0 }, self.mined_up_to()).await?;
        for node in nodes.into_iter().take(self.config.quorum) {
            pubkeys.extend(self.deposited_pubkeys(node, since).await?);
        }
        Ok(pubkeys)
    }

    async fn simulate(&self, from: Address, calls: &[ContractCall]) -> Result<Vec<CallOutcome>, ChainError> {
        self.first_answer(move |node| self.simulate_on(node, from, calls).boxed()).await
    }
}
