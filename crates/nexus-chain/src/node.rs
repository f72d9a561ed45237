//! One execution node: what it is asked, and the history of events it has given so far.

use alloy::primitives::U64;
use nexus_primitives::{Address, BlockNumber, ChainId, OperatorSet};
use serde_json::json;
use tokio::sync::{Mutex, OnceCell};

use crate::{
    BlockAt, BlockRef, ChainConfig, ChainError, ChainSnapshot, RegistrationContext,
    alloy_types::from_alloy,
    bindings::nexus_main,
    event_index::{EventIndex, IndexedContracts},
    log_reader::extend_index,
    miscount::{ConfirmedMiscounts, find_miscounts, mark},
    read_batch::{ReadBatch, required},
    registration_reader::read_registration,
    rpc_endpoint::{RpcCall, RpcEndpoint},
    snapshot_reader::{SnapshotReading, read_snapshot},
    wire::{WireBlock, quantity},
};

/// One endpoint and what is remembered about it.
pub(crate) struct Node {
    pub(crate) rpc: RpcEndpoint,
    history: Mutex<Option<History>>,
    checked: OnceCell<()>,
}

/// What is known of the past.
struct History {
    index: EventIndex,
    miscounts: ConfirmedMiscounts,
}

impl Node {
    pub(crate) fn new(rpc: RpcEndpoint) -> Self {
        Self { rpc, history: Mutex::new(None), checked: OnceCell::new() }
    }

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
        let index = new_index(config, from_alloy(node_operator));
        *self.history.lock().await = Some(History { index, miscounts: ConfirmedMiscounts::default() });
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

    /// The same, unless it is lower than a block that the bot's last transaction is in.
    pub(crate) async fn block_from(&self, at: BlockAt, lowest: BlockNumber) -> Result<BlockRef, ChainError> {
        let block = self.block(at).await?;
        if block.number < lowest {
            let endpoint = self.rpc.to_string();
            return Err(ChainError::Behind { endpoint, head: block.number, mined: lowest });
        }
        Ok(block)
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

    pub(crate) async fn snapshot(
        &self,
        config: &ChainConfig,
        block: BlockRef,
    ) -> Result<ChainSnapshot, ChainError> {
        let mut slot = self.history.lock().await;
        let history = slot.as_mut().ok_or_else(|| self.rpc.unreachable("the endpoint wasn't checked"))?;
        let snapshot = self.counted_snapshot(history, config, block).await;
        if let Err(ChainError::IncompleteHistory { .. }) = snapshot {
            // Some of it came from a node that left events out: next time all of it is read again.
            history.index.reset();
        }
        snapshot
    }

    /// Reads all events anew before a bridge is said to miscount, as often as makes sense.
    async fn counted_snapshot(
        &self,
        history: &mut History,
        config: &ChainConfig,
        block: BlockRef,
    ) -> Result<ChainSnapshot, ChainError> {
        let History { index, miscounts } = history;
        let mut snapshot = self.snapshot_with(index, config, block).await?;
        let mut found = find_miscounts(&snapshot, index);
        if miscounts.ask_for_rebuild(&found, block.number) {
            index.reset();
            snapshot = self.snapshot_with(index, config, block).await?;
            found = find_miscounts(&snapshot, index);
            miscounts.confirm(&found, block.number);
        }
        mark(&mut snapshot, &found);
        Ok(snapshot)
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
    pub(crate) async fn registration(
        &self,
        config: &ChainConfig,
        block: BlockRef,
        operators: &OperatorSet,
    ) -> Result<RegistrationContext, ChainError> {
        let index = self.history.lock().await.as_ref().map(|history| history.index.clone());
        let mut index = index.ok_or_else(|| self.rpc.unreachable("the endpoint wasn't checked"))?;
        extend_index(&mut index, &self.rpc, &block, config.log_window).await?;
        let registration = read_registration(&self.rpc, config, &index, &block, operators).await;
        if let (Err(ChainError::IncompleteHistory { .. }), Some(history)) =
            (&registration, self.history.lock().await.as_mut())
        {
            history.index.reset();
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
