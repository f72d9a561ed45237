//! A world with sockets, and the directory of the bot that lives in it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nexus_beacon::{BeaconNodes, HttpBeaconNode};
use nexus_chain::{
    BlockAt, ChainConfig, FeeCeilings, KeystoreSigner, PipelineConfig, RpcChain, TxSigner as _,
};
use nexus_controller::{Caps, Jumps, KeySource, KeySources, Observation, Observer, Rails, Settings};
use nexus_devnet::{
    Devnet, DevnetConfig,
    deploy::{NexusVersion, RollupConfig, RollupHandle},
    dkg::Phases,
};
use nexus_dkg::{Deadlines, HttpCeremonyClient, OutputFolder};
use nexus_http::{HttpClient, HttpLimits};
use nexus_keys::{KdfCost, LocalVault, MnemonicKeyring, Salt};
use nexus_policy::PolicySettings;
use nexus_primitives::{Address, BasisPoints, BlockNumber, RollupAdmin, UnixSeconds, Wei};
use rand::SeedableRng as _;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    bot::{Bot, Heard},
    faults::{Hook, no_faults},
    hooked::Hooked,
};

/// Where every world begins; the day is of no consequence.
const GENESIS: UnixSeconds = UnixSeconds::new(1_800_000_000);

/// A world, and the directory of the bot that lives in it.
pub(crate) struct Scene {
    pub(crate) devnet: Devnet,
    pub(crate) files: nexus_devnet::ConfigDir,
    pub(crate) alerts: Arc<Heard>,
    /// How the bot makes keys.
    pub(crate) keys: KeySource,
    /// How it makes those of single rollups.
    pub(crate) keys_of: BTreeMap<RollupAdmin, KeySource>,
    /// Deposits that the bot may begin in one tick.
    pub(crate) deposits_per_tick: u64,
    signer: Arc<KeystoreSigner>,
    starts: AtomicU64,
    dir: TempDir,
}

impl Scene {
    pub(crate) async fn new(version: NexusVersion) -> Self {
        let mut config = DevnetConfig::fast(GENESIS);
        config.world.nexus_version = version;
        Self::in_world(config).await
    }

    /// A world whose operators make keys together, for a bot that has them do so.
    pub(crate) async fn with_ceremonies(version: NexusVersion) -> Self {
        let mut config = DevnetConfig::fast(GENESIS);
        config.world.nexus_version = version;
        config.dkg = Some(Phases::default());
        Self { keys: KeySource::Dkg, ..Self::in_world(config).await }
    }

    async fn in_world(config: DevnetConfig) -> Self {
        let devnet = Devnet::start(config).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let files = devnet.write_config(&dir.path().join("bot")).unwrap();
        let password = Zeroizing::new(std::fs::read_to_string(&files.password).unwrap());
        let signer = Arc::new(KeystoreSigner::open(&files.keystore, &password).unwrap());
        Self {
            devnet,
            files,
            alerts: Arc::default(),
            keys: KeySource::Mnemonic,
            keys_of: BTreeMap::new(),
            deposits_per_tick: 10,
            signer,
            starts: AtomicU64::new(0),
            dir,
        }
    }

    /// A world of the `ssv_exits` version with one rollup, whose limit is 40 %.
    pub(crate) async fn with_rollup(ether: u64) -> (Self, RollupHandle) {
        let scene = Self::new(NexusVersion::SsvExits).await;
        let rollup = scene.rollup("alpha", ether);
        (scene, rollup)
    }

    /// Registers a rollup with a 40 % limit and bridges `ether` in.
    pub(crate) fn rollup(&self, label: &str, ether: u64) -> RollupHandle {
        let limit = BasisPoints::new(4_000).unwrap();
        let rollup = self.devnet.register_rollup(RollupConfig::new(label, limit)).unwrap();
        self.bridge_in(&rollup, ether);
        rollup
    }

    pub(crate) fn limit(&self, rollup: &RollupHandle, bps: u16) {
        self.devnet.set_staking_limit(admin(rollup), BasisPoints::new(bps).unwrap()).unwrap();
    }

    pub(crate) fn bridge_in(&self, rollup: &RollupHandle, ether: u64) {
        self.devnet.bridge_in(admin(rollup), Wei::from_ether(ether)).unwrap();
    }

    pub(crate) fn bridge_out(&self, rollup: &RollupHandle, ether: u64) {
        self.devnet.bridge_out(admin(rollup), Wei::from_ether(ether)).unwrap();
    }

    pub(crate) fn settings(&self) -> Settings {
        let deployment = self.devnet.deployment();
        let beacon = self.devnet.beacon().read();
        let consensus = beacon.config();
        Settings {
            chain_id: consensus.chain_id,
            nexus: address(deployment.nexus),
            deposit_contract: consensus.deposit_contract,
            genesis_fork_version: consensus.genesis_fork_version,
            observe_at: BlockAt::Finalized,
            policy: PolicySettings::exact(),
            reserves: BTreeMap::new(),
            caps: Caps {
                deposits_per_tick: self.deposits_per_tick,
                exits_per_tick: 10,
                deposits_per_day: 50,
                exits_per_day: 50,
            },
            ssv_runway_blocks: 10_000,
            ssv_alert_blocks: 100,
            rails: Rails {
                bot_balance_floor: Wei::ZERO,
                max_head_age_secs: 60,
                max_finality_lag_epochs: 4,
                pause_file: self.pause_file(),
                jumps: Jumps::ANY,
            },
            keys: KeySources { default: self.keys, rollups: self.keys_of.clone() },
            allow_loopback_operators: true,
        }
    }

    pub(crate) fn pause_file(&self) -> PathBuf {
        self.files.dir.join("pause")
    }

    /// Starts the bot on the scene's files.
    pub(crate) async fn start(&self) -> Bot {
        self.start_with(&no_faults()).await
    }

    /// Starts the bot with hooks around its effects.
    pub(crate) async fn start_with(&self, hook: &Hook) -> Bot {
        Bot::start(self, self.settings(), self.signer.clone(), hook).await
    }

    /// Copies the state file aside, as a backup does. The bot must not be running.
    pub(crate) fn back_up_state(&self) -> PathBuf {
        let copy = self.dir.path().join("state.backup");
        std::fs::copy(&self.files.state, &copy).unwrap();
        copy
    }

    /// Throws the state file away. The bot must not be running.
    pub(crate) fn lose_state(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.files.state.clone().into_os_string();
            path.push(suffix);
            let path = PathBuf::from(path);
            if path.exists() {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// Puts a backup in the place of the state file. The bot must not be running.
    pub(crate) fn restore_state(&self, backup: &std::path::Path) {
        self.lose_state();
        std::fs::copy(backup, &self.files.state).unwrap();
    }

    /// Looks at the world as a bot does.
    pub(crate) async fn observe(&self) -> Observation {
        let settings = self.settings();
        let chain = RpcChain::connect(self.chain_config(&settings, self.signer.address())).await.unwrap();
        Observer::new(Arc::new(chain), Arc::new(self.beacon()), &settings).observe().await.unwrap()
    }

    pub(crate) fn chain_config(&self, settings: &Settings, bot: Address) -> ChainConfig {
        let deployment = self.devnet.deployment();
        ChainConfig {
            endpoints: vec![self.devnet.rpc_url().parse().unwrap()],
            private_endpoint: None,
            chain_id: settings.chain_id,
            nexus: settings.nexus,
            ssv_network: address(deployment.ssv_network),
            ssv_network_views: Some(address(deployment.ssv_views)),
            ssv_token: address(deployment.ssv_token),
            deposit_contract: settings.deposit_contract,
            start_block: BlockNumber::new(deployment.start_block),
            bot,
            quorum: 1,
            batch_limit: ChainConfig::DEFAULT_BATCH_LIMIT,
            log_window: ChainConfig::DEFAULT_LOG_WINDOW,
            limits: limits(),
        }
    }

    pub(crate) fn beacon(&self) -> BeaconNodes {
        let client = HttpClient::new(limits()).unwrap();
        let node = HttpBeaconNode::new(self.devnet.beacon_url().parse().unwrap(), client);
        BeaconNodes::new(vec![node], 1).unwrap()
    }

    pub(crate) fn ceremonies(&self) -> HttpCeremonyClient {
        // A bot that is started again draws anew: operators hold no ceremony of a name twice.
        let starts = self.starts.fetch_add(1, Ordering::Relaxed);
        let rng = rand::rngs::StdRng::seed_from_u64(starts);
        HttpCeremonyClient::new(Deadlines::default(), Arc::new(self.devnet.clock()), rng).unwrap()
    }

    pub(crate) fn archive(&self) -> OutputFolder {
        OutputFolder::open(self.files.vault.join("ceremonies")).unwrap()
    }

    pub(crate) fn keyring(&self, hook: &Hook) -> MnemonicKeyring {
        let salt = Salt::from_bytes(Zeroizing::new(std::fs::read(&self.files.salt).unwrap())).unwrap();
        let vault = Hooked { inner: LocalVault::open(&self.files.vault).unwrap(), hook: hook.clone() };
        let chain_id = self.settings().chain_id;
        MnemonicKeyring::new(Arc::new(vault), salt, chain_id, KdfCost::new(4, 8, 1).unwrap())
    }
}

/// How the bots of the tests send.
pub(crate) fn pipeline() -> PipelineConfig {
    let gwei = |text| Wei::from_gwei_text(text).unwrap();
    PipelineConfig {
        ceilings: FeeCeilings { max_fee: gwei("100"), max_priority_fee: gwei("2") },
        bump_after_secs: 90,
        confirm_at: BlockAt::Finalized,
    }
}

pub(crate) fn admin(rollup: &RollupHandle) -> RollupAdmin {
    RollupAdmin::new(address(rollup.admin.address()))
}

pub(crate) fn address(address: impl Into<[u8; 20]>) -> Address {
    Address::new(address.into())
}

fn limits() -> HttpLimits {
    HttpLimits {
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(30),
        max_body_bytes: 16 << 20,
    }
}
