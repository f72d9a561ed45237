//! One module per command. Each takes a [`Session`] and its own arguments, and returns how the process ends.

mod config;
mod devnet;
mod dkg;
mod dkg_operators;
mod doctor;
mod exit;
mod key_source;
mod keys;
mod keyshares;
mod operators_file;
mod pause;
mod plan;
mod run;
mod state;
mod status;
mod status_tables;
mod vault;

use std::path::PathBuf;

use nexus_keys::Salt;
use serde::Serialize;

use crate::{
    cli::{Cli, Command},
    config::{Config, ConfigError},
    demo,
    exit_code::Exit,
    output,
    salt_source::SaltSource,
};

/// What every command is given.
pub(crate) struct Session {
    /// Data as JSON.
    pub(crate) json: bool,
    config: Option<PathBuf>,
    salt: SaltSource,
}

impl Session {
    /// Reads the configuration file.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref())
    }

    /// Prints a document as JSON when programs read it, or lets `for_people` print it.
    pub(crate) fn print(&self, document: &impl Serialize, for_people: impl FnOnce()) {
        if self.json { output::print_json(document) } else { for_people() }
    }

    /// Reads the operator's salt.
    pub(crate) fn salt(&self) -> anyhow::Result<Salt> {
        self.salt.read()
    }
}

/// Carries a command out.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let session = Session { json: cli.json, config: cli.config, salt: cli.salt };
    match cli.command {
        Command::Demo(args) => demo::run(&args).await,
        Command::Devnet(args) => devnet::run(&session, &args).await,
        Command::Plan(args) => plan::run(&session, &args).await,
        Command::Run(args) => run::run(&session, &args).await,
        Command::Status => status::run(&session).await,
        Command::Doctor => doctor::run(&session).await,
        Command::Pause(args) => pause::pause(&session, &args),
        Command::Resume => pause::resume(&session),
        Command::Vault(command) => vault::run(&session, command).await,
        Command::Keys(command) => keys::run(&session, command).await,
        Command::Keyshares(command) => keyshares::run(&session, command).await,
        Command::Dkg(command) => dkg::run(&session, command).await,
        Command::Exit(command) => exit::run(&session, command).await,
        Command::State(command) => state::run(&session, command).await,
        Command::Config(command) => config::run(&session, command),
    }
}
