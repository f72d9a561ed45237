//! `config check` and `config example`.

use serde::Serialize;

use super::Session;
use crate::{
    cli::ConfigCommand,
    config::{Config, EXAMPLE},
    exit_code::Exit,
    output,
};

/// What a configuration amounts to.
#[derive(Serialize)]
struct Summary {
    path: String,
    network: String,
    chain_id: u64,
    nexus: String,
    execution_endpoints: Vec<String>,
    beacon_endpoints: Vec<String>,
    observe_at: String,
    confirm_at: String,
    signer: String,
    vault: String,
    state: String,
    pause_file: String,
    interval_secs: u64,
}

/// Runs one of the commands.
pub(super) fn run(session: &Session, command: ConfigCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Example => output::print_text(EXAMPLE),
        ConfigCommand::Check => {
            let summary = Summary::from(&session.config()?);
            session.print(&summary, || summary.print());
        }
    }
    Ok(Exit::Done)
}

impl From<&Config> for Summary {
    fn from(config: &Config) -> Self {
        let names = |endpoints: &[nexus_http::Endpoint]| endpoints.iter().map(ToString::to_string).collect();
        Self {
            path: config.path.display().to_string(),
            network: config.network.name.to_string(),
            chain_id: config.network.chain_id.get(),
            nexus: config.contracts.nexus.to_string(),
            execution_endpoints: names(&config.execution.endpoints),
            beacon_endpoints: names(&config.beacon.endpoints),
            observe_at: config.execution.observe_at.to_string(),
            confirm_at: config.execution.confirm_at.to_string(),
            signer: format!("keystore {}", config.signer.keystore.display()),
            vault: config.vault.path.display().to_string(),
            state: config.state.path.display().to_string(),
            pause_file: config.pause_file().display().to_string(),
            interval_secs: config.interval_secs,
        }
    }
}

impl Summary {
    fn print(&self) {
        output::print_text(&format!(
            "{}: ok\n  network    {} (chain {})\n  nexus      {}\n  execution  {}\n  beacon     {}\n  \
             plans at   {}, confirms at {}\n  signer     {}\n  vault      {}\n  state      {}\n",
            self.path,
            self.network,
            self.chain_id,
            self.nexus,
            self.execution_endpoints.join(", "),
            self.beacon_endpoints.join(", "),
            self.observe_at,
            self.confirm_at,
            self.signer,
            self.vault,
            self.state,
        ));
    }
}
