//! The contracts and what their owners do, as signed transactions for any node.
//!
//! The embedded world's deployment is run on an in-process chain, and every transaction it made is then sent to the
//! real node as it is. Accounts, nonces and therefore addresses come out the same.

use std::sync::Arc;

use alloy::primitives::{B256, Bytes, U256};
use anyhow::Context as _;
use nexus_devnet::{
    deploy::{
        ClusterConfig, DeployConfig, DeployError, Deployment, DevnetAccounts, NexusVersion, OperatorConfig,
    },
    execution::{ExecutionChain, GenesisConfig, rpc},
    operators::operators,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    execution_node::{ChainStart, Predeploy},
    json_rpc::JsonRpc,
};

/// Fee of every operator, in token wei per block and validator.
const OPERATOR_FEE: u64 = 956_600_000_000;
/// The deposit contract's storage: its tree's branch, its count and its zero hashes.
const DEPOSIT_CONTRACT_SLOTS: u64 = 65;

/// The in-process chain on which owners' acts are drawn up.
pub(crate) struct Blueprint {
    chain: Arc<ExecutionChain>,
    rpc: JsonRpc,
    deployment: Deployment,
    sent: u64,
    _server: JoinSet<()>,
}

impl Blueprint {
    /// Draws up the deployment of all contracts.
    pub(crate) async fn draw(chain_id: u64, timestamp: u64, version: NexusVersion) -> anyhow::Result<Self> {
        let alloc = DevnetAccounts::new().alloc();
        let chain =
            Arc::new(ExecutionChain::new(GenesisConfig { alloc, ..GenesisConfig::new(chain_id, timestamp) }));
        let deployment = Deployment::deploy(&chain, miner(&chain), deploy_config(version))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = rpc::router(chain.clone(), Arc::new(rpc::SelfMining::new(chain.clone())));
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { chain, rpc: JsonRpc::new(&url), deployment, sent: 0, _server: server })
    }

    /// Returns what is, or is about to be, deployed.
    pub(crate) fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Returns the code a contract has on the in-process chain.
    pub(crate) fn code(&self, contract: alloy::primitives::Address) -> Bytes {
        self.chain.code(contract)
    }

    /// Returns what a node must start from.
    pub(crate) fn chain_start(&self, timestamp: u64, slots_per_epoch: u64) -> ChainStart {
        let address = self.chain.deposit_contract();
        let slots = (0..DEPOSIT_CONTRACT_SLOTS).map(U256::from);
        let storage = slots.map(|slot| (slot, self.chain.storage(address, slot)));
        ChainStart {
            chain_id: self.chain.chain_id(),
            timestamp,
            slots_per_epoch,
            alloc: DevnetAccounts::new().alloc(),
            deposit_contract: Predeploy {
                address,
                code: self.chain.code(address),
                storage: storage.filter(|(_, value)| !value.is_zero()).collect(),
            },
        }
    }

    /// Draws up one more act.
    pub(crate) fn act<T>(
        &self,
        act: impl FnOnce(&Deployment, &ExecutionChain, &mut dyn FnMut()) -> Result<T, DeployError>,
    ) -> anyhow::Result<T> {
        Ok(act(&self.deployment, &self.chain, &mut miner(&self.chain))?)
    }

    /// Returns the signed transactions that weren't taken yet, block by block.
    pub(crate) async fn take_transactions(&mut self) -> anyhow::Result<Vec<Vec<Bytes>>> {
        let mut blocks = Vec::new();
        while self.sent < self.chain.head().number {
            self.sent += 1;
            let number = format!("{:#x}", self.sent);
            let block: Value = self.rpc.call("eth_getBlockByNumber", json!([number, false])).await?;
            let hashes: Vec<B256> = serde_json::from_value(block["transactions"].clone())?;
            let mut raw = Vec::new();
            for hash in hashes {
                raw.push(
                    self.rpc
                        .call("eth_getRawTransactionByHash", json!([hash]))
                        .await
                        .context("mined above")?,
                );
            }
            if !raw.is_empty() {
                blocks.push(raw);
            }
        }
        Ok(blocks)
    }
}

fn miner(chain: &ExecutionChain) -> impl FnMut() {
    || {
        chain.mine_block(chain.head().timestamp + 12, &[]);
    }
}

/// Operators with published keys, 1 to 4 in cluster 1.
fn deploy_config(version: NexusVersion) -> DeployConfig {
    let operators = operators().iter().map(|operator| OperatorConfig {
        name: format!("operator {}", operator.id),
        public_key_text: operator.key_text.clone(),
        fee_wei_per_block: OPERATOR_FEE,
        dkg_endpoint: format!("https://operator-{}.invalid:3030", operator.id),
        private: false,
    });
    let clusters = vec![ClusterConfig { id: 1, operators: vec![1, 2, 3, 4] }];
    DeployConfig { operators: operators.collect(), clusters, ..DeployConfig::new(version) }
}
