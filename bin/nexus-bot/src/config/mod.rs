//! The configuration file: TOML in, checked types out, every mistake named at once.
//!
//! [`Config::parse`] walks the whole document with [`section::Section`], which notes what doesn't fit and goes on.
//! Each part of the file has a type of its own, read by one function that is also the list of its keys.

mod custody;
mod endpoints;
mod limits;
mod location;
mod network;
mod problem;
mod secret_ref;
mod section;
mod value;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

pub(crate) use self::{
    custody::{RollupsConfig, SignerConfig, StateConfig, VaultConfig},
    endpoints::{BeaconConfig, BlockTag, ContractsConfig, ExecutionConfig},
    limits::{DkgConfig, GasConfig, GuardsConfig, PolicyConfig, SsvConfig},
    network::NetworkConfig,
    problem::{ConfigError, ConfigProblem},
    secret_ref::SecretRef,
};
use self::{
    limits::read_loop,
    section::{Report, Section},
};

/// A configuration file with comments on every key.
pub(crate) const EXAMPLE: &str = include_str!("../../config.example.toml");

/// A whole configuration, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The file it was read from.
    pub(crate) path: PathBuf,
    pub(crate) network: NetworkConfig,
    pub(crate) execution: ExecutionConfig,
    pub(crate) beacon: BeaconConfig,
    pub(crate) contracts: ContractsConfig,
    pub(crate) signer: SignerConfig,
    pub(crate) vault: VaultConfig,
    pub(crate) state: StateConfig,
    pub(crate) rollups: RollupsConfig,
    pub(crate) policy: PolicyConfig,
    pub(crate) gas: GasConfig,
    pub(crate) ssv: SsvConfig,
    pub(crate) dkg: DkgConfig,
    pub(crate) guards: GuardsConfig,
    /// Where the status server listens.
    pub(crate) http_listen: Option<SocketAddr>,
    /// Where alerts are posted to.
    pub(crate) webhook: Option<SecretRef>,
    /// Seconds between ticks.
    pub(crate) interval_secs: u64,
}

impl Config {
    /// Reads the file named on the command line, or the first that lies where one is looked for.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = location::find(named)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Self::parse(&text, &path).map_err(|problems| ConfigError::Invalid { path, problems })
    }

    /// Reads the text of the file at `path`; relative paths in it start at the file's directory.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Vec<ConfigProblem>> {
        let directory = path.parent().unwrap_or(Path::new(""));
        let report = Report::new(text, directory);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            report.note_syntax(error);
        }
        let config = report.root(&document).finish(|root| Self::read(root, path));
        let problems = report.into_problems();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems),
        }
    }

    /// Reads every section before looking at any result: the walk must not stop early.
    fn read(root: &mut Section<'_>, path: &Path) -> Option<Self> {
        let network = root.section("network", NetworkConfig::read);
        let execution = root.section("execution", ExecutionConfig::read);
        let beacon = root.section("beacon", BeaconConfig::read);
        let contracts = root.section("contracts", ContractsConfig::read);
        let signer = root.section("signer", SignerConfig::read);
        let vault = root.section("vault", VaultConfig::read);
        let state = root.section("state", StateConfig::read);
        let fork_version = network.as_ref().map(|network| network.genesis_fork_version);
        let rollups = RollupsConfig::read(root, fork_version);
        let policy = root.section("policy", PolicyConfig::read);
        let gas = root.section("gas", GasConfig::read);
        let ssv = root.section("ssv", SsvConfig::read);
        let dkg = root.section("dkg", DkgConfig::read);
        let guards = root.section("guards", GuardsConfig::read);
        let http_listen = root.section("http", |section| section.optional("listen"));
        let webhook = root.section("alerts", |section| section.optional_secret("webhook"));
        let interval_secs = root.section("loop", read_loop);
        Some(Self {
            path: path.to_owned(),
            network: network?,
            execution: execution?,
            beacon: beacon?,
            contracts: contracts?,
            signer: signer?,
            vault: vault?,
            state: state?,
            rollups,
            policy,
            gas,
            ssv,
            dkg,
            guards,
            http_listen,
            webhook,
            interval_secs,
        })
    }

    /// Returns the file whose existence pauses the bot: the configured one, or `<state path>.pause`.
    pub(crate) fn pause_file(&self) -> PathBuf {
        self.guards.pause_file.clone().unwrap_or_else(|| {
            let mut name = self.state.path.clone().into_os_string();
            name.push(".pause");
            PathBuf::from(name)
        })
    }
}

#[cfg(test)]
mod tests;
