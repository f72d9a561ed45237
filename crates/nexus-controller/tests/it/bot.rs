//! A bot over the embedded world, made of the parts the binary uses.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use nexus_beacon::{BeaconNodes, HttpBeaconNode};
use nexus_chain::{
    BlockAt, ChainConfig, FeeCeilings, KeystoreSigner, PipelineConfig, RpcChain, TxPipeline, TxSigner as _,
};
use nexus_controller::{
    Alert, AlertSink, Caps, Controller, Jumps, Mandate, Parts, Rails, Settings, Stage, StateFile,
    StateIdentity, TickError, TickReport,
};
use nexus_devnet::{
    Devnet, DevnetConfig,
    deploy::{NexusVersion, RollupConfig, RollupHandle},
};
use nexus_http::{HttpClient, HttpLimits};
use nexus_keys::{KdfCost, LocalVault, MnemonicKeyring, Salt};
use nexus_policy::PolicySettings;
use nexus_primitives::{BasisPoints, BlockNumber, RollupAdmin, UnixSeconds, Wei};
use rand::SeedableRng as _;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// Where every world begins; the day is of no consequence.
const GENESIS: UnixSeconds = UnixSeconds::new(1_800_000_000);

/// A world, and the directory of the bot that lives in it.
pub(crate) struct Scene {
    pub(crate) devnet: Devnet,
    pub(crate) files: nexus_devnet::ConfigDir,
    pub(crate) alerts: Arc<Heard>,
    _dir: TempDir,
}

/// A bot that was started; dropping it is the crash.
pub(crate) struct Bot {
    pub(crate) controller: Controller,
    pub(crate) state: Arc<StateFile>,
}

/// Every alert that was raised.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Alert>>);

#[async_trait]
impl AlertSink for Heard {
    async fn raise(&self, alert: &Alert) {
        self.0.lock().unwrap().push(alert.clone());
    }
}

impl Heard {
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().iter().map(|alert| alert.name).collect()
    }
}

impl Scene {
    pub(crate) async fn new(version: NexusVersion) -> Self {
        let mut config = DevnetConfig::fast(GENESIS);
        config.world.nexus_version = version;
        let devnet = Devnet::start(config).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let files = devnet.write_config(&dir.path().join("bot")).unwrap();
        Self { devnet, files, alerts: Arc::default(), _dir: dir }
    }

    /// Registers a rollup with a 40 % limit and bridges `ether` in.
    pub(crate) fn rollup(&self, label: &str, ether: u64) -> RollupHandle {
        let limit = BasisPoints::new(4_000).unwrap();
        let rollup = self.devnet.register_rollup(RollupConfig::new(label, limit)).unwrap();
        self.devnet.bridge_in(admin(&rollup), Wei::from_ether(ether)).unwrap();
        rollup
    }

    pub(crate) fn limit(&self, rollup: &RollupHandle, bps: u16) {
        self.devnet.set_staking_limit(admin(rollup), BasisPoints::new(bps).unwrap()).unwrap();
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
            caps: Caps { deposits_per_tick: 10, exits_per_tick: 10, deposits_per_day: 50, exits_per_day: 50 },
            ssv_runway_blocks: 10_000,
            ssv_alert_blocks: 100,
            rails: Rails {
                bot_balance_floor: Wei::ZERO,
                max_head_age_secs: 60,
                max_finality_lag_epochs: 4,
                pause_file: self.pause_file(),
                jumps: Jumps::ANY,
            },
        }
    }

    pub(crate) fn pause_file(&self) -> PathBuf {
        self.files.dir.join("pause")
    }

    /// Starts the bot on the scene's files.
    pub(crate) async fn start(&self) -> Bot {
        let settings = self.settings();
        let identity = StateIdentity { chain_id: settings.chain_id, nexus: settings.nexus };
        let state = Arc::new(StateFile::open(&self.files.state, identity).unwrap());
        let password = Zeroizing::new(std::fs::read_to_string(&self.files.password).unwrap());
        let signer = Arc::new(KeystoreSigner::open(&self.files.keystore, &password).unwrap());
        let chain =
            Arc::new(RpcChain::connect(self.chain_config(&settings, signer.address())).await.unwrap());
        let pipeline = PipelineConfig {
            ceilings: FeeCeilings {
                max_fee: Wei::from_gwei_text("100").unwrap(),
                max_priority_fee: Wei::from_gwei_text("2").unwrap(),
            },
            bump_after_secs: 90,
            confirm_at: BlockAt::Finalized,
        };
        let transactions = TxPipeline::new(pipeline, chain.clone(), signer.clone(), state.clone());
        let controller = Controller::new(Parts {
            chain,
            beacon: Arc::new(self.beacon()),
            transactions: Arc::new(transactions),
            keyring: Arc::new(self.keyring(&settings)),
            state: state.clone(),
            alerts: self.alerts.clone(),
            clock: Arc::new(self.devnet.clock()),
            rng: Box::new(rand::rngs::StdRng::seed_from_u64(1)),
            signer: signer.address(),
            settings,
        });
        Bot { controller, state }
    }

    fn chain_config(&self, settings: &Settings, bot: nexus_primitives::Address) -> ChainConfig {
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

    fn beacon(&self) -> BeaconNodes {
        let client = HttpClient::new(limits()).unwrap();
        let node = HttpBeaconNode::new(self.devnet.beacon_url().parse().unwrap(), client);
        BeaconNodes::new(vec![node], 1).unwrap()
    }

    fn keyring(&self, settings: &Settings) -> MnemonicKeyring {
        let salt = Salt::from_bytes(Zeroizing::new(std::fs::read(&self.files.salt).unwrap())).unwrap();
        let vault = LocalVault::open(&self.files.vault).unwrap();
        MnemonicKeyring::new(Arc::new(vault), salt, settings.chain_id, KdfCost::new(4, 8, 1).unwrap())
    }
}

impl Bot {
    /// One tick, with what it saw.
    pub(crate) async fn tick(&self) -> Result<TickReport, TickError> {
        self.controller.tick(Mandate::Plan).await
    }

    /// Lets slots pass and ticks in each, until exactly these stages are reached and nothing is under way.
    pub(crate) async fn live_until(&self, scene: &Scene, wanted: &[(Stage, usize)], slots: usize) {
        for _ in 0..slots {
            scene.devnet.advance_slots(1);
            let report = self.tick().await.unwrap_or_else(|error| panic!("{}", chain_of(&error)));
            let reached = wanted.iter().all(|(stage, count)| self.count(*stage) == *count);
            let all = wanted.iter().map(|(_, count)| count).sum::<usize>() == self.stages().len();
            if report.is_settled() && reached && all {
                return;
            }
        }
        panic!("not reached within {slots} slots: {:?}, {:?}", self.stages(), self.state.intents(5));
    }

    pub(crate) fn stages(&self) -> Vec<Stage> {
        self.state.validators().unwrap().into_iter().map(|record| record.stage).collect()
    }

    pub(crate) fn count(&self, stage: Stage) -> usize {
        self.stages().into_iter().filter(|found| *found == stage).count()
    }
}

/// An error and its causes on one line.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

pub(crate) fn admin(rollup: &RollupHandle) -> RollupAdmin {
    RollupAdmin::new(address(rollup.admin.address()))
}

fn address(address: impl Into<[u8; 20]>) -> nexus_primitives::Address {
    nexus_primitives::Address::new(address.into())
}

fn limits() -> HttpLimits {
    HttpLimits {
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(30),
        max_body_bytes: 16 << 20,
    }
}
