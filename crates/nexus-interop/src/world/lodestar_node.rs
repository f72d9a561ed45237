//! Lodestar's development network: a beacon node with sixteen validators of its own.

use std::{path::Path, time::Duration};

use tokio::process::Command;

use super::{engine_front::Joined, jwt_secret::JwtSecret};
use crate::child_process::{ChildProcess, free_port};

/// Validators at genesis; the deposit contract must have as many deposits before ours.
pub(crate) const GENESIS_VALIDATORS: u64 = 16;
/// Seconds per slot; an epoch of the minimal preset has eight.
pub(crate) const SECONDS_PER_SLOT: u64 = 2;

/// What deposits are signed for: the minimal preset's Capella version, which is in force at genesis.
pub(crate) const GENESIS_FORK: &str = "0x03000001";

/// A running Lodestar.
pub(crate) struct LodestarNode {
    url: String,
    _process: ChildProcess,
}

impl LodestarNode {
    /// Starts a network whose genesis is a few seconds ahead.
    pub(crate) async fn start(
        component: &Path,
        joined: Joined<'_>,
        genesis_time: u64,
        folder: &Path,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let (rest, p2p) = (free_port()?, free_port()?);
        let secret = folder.join("jwt.hex");
        JwtSecret::published().write(&secret)?;
        let url = format!("http://127.0.0.1:{rest}");
        let params = [
            ("SECONDS_PER_SLOT", SECONDS_PER_SLOT),
            ("ETH1_FOLLOW_DISTANCE", 2),
            ("SHARD_COMMITTEE_PERIOD", 0),
            ("MIN_VALIDATOR_WITHDRAWABILITY_DELAY", 2),
            ("ALTAIR_FORK_EPOCH", 0),
            ("BELLATRIX_FORK_EPOCH", 0),
            ("CAPELLA_FORK_EPOCH", 0),
            ("DEPOSIT_CHAIN_ID", joined.chain_id),
            ("DEPOSIT_NETWORK_ID", joined.chain_id),
        ];
        let mut command = Command::new("node");
        command
            .current_dir(component)
            .env("NODE_BACKEND", "js")
            .env("LODESTAR_PRESET", "minimal")
            .args(["--require", "./poly.cjs", "node_modules/@chainsafe/lodestar/lib/index.js", "dev"])
            .args(["--preset", "minimal", "--reset", "--dataDir"])
            .arg(folder.join("lodestar"))
            .args(["--genesisValidators", &GENESIS_VALIDATORS.to_string()])
            .args(["--startValidators", &format!("0..{}", GENESIS_VALIDATORS - 1)])
            .args(["--genesisTime", &genesis_time.to_string()])
            .args(["--rest", "--rest.address", "127.0.0.1", "--rest.port", &rest.to_string()])
            .args(["--rest.namespace", "*", "--beaconNodes", &url])
            .args(["--listenAddress", "127.0.0.1", "--port", &p2p.to_string()])
            .args(["--discv5", "false", "--mdns", "false", "--metrics", "false"])
            .args(["--eth1", "true", "--eth1.providerUrls", joined.execution_url])
            .args(["--execution.urls", joined.execution_url, "--jwtSecret"])
            .arg(&secret)
            .args(["--suggestedFeeRecipient", &joined.fee_recipient.to_string()])
            .args(["--terminal-total-difficulty-override", "0"])
            .args(["--genesisEth1Hash", &joined.first_parent.to_string()])
            // `dev` states the version of the fork at genesis as the genesis fork version; with this they are one.
            .args(["--params.GENESIS_FORK_VERSION", GENESIS_FORK])
            .args(["--params.DEPOSIT_CONTRACT_ADDRESS", &joined.deposit_contract.to_string()]);
        for (name, value) in params {
            command.args([format!("--params.{name}"), value.to_string()]);
        }
        let mut process = ChildProcess::start(&mut command, log)?;
        let genesis = format!("{url}/eth/v1/beacon/genesis");
        let answers =
            || async { reqwest::get(&genesis).await.is_ok_and(|reply| reply.status().is_success()) };
        process.wait_until(Duration::from_mins(2), answers).await?;
        Ok(Self { url, _process: process })
    }

    /// Returns the URL of the REST API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
