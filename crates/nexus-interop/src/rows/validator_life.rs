//! A validator's life on a network that nobody steps: written once, played by every consensus client.

use std::{sync::Arc, time::Duration};

use alloy::primitives::U256;
use anyhow::{Context as _, bail, ensure};
use nexus_beacon::{BeaconNode as _, BeaconNodes, NetworkSpec, SignedVoluntaryExit, StateId, VoluntaryExit};
use nexus_controller::{KeySource, Stage as Life};
use nexus_devnet::deploy::RollupHandle;
use nexus_primitives::{
    ChainId, Clock as _, Epoch, ForkVersion, Root, UnixSeconds, ValidatorIndex, ValidatorPubkey,
};

use crate::{
    checks::Checks,
    stage::Stage,
    world::{
        execution_node::ExecutionNode as _,
        full_bot::{FullBot, Surroundings, address, beacon},
        ground::{BRIDGED_ETHER, CHAIN_ID, Ground, ether},
        interop_key::interop_key,
        world_clock::SystemClock,
    },
};

const SPEC: &str = "genesis, spec, head and validators read by our client";
const REFUSED: &str = "premature, malformed and unknown exits refused, and the refusal reported";
const LIVED: &str = "a validator of the bot: deposited through the contracts, registered, active";
const LEFT: &str = "exited by an exit the bot signed, swept to the bridge, closed on Nexus";

/// How long a validator may take from one turning point of its life to the next.
const LIFE_LIMIT: Duration = Duration::from_mins(10);
/// How long a young network may take to finalize something.
const FINALITY_LIMIT: Duration = Duration::from_mins(4);

/// A consensus client's network, as the row made it.
pub(crate) struct Network<'a> {
    /// The beacon node's URL.
    pub(crate) beacon_url: &'a str,
    /// Time of slot 0.
    pub(crate) genesis_time: UnixSeconds,
    /// The version that deposits are signed for.
    pub(crate) genesis_fork: ForkVersion,
    /// The version that exits are signed for (EIP-7044).
    pub(crate) capella_fork: ForkVersion,
    /// Length of a slot.
    pub(crate) seconds_per_slot: u64,
    /// Slots of an epoch.
    pub(crate) slots_per_epoch: u64,
    /// Validators that were there at genesis, with the keys of tests.
    pub(crate) genesis_validators: u64,
    /// What the client says, in its own words, of an exit that comes too early, of one with another signature, and of
    /// one of a validator that isn't there.
    pub(crate) refusals: [&'static str; 3],
}

/// Everything that plays a part.
pub(crate) struct Cast<'a> {
    /// The row's surroundings.
    pub(crate) stage: &'a Stage,
    /// The execution layer.
    pub(crate) ground: &'a mut Ground,
    /// The consensus layer.
    pub(crate) network: Network<'a>,
    /// The rollup that wants one validator.
    pub(crate) rollup: RollupHandle,
}

impl Cast<'_> {
    /// Plays from the network's first finality to the closed validator.
    pub(crate) async fn play(self, checks: &mut Checks) -> anyhow::Result<()> {
        let nodes = beacon(self.network.beacon_url)?;
        let spec = self.check_spec(&nodes, checks).await?;
        self.check_premature_exit(&nodes, &spec, checks).await?;
        wait_for_finality(&nodes).await?;
        let bot = FullBot::start(self.surroundings()).await?;
        self.live_until(&bot, Life::Active).await?;
        let pubkey = bot.state.validators()?.into_iter().find_map(|record| record.pubkey);
        let pubkey = pubkey.context("an active validator has its key")?;
        self.check_active(&nodes, &pubkey, checks).await?;
        self.check_wrong_exits(&nodes, &spec, checks).await?;

        self.ground.reward_the_bridge().await?;
        self.ground.stop_staking(&self.rollup).await?;
        self.live_until(&bot, Life::Closed).await?;
        self.check_closed(&pubkey, &bot, checks).await
    }

    async fn check_spec(&self, nodes: &BeaconNodes, checks: &mut Checks) -> anyhow::Result<NetworkSpec> {
        let (network, contract) = (&self.network, self.ground.blueprint.deployment().deposit_contract);
        let spec = nodes.fetch_spec().await?;
        checks.same(SPEC, &spec.genesis_time, &network.genesis_time);
        checks.same(SPEC, &spec.genesis_fork_version, &network.genesis_fork);
        checks.same(SPEC, &spec.capella_fork_version, &network.capella_fork);
        checks.same(
            SPEC,
            &(spec.seconds_per_slot, spec.slots_per_epoch),
            &(network.seconds_per_slot, network.slots_per_epoch),
        );
        checks.same(SPEC, &spec.deposit_chain_id, &ChainId::new(CHAIN_ID));
        checks.same(SPEC, &spec.deposit_contract, &address(contract));
        let keys = (0..network.genesis_validators).map(|index| Ok(interop_key(index)?.pubkey()));
        let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
        let stranger = interop_key(999)?.pubkey();
        let asked: Vec<_> = keys.iter().copied().chain([stranger]).collect();
        let known = nodes.fetch_validators(StateId::Head, &asked).await?;
        checks.same(SPEC, &known.len(), &keys.len());
        for validator in known {
            let key = usize::try_from(validator.index.get()).ok().and_then(|at| keys.get(at));
            checks.same(SPEC, &Some(&validator.pubkey), &key);
        }
        Ok(spec)
    }

    /// Sends an exit before any validator may leave; in a network where they always may, one for another day.
    async fn check_premature_exit(
        &self,
        nodes: &BeaconNodes,
        spec: &NetworkSpec,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let now = nodes.fetch_head().await?.slot.epoch(spec.slots_per_epoch);
        let too_early = spec.shard_committee_period.get() > now.get();
        ensure!(
            too_early || spec.shard_committee_period.get() == 0,
            "the network is in epoch {now} already, and validators may leave: too late for an exit that is too early"
        );
        let epoch = if too_early { now } else { Epoch::new(now.get() + 100) };
        let exit = exit_of(0, epoch, spec)?;
        check_refused(nodes, "premature", &exit, self.network.refusals[0], checks).await
    }

    /// Sends exits that come in time and are nobody's.
    async fn check_wrong_exits(
        &self,
        nodes: &BeaconNodes,
        spec: &NetworkSpec,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let now = nodes.fetch_head().await?.slot.epoch(spec.slots_per_epoch);
        let elsewhere = NetworkSpec { genesis_validators_root: Root::new([7; 32]), ..spec.clone() };
        let malformed = exit_of(1, now, &elsewhere)?;
        check_refused(nodes, "malformed", &malformed, self.network.refusals[1], checks).await?;
        let unknown = exit_of(9_999, now, spec)?;
        check_refused(nodes, "unknown", &unknown, self.network.refusals[2], checks).await
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            rpc_url: self.ground.node.rpc().url(),
            beacon_url: self.network.beacon_url,
            deployment: self.ground.blueprint.deployment(),
            chain_id: ChainId::new(CHAIN_ID),
            genesis_fork_version: self.network.genesis_fork,
            keys: KeySource::Mnemonic,
            clock: Arc::new(SystemClock),
            max_head_age_secs: 60,
            folder: &self.stage.work,
            seed: self.stage.seed,
        }
    }

    /// Ticks once per slot until the one validator is in this stage.
    async fn live_until(&self, bot: &FullBot, wanted: Life) -> anyhow::Result<()> {
        let mut trouble = None;
        let living = async {
            loop {
                match bot.tick().await {
                    Ok(report) if report.is_settled() && bot.has_reached(&[(wanted, 1)])? => {
                        return anyhow::Ok(());
                    }
                    Ok(_) => trouble = None,
                    Err(error) => trouble = Some(format!("{error:#}")),
                }
                tokio::time::sleep(Duration::from_secs(self.network.seconds_per_slot)).await;
            }
        };
        match tokio::time::timeout(LIFE_LIMIT, living).await {
            Ok(lived) => lived,
            Err(_) => bail!(
                "{wanted:?} was not reached within {LIFE_LIMIT:?}: {:?}, {:?}, {:?}, {trouble:?}",
                bot.stages()?,
                bot.state.intents(3)?,
                bot.alerts()
            ),
        }
    }

    async fn check_active(
        &self,
        nodes: &BeaconNodes,
        pubkey: &ValidatorPubkey,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let seen = nodes.fetch_validators(StateId::Finalized, &[*pubkey]).await?;
        let validator = seen.first().context("the beacon chain knows the validator")?;
        checks.same(LIVED, &validator.index.get(), &self.network.genesis_validators);
        checks.that(LIVED, validator.status.to_string() == "active_ongoing", || validator.status.to_string());
        checks.same(LIVED, &self.ground.nexus_status(pubkey).await?, &2);
        checks.same(LIVED, &self.ground.validator_count(self.rollup.bridge).await?, &U256::from(1));
        Ok(())
    }

    async fn check_closed(
        &self,
        pubkey: &ValidatorPubkey,
        bot: &FullBot,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        checks.same(LEFT, &self.ground.nexus_status(pubkey).await?, &4);
        checks.same(LEFT, &self.ground.validator_count(self.rollup.bridge).await?, &U256::ZERO);
        let balance = self.ground.balance(self.rollup.bridge).await?;
        checks.that(LEFT, balance >= ether(BRIDGED_ETHER), || format!("the bridge holds {balance} wei"));
        let signed = bot.state.validators()?.into_iter().any(|record| record.signed_exit.is_some());
        checks.that(LEFT, signed, || "the bot signed no exit".to_owned());
        Ok(())
    }
}

/// Returns an exit of one of the validators that tests have, signed for `network`.
fn exit_of(index: u64, epoch: Epoch, network: &NetworkSpec) -> anyhow::Result<SignedVoluntaryExit> {
    let key = interop_key(index)?;
    let message = VoluntaryExit { epoch, validator_index: ValidatorIndex::new(index) };
    let signature = key.sign(&message.signing_root(network))?;
    Ok(SignedVoluntaryExit::assemble(message, signature, &key.pubkey(), network)?)
}

/// Sends an exit that must be refused, for this reason.
async fn check_refused(
    nodes: &BeaconNodes,
    kind: &str,
    exit: &SignedVoluntaryExit,
    reason: &str,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let answer = match nodes.submit_exit(exit).await {
        Ok(submission) => {
            checks.that(REFUSED, !submission.is_held(), || format!("{kind}: {submission}"));
            submission.to_string()
        }
        Err(error) => format!("{:#}", anyhow::Error::from(error)),
    };
    checks.that(REFUSED, answer.contains(reason), || format!("{kind}: the node's reason is lost: {answer}"));
    Ok(())
}

/// Waits until the network has finalized something: before that geth has no finalized block.
async fn wait_for_finality(nodes: &BeaconNodes) -> anyhow::Result<()> {
    let waiting = async {
        while nodes.fetch_head().await.map_or(true, |head| head.finalized_epoch < Epoch::new(1)) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(FINALITY_LIMIT, waiting).await.context("the network never finalized anything")
}

/// Returns a genesis far enough ahead for a client to start.
pub(crate) fn soon(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(SystemClock.now().get() + seconds)
}
