//! The composition root: the one place that names concrete types.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use nexus_beacon::{BeaconNode, BeaconNodes, HttpBeaconNode};
use nexus_chain::{
    BlockAt, ChainConfig, FeeCeilings, KeystoreSigner, NexusChain, PipelineConfig, RpcChain, TxPipeline,
    TxSigner,
};
use nexus_controller::{Caps, Controller, Observer, Parts, Rails, Settings, StateFile, StateIdentity};
use nexus_dkg::{CeremonyArchive, CeremonyClient, Deadlines, HttpCeremonyClient, OutputFolder};
use nexus_http::{HttpClient, HttpLimits};
use nexus_keys::{KdfCost, LocalVault, MnemonicKeyring, MnemonicVault, Salt};
use nexus_primitives::{Address, Clock, DerivationIndex};
use rand::{CryptoRng, rngs::StdRng};

use crate::{
    alerting,
    clock::SystemClock,
    config::{BlockTag, Config, DkgConfig},
    private_file::{into_text, read_secret},
    progress,
};

/// Blocks in a day of 12-second slots.
const BLOCKS_PER_DAY: u64 = 7_200;

/// What reads the world and never writes: `plan`, `status`, `doctor`.
pub(crate) struct Reader {
    pub(crate) observer: Observer,
    pub(crate) chain: Arc<dyn NexusChain>,
    pub(crate) settings: Settings,
    /// The account that signs.
    pub(crate) signer: Address,
}

/// The whole bot, with the state file locked.
pub(crate) struct Bot {
    pub(crate) controller: Controller,
    pub(crate) state: Arc<StateFile>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Wires what reads the world.
pub(crate) async fn reader(config: &Config) -> anyhow::Result<Reader> {
    let settings = settings(config);
    let signer = open_signer(config)?.address();
    let chain: Arc<dyn NexusChain> = Arc::new(connect(config, signer).await?);
    let observer = Observer::new(Arc::clone(&chain), beacon(config)?, &settings);
    Ok(Reader { observer, chain, settings, signer })
}

/// Time and randomness: what differs between the real world and an embedded one.
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Box<dyn CryptoRng + Send>,
}

/// Wires the whole bot, with the system's time and randomness.
pub(crate) async fn bot(config: &Config, salt: Salt) -> anyhow::Result<Bot> {
    let surroundings = Surroundings { clock: Arc::new(SystemClock), rng: Box::new(os_rng()) };
    bot_in(surroundings, config, salt).await
}

/// Wires the whole bot. A state file that is there comes first: while another instance has it, nothing else is touched.
/// A new one comes last: it belongs for good to the chain it is made for, so chain and vault must be the right ones.
pub(crate) async fn bot_in(surroundings: Surroundings, config: &Config, salt: Salt) -> anyhow::Result<Bot> {
    let Surroundings { clock, rng } = surroundings;
    let open_state = || StateFile::open(&config.state.path, identity(config));
    let existing = config.state.path.exists().then(open_state).transpose()?;
    let signer: Arc<dyn TxSigner> = Arc::new(open_signer(config)?);
    let vault = vault(config)?;
    let keyring = keyring(config, Arc::clone(&vault), salt);
    unlock(&keyring, vault.as_ref()).await?;
    let chain = Arc::new(connect(config, signer.address()).await?);
    let state = Arc::new(existing.map_or_else(open_state, Ok)?);
    let beacon = beacon(config)?;
    let alerts = alerting::sink(config)?;
    let pipeline = TxPipeline::new(
        pipeline_config(config),
        Arc::clone(&chain) as _,
        Arc::clone(&signer),
        Arc::clone(&state) as _,
    );
    let controller = Controller::new(Parts {
        chain,
        beacon,
        transactions: Arc::new(pipeline),
        keyring: Arc::new(keyring),
        ceremonies: ceremony_client(config.dkg)?,
        archive: archive(config)?,
        state: Arc::clone(&state),
        alerts,
        clock: Arc::clone(&clock),
        rng,
        signer: signer.address(),
        settings: settings(config),
    });
    Ok(Bot { controller, state, clock })
}

/// Opens the state file beside a running bot; one that isn't there yet is empty.
pub(crate) fn read_state(config: &Config) -> anyhow::Result<StateFile> {
    let identity = identity(config);
    match StateFile::open_read_only(&config.state.path, identity)? {
        Some(state) => Ok(state),
        None => Ok(StateFile::in_memory(identity)?),
    }
}

/// Says which deployment a state file must belong to.
pub(crate) fn identity(config: &Config) -> StateIdentity {
    StateIdentity { chain_id: config.network.chain_id, nexus: config.contracts.nexus }
}

/// Makes the client of operators' DKG services.
pub(crate) fn ceremony_client(config: DkgConfig) -> anyhow::Result<Arc<dyn CeremonyClient>> {
    let deadlines = Deadlines {
        exchange: Duration::from_secs(config.exchange_timeout_secs),
        deal: Duration::from_secs(config.deal_timeout_secs),
        ..Deadlines::default()
    };
    Ok(Arc::new(HttpCeremonyClient::new(deadlines, Arc::new(SystemClock), os_rng())?))
}

/// Opens the directory of sealed mnemonics.
pub(crate) fn vault(config: &Config) -> anyhow::Result<Arc<dyn MnemonicVault>> {
    Ok(Arc::new(LocalVault::open(&config.vault.path).context("opening the vault")?))
}

/// Opens the vault's directory of ceremonies' documents.
pub(crate) fn archive(config: &Config) -> anyhow::Result<Arc<dyn CeremonyArchive>> {
    let folder = OutputFolder::open(config.vault.path.join("ceremonies"));
    Ok(Arc::new(folder.context("opening the vault's ceremonies")?))
}

/// Joins the vault with the salt that opens it.
pub(crate) fn keyring(config: &Config, vault: Arc<dyn MnemonicVault>, salt: Salt) -> MnemonicKeyring {
    MnemonicKeyring::new(vault, salt, config.network.chain_id, KdfCost::STANDARD)
}

/// Joins the beacon nodes.
pub(crate) fn beacon(config: &Config) -> anyhow::Result<Arc<dyn BeaconNode>> {
    let client = HttpClient::new(limits(config.beacon.timeout_secs))?;
    let nodes = config.beacon.endpoints.iter().map(|node| HttpBeaconNode::new(node.clone(), client.clone()));
    Ok(Arc::new(BeaconNodes::new(nodes.collect(), config.beacon.quorum)?))
}

/// Connects to the execution nodes and checks that they serve the configured chain and contracts.
pub(crate) async fn connect(config: &Config, signer: Address) -> anyhow::Result<RpcChain> {
    Ok(RpcChain::connect(chain_config(config, signer)).await?)
}

/// Opens the signing key with the password the configuration refers to.
pub(crate) fn open_signer(config: &Config) -> anyhow::Result<KeystoreSigner> {
    let password = read_secret("the signer's password", &config.signer.password)?;
    let password = into_text("the signer's password", &password)?;
    let _spinner = progress::spinner("opening the signer's keystore");
    Ok(KeystoreSigner::open(&config.signer.keystore, &password)?)
}

/// Returns a cryptographic generator seeded by the operating system.
pub(crate) fn os_rng() -> StdRng {
    rand::make_rng()
}

/// Returns the controller's settings.
pub(crate) fn settings(config: &Config) -> Settings {
    let policy = &config.policy;
    Settings {
        chain_id: config.network.chain_id,
        nexus: config.contracts.nexus,
        deposit_contract: config.network.deposit_contract,
        genesis_fork_version: config.network.genesis_fork_version,
        observe_at: block_at(config.execution.observe_at, config.execution.observe_lag_blocks),
        policy: policy.rule,
        reserves: config.rollups.reserves.clone(),
        caps: Caps {
            deposits_per_tick: policy.max_deposits_per_tick,
            exits_per_tick: policy.max_exits_per_tick,
            deposits_per_day: policy.max_deposits_per_day,
            exits_per_day: policy.max_exits_per_day,
        },
        ssv_runway_blocks: config.ssv.runway_days.saturating_mul(BLOCKS_PER_DAY),
        ssv_alert_blocks: config.ssv.top_up_below_days.saturating_mul(BLOCKS_PER_DAY),
        rails: Rails {
            bot_balance_floor: config.guards.bot_balance_floor,
            max_head_age_secs: config.guards.max_head_age_secs,
            max_finality_lag_epochs: config.guards.max_finality_lag_epochs,
            pause_file: config.pause_file(),
            jumps: config.guards.jumps,
        },
        keys: config.rollups.keys.clone(),
        allow_loopback_operators: config.dkg.allow_loopback,
    }
}

/// Opens every envelope in the vault: a wrong salt is found now, not when a key is needed. One damaged envelope keeps
/// only its own rollup waiting; that none opens means that the salt is wrong.
async fn unlock(keyring: &MnemonicKeyring, vault: &dyn MnemonicVault) -> anyhow::Result<()> {
    let rollups = vault.list().await?;
    let bar = progress::bar("opening mnemonics", rollups.len());
    let (mut opened, mut failed) = (0_usize, None);
    for rollup in rollups {
        match keyring.derive(rollup, DerivationIndex::new(0)).await {
            Ok(_) => opened += 1,
            Err(error) => {
                tracing::error!(%rollup, error = &error as &dyn std::error::Error, "mnemonic can't be opened");
                failed = Some(error);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    match failed {
        Some(error) if opened == 0 => Err(error.into()),
        _ => Ok(()),
    }
}

fn chain_config(config: &Config, signer: Address) -> ChainConfig {
    ChainConfig {
        endpoints: config.execution.endpoints.clone(),
        private_endpoint: config.execution.private_endpoint.clone(),
        chain_id: config.network.chain_id,
        nexus: config.contracts.nexus,
        ssv_network: config.contracts.ssv_network,
        ssv_network_views: config.contracts.ssv_network_views,
        ssv_token: config.contracts.ssv_token,
        deposit_contract: config.network.deposit_contract,
        start_block: config.contracts.start_block,
        bot: signer,
        quorum: config.execution.quorum,
        batch_limit: ChainConfig::DEFAULT_BATCH_LIMIT,
        log_window: ChainConfig::DEFAULT_LOG_WINDOW,
        limits: limits(config.execution.timeout_secs),
    }
}

fn pipeline_config(config: &Config) -> PipelineConfig {
    PipelineConfig {
        ceilings: FeeCeilings { max_fee: config.gas.max_fee, max_priority_fee: config.gas.max_priority_fee },
        bump_after_secs: config.gas.bump_after_secs,
        confirm_at: block_at(config.execution.confirm_at, 0),
    }
}

fn block_at(tag: BlockTag, lag: u64) -> BlockAt {
    match tag {
        BlockTag::Finalized => BlockAt::Finalized,
        BlockTag::Safe => BlockAt::Safe,
        BlockTag::Latest => BlockAt::Latest { lag },
    }
}

fn limits(timeout_secs: u64) -> HttpLimits {
    let defaults = HttpLimits::default();
    let total_timeout = std::time::Duration::from_secs(timeout_secs);
    HttpLimits { total_timeout, connect_timeout: defaults.connect_timeout.min(total_timeout), ..defaults }
}
