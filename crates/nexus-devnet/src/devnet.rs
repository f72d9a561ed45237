//! The embedded world behind its two HTTP servers.

use std::{future::IntoFuture as _, io, net::SocketAddr, ops::Deref, path::Path, sync::Arc, time::Duration};

use axum::Router;
use nexus_primitives::{Address, UnixSeconds};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval},
};

use crate::{
    commands::Commands,
    config_dir::{BotConfig, ConfigDir, ConfigDirError},
    consensus::rest,
    dkg::{DkgOperators, DkgStartError, Phases},
    execution::rpc,
    operators::operators,
    world::{GenesisError, World, WorldConfig},
    world_info::WorldInfo,
};

/// How long open connections may take to finish when the servers stop.
const DRAIN: Duration = Duration::from_secs(2);

/// A world and where to serve it.
#[derive(Debug, Clone)]
pub struct DevnetConfig {
    /// What the world is like.
    pub world: WorldConfig,
    /// Where the execution node's JSON-RPC listens; port 0 takes a free one.
    pub listen_rpc: SocketAddr,
    /// Where the beacon node's REST API listens; port 0 takes a free one.
    pub listen_beacon: SocketAddr,
    /// Who makes slots pass.
    pub pace: Pace,
    /// How all thirteen operators take their time when they make keys; `None` for a world in which they make none.
    ///
    /// What else it changes: [`WorldConfig::with_dkg_operators`]. What operators draw follows from the world's seed, but
    /// their ports are any that are free, and stand on chain: block hashes are no longer the same in every run.
    pub dkg: Option<Phases>,
}

/// Who makes slots pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Only calls do: `advance_*`, `evm_mine`, `devnet_advanceSlots`.
    Manual,
    /// A slot passes whenever this much real time has, whatever the chain's own clock says.
    Interval(Duration),
}

/// A running world: everything [`World`] does, two servers, and the operators' services if they make keys. Dropping it
/// stops them.
pub struct Devnet {
    commands: Arc<Commands>,
    dkg: Option<DkgOperators>,
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
}

/// Why a world couldn't be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The world itself couldn't be made.
    #[error("making the world")]
    Genesis(#[from] GenesisError),
    /// Making the world panicked.
    #[error("making the world was cut short")]
    CutShort(#[from] JoinError),
    /// The operators' DKG services couldn't be started.
    #[error("starting the DKG operators")]
    Dkg(#[from] DkgStartError),
    /// An address can't be listened on.
    #[error("listening on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl DevnetConfig {
    /// Returns a quick world on two free ports of the loopback interface, moved by hand.
    pub fn fast(genesis_time: UnixSeconds) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            world: WorldConfig::fast(genesis_time),
            listen_rpc: any_port,
            listen_beacon: any_port,
            pace: Pace::Manual,
            dkg: None,
        }
    }
}

impl Devnet {
    /// Makes the world and serves it; returns once all servers accept connections and the deployment is final.
    pub async fn start(config: DevnetConfig) -> Result<Self, StartError> {
        let rpc_listener = listen(config.listen_rpc).await?;
        let beacon_listener = listen(config.listen_beacon).await?;
        let dkg = start_operators(&config).await?;
        let world = match &dkg {
            Some(operators) => config.world.with_dkg_operators(operators),
            None => config.world,
        };
        let commands = Arc::new(Commands {
            rpc_url: url(&rpc_listener, config.listen_rpc)?,
            beacon_url: url(&beacon_listener, config.listen_beacon)?,
            world: Arc::new(tokio::task::spawn_blocking(|| World::new(world)).await??),
            dkg: dkg.iter().flat_map(DkgOperators::all).cloned().collect(),
        });
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        let world = &commands.world;
        let execution = rpc::router(world.execution().clone(), commands.clone());
        tasks.spawn(serve(rpc_listener, execution, stopped.clone()));
        tasks.spawn(serve(beacon_listener, rest::router(world.beacon().clone()), stopped.clone()));
        if let Pace::Interval(period) = config.pace {
            tasks.spawn(keep_pace(world.clone(), period, stopped));
        }
        Ok(Self { commands, dkg, stop, tasks })
    }

    /// Stops the servers, the pace and the operators, and returns when they have stopped.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        if let Some(dkg) = self.dkg {
            dkg.shutdown().await;
        }
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            self.tasks.shutdown().await;
        }
    }

    /// Returns the execution node's URL.
    pub fn rpc_url(&self) -> &str {
        &self.commands.rpc_url
    }

    /// Returns the beacon node's URL.
    pub fn beacon_url(&self) -> &str {
        &self.commands.beacon_url
    }

    /// Returns the world, to share it with tasks that outlive a borrow.
    pub fn world(&self) -> Arc<World> {
        self.commands.world.clone()
    }

    /// Returns the operators' DKG services, to tell them how to behave; `None` when they make no keys.
    pub const fn dkg_operators(&self) -> Option<&DkgOperators> {
        self.dkg.as_ref()
    }

    /// Collects what there is to know, URLs included (`devnet_info`).
    pub fn info(&self) -> WorldInfo {
        self.commands.info()
    }

    /// Fills a directory with everything that `nexus-bot --config DIR/nexus-bot.toml` needs to run here.
    ///
    /// State and vault that an earlier world left there are removed; those of a real bot are an error. Keys are made from
    /// the mnemonic; where operators make keys, the bot is permitted to ask them, should it be told to.
    pub fn write_config(&self, dir: &Path) -> Result<ConfigDir, ConfigDirError> {
        let deployment = self.deployment();
        let consensus = self.beacon().read().config().clone();
        let address = |address: alloy::primitives::Address| Address::new(address.into_array());
        let info = serde_json::to_value(self.info()).expect("numbers and texts");
        ConfigDir::write(
            dir,
            &BotConfig {
                chain_id: consensus.chain_id,
                deposit_contract: consensus.deposit_contract,
                genesis_fork_version: consensus.genesis_fork_version,
                rpc_url: self.rpc_url(),
                beacon_url: self.beacon_url(),
                nexus: address(deployment.nexus),
                ssv_network: address(deployment.ssv_network),
                ssv_network_views: address(deployment.ssv_views),
                ssv_token: address(deployment.ssv_token),
                start_block: deployment.start_block,
                bot: &deployment.accounts.bot.signer,
                makes_keys: self.dkg.is_some(),
                info: &info,
            },
        )
    }
}

impl Deref for Devnet {
    type Target = World;

    fn deref(&self) -> &World {
        &self.commands.world
    }
}

/// Starts the operators' services where they are asked for.
async fn start_operators(config: &DevnetConfig) -> Result<Option<DkgOperators>, DkgStartError> {
    let Some(phases) = config.dkg else { return Ok(None) };
    let mut rng = StdRng::seed_from_u64(config.world.seed);
    DkgOperators::start(operators(), phases, &mut rng).await.map(Some)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

fn url(listener: &TcpListener, address: SocketAddr) -> Result<String, StartError> {
    let bound = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
    Ok(format!("http://{bound}"))
}

async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<()>) {
    // Both a signal and the sender's end mean stop.
    let stop = async move { drop(stopped.changed().await) };
    // The listener is ours and bound: serving ends only when told to.
    let _ = axum::serve(listener, router).with_graceful_shutdown(stop).into_future().await;
}

async fn keep_pace(world: Arc<World>, period: Duration, mut stopped: watch::Receiver<()>) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = ticks.tick() => {}
        }
        let world = world.clone();
        if tokio::task::spawn_blocking(move || world.advance_slots(1)).await.is_err() {
            return;
        }
    }
}
