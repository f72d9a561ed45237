//! `exit sign`, `exit submit` and `exit status`.

use std::{fs, path::Path};

use anyhow::Context as _;
use nexus_beacon::{
    BeaconNode, BeaconValidator, ExitFollowUp, NetworkSpec, SignedVoluntaryExit, StateId,
    UnverifiedVoluntaryExit, VoluntaryExit, check_eligibility,
};
use nexus_primitives::{Epoch, ForkVersion, Root, ValidatorIndex, ValidatorPubkey};
use serde::Serialize;

use super::{Session, key_source};
use crate::{
    cli::{ExitCommand, KeyArgs},
    compose,
    config::Config,
    exit_code::Exit,
    failure::UsageError,
    output::{self, or_dash},
};

#[derive(Serialize)]
struct Submission {
    held: bool,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
struct Answer {
    endpoint: String,
    outcome: String,
}

#[derive(Serialize)]
struct Progress {
    pubkey: ValidatorPubkey,
    validator_index: ValidatorIndex,
    status: &'static str,
    exit_epoch: Option<Epoch>,
    withdrawable_epoch: Option<Epoch>,
    next: String,
}

/// Runs one of the commands.
pub(super) async fn run(session: &Session, command: ExitCommand) -> anyhow::Result<Exit> {
    match command {
        ExitCommand::Sign { key, validator_index, epoch, genesis_validators_root, capella_fork_version } => {
            let offline = genesis_validators_root.zip(capella_fork_version);
            let request = Request { key, validator_index, epoch };
            sign(session, &request, offline).await
        }
        ExitCommand::Submit { file, pubkey } => submit(session, &file, pubkey).await,
        ExitCommand::Status { pubkey } => status(session, pubkey).await,
    }
}

struct Request {
    key: KeyArgs,
    validator_index: Option<ValidatorIndex>,
    epoch: Option<Epoch>,
}

async fn sign(
    session: &Session,
    request: &Request,
    offline: Option<(Root, ForkVersion)>,
) -> anyhow::Result<Exit> {
    let key = key_source::open_one(session, &request.key).await?;
    let (message, spec) = match (offline, request.validator_index, request.epoch) {
        (Some((root, fork_version)), Some(validator_index), Some(epoch)) => {
            (VoluntaryExit { epoch, validator_index }, offline_spec(root, fork_version))
        }
        _ => from_beacon(session, request, key.pubkey()).await?,
    };
    let signature = key.sign(&message.signing_root(&spec))?;
    output::print_json(&SignedVoluntaryExit::assemble(message, signature, &key.pubkey(), &spec)?);
    Ok(Exit::Done)
}

/// The two constants an exit's signature depends on; the others are not looked at (EIP-7044).
fn offline_spec(genesis_validators_root: Root, capella_fork_version: ForkVersion) -> NetworkSpec {
    NetworkSpec {
        genesis_validators_root,
        capella_fork_version,
        genesis_time: nexus_primitives::UnixSeconds::new(0),
        genesis_fork_version: capella_fork_version,
        seconds_per_slot: 12,
        slots_per_epoch: 32,
        shard_committee_period: nexus_primitives::EpochCount::new(256),
        deposit_contract: nexus_primitives::Address::ZERO,
        deposit_chain_id: nexus_primitives::ChainId::new(0),
    }
}

/// Fills in what the command line leaves open, and refuses an exit that no node would take.
async fn from_beacon(
    session: &Session,
    request: &Request,
    pubkey: ValidatorPubkey,
) -> anyhow::Result<(VoluntaryExit, NetworkSpec)> {
    let beacon = compose::beacon(&session.config()?)?;
    let spec = beacon.fetch_spec().await?;
    let now = spec.epoch_of(beacon.fetch_head().await?.slot);
    let validator = fetch_validator(beacon.as_ref(), pubkey).await?;
    if let Some(index) = request.validator_index {
        anyhow::ensure!(
            index == validator.index,
            "validator {pubkey} has index {}, --validator-index says {index}",
            validator.index
        );
    }
    let pending = beacon.fetch_pending_partial_withdrawals(StateId::Head).await?.unwrap_or_default();
    check_eligibility(&validator, now, &spec, &pending)
        .with_context(|| format!("an exit of validator {pubkey} would be refused"))?;
    let epoch = request.epoch.unwrap_or(now);
    Ok((VoluntaryExit { epoch, validator_index: validator.index }, spec))
}

async fn submit(session: &Session, file: &Path, pubkey: Option<ValidatorPubkey>) -> anyhow::Result<Exit> {
    let read = || -> anyhow::Result<UnverifiedVoluntaryExit> {
        Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
    };
    let exit = read().with_context(|| format!("reading a signed exit from {}", file.display()))?;
    let config = session.config()?;
    let pubkey = match pubkey {
        Some(pubkey) => pubkey,
        None => known_pubkey(&config, exit.message.validator_index)?,
    };
    let beacon = compose::beacon(&config)?;
    let exit = exit.verify(&pubkey, &beacon.fetch_spec().await?)?;
    let submission = beacon.submit_exit(&exit).await?;
    let told = Submission {
        held: submission.is_held(),
        answers: submission
            .answers
            .iter()
            .map(|answer| Answer { endpoint: answer.endpoint.clone(), outcome: answer.outcome.to_string() })
            .collect(),
    };
    session.print(&told, || output::print_text(&format!("{submission}\n")));
    Ok(if told.held { Exit::Done } else { Exit::Failed })
}

/// Looks up in the state file whose index it is: the beacon API is asked by key only.
fn known_pubkey(config: &Config, index: ValidatorIndex) -> anyhow::Result<ValidatorPubkey> {
    let validators = compose::read_state(config)?.validators()?;
    let known = validators.iter().find(|validator| validator.validator_index == Some(index));
    known.and_then(|validator| validator.pubkey).ok_or_else(|| {
        let message =
            format!("the state file knows no validator {index}: say with --pubkey who signed the exit");
        UsageError(message).into()
    })
}

async fn status(session: &Session, pubkey: ValidatorPubkey) -> anyhow::Result<Exit> {
    let beacon = compose::beacon(&session.config()?)?;
    let validator = fetch_validator(beacon.as_ref(), pubkey).await?;
    let progress = Progress {
        pubkey,
        validator_index: validator.index,
        status: validator.status.as_str(),
        exit_epoch: validator.exit_epoch,
        withdrawable_epoch: validator.withdrawable_epoch,
        next: next_step(&validator),
    };
    session.print(&progress, || print_progress(&progress));
    Ok(Exit::Done)
}

fn print_progress(progress: &Progress) {
    output::print_text(&format!(
        "validator {} ({})\n  status              {}\n  exit epoch          {}\n  withdrawable epoch  {}\n  {}\n",
        progress.validator_index,
        progress.pubkey,
        progress.status,
        or_dash(progress.exit_epoch),
        or_dash(progress.withdrawable_epoch),
        progress.next
    ));
}

fn next_step(validator: &BeaconValidator) -> String {
    match ExitFollowUp::decide(validator) {
        ExitFollowUp::Rebroadcast => {
            "no exit is on chain: submit one, again if it was submitted before".to_owned()
        }
        ExitFollowUp::Exiting { exit_epoch } => format!("leaves at epoch {exit_epoch}"),
        ExitFollowUp::Done => "has left".to_owned(),
    }
}

async fn fetch_validator(
    beacon: &dyn BeaconNode,
    pubkey: ValidatorPubkey,
) -> anyhow::Result<BeaconValidator> {
    let mut found = beacon.fetch_validators(StateId::Head, &[pubkey]).await?;
    found.pop().with_context(|| format!("validator {pubkey} is unknown to the beacon chain"))
}
