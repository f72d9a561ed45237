//! The execution layer over JSON-RPC: several nodes, one answer.

use std::{collections::BTreeSet, fmt};

use alloy::primitives::U64;
use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
use nexus_http::{HttpClient, HttpError};
use nexus_primitives::{Address, BlockNumber, ChainId, OperatorSet, ValidatorPubkey};
use serde_json::json;
use tokio::sync::{Mutex, OnceCell};

use crate::{
    BlockAt, BlockRef, CallOutcome, ChainConfig, ChainError, ChainSnapshot, ContractCall, NexusChain,
    RegistrationContext,
    alloy_types::from_alloy,
    bindings::nexus_main,
    deposited_pubkeys::read_deposited_pubkeys,
    event_index::{EventIndex, IndexedContracts},
    log_reader::extend_index,
    quorum::Comparable,
    read_batch::{ReadBatch, required},
    registration_reader::read_registration,
    rpc_endpoint::{RpcCall, RpcEndpoint},
    simulation,
    snapshot_reader::{SnapshotReading, read_snapshot},
    wire::{WireBlock, quantity},
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
}

/// One endpoint and what is remembered about it.
pub(crate) struct Node {
    pub(crate) rpc: RpcEndpoint,
    index: Mutex<Option<EventIndex>>,
    checked: OnceCell<()>,
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
        let node = |endpoint| Node { rpc: rpc(endpoint), index: Mutex::new(None), checked: OnceCell::new() };
        let nodes = config.endpoints.iter().cloned().map(node).collect();
        let private = config.private_endpoint.clone().map(rpc);
        let chain = Self { config, nodes, private };
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

    /// Asks a quorum of endpoints about the same block, and compares.
    async fn agreed<'a, T: Comparable>(
        &'a self,
        at: BlockAt,
        ask: impl Fn(&'a Node, BlockRef) -> BoxFuture<'a, Result<T, ChainError>> + Copy + Send + Sync + 'a,
    ) -> Result<T, ChainError> {
        if self.config.quorum == 1 {
            return self
                .first_answer(move |node| async move { ask(node, node.block(at).await?).await }.boxed())
                .await;
        }
        let (block, nodes) = self.common_block(at).await?;
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

    /// Returns the highest block that a quorum of endpoints has reached, and the endpoints that have.
    async fn common_block(&self, at: BlockAt) -> Result<(BlockRef, Vec<&Node>), ChainError> {
        let blocks = futures::future::join_all(self.nodes.iter().map(async |node| {
            node.check(&self.config).await?;
            node.block(at).await
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

impl Node {
    /// Checks the chain id and the contracts' code, once.
    pub(crate) async fn check(&self, config: &ChainConfig) -> Result<(), ChainError> {
        self.checked.get_or_try_init(|| self.check_now(config)).await.copied()
    }

    async fn check_now(&self, config: &ChainConfig) -> Result<(), ChainError> {
        let found: U64 = self.rpc.request(RpcCall::new("eth_chainId", json!([]))).await?;
        let found = ChainId::new(found.to());
        if found != config.chain_id {
            let endpoint = self.rpc.to_string();
            return Err(ChainError::WrongChain { endpoint, found, expected: config.chain_id });
        }
        let head = self.block(BlockAt::Latest { lag: 0 }).await?;
        let mut batch = ReadBatch::new(head.hash);
        let mut contracts = vec![
            ("nexus", config.nexus),
            ("ssv_network", config.ssv_network),
            ("ssv_token", config.ssv_token),
            ("deposit_contract", config.deposit_contract),
        ];
        contracts.extend(config.ssv_network_views.map(|views| ("ssv_network_views", views)));
        let codes: Vec<_> =
            contracts.iter().map(|(name, address)| (*name, *address, batch.code(*address))).collect();
        let node_operator = batch.call(config.nexus, &nexus_main::NodeOperatorContractCall {});
        let readings = batch.send(&self.rpc).await?;
        for (name, address, code) in &codes {
            if readings.code_hash(code)?.is_none() {
                let problem = "there is no code at this address".to_owned();
                return Err(ChainError::Contract { name, address: *address, problem });
            }
        }
        let node_operator =
            required(&readings, node_operator, "nexus", config.nexus, "NodeOperatorContract()")?;
        *self.index.lock().await = Some(new_index(config, from_alloy(node_operator)));
        Ok(())
    }

    pub(crate) async fn block(&self, at: BlockAt) -> Result<BlockRef, ChainError> {
        let tag = match at {
            BlockAt::Finalized => "finalized".to_owned(),
            BlockAt::Safe => "safe".to_owned(),
            BlockAt::Latest { lag: 0 } => "latest".to_owned(),
            BlockAt::Latest { lag } => {
                let head: U64 = self.rpc.request(RpcCall::new("eth_blockNumber", json!([]))).await?;
                quantity(head.to::<u64>().saturating_sub(lag))
            }
        };
        Ok(self.wire_block(&tag).await?.to_ref())
    }

    /// Returns the block behind a tag or number.
    pub(crate) async fn wire_block(&self, tag: &str) -> Result<WireBlock, ChainError> {
        let call = RpcCall::new("eth_getBlockByNumber", json!([tag, false]));
        self.rpc.request::<Option<WireBlock>>(call).await?.ok_or_else(|| ChainError::Refused {
            endpoint: self.rpc.to_string(),
            method: "eth_getBlockByNumber".to_owned(),
            message: format!("there is no block {tag} yet"),
        })
    }

    async fn snapshot(&self, config: &ChainConfig, block: BlockRef) -> Result<ChainSnapshot, ChainError> {
        let mut slot = self.index.lock().await;
        let index = slot.as_mut().ok_or_else(|| self.rpc.unreachable("the endpoint wasn't checked"))?;
        let snapshot = self.snapshot_with(index, config, block).await;
        if let Err(ChainError::IncompleteHistory { .. }) = snapshot {
            // Some of it came from a node that left events out: next time all of it is read again.
            index.reset();
        }
        snapshot
    }

    async fn snapshot_with(
        &self,
        index: &mut EventIndex,
        config: &ChainConfig,
        block: BlockRef,
    ) -> Result<ChainSnapshot, ChainError> {
        // At one block there is one NodeOperator contract: a second round reads with it.
        for _ in 0..2 {
            extend_index(index, &self.rpc, &block, config.log_window).await?;
            match read_snapshot(&self.rpc, config, index, &block).await? {
                SnapshotReading::Complete(snapshot) => return Ok(*snapshot),
                SnapshotReading::NodeOperatorMoved(address) => *index = new_index(config, address),
            }
        }
        let what = format!("{} names another NodeOperator contract each time it is asked", self.rpc);
        Err(ChainError::IncompleteHistory { what })
    }

    /// Extends a copy of the index: what isn't final must not stay in it.
    async fn registration(
        &self,
        config: &ChainConfig,
        block: BlockRef,
        operators: &OperatorSet,
    ) -> Result<RegistrationContext, ChainError> {
        let index = self.index.lock().await.clone();
        let mut index = index.ok_or_else(|| self.rpc.unreachable("the endpoint wasn't checked"))?;
        extend_index(&mut index, &self.rpc, &block, config.log_window).await?;
        let registration = read_registration(&self.rpc, config, &index, &block, operators).await;
        if let (Err(ChainError::IncompleteHistory { .. }), Some(index)) =
            (&registration, self.index.lock().await.as_mut())
        {
            index.reset();
        }
        registration
    }
}

fn new_index(config: &ChainConfig, node_operator: Address) -> EventIndex {
    EventIndex::new(IndexedContracts {
        nexus: config.nexus,
        node_operator,
        ssv_network: config.ssv_network,
        start_block: config.start_block,
    })
}

#[async_trait]
impl NexusChain for RpcChain {
    async fn fetch_block(&self, at: BlockAt) -> Result<BlockRef, ChainError> {
        self.first_answer(move |node| node.block(at).boxed()).await
    }

    async fn fetch_snapshot(&self, at: BlockAt) -> Result<ChainSnapshot, ChainError> {
        let config = &self.config;
        self.agreed(at, move |node, block| node.snapshot(config, block).boxed()).await
    }

    async fn fetch_registration(&self, operators: &OperatorSet) -> Result<RegistrationContext, ChainError> {
        let config = &self.config;
        let at = BlockAt::Latest { lag: 0 };
        self.agreed(at, move |node, block| node.registration(config, block, operators).boxed()).await
    }

    /// With a quorum, the keys that any of its endpoints knows: a key too many is refused, a key too few is lost ETH.
    async fn fetch_deposited_pubkeys(
        &self,
        since: BlockNumber,
    ) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
        if self.config.quorum == 1 {
            return self
                .first_answer(move |node| read_deposited_pubkeys(node, &self.config, since).boxed())
                .await;
        }
        let mut pubkeys = BTreeSet::new();
        let (_, nodes) = self.common_block(BlockAt::Latest { lag: 0 }).await?;
        for node in nodes.into_iter().take(self.config.quorum) {
            pubkeys.extend(read_deposited_pubkeys(node, &self.config, since).await?);
        }
        Ok(pubkeys)
    }

    async fn simulate(&self, from: Address, calls: &[ContractCall]) -> Result<Vec<CallOutcome>, ChainError> {
        let nexus = self.config.nexus;
        self.first_answer(move |node| simulation::simulate(&node.rpc, nexus, from, calls).boxed()).await
    }
}
