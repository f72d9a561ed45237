//! `vault init` and `vault list`. Neither ever shows a mnemonic.

use nexus_controller::Observation;
use nexus_keys::Provision;
use nexus_primitives::RollupAdmin;
use serde::Serialize;

use super::Session;
use crate::{cli::VaultCommand, compose, config::Config, exit_code::Exit, output::Table, progress};

#[derive(Serialize)]
struct Provisioned {
    rollup: RollupAdmin,
    created: bool,
}

/// Runs one of the commands.
pub(super) async fn run(session: &Session, command: VaultCommand) -> anyhow::Result<Exit> {
    let config = session.config()?;
    match command {
        VaultCommand::List => list(session, &config).await?,
        VaultCommand::Init { rollups, all } => {
            let rollups = if all { registered(&config).await? } else { rollups };
            init(session, &config, &rollups).await?;
        }
    }
    Ok(Exit::Done)
}

async fn list(session: &Session, config: &Config) -> anyhow::Result<()> {
    let rollups = compose::vault(config)?.list().await?;
    session.print(&rollups, || {
        let mut table = Table::new(["rollup"]);
        for rollup in &rollups {
            table.row([rollup.to_string()]);
        }
        table.print("no sealed mnemonics");
    });
    Ok(())
}

async fn init(session: &Session, config: &Config, rollups: &[RollupAdmin]) -> anyhow::Result<()> {
    let keyring = compose::keyring(config, compose::vault(config)?, session.salt()?);
    let mut rng = compose::os_rng();
    let bar = progress::bar("sealing mnemonics", rollups.len());
    let mut provisioned = Vec::with_capacity(rollups.len());
    for rollup in rollups {
        let created = keyring.ensure(*rollup, &mut rng).await? == Provision::Created;
        provisioned.push(Provisioned { rollup: *rollup, created });
        bar.inc(1);
    }
    bar.finish_and_clear();
    session.print(&provisioned, || print(&provisioned));
    Ok(())
}

fn print(provisioned: &[Provisioned]) {
    let mut table = Table::new(["rollup", "mnemonic"]);
    for Provisioned { rollup, created } in provisioned {
        let what =
            if *created { "made and sealed: back the vault up" } else { "was there, opens with this salt" };
        table.row([rollup.to_string(), what.to_owned()]);
    }
    table.print("no rollups");
}

async fn registered(config: &Config) -> anyhow::Result<Vec<RollupAdmin>> {
    let observation: Observation = compose::reader(config).await?.observer.observe().await?;
    Ok(observation.chain.rollups.iter().map(|rollup| rollup.admin).collect())
}
