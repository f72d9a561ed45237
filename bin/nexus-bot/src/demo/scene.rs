//! The stage of the demo: a world, the bot that lives in it, and a witness.

use std::sync::Arc;

use anyhow::Context as _;
use nexus_chain::TxSigner as _;
use nexus_controller::{Mandate, TickReport};
use nexus_devnet::{
    ConfigDir, Devnet, DevnetConfig, World,
    deploy::{RollupConfig, RollupHandle},
    dkg::Phases,
};
use nexus_keys::Salt;
use nexus_primitives::{Address, BasisPoints, RollupAdmin, UnixSeconds, Wei};
use rand::{SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use super::witness::Witness;
use crate::{
    compose::{self, Bot, Surroundings},
    config::Config,
    private_file::read_secret_file,
};

/// Where the world's time begins: 2100-01-01, so that it is the same in every run and never behind the clock of the
/// child process in step 7.
const GENESIS: UnixSeconds = UnixSeconds::new(4_102_444_800);

/// Slots that the bot may take to answer: 50 epochs.
pub(super) const PATIENCE: usize = 400;

/// Everything the story happens on.
pub(super) struct Scene {
    pub(super) devnet: Devnet,
    pub(super) files: ConfigDir,
    /// The rollup that most of the story is about.
    pub(super) alpha: Rollup,
    pub(super) witness: Witness,
    bot: Option<Bot>,
    rng: StdRng,
    _dir: TempDir,
}

/// When to look at the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// After every tick.
    Any,
    /// After ticks that left nothing under way but what the world has to do.
    Settled,
}

/// A rollup, as its admin and its bridge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rollup {
    pub(super) admin: RollupAdmin,
    pub(super) bridge: Address,
}

impl Scene {
    /// Starts a world with one rollup, and the bot in it.
    pub(super) async fn open(seed: u64, limit: BasisPoints) -> anyhow::Result<Self> {
        let mut config = DevnetConfig::fast(GENESIS);
        config.world.seed = seed;
        config.dkg = Some(Phases::default());
        let devnet = Devnet::start(config).await?;
        let dir = tempfile::tempdir().context("making a directory for the bot")?;
        let files = devnet.write_config(&dir.path().join("bot"))?;
        let alpha = Rollup::from(&devnet.register_rollup(RollupConfig::new("alpha", limit))?);
        let (witness, rng) = (Witness::default(), StdRng::seed_from_u64(seed));
        let mut scene = Self { devnet, files, alpha, witness, bot: None, rng, _dir: dir };
        scene.start_bot().await?;
        Ok(scene)
    }

    /// Starts the bot as `run` does, with the world's clock and the seed's randomness. No two bots draw the same.
    pub(super) async fn start_bot(&mut self) -> anyhow::Result<()> {
        let surroundings = Surroundings {
            clock: Arc::new(self.devnet.clock()),
            rng: Box::new(StdRng::from_rng(&mut self.rng)),
        };
        self.bot = Some(compose::bot_in(surroundings, &self.config()?, self.salt()?).await?);
        Ok(())
    }

    /// Stops the bot and lets go of its state file.
    pub(super) fn stop_bot(&mut self) {
        self.bot = None;
    }

    /// Returns the running bot.
    pub(super) fn bot(&self) -> anyhow::Result<&Bot> {
        self.bot.as_ref().context("the bot was stopped")
    }

    /// Returns the account the bot signs with, from its keystore.
    pub(super) fn bot_address(&self) -> anyhow::Result<Address> {
        Ok(compose::open_signer(&self.config()?)?.address())
    }

    /// Reads the bot's configuration.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(Some(&self.files.config))?)
    }

    /// Reads the operator's salt.
    pub(super) fn salt(&self) -> anyhow::Result<Salt> {
        Ok(Salt::from_bytes(read_secret_file("the salt", &self.files.salt)?)?)
    }

    /// Bridges ETH in as a user.
    pub(super) fn bridge_in(&self, rollup: Rollup, ether: u64) -> anyhow::Result<()> {
        Ok(self.devnet.bridge_in(rollup.admin, Wei::from_ether(ether))?)
    }

    /// Bridges ETH out as a user.
    pub(super) fn bridge_out(&self, rollup: Rollup, ether: u64) -> anyhow::Result<()> {
        Ok(self.devnet.bridge_out(rollup.admin, Wei::from_ether(ether))?)
    }

    /// Changes the staking limit as the rollup's admin.
    pub(super) fn set_limit(&self, rollup: Rollup, limit: BasisPoints) -> anyhow::Result<()> {
        Ok(self.devnet.set_staking_limit(rollup.admin, limit)?)
    }

    /// Lets slots pass, the bot ticking in each, until the world looks as told. Returns how many slots that took;
    /// `None` when it took too many.
    pub(super) async fn live_until(
        &mut self,
        moment: Moment,
        reached: impl Fn(&World, &Witness) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Option<usize>> {
        for passed in 1..=PATIENCE {
            let report = self.live().await?;
            let is_moment = moment == Moment::Any || report.is_settled();
            if is_moment && reached(&self.devnet, &self.witness)? {
                return Ok(Some(passed));
            }
        }
        Ok(None)
    }

    /// Lets one slot pass, and the bot tick in it.
    pub(super) async fn live(&mut self) -> anyhow::Result<TickReport> {
        self.devnet.advance_slots(1);
        self.watch().await
    }

    /// Looks at a world that moves by itself, and lets the bot tick.
    pub(super) async fn watch(&mut self) -> anyhow::Result<TickReport> {
        self.witness.look(&self.devnet);
        Ok(self.bot()?.controller.tick(Mandate::Plan).await?)
    }
}

impl From<&RollupHandle> for Rollup {
    fn from(handle: &RollupHandle) -> Self {
        Self {
            admin: RollupAdmin::new(Address::new(handle.admin.address().into_array())),
            bridge: Address::new(handle.bridge.into_array()),
        }
    }
}
