//! `doctor`: every precondition of a start, each a line with what to do about it.

use nexus_beacon::BeaconNode as _;
use nexus_beacon::HttpBeaconNode;
use nexus_chain::TxSigner as _;
use nexus_controller::{Observation, StateFile, guards};
use nexus_http::{HttpClient, HttpLimits};
use serde::Serialize;

use super::{Session, plan};
use crate::{compose, config::Config, exit_code::Exit, output::Table};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Pass,
    Warn,
    Fail,
}

#[derive(Serialize)]
struct Check {
    #[serde(rename = "check")]
    subject: String,
    verdict: Verdict,
    message: String,
}

#[derive(Default)]
struct Findings(Vec<Check>);

impl Findings {
    fn add(&mut self, check: impl Into<String>, verdict: Verdict, message: impl Into<String>) {
        self.0.push(Check { subject: check.into(), verdict, message: message.into() });
    }

    /// Notes a result: what was found, or the error with its causes.
    fn note(&mut self, check: impl Into<String>, result: anyhow::Result<String>) -> bool {
        let passed = result.is_ok();
        match result {
            Ok(message) => self.add(check, Verdict::Pass, message),
            Err(error) => self.add(check, Verdict::Fail, format!("{error:#}")),
        }
        passed
    }
}

/// Runs the command. A failed check makes it fail; warnings don't.
pub(super) async fn run(session: &Session) -> anyhow::Result<Exit> {
    let config = session.config()?;
    let mut findings = Findings::default();
    findings.add("configuration", Verdict::Pass, config.path.display().to_string());
    check_files(&config, &mut findings).await;
    check_beacon(&config, &mut findings).await;
    check_world(&config, &mut findings).await;
    let failed = findings.0.iter().any(|check| check.verdict == Verdict::Fail);
    session.print(&findings.0, || print(&findings.0));
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

async fn check_files(config: &Config, findings: &mut Findings) {
    match StateFile::open_read_only(&config.state.path, compose::identity(config)) {
        Ok(Some(_)) => findings.add("state file", Verdict::Pass, config.state.path.display().to_string()),
        Ok(None) => {
            let message = format!("{} is not there yet: the first run makes it", config.state.path.display());
            findings.add("state file", Verdict::Warn, message);
        }
        Err(error) => drop(findings.note("state file", Err(error.into()))),
    }
    findings
        .note("signer", compose::open_signer(config).map(|signer| format!("account {}", signer.address())));
    let listed = match compose::vault(config) {
        Ok(vault) => vault.list().await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    let listed =
        listed.map(|rollups| format!("{} sealed mnemonics; the salt is tried at start", rollups.len()));
    findings.note("vault", listed);
}

async fn check_beacon(config: &Config, findings: &mut Findings) {
    let timeout = std::time::Duration::from_secs(config.beacon.timeout_secs);
    let limits = HttpLimits { total_timeout: timeout, ..HttpLimits::default() };
    for endpoint in &config.beacon.endpoints {
        let check = format!("beacon node {endpoint}");
        let asked = async {
            let node = HttpBeaconNode::new(endpoint.clone(), HttpClient::new(limits)?);
            let spec = node.fetch_spec().await?;
            let head = node.fetch_head().await?;
            anyhow::ensure!(
                spec.deposit_chain_id == config.network.chain_id
                    && spec.genesis_fork_version == config.network.genesis_fork_version
                    && spec.deposit_contract == config.network.deposit_contract,
                "is of another network: chain {}, genesis fork version {}, deposit contract {}",
                spec.deposit_chain_id,
                spec.genesis_fork_version,
                spec.deposit_contract
            );
            head.ready()?;
            Ok(format!("slot {}, finalized epoch {}", head.slot, head.finalized_epoch))
        };
        let result = asked.await;
        findings.note(check, result);
    }
}

/// Checks what takes both chains: the endpoints, the bot's role, the contracts' versions, the guards.
async fn check_world(config: &Config, findings: &mut Findings) {
    let reader = match compose::reader(config).await {
        Ok(reader) => reader,
        Err(error) => {
            findings.note("execution endpoints", Err(error));
            return;
        }
    };
    findings.add("execution endpoints", Verdict::Pass, format!("chain {}", config.network.chain_id));
    let observation = match reader.observer.observe().await {
        Ok(observation) => observation,
        Err(error) => {
            findings.note("observation", Err(error.into()));
            return;
        }
    };
    describe_world(&observation, findings);
    let context =
        compose::read_state(config).and_then(|state| plan::guard_context(&reader, &state, &observation));
    match context {
        Ok(context) => {
            for guard in guards(&observation, &context, &reader.settings) {
                findings.add(format!("guard {}", guard.name), Verdict::Warn, guard.message);
            }
        }
        Err(error) => drop(findings.note("guards", Err(error))),
    }
}

fn describe_world(observation: &Observation, findings: &mut Findings) {
    let chain = &observation.chain;
    let block = format!(
        "block {}, {} rollups, {} validators",
        chain.block.number,
        chain.rollups.len(),
        chain.validators.len()
    );
    findings.add("observation", Verdict::Pass, block);
    let bot = chain.bot;
    let balance = format!("{} ETH, nonce {}", bot.balance.to_ether_text(), bot.nonce);
    findings.add(format!("bot account {}", bot.address), Verdict::Pass, balance);
    let versions = format!("SSV network {}", chain.deployment.ssv_version.as_str());
    findings.add("contracts", Verdict::Pass, versions);
}

fn print(checks: &[Check]) {
    let mut table = Table::new(["", "check", "finding"]);
    for Check { subject, verdict, message } in checks {
        let verdict = match verdict {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        table.row([verdict.to_owned(), subject.clone(), message.clone()]);
    }
    table.print("nothing was checked");
}
