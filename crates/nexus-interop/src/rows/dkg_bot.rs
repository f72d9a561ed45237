//! The bot itself, whose rollup's operators make the keys: the embedded world with the fleet's addresses on chain.

use std::{fs, sync::Arc};

use anyhow::{Context as _, bail};
use nexus_controller::{KeySource, Stage as Life};
use nexus_devnet::{
    Devnet, DevnetConfig, NexusStatus,
    deploy::{RollupConfig, RollupHandle},
    ssv_operators::ShareVerdict,
};
use nexus_dkg::{DkgOperator, verify_folder};
use nexus_primitives::{
    BasisPoints, ForkVersion, OperatorId, RollupAdmin, UnixSeconds, ValidatorPubkey, Wei,
};

use crate::{
    checks::Checks,
    stage::Stage,
    world::{
        dkg_fleet::DkgFleet,
        full_bot::{FullBot, Surroundings, address},
    },
};

const TOLD: &str =
    "the bot: an operator killed in a ceremony is named in its alert, and nothing is deposited";
const LIVED: &str =
    "the bot: once the operator is back, keys made, deposited, registered and taken by SSV's operators";

const GENESIS: UnixSeconds = UnixSeconds::new(1_800_000_000);
/// What is bridged in, in ETH: enough for one validator within a 40 % limit.
const BRIDGED_ETHER: u64 = 100;
/// How many operators the rollup has, the first ones of world and fleet.
const OPERATORS: usize = 4;
/// Which of them is killed.
const VICTIM: usize = 2;
/// Slots within which a ceremony must have begun, which is when the rollup is final.
const SLOTS_TO_BEGIN: usize = 60;
/// Slots within which the validator must be active.
const SLOTS_TO_LIVE: usize = 300;

/// A bot in a world whose operators are the fleet's.
struct Scene {
    devnet: Devnet,
    bot: FullBot,
    rollup: RollupHandle,
}

/// Has a bot make a validator among operators of which one is killed in the first ceremony.
pub(super) async fn check_bot(
    stage: &Stage,
    fleet: &mut DkgFleet,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let operators = fleet.operators()[..OPERATORS].to_vec();
    let scene = Scene::begin(stage, &operators).await?;
    let victim = operators[VICTIM].id();
    let earlier = fleet.ceremonies(victim)?;
    let (alerts, killed) = tokio::join!(scene.live_until_told(), fleet.kill_with_deals(victim, earlier));
    let alerts = alerts?;
    killed?;
    scene.check_told(&alerts, &operators, victim, checks)?;

    fleet.run(victim).await?;
    scene.live_until_active().await?;
    scene.check_lived(stage, checks)?;
    scene.devnet.shutdown().await;
    Ok(())
}

impl Scene {
    /// Starts the world and the bot, and bridges in what one validator needs. The world registers the same recorded keys
    /// for its first operators as the fleet's have, and these addresses.
    async fn begin(stage: &Stage, operators: &[DkgOperator]) -> anyhow::Result<Self> {
        let mut config = DevnetConfig::fast(GENESIS);
        config.world.consensus.genesis_fork_version = ForkVersion::HOODI;
        config.world.dkg_endpoints =
            operators.iter().map(|operator| (operator.id(), operator.endpoint.to_string())).collect();
        let devnet = Devnet::start(config).await?;
        let rollup = devnet.register_rollup(RollupConfig::new("alpha", BasisPoints::new(4_000)?))?;
        devnet.bridge_in(admin(&rollup), Wei::from_ether(BRIDGED_ETHER))?;
        let folder = stage.work.join("bot");
        fs::create_dir_all(&folder)?;
        let consensus = devnet.beacon().read().config().clone();
        let bot = FullBot::start(Surroundings {
            rpc_url: devnet.rpc_url(),
            beacon_url: devnet.beacon_url(),
            deployment: &devnet.deployment(),
            chain_id: consensus.chain_id,
            genesis_fork_version: consensus.genesis_fork_version,
            keys: KeySource::Dkg,
            clock: Arc::new(devnet.clock()),
            max_head_age_secs: 60,
            folder: &folder,
            seed: stage.seed,
        })
        .await?;
        Ok(Self { devnet, bot, rollup })
    }

    /// Lets slots pass and ticks in each, until the bot alerts; returns the alerts.
    async fn live_until_told(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        for _ in 0..SLOTS_TO_BEGIN {
            self.devnet.advance_slots(1);
            self.bot.tick().await?;
            let alerts = self.bot.alerts();
            if !alerts.is_empty() {
                return Ok(alerts);
            }
        }
        bail!("no alert within {SLOTS_TO_BEGIN} slots: {:?}", self.bot.stages()?)
    }

    /// Lets slots pass and ticks in each, until the one validator is active: past the time that the bot leaves operators.
    async fn live_until_active(&self) -> anyhow::Result<()> {
        for _ in 0..SLOTS_TO_LIVE {
            self.devnet.advance_slots(1);
            let report = self.bot.tick().await?;
            if report.is_settled() && self.bot.has_reached(&[(Life::Active, 1)])? {
                return Ok(());
            }
        }
        bail!(
            "not active within {SLOTS_TO_LIVE} slots: {:?}, {:?}, {:?}",
            self.bot.stages()?,
            self.bot.state.intents(3)?,
            self.bot.alerts()
        )
    }

    fn check_told(
        &self,
        alerts: &[(&'static str, String)],
        operators: &[DkgOperator],
        victim: OperatorId,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let names: Vec<_> = alerts.iter().map(|(name, _)| *name).collect();
        checks.that(TOLD, names == ["ceremony-failed"], || format!("{alerts:?}"));
        for id in operators.iter().map(DkgOperator::id) {
            let is_named = alerts.iter().any(|(_, alert)| alert.contains(&format!("operator {id}")));
            checks.that(TOLD, is_named == (id == victim), || format!("operator {id}: {alerts:?}"));
        }
        checks.same(TOLD, &self.deposits(), &Vec::new());
        checks.same(TOLD, &self.bot.stages()?, &Vec::new());
        Ok(())
    }

    fn check_lived(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let records = self.bot.state.validators()?;
        let record = records.first().context("one validator is active")?;
        let pubkey = record.pubkey.context("an active validator has a key")?;
        checks.that(LIVED, record.ceremony.is_some(), || "its key is from no ceremony".to_owned());
        checks.same(LIVED, &self.deposits(), &vec![pubkey]);
        checks.same(LIVED, &self.devnet.nexus_status(&pubkey)?, &NexusStatus::ShareDeposited);
        checks.same(LIVED, &self.devnet.is_registered_with_ssv(&pubkey)?, &true);
        let operators = self.devnet.ssv_operators();
        checks.same(LIVED, &operators.verdict(&pubkey), &Some(&ShareVerdict::Accepted));
        let left = Wei::from_ether(BRIDGED_ETHER - 32);
        checks.same(LIVED, &self.devnet.balance(address(self.rollup.bridge)), &left);
        let kept: Vec<_> = fs::read_dir(stage.work.join("bot/ceremonies"))?.collect::<Result<_, _>>()?;
        checks.same(LIVED, &kept.len(), &1);
        for ceremony in kept {
            let report = verify_folder(&ceremony.path());
            checks.that(LIVED, report.is_sound(), || format!("{:?}", report.problems));
        }
        checks.same(LIVED, &self.bot.alerts().len(), &1);
        Ok(())
    }

    /// Returns the key of every deposit.
    fn deposits(&self) -> Vec<ValidatorPubkey> {
        let chain = self.devnet.execution();
        let events = (0..=chain.head().number).flat_map(|number| chain.deposit_events(number));
        events.map(|deposit| deposit.pubkey).collect()
    }
}

fn admin(rollup: &RollupHandle) -> RollupAdmin {
    RollupAdmin::new(address(rollup.admin.address()))
}
