//! Prysm: a beacon node and its validators, by Electra's rules, joined to a geth by Prague's.

use std::{fs, path::Path, time::Duration};

use anyhow::ensure;
use nexus_primitives::ForkVersion;
use tokio::process::Command;

use super::{engine_front::Joined, geth_node::GENESIS_FILE, jwt_secret::JwtSecret};
use crate::child_process::{ChildProcess, free_port};

/// Validators at genesis.
pub(crate) const GENESIS_VALIDATORS: u64 = 32;
/// Length of a slot.
pub(crate) const SECONDS_PER_SLOT: u64 = 2;
/// Slots of an epoch: what Prysm's own end-to-end tests have.
pub(crate) const SLOTS_PER_EPOCH: u64 = 6;
/// What deposits are signed for; no fork is in force under it.
pub(crate) const GENESIS_FORK: ForkVersion = ForkVersion::new([0x10, 0, 0, 0xa1]);
/// What exits are signed for (EIP-7044), whatever the fork in force.
pub(crate) const CAPELLA_FORK: ForkVersion = ForkVersion::new([0x40, 0, 0, 0xa1]);

/// A running Prysm.
pub(crate) struct PrysmNode {
    url: String,
    _processes: [ChildProcess; 2],
}

impl PrysmNode {
    /// Starts a network on the genesis document in `folder`, whose genesis is a few seconds ahead.
    pub(crate) async fn start(
        component: &Path,
        joined: Joined<'_>,
        genesis_time: u64,
        folder: &Path,
        logs: [&Path; 2],
    ) -> anyhow::Result<Self> {
        let binaries = component.join("bin");
        let config = folder.join("prysm-config.yaml");
        fs::write(&config, network_config(&joined, 0))?;
        make_genesis(&binaries, &joined, genesis_time, folder).await?;
        let secret = folder.join("jwt.hex");
        JwtSecret::published().write(&secret)?;

        let (grpc, rest) = (free_port()?.to_string(), free_port()?.to_string());
        let chain_id = joined.chain_id.to_string();
        let recipient = joined.fee_recipient.to_string();
        let mut beacon = common(&binaries.join("beacon-chain"), &config, &folder.join("prysm"));
        beacon
            .arg("--genesis-state")
            .arg(folder.join(STATE_FILE))
            .arg("--jwt-secret")
            .arg(&secret)
            .args(["--execution-endpoint", joined.execution_url, "--contract-deployment-block", "0"])
            .args(["--chain-id", &chain_id, "--network-id", &chain_id])
            .args(["--suggested-fee-recipient", &recipient])
            .args(["--rpc-host", "127.0.0.1", "--rpc-port", &grpc])
            .args(["--http-host", "127.0.0.1", "--http-port", &rest])
            .args(["--p2p-host-ip", "127.0.0.1", "--p2p-local-ip", "127.0.0.1"])
            .args(["--p2p-tcp-port", &free_port()?.to_string(), "--p2p-udp-port", &free_port()?.to_string()])
            .args(["--disable-quic", "--no-discovery", "--min-sync-peers", "0"])
            .args(["--minimum-peers-per-subnet", "0"]);
        let mut beacon = ChildProcess::start(&mut beacon, logs[0])?;
        let url = format!("http://127.0.0.1:{rest}");
        let genesis = format!("{url}/eth/v1/beacon/genesis");
        let answers =
            || async { reqwest::get(&genesis).await.is_ok_and(|reply| reply.status().is_success()) };
        beacon.wait_until(Duration::from_mins(1), answers).await?;

        let mut validators = common(&binaries.join("validator"), &config, &folder.join("prysm-validators"));
        validators
            .args(["--beacon-rpc-provider", &format!("127.0.0.1:{grpc}")])
            .args(["--interop-num-validators", &GENESIS_VALIDATORS.to_string()])
            .args(["--interop-start-index", "0", "--suggested-fee-recipient", &recipient])
            .args(["--rpc-port", &free_port()?.to_string(), "--http-port", &free_port()?.to_string()]);
        let validators = ChildProcess::start(&mut validators, logs[1])?;
        Ok(Self { url, _processes: [validators, beacon] })
    }

    /// Returns the URL of the REST API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

const STATE_FILE: &str = "genesis.ssz";

/// What the beacon node and the validators are told alike.
fn common(binary: &Path, config: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["--accept-terms-of-use", "--disable-monitoring", "--force-clear-db", "--datadir"])
        .arg(data)
        .arg("--chain-config-file")
        .arg(config);
    command
}

/// Has Prysm's own tool make the state at genesis, by Electra's rules, on geth's first block, which is by Cancun's
/// (see `geth_genesis`): the tool derives the block's rules from the configuration, and is told that Electra never comes.
async fn make_genesis(
    binaries: &Path,
    joined: &Joined<'_>,
    genesis_time: u64,
    folder: &Path,
) -> anyhow::Result<()> {
    let config = folder.join("prysm-genesis-config.yaml");
    fs::write(&config, network_config(joined, u64::MAX))?;
    let mut command = Command::new(binaries.join("prysmctl"));
    command
        .args(["testnet", "generate-genesis", "--fork", "electra"])
        .args(["--num-validators", &GENESIS_VALIDATORS.to_string()])
        .args(["--genesis-time", &genesis_time.to_string(), "--chain-config-file"])
        .arg(config)
        .arg("--geth-genesis-json-in")
        .arg(folder.join(GENESIS_FILE))
        .arg("--output-ssz")
        .arg(folder.join(STATE_FILE));
    let output = command.output().await?;
    ensure!(output.status.success(), "prysmctl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The network: every fork up to Deneb from the first slot on, short epochs and short waits.
fn network_config(joined: &Joined<'_>, electra_epoch: u64) -> String {
    let forks = ["GENESIS", "ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU"];
    let mut lines: Vec<_> =
        forks.iter().zip(1..).map(|(fork, at)| format!("{fork}_FORK_VERSION: 0x{at}00000a1")).collect();
    lines.extend(forks[1..5].iter().map(|fork| format!("{fork}_FORK_EPOCH: 0")));
    let numbers = [
        ("ELECTRA_FORK_EPOCH", electra_epoch),
        ("FULU_FORK_EPOCH", u64::MAX),
        ("MIN_GENESIS_ACTIVE_VALIDATOR_COUNT", GENESIS_VALIDATORS),
        ("GENESIS_DELAY", 0),
        ("SECONDS_PER_SLOT", SECONDS_PER_SLOT),
        ("SLOTS_PER_EPOCH", SLOTS_PER_EPOCH),
        ("SECONDS_PER_ETH1_BLOCK", SECONDS_PER_SLOT),
        ("ETH1_FOLLOW_DISTANCE", 8),
        // Long enough for an exit that comes too early.
        ("SHARD_COMMITTEE_PERIOD", 6),
        ("MIN_VALIDATOR_WITHDRAWABILITY_DELAY", 1),
        ("MAX_SEED_LOOKAHEAD", 1),
        ("TERMINAL_TOTAL_DIFFICULTY", 0),
        ("DEPOSIT_CHAIN_ID", joined.chain_id),
        ("DEPOSIT_NETWORK_ID", joined.chain_id),
    ];
    lines.extend(numbers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.push(format!("DEPOSIT_CONTRACT_ADDRESS: {}", joined.deposit_contract));
    // A name that none of Prysm's own networks has; presets are those of mainnet, which is what it is built with.
    lines.push("CONFIG_NAME: nexus-interop\nPRESET_BASE: mainnet\n".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};

    use super::*;

    #[test]
    fn the_network_has_the_fork_versions_that_we_sign_for() {
        let joined = Joined {
            execution_url: "",
            first_parent: B256::ZERO,
            deposit_contract: Address::ZERO,
            fee_recipient: Address::ZERO,
            chain_id: 1,
        };
        let config = network_config(&joined, 0);
        assert!(config.contains(&format!("GENESIS_FORK_VERSION: {GENESIS_FORK}\n")), "{config}");
        assert!(config.contains(&format!("CAPELLA_FORK_VERSION: {CAPELLA_FORK}\n")), "{config}");
        assert!(config.contains("ELECTRA_FORK_EPOCH: 0\n"), "{config}");
    }
}
