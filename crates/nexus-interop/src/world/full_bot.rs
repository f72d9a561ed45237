//! The whole bot, of the parts the binary uses, against any nodes.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::signers::{k256::elliptic_curve::rand_core::OsRng, local::LocalSigner};
use async_trait::async_trait;
use nexus_beacon::{BeaconNodes, HttpBeaconNode};
use nexus_chain::{
    BlockAt, ChainConfig, FeeCeilings, KeystoreSigner, PipelineConfig, RpcChain, TxPipeline, TxSigner as _,
};
use nexus_controller::{
    Alert, AlertSink, Caps, Controller, Jumps, KeySource, KeySources, Mandate, Parts, Rails, Settings, Stage,
    StateFile, StateIdentity, TickReport,
};
use nexus_devnet::deploy::Deployment;
use nexus_dkg::{Deadlines, HttpCeremonyClient, OutputFolder};
use nexus_http::{HttpClient, HttpLimits};
use nexus_keys::{KdfCost, LocalVault, MnemonicKeyring, Salt};
use nexus_policy::PolicySettings;
use nexus_primitives::{Address, BlockNumber, ChainId, Clock, ForkVersion, Wei};
use rand::{SeedableRng as _, rngs::StdRng};
use zeroize::Zeroizing;

const PASSWORD: &str = "nexus-interop";
/// The most the bot pays per gas, in gwei.
pub(crate) const MAX_FEE_GWEI: u64 = 100;
/// Seconds after which it replaces an unmined transaction.
pub(crate) const BUMP_AFTER_SECS: u64 = 90;

/// What a bot needs to know of its world.
pub(crate) struct Surroundings<'a> {
    /// Execution node, or what stands before it.
    pub(crate) rpc_url: &'a str,
    /// Beacon node.
    pub(crate) beacon_url: &'a str,
    /// Contracts and accounts.
    pub(crate) deployment: &'a Deployment,
    /// Chain of the execution node.
    pub(crate) chain_id: ChainId,
    /// Fork version for deposits.
    pub(crate) genesis_fork_version: ForkVersion,
    /// How the bot makes keys.
    pub(crate) keys: KeySource,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// How old the head may be, in seconds.
    pub(crate) max_head_age_secs: u64,
    /// A folder of the bot's own.
    pub(crate) folder: &'a Path,
    /// Seeds mnemonics and shares.
    pub(crate) seed: u64,
}

/// A running bot.
pub(crate) struct FullBot {
    controller: Controller,
    /// Its state file.
    pub(crate) state: Arc<StateFile>,
    /// Its view of the execution layer.
    pub(crate) chain: Arc<RpcChain>,
    /// Its transactions.
    pub(crate) transactions: Arc<TxPipeline>,
    alerts: Arc<Heard>,
}

#[derive(Default)]
struct Heard(Mutex<Vec<(&'static str, String)>>);

#[async_trait]
impl AlertSink for Heard {
    async fn raise(&self, alert: &Alert) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((alert.name, format!("{alert:?}")));
    }
}

impl FullBot {
    /// Starts a bot with a fresh state file and vault.
    pub(crate) async fn start(world: Surroundings<'_>) -> anyhow::Result<Self> {
        let settings = settings(&world);
        let signer = Arc::new(signer(&world)?);
        let chain = Arc::new(RpcChain::connect(chain_config(&world, &settings, signer.address())?).await?);
        let identity = StateIdentity { chain_id: settings.chain_id, nexus: settings.nexus };
        let state = Arc::new(StateFile::open(&world.folder.join("state.sqlite"), identity)?);
        let gwei = |gwei: u64| Wei::from_gwei_text(&gwei.to_string());
        let pipeline = PipelineConfig {
            ceilings: FeeCeilings { max_fee: gwei(MAX_FEE_GWEI)?, max_priority_fee: gwei(2)? },
            bump_after_secs: BUMP_AFTER_SECS,
            confirm_at: BlockAt::Finalized,
        };
        let transactions = Arc::new(TxPipeline::new(pipeline, chain.clone(), signer.clone(), state.clone()));
        let alerts = Arc::new(Heard::default());
        let controller = Controller::new(Parts {
            chain: chain.clone(),
            beacon: Arc::new(beacon(world.beacon_url)?),
            transactions: transactions.clone(),
            keyring: Arc::new(keyring(&world, settings.chain_id)?),
            ceremonies: Arc::new(HttpCeremonyClient::new(
                Deadlines::default(),
                world.clock.clone(),
                StdRng::seed_from_u64(world.seed),
            )?),
            archive: Arc::new(OutputFolder::open(world.folder.join("ceremonies"))?),
            state: state.clone(),
            alerts: alerts.clone(),
            clock: world.clock.clone(),
            rng: Box::new(StdRng::seed_from_u64(world.seed)),
            signer: signer.address(),
            settings,
        });
        Ok(Self { controller, state, chain, transactions, alerts })
    }

    /// One tick.
    pub(crate) async fn tick(&self) -> anyhow::Result<TickReport> {
        Ok(self.controller.tick(Mandate::Plan).await?)
    }

    /// Tells whether the validators are in exactly these stages.
    pub(crate) fn has_reached(&self, wanted: &[(Stage, usize)]) -> anyhow::Result<bool> {
        let stages = self.stages()?;
        let count = |stage| stages.iter().filter(|found| **found == stage).count();
        let all: usize = wanted.iter().map(|(_, count)| count).sum();
        Ok(all == stages.len() && wanted.iter().all(|(stage, wanted)| count(*stage) == *wanted))
    }

    /// Returns every validator's stage.
    pub(crate) fn stages(&self) -> anyhow::Result<Vec<Stage>> {
        Ok(self.state.validators()?.into_iter().map(|record| record.stage).collect())
    }

    /// Returns the alerts raised so far, by name and in full, repetitions left out.
    pub(crate) fn alerts(&self) -> Vec<(&'static str, String)> {
        let mut alerts = self.alerts.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        alerts.dedup();
        alerts
    }
}

fn settings(world: &Surroundings<'_>) -> Settings {
    Settings {
        chain_id: world.chain_id,
        nexus: address(world.deployment.nexus),
        deposit_contract: address(world.deployment.deposit_contract),
        genesis_fork_version: world.genesis_fork_version,
        observe_at: BlockAt::Finalized,
        policy: PolicySettings::exact(),
        reserves: BTreeMap::new(),
        caps: Caps { deposits_per_tick: 10, exits_per_tick: 10, deposits_per_day: 50, exits_per_day: 50 },
        ssv_runway_blocks: 10_000,
        ssv_alert_blocks: 100,
        rails: Rails {
            bot_balance_floor: Wei::ZERO,
            max_head_age_secs: world.max_head_age_secs,
            max_finality_lag_epochs: 4,
            pause_file: world.folder.join("pause"),
            jumps: Jumps::ANY,
        },
        keys: KeySources { default: world.keys, rollups: BTreeMap::new() },
        allow_loopback_operators: true,
    }
}

/// Returns a second view of the execution layer, with the bot's own settings.
pub(crate) async fn chain_at(world: &Surroundings<'_>) -> anyhow::Result<RpcChain> {
    let bot = address(world.deployment.accounts.bot.address());
    Ok(RpcChain::connect(chain_config(world, &settings(world), bot)?).await?)
}

fn signer(world: &Surroundings<'_>) -> anyhow::Result<KeystoreSigner> {
    let key = world.deployment.accounts.bot.key_bytes();
    LocalSigner::encrypt_keystore(world.folder, &mut OsRng, key, PASSWORD, Some("bot-key.json"))?;
    let path = world.folder.join("bot-key.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(KeystoreSigner::open(&path, &Zeroizing::new(PASSWORD.to_owned()))?)
}

fn chain_config(world: &Surroundings<'_>, settings: &Settings, bot: Address) -> anyhow::Result<ChainConfig> {
    Ok(ChainConfig {
        endpoints: vec![world.rpc_url.parse()?],
        private_endpoint: None,
        chain_id: settings.chain_id,
        nexus: settings.nexus,
        ssv_network: address(world.deployment.ssv_network),
        ssv_network_views: Some(address(world.deployment.ssv_views)),
        ssv_token: address(world.deployment.ssv_token),
        deposit_contract: settings.deposit_contract,
        start_block: BlockNumber::new(world.deployment.start_block),
        bot,
        quorum: 1,
        batch_limit: ChainConfig::DEFAULT_BATCH_LIMIT,
        log_window: ChainConfig::DEFAULT_LOG_WINDOW,
        limits: limits(),
    })
}

/// Returns the bot's client of a beacon node.
pub(crate) fn beacon(url: &str) -> anyhow::Result<BeaconNodes> {
    let node = HttpBeaconNode::new(url.parse()?, HttpClient::new(limits())?);
    Ok(BeaconNodes::new(vec![node], 1)?)
}

fn keyring(world: &Surroundings<'_>, chain_id: ChainId) -> anyhow::Result<MnemonicKeyring> {
    let salt = Salt::from_bytes(Zeroizing::new(b"nexus-interop, worth nothing".to_vec()))?;
    let vault = LocalVault::open(world.folder.join("vault"))?;
    Ok(MnemonicKeyring::new(Arc::new(vault), salt, chain_id, KdfCost::new(4, 8, 1)?))
}

/// The same address as the primitives spell it.
pub(crate) fn address(address: alloy::primitives::Address) -> Address {
    Address::new(address.into_array())
}

fn limits() -> HttpLimits {
    HttpLimits {
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(30),
        max_body_bytes: 16 << 20,
    }
}
