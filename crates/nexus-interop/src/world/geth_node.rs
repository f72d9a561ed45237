//! geth, driven over the Engine API as a consensus client drives it.

use std::{fs, path::Path, time::Duration};

use alloy::primitives::{Address, B64, B256};
use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use nexus_devnet::consensus::Withdrawal;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    execution_node::{Block, ChainStart, ExecutionNode},
    geth_genesis,
    json_rpc::JsonRpc,
    jwt_secret::JwtSecret,
};
use crate::child_process::{ChildProcess, free_port};

/// The genesis document that a node was started from, in the row's folder.
pub(crate) const GENESIS_FILE: &str = "genesis.json";

/// Builds of one block: geth hands out an empty one when it is asked before its first full one is ready.
const BUILDS: u64 = 40;
const BUILD_TIME: Duration = Duration::from_millis(25);

/// Which hard fork the chain has from its first block on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Shanghai: what consensus clients of the Capella era know.
    Shanghai,
    /// Prague: deposits reach the consensus layer as requests of their blocks (EIP-6110, EIP-7685).
    Prague,
}

/// A running geth.
pub(crate) struct GethNode {
    rpc: JsonRpc,
    engine: JsonRpc,
    rules: Rules,
    /// Hashes by height.
    hashes: Vec<B256>,
    safe: B256,
    finalized: B256,
    _process: ChildProcess,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    payload_status: Status,
    payload_id: Option<B64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: String,
    validation_error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Built {
    execution_payload: Value,
    /// Absent before Prague.
    #[serde(default)]
    execution_requests: Value,
}

impl Rules {
    const fn forkchoice_updated(self) -> &'static str {
        match self {
            Self::Shanghai => "engine_forkchoiceUpdatedV2",
            Self::Prague => "engine_forkchoiceUpdatedV3",
        }
    }

    const fn get_payload(self) -> &'static str {
        match self {
            Self::Shanghai => "engine_getPayloadV2",
            Self::Prague => "engine_getPayloadV4",
        }
    }

    const fn new_payload(self) -> &'static str {
        match self {
            Self::Shanghai => "engine_newPayloadV2",
            Self::Prague => "engine_newPayloadV4",
        }
    }
}

impl GethNode {
    /// Starts geth on this chain, in `folder`.
    pub(crate) async fn start(
        component: &Path,
        start: &ChainStart,
        rules: Rules,
        folder: &Path,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let binary = component.join("bin/geth");
        let data = folder.join("geth");
        fs::create_dir_all(&data)?;
        let (genesis, secret_file) = (folder.join(GENESIS_FILE), folder.join("jwt.hex"));
        fs::write(&genesis, geth_genesis::document(start, rules, &binary).await?.to_string())?;
        let secret = JwtSecret::published();
        secret.write(&secret_file)?;
        let init =
            Command::new(&binary).arg("init").arg("--datadir").arg(&data).arg(&genesis).output().await?;
        ensure!(init.status.success(), "geth init: {}", String::from_utf8_lossy(&init.stderr));

        let (http, auth) = (free_port()?, free_port()?);
        let mut command = Command::new(&binary);
        command
            .arg("--datadir")
            .arg(&data)
            .arg("--authrpc.jwtsecret")
            .arg(&secret_file)
            .args(["--networkid", &start.chain_id.to_string(), "--syncmode", "full", "--gcmode", "archive"])
            .args(["--http", "--http.addr", "127.0.0.1", "--http.port", &http.to_string()])
            .args(["--http.api", "eth,net,web3,txpool"])
            .args(["--authrpc.addr", "127.0.0.1", "--authrpc.port", &auth.to_string()])
            .args(["--nodiscover", "--maxpeers", "0", "--port", "0", "--nat", "none", "--ipcdisable"])
            .args(["--miner.gaslimit", "60000000"]);
        let mut process = ChildProcess::start(&mut command, log)?;
        let rpc = JsonRpc::new(&format!("http://127.0.0.1:{http}"));
        process.wait_until(Duration::from_mins(1), || rpc.answers()).await?;
        let genesis = Block::at(&rpc, 0).await?.hash;
        let engine = JsonRpc::new(&format!("http://127.0.0.1:{auth}")).with_secret(secret);
        Ok(Self {
            rpc,
            engine,
            rules,
            hashes: vec![genesis],
            safe: B256::ZERO,
            finalized: B256::ZERO,
            _process: process,
        })
    }

    /// Returns the URL of the Engine API.
    pub(crate) fn engine_url(&self) -> &str {
        self.engine.url()
    }

    fn head(&self) -> B256 {
        self.hashes.last().copied().unwrap_or_default()
    }

    async fn update(&self, head: B256, attributes: Value) -> anyhow::Result<Option<B64>> {
        let state = json!({ "headBlockHash": head, "safeBlockHash": self.safe, "finalizedBlockHash": self.finalized });
        let updated: Updated =
            self.engine.call(self.rules.forkchoice_updated(), json!([state, attributes])).await?;
        check(self.rules.forkchoice_updated(), &updated.payload_status)?;
        Ok(updated.payload_id)
    }

    async fn build(&self, timestamp: u64, withdrawals: &[Value], attempt: u64) -> anyhow::Result<Built> {
        let mut attributes = json!({
            "timestamp": format!("{timestamp:#x}"),
            // Another value makes another build.
            "prevRandao": B256::with_last_byte(u8::try_from(attempt)?),
            "suggestedFeeRecipient": Address::ZERO,
            "withdrawals": withdrawals,
        });
        if self.rules == Rules::Prague {
            attributes["parentBeaconBlockRoot"] = json!(B256::ZERO);
        }
        let id = self.update(self.head(), attributes).await?.context("geth builds a block when asked to")?;
        tokio::time::sleep(BUILD_TIME).await;
        self.engine.call(self.rules.get_payload(), json!([id])).await
    }

    /// Builds until the transactions that wait are in the block.
    async fn build_full(&self, timestamp: u64, withdrawals: &[Value]) -> anyhow::Result<Built> {
        let pool: Value = self.rpc.call("txpool_status", json!([])).await?;
        let mut built = self.build(timestamp, withdrawals, 0).await?;
        for attempt in 1..BUILDS {
            let is_empty = built.execution_payload["transactions"].as_array().is_none_or(Vec::is_empty);
            if pool["pending"] == "0x0" || !is_empty {
                break;
            }
            built = self.build(timestamp, withdrawals, attempt).await?;
        }
        Ok(built)
    }
}

#[async_trait]
impl ExecutionNode for GethNode {
    fn rpc(&self) -> &JsonRpc {
        &self.rpc
    }

    async fn mine(&mut self, timestamp: u64, withdrawals: &[Withdrawal]) -> anyhow::Result<Block> {
        let withdrawals: Vec<_> = withdrawals.iter().map(wire).collect();
        let built = self.build_full(timestamp, &withdrawals).await?;
        let hash: B256 = serde_json::from_value(built.execution_payload["blockHash"].clone())?;
        let arguments = match self.rules {
            Rules::Shanghai => json!([built.execution_payload]),
            Rules::Prague => json!([built.execution_payload, [], B256::ZERO, built.execution_requests]),
        };
        let status: Status = self.engine.call(self.rules.new_payload(), arguments).await?;
        check(self.rules.new_payload(), &status)?;
        self.update(hash, Value::Null).await?;
        self.hashes.push(hash);
        Block::fetch(&self.rpc, "latest").await
    }

    async fn set_finality(&mut self, safe: u64, finalized: u64) -> anyhow::Result<()> {
        let hash = |number: u64| usize::try_from(number).ok().and_then(|at| self.hashes.get(at)).copied();
        self.safe = hash(safe).context("the justified block is known")?;
        self.finalized = hash(finalized).context("the finalized block is known")?;
        self.update(self.head(), Value::Null).await.map(drop)
    }
}

fn check(method: &str, status: &Status) -> anyhow::Result<()> {
    ensure!(status.status == "VALID", "{method}: {} {:?}", status.status, status.validation_error);
    Ok(())
}

fn wire(withdrawal: &Withdrawal) -> Value {
    json!({
        "index": format!("{:#x}", withdrawal.index),
        "validatorIndex": format!("{:#x}", withdrawal.validator_index.get()),
        "address": Address::new(withdrawal.address.into_bytes()),
        "amount": format!("{:#x}", withdrawal.amount.get()),
    })
}
