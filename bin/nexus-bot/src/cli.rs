//! The command line: what may be said, and nothing of what is done.

use std::{net::SocketAddr, num::NonZeroU64, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use nexus_primitives::{
    Address, Epoch, ForkVersion, OwnerNonce, RollupAdmin, Root, ValidatorIndex, ValidatorPubkey,
};

use crate::{
    logging::{LogFormat, parse_filter},
    salt_source::SaltSource,
};

/// Keeps the staked share of every rollup bridge at its limit.
#[derive(Debug, Parser)]
#[command(name = "nexus-bot", version, max_term_width = 110, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Configuration file [default: ./nexus-bot.toml, then /etc/nexus-bot/nexus-bot.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How log lines on stderr are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Human)]
    pub(crate) log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or target=level pairs [default: info; demo: warn]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = parse_filter)]
    pub(crate) log: Option<String>,
    /// Print data and errors as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) salt: SaltSource,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Returns what is logged; the demo tells its story without the bot's own account of it.
    pub(crate) fn log_filter(&self) -> &str {
        let default = if matches!(self.command, Command::Demo(_)) { "warn" } else { "info" };
        self.log.as_deref().unwrap_or(default)
    }
}

/// Everything the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Walk the whole story in an embedded world
    Demo(DemoArgs),
    /// Run the embedded world alone
    Devnet(DevnetArgs),
    /// Observe and plan, send nothing
    Plan(PlanArgs),
    /// Observe, plan and act
    Run(RunArgs),
    /// Show rollups, validators, transactions and guards
    Status,
    /// Check every precondition of a start
    Doctor,
    /// Stop sending anything until `resume`
    Pause(PauseArgs),
    /// End a pause
    Resume,
    /// Sealed mnemonics
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Validator keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Keyshares for the SSV network
    #[command(subcommand)]
    Keyshares(KeysharesCommand),
    /// Key ceremonies among SSV operators
    #[command(subcommand)]
    Dkg(DkgCommand),
    /// Voluntary exits
    #[command(subcommand)]
    Exit(ExitCommand),
    /// The state file
    #[command(subcommand)]
    State(StateCommand),
    /// The configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End with the story instead of leaving the world running
    #[arg(long)]
    pub(crate) headless: bool,
    /// Seed of everything that is random in the embedded world
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the bot's status server listens after the story
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}

/// `devnet`.
#[derive(Debug, Args)]
pub(crate) struct DevnetArgs {
    /// Where the execution node listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8545")]
    pub(crate) listen_rpc: SocketAddr,
    /// Where the beacon node listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5052")]
    pub(crate) listen_beacon: SocketAddr,
    /// Where a ready nexus-bot.toml is written
    #[arg(long, value_name = "DIR", default_value = "devnet")]
    pub(crate) dir: PathBuf,
    /// Real time between slots, in milliseconds; the chains' own clocks go on by 12 seconds each
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) slot_millis: u64,
    /// Generation of the Nexus contract: with `ssv-exits` its `validatorExit` makes SSV's operators sign
    #[arg(long, value_name = "VERSION", value_enum, default_value_t = NexusGeneration::SsvExits)]
    pub(crate) nexus_version: NexusGeneration,
    /// Tells worlds apart
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

/// A generation of the Nexus contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NexusGeneration {
    /// `main`.
    Main,
    /// `ssv_exits`.
    SsvExits,
}

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Show this rollup only
    #[arg(long, value_name = "ADDR")]
    pub(crate) rollup: Option<RollupAdmin>,
}

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Stop when one tick's work is final or waits on the outside world
    #[arg(long)]
    pub(crate) once: bool,
}

/// `pause`.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// The reason, shown wherever the pause is
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
}

/// `vault …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Make and seal a mnemonic for rollups that have none; prints no mnemonic
    Init {
        /// The rollups' admin addresses
        #[arg(long = "rollup", value_name = "ADDR", required_unless_present = "all")]
        rollups: Vec<RollupAdmin>,
        /// Every rollup registered with Nexus
        #[arg(long, conflicts_with = "rollups")]
        all: bool,
    },
    /// List the rollups that have a sealed mnemonic
    List,
}

/// `keys …`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Derive public keys and deposit data; never prints a private key
    Derive {
        #[command(flatten)]
        key: VaultKey,
        /// How many consecutive indices
        #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        count: u32,
        /// Contract that withdrawals go to: the rollup's bridge [default: asked of the Nexus contract]
        #[arg(long, value_name = "ADDR")]
        bridge: Option<Address>,
    },
}

/// A key below a rollup's mnemonic.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct VaultKey {
    /// The rollup's admin address
    #[arg(long, value_name = "ADDR")]
    pub(crate) rollup: RollupAdmin,
    /// Derivation index: account N of m/12381/3600/N/0/0
    #[arg(long, value_name = "N")]
    pub(crate) index: u32,
}

/// A validator key: from keystore files, or from the vault.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// EIP-2335 keystore; may be repeated where several keys are taken
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rollup", "index"])]
    pub(crate) keystore: Vec<PathBuf>,
    /// File with the keystores' password; asked for on the terminal when left out
    #[arg(long, value_name = "FILE", requires = "keystore")]
    pub(crate) password_file: Option<PathBuf>,
    /// Admin address of a rollup whose mnemonic is in the vault
    #[arg(long, value_name = "ADDR", requires = "index", required_unless_present = "keystore")]
    pub(crate) rollup: Option<RollupAdmin>,
    /// Derivation index below the rollup's mnemonic
    #[arg(long, value_name = "N", requires = "rollup")]
    pub(crate) index: Option<u32>,
}

/// `keyshares …`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysharesCommand {
    /// Split a key among operators
    Split {
        #[command(flatten)]
        key: KeyArgs,
        /// JSON list of {"id", "operatorKey"}: 4, 7, 10 or 13 operators
        #[arg(long, value_name = "FILE")]
        operators: PathBuf,
        /// The account that registers: for Nexus, its proxy
        #[arg(long, value_name = "ADDR")]
        owner: Address,
        /// Registrations the owner has made; each further keystore takes the next
        #[arg(long, value_name = "N")]
        nonce: OwnerNonce,
        /// File to write [default: stdout]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check a keyshares file as far as that is possible without operators' keys
    Verify {
        /// The file
        file: PathBuf,
        /// Demand this owner
        #[arg(long, value_name = "ADDR", requires = "nonce")]
        owner: Option<Address>,
        /// Demand this nonce of the first entry, and the next of each further one
        #[arg(long, value_name = "N", requires = "owner")]
        nonce: Option<OwnerNonce>,
        /// Demand these operators with these keys
        #[arg(long, value_name = "FILE")]
        operators: Option<PathBuf>,
    },
}

/// `dkg …`.
#[derive(Debug, Subcommand)]
pub(crate) enum DkgCommand {
    /// Ask operators whether they can take part in a ceremony
    Ping {
        #[command(flatten)]
        operators: DkgOperatorArgs,
    },
    /// Have operators make validator keys together and store what they made; nothing is sent to any chain
    Ceremony(Box<CeremonyArgs>),
    /// Check the documents of a ceremony, ours or those of the operators' own tool
    Verify {
        /// The ceremony's folder, or one validator's in it
        folder: PathBuf,
        /// Demand this owner
        #[arg(long, value_name = "ADDR", requires = "nonce")]
        owner: Option<Address>,
        /// Demand this nonce of the first validator, and the next of each further one
        #[arg(long, value_name = "N", requires = "owner")]
        nonce: Option<OwnerNonce>,
        /// Demand that withdrawals go to this address, with 0x01 credentials
        #[arg(long, value_name = "ADDR")]
        withdraw_address: Option<Address>,
        /// Demand the network with this genesis fork version
        #[arg(long, value_name = "VERSION")]
        fork_version: Option<ForkVersion>,
        /// Demand operators of this list, with these keys: without it the keys are whatever the folder says
        #[arg(long, value_name = "FILE")]
        operators: Option<PathBuf>,
    },
}

/// Operators of a ceremony: from a file, or a rollup's cluster as the contracts have it.
#[derive(Debug, Args)]
pub(crate) struct DkgOperatorArgs {
    /// JSON list of operators with keys and addresses, as the operators' own tool takes it
    #[arg(long, value_name = "FILE", required_unless_present = "rollup")]
    pub(crate) operators: Option<PathBuf>,
    /// Take these from the list [default: all]
    #[arg(long, value_name = "ID,…", value_delimiter = ',', requires = "operators")]
    pub(crate) ids: Vec<NonZeroU64>,
    /// The cluster of the rollup with this admin address
    #[arg(long, value_name = "ADDR", conflicts_with = "operators")]
    pub(crate) rollup: Option<RollupAdmin>,
}

/// `dkg ceremony`.
#[derive(Debug, Args)]
pub(crate) struct CeremonyArgs {
    #[command(flatten)]
    pub(crate) operators: DkgOperatorArgs,
    /// The account that will register the validators with SSV [default with --rollup: the Nexus contract]
    #[arg(long, value_name = "ADDR", required_unless_present = "rollup")]
    pub(crate) owner: Option<Address>,
    /// Registrations the owner has made; each further validator takes the next [default with --rollup: SSV's count at
    /// the observed block, which registrations since then make too low]
    #[arg(long, value_name = "N", required_unless_present = "rollup")]
    pub(crate) nonce: Option<OwnerNonce>,
    /// Where withdrawals go [default with --rollup: its bridge]
    #[arg(long, value_name = "ADDR", required_unless_present = "rollup")]
    pub(crate) withdraw_address: Option<Address>,
    /// Genesis fork version of the network [default with --rollup: the configured network's]
    #[arg(long, value_name = "VERSION", required_unless_present = "rollup")]
    pub(crate) fork_version: Option<ForkVersion>,
    /// How many validators
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) validators: u64,
    /// Ceremonies at the same time
    #[arg(long, value_name = "M", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=20))]
    pub(crate) at_once: u16,
    /// Directory in which the ceremony's folder is made
    #[arg(long, value_name = "DIR", default_value = "ceremonies")]
    pub(crate) out: PathBuf,
}

/// `exit …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExitCommand {
    /// Sign an exit and print it in the beacon API's form; nothing is sent
    Sign {
        #[command(flatten)]
        key: KeyArgs,
        /// The validator's index [default: asked of the beacon node]
        #[arg(long, value_name = "N")]
        validator_index: Option<ValidatorIndex>,
        /// First epoch the exit is valid in [default: the beacon node's current one]
        #[arg(long, value_name = "N")]
        epoch: Option<Epoch>,
        /// Offline: the network's genesis validators root
        #[arg(long, value_name = "ROOT", requires_all = ["capella_fork_version", "validator_index", "epoch"])]
        genesis_validators_root: Option<Root>,
        /// Offline: the network's Capella fork version, which exits are signed for (EIP-7044)
        #[arg(long, value_name = "VERSION", requires = "genesis_validators_root")]
        capella_fork_version: Option<ForkVersion>,
    },
    /// Verify a signed exit and hand it to every configured beacon node
    Submit {
        /// The signed exit
        file: PathBuf,
        /// The validator that should have signed it [default: the one with its index in the state file]
        #[arg(long, value_name = "PUBKEY")]
        pubkey: Option<ValidatorPubkey>,
    },
    /// Show how far a validator's exit has come
    Status {
        /// The validator
        pubkey: ValidatorPubkey,
    },
}

/// `state …`.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Show what the state file knows
    Show,
    /// Print every table as JSON
    Export,
    /// Write a copy of the state file, also while the bot runs
    Backup {
        /// The copy; must not exist
        path: PathBuf,
    },
    /// Accept the contracts' present code after it was checked
    AcceptCode,
    /// Say that a deposited validator won't be registered: nobody waits for it any more
    GiveUp {
        /// The validator's public key
        #[arg(value_name = "PUBKEY")]
        pubkey: ValidatorPubkey,
    },
    /// Accept a rollup's present limit and locked ETH after a jump was checked
    Confirm {
        /// The rollup's admin address
        #[arg(long, value_name = "ADDR")]
        rollup: RollupAdmin,
    },
}

/// `config …`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration file, naming everything that is wrong with it
    Check,
    /// Print a commented example
    Example,
}
