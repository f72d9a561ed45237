//! `state show|export|backup|accept-code|confirm|give-up`.

use std::path::Path;

use anyhow::Context as _;
use nexus_controller::{CodePin, RollupStanding, StateFile, StatusReport};
use nexus_primitives::{Clock as _, RollupAdmin, ValidatorPubkey};
use serde_json::json;

use super::{Session, status_tables};
use crate::{
    cli::StateCommand,
    clock::SystemClock,
    compose,
    config::Config,
    exit_code::Exit,
    output::{self, Table},
    status_document::status_document,
};

/// Runs one of the commands.
pub(super) async fn run(session: &Session, command: StateCommand) -> anyhow::Result<Exit> {
    let config = session.config()?;
    match command {
        StateCommand::Show => show(session, &existing(&config)?)?,
        StateCommand::Export => output::print_json(&existing(&config)?.export()?),
        StateCommand::Backup { path } => {
            existing(&config)?.backup(&path)?;
            output::print_text(&format!("{}\n", path.display()));
        }
        StateCommand::AcceptCode => accept_code(session, &config).await?,
        StateCommand::GiveUp { pubkey } => give_up(session, &config, &pubkey)?,
        StateCommand::Confirm { rollup } => confirm(session, &config, rollup).await?,
    }
    Ok(Exit::Done)
}

/// Opens the state file for reading, beside a running bot or not.
fn existing(config: &Config) -> anyhow::Result<StateFile> {
    let path = &config.state.path;
    let state = StateFile::open_read_only(path, compose::identity(config))?;
    state.ok_or_else(|| missing(path))
}

fn show(session: &Session, state: &StateFile) -> anyhow::Result<()> {
    let report = StatusReport::gather(state, None)?;
    session.print(&status_document(&report)?, || status_tables::print(&report));
    Ok(())
}

/// Opens the state file to note what a person has looked at, beside a running bot or not.
fn acknowledging(config: &Config) -> anyhow::Result<StateFile> {
    let path = &config.state.path;
    let state = StateFile::open_to_acknowledge(path, compose::identity(config))?;
    state.ok_or_else(|| missing(path))
}

fn missing(path: &Path) -> anyhow::Error {
    anyhow::anyhow!("there is no state file {} yet: `nexus-bot run` makes it", path.display())
}

/// Takes the contracts' present code for the accepted one.
async fn accept_code(session: &Session, config: &Config) -> anyhow::Result<()> {
    let state = acknowledging(config)?;
    let reader = compose::reader(config).await?;
    let snapshot = reader.chain.fetch_snapshot(reader.settings.observe_at).await?;
    let code = &snapshot.deployment.code_hashes;
    let changed = state.changed_code(code)?;
    state.accept_code(code)?;
    session.print(code, || print_changes(&changed));
    Ok(())
}

/// Takes a rollup's present limit and locked ETH for the accepted ones: the next jump is measured from there.
async fn confirm(session: &Session, config: &Config, admin: RollupAdmin) -> anyhow::Result<()> {
    let state = acknowledging(config)?;
    let reader = compose::reader(config).await?;
    let snapshot = reader.chain.fetch_snapshot(reader.settings.observe_at).await?;
    let rollup = snapshot.rollups.iter().find(|rollup| rollup.admin == admin);
    let rollup = rollup.with_context(|| format!("rollup {admin} is not registered with Nexus"))?;
    let standing = RollupStanding::of(rollup)?;
    state.accept_standing(admin, standing)?;
    let document = json!({
        "rollup": admin, "limit_bps": standing.limit, "locked_wei": standing.locked,
    });
    session.print(&document, || {
        let locked = standing.locked.to_ether_text();
        output::print_text(&format!("{admin}: limit {}, locked {locked} ETH accepted\n", standing.limit));
    });
    Ok(())
}

/// Lets nobody wait for a deposited validator any more: its operators have to exit it by hand.
fn give_up(session: &Session, config: &Config, pubkey: &ValidatorPubkey) -> anyhow::Result<()> {
    let noted = acknowledging(config)?.give_up_registration(pubkey, SystemClock.now())?;
    anyhow::ensure!(
        noted,
        "validator {pubkey} isn't waiting for its registration: only one that is `deposited` can be given up"
    );
    session.print(&json!({ "given_up": pubkey }), || {
        output::print_text(&format!("{pubkey} won't be registered; have its operators exit it\n"));
    });
    Ok(())
}

fn print_changes(changed: &[CodePin]) {
    let mut table = Table::new(["contract", "accepted before", "accepted now"]);
    for CodePin { contract, accepted, found } in changed {
        table.row([contract.clone(), accepted.to_string(), found.to_string()]);
    }
    table.print("no contract's code had changed");
}
