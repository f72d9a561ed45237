//! A real execution node and the embedded beacon chain in step: one slot is one block of the node.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    rpc::types::Log,
    sol_types::SolEvent as _,
};
use anyhow::{Context as _, bail, ensure};
use nexus_devnet::{
    consensus::{BeaconChain, BeaconState, ConsensusConfig, DepositEvent, ExecutionBlock, rest},
    deploy::{DeployError, Deployment},
    execution::ExecutionChain,
    ssv_operators::SsvOperators,
};
use nexus_primitives::{BlockHash, BlockNumber, BlsSignature, Gwei, Slot, ValidatorPubkey};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    blueprint::Blueprint,
    execution_node::{Block, ExecutionNode},
    json_rpc::JsonRpc,
    world_clock::WorldClock,
};

/// Blocks that a transaction of the owners may take.
const PATIENCE_BLOCKS: usize = 8;

mod events {
    alloy::sol! {
        event DepositEvent(bytes pubkey, bytes withdrawal_credentials, bytes amount, bytes signature, bytes index);
    }
}

/// Node, beacon chain, contracts and SSV operators.
pub(crate) struct JoinedWorld<N> {
    /// The execution node.
    pub(crate) node: N,
    beacon: rest::SharedBeacon,
    beacon_url: String,
    blueprint: Blueprint,
    operators: BTreeMap<Slot, SsvOperators>,
    clock: WorldClock,
    _server: JoinSet<()>,
}

impl<N: ExecutionNode> JoinedWorld<N> {
    /// Joins a node at its genesis to a fresh beacon chain, and deploys the contracts by sending the blueprint's
    /// transactions.
    pub(crate) async fn join(node: N, blueprint: Blueprint, config: ConsensusConfig) -> anyhow::Result<Self> {
        let clock = WorldClock::default();
        clock.set(config.genesis_time);
        let beacon = rest::SharedBeacon::new(BeaconChain::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let beacon_url = format!("http://{}", listener.local_addr()?);
        let router = rest::router(beacon.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, router).await) });
        let mut world = Self {
            node,
            beacon,
            beacon_url,
            blueprint,
            operators: BTreeMap::from([(Slot::new(0), SsvOperators::new())]),
            clock,
            _server: server,
        };
        world.send_acts().await?;
        let deployed = world.head();
        while world.finalized().await? < deployed {
            world.step().await?;
        }
        Ok(world)
    }

    /// Returns the node's JSON-RPC.
    pub(crate) fn rpc(&self) -> &JsonRpc {
        self.node.rpc()
    }

    /// Returns the beacon node's URL.
    pub(crate) fn beacon_url(&self) -> &str {
        &self.beacon_url
    }

    /// Returns a clock that follows the newest slot.
    pub(crate) fn clock(&self) -> WorldClock {
        self.clock.clone()
    }

    /// Returns what is deployed.
    pub(crate) fn deployment(&self) -> &Deployment {
        self.blueprint.deployment()
    }

    /// Returns the code a contract should have.
    pub(crate) fn expected_code(&self, contract: Address) -> Bytes {
        self.blueprint.code(contract)
    }

    /// Returns the newest block's number.
    pub(crate) fn head(&self) -> u64 {
        self.beacon.read().head().slot().get()
    }

    /// Returns the newest knowledge of SSV's operators.
    pub(crate) fn operators(&self) -> SsvOperators {
        self.operators.last_key_value().map(|(_, operators)| operators.clone()).unwrap_or_default()
    }

    /// Returns the newest block that both the node and the beacon chain call final.
    async fn finalized(&self) -> anyhow::Result<u64> {
        let beacon = self.beacon.read().finalized().execution().map_or(0, |block| block.number.get());
        if beacon == 0 {
            return Ok(0);
        }
        Ok(Block::fetch(self.rpc(), "finalized").await?.number.min(beacon))
    }

    /// Lets a slot pass.
    pub(crate) async fn step(&mut self) -> anyhow::Result<()> {
        let (slot, time, withdrawals) = {
            let mut beacon = self.beacon.write();
            let slot = Slot::new(beacon.head().slot().get() + 1);
            (slot, beacon.config().slot_time(slot), beacon.start_slot(slot)?)
        };
        let block = self.node.mine(time.get(), &withdrawals).await?;
        ensure!(block.number == slot.get(), "block {} in slot {slot}", block.number);
        self.take_in(block).await?;
        let (safe, finalized) = {
            let beacon = self.beacon.read();
            let number = |state: &BeaconState| state.execution().map_or(0, |block| block.number.get());
            (number(beacon.justified()), number(beacon.finalized()))
        };
        self.node.set_finality(safe, finalized).await?;
        self.clock.set(time);
        Ok(())
    }

    /// Has the owners act, by transactions.
    pub(crate) async fn act<T>(
        &mut self,
        act: impl FnOnce(&Deployment, &ExecutionChain, &mut dyn FnMut()) -> Result<T, DeployError>,
    ) -> anyhow::Result<T> {
        let done = self.blueprint.act(act)?;
        self.send_acts().await?;
        Ok(done)
    }

    /// Follows a node whose last `depth` blocks were replaced.
    pub(crate) async fn follow_reorg(&mut self, depth: u64) -> anyhow::Result<()> {
        let head = self.head();
        let ancestor = Slot::new(head - depth);
        self.beacon.write().rewind_to(ancestor)?;
        self.operators.retain(|known, _| *known <= ancestor);
        for number in ancestor.get() + 1..=head {
            let withdrawals = self.beacon.write().start_slot(Slot::new(number))?;
            ensure!(withdrawals.is_empty(), "a replaced block paid withdrawals");
            let block = Block::at(self.node.rpc(), number).await?;
            self.take_in(block).await?;
        }
        Ok(())
    }

    /// Calls a contract at the head.
    pub(crate) async fn read(&self, contract: Address, call: Vec<u8>) -> anyhow::Result<Bytes> {
        let call = json!({ "to": contract, "data": Bytes::from(call) });
        self.rpc().call("eth_call", json!([call, "latest"])).await
    }

    /// Returns the ETH on an account, in wei.
    pub(crate) async fn balance(&self, address: Address) -> anyhow::Result<U256> {
        self.rpc().call("eth_getBalance", json!([address, "latest"])).await
    }

    async fn send_acts(&mut self) -> anyhow::Result<()> {
        for block in self.blueprint.take_transactions().await? {
            let mut hashes = Vec::new();
            for raw in block {
                hashes.push(keccak256(&raw));
                self.rpc().call::<Value>("eth_sendRawTransaction", json!([raw])).await?;
            }
            for hash in hashes {
                self.settle(hash).await?;
            }
        }
        Ok(())
    }

    async fn settle(&mut self, hash: B256) -> anyhow::Result<()> {
        for _ in 0..PATIENCE_BLOCKS {
            match self.receipt(hash).await? {
                Some(receipt) if receipt["status"] == "0x1" => return Ok(()),
                Some(_) => bail!("transaction {hash} of the contracts' owners failed"),
                None => self.step().await?,
            }
        }
        bail!("transaction {hash} of the contracts' owners was not mined")
    }

    async fn receipt(&self, hash: B256) -> anyhow::Result<Option<Value>> {
        match self.rpc().call("eth_getTransactionReceipt", json!([hash])).await {
            // geth's answer for transactions it doesn't know, until it has seen its first blocks.
            Err(error) if error.to_string().contains("indexing is in progress") => Ok(None),
            answer => answer,
        }
    }

    async fn take_in(&mut self, block: Block) -> anyhow::Result<()> {
        let contract = self.deployment().deposit_contract;
        let deposits = self.logs(block, contract).await?;
        let deposits = deposits.iter().map(deposit).collect::<anyhow::Result<Vec<_>>>()?;
        let logs = self.logs(block, self.deployment().ssv_network).await?;
        let mut operators = self.operators();
        let mut beacon = self.beacon.write();
        let hash = BlockHash::new(block.hash.0);
        beacon.finish_slot(ExecutionBlock { number: BlockNumber::new(block.number), hash }, &deposits)?;
        operators.observe(&logs, beacon.head());
        for exit in operators.sign_due_exits(beacon.head(), beacon.config()) {
            // The operators send once and never look again.
            let _ = beacon.submit_exit(exit);
        }
        beacon.attest(operators.attesting());
        self.operators.insert(beacon.head().slot(), operators);
        Ok(())
    }

    async fn logs(&self, block: Block, address: Address) -> anyhow::Result<Vec<Log>> {
        let filter = json!({ "blockHash": block.hash, "address": address });
        self.rpc().call("eth_getLogs", json!([filter])).await
    }
}

/// Reads a `DepositEvent`; amount and index are little endian.
pub(crate) fn deposit(log: &Log) -> anyhow::Result<DepositEvent> {
    let event = events::DepositEvent::decode_log(&log.inner)?.data;
    let number = |bytes: &Bytes| bytes.as_ref().try_into().map(u64::from_le_bytes).context("eight bytes");
    Ok(DepositEvent {
        pubkey: ValidatorPubkey::from_slice(&event.pubkey)?,
        withdrawal_credentials: event.withdrawal_credentials.as_ref().try_into()?,
        amount: Gwei::new(number(&event.amount)?),
        signature: BlsSignature::from_slice(&event.signature)?,
        index: number(&event.index)?,
    })
}
