//! The end-to-end suite on an execution node: written once, played by every row that has one.

use std::{collections::BTreeSet, sync::Arc};

use alloy::{
    primitives::{Address, Bytes, U256},
    rpc::types::Log,
    sol_types::SolCall,
};
use anyhow::{Context as _, bail};
use nexus_chain::{BlockAt, NexusChain as _, RpcChain};
use nexus_controller::{KeySource, Stage as Life};
use nexus_devnet::{
    consensus::ConsensusConfig,
    deploy::{NexusVersion, RollupConfig, RollupHandle},
    ssv_operators::ShareVerdict,
};
use nexus_primitives::{BasisPoints, ChainId, ForkVersion, UnixSeconds, ValidatorPubkey};
use serde_json::json;

use crate::{
    checks::Checks,
    stage::Stage,
    world::{
        blueprint::Blueprint,
        execution_node::{Block, ChainStart, ExecutionNode},
        full_bot::{FullBot, Surroundings, address, chain_at},
        joined_world::{JoinedWorld, deposit},
        limiting_front::LimitingFront,
    },
};

const DEPLOYED: &str = "contracts deployed by transactions over JSON-RPC";
const TAGS: &str = "latest, safe and finalized read as the node has them";
const SNAPSHOTS: &str = "snapshots alike with and without limits on batches and log ranges";
const LIMITS: &str = "batch and log-range limits met and kept to";
const CREATED: &str = "validators created: deposited, registered with SSV, active";
const LEFT: &str = "validators left: exited, swept to the bridge, closed, removed from SSV";
const ONCE: &str = "every validator deposited exactly once";
const FALLBACK: &str = "calls simulated without eth_simulateV1";

const CHAIN_ID: u64 = 1337;
const GENESIS: UnixSeconds = UnixSeconds::new(1_750_000_000);

mod contracts {
    alloy::sol! {
        function validators(bytes pubkey) external view returns (uint8 status);
        function getValidator(address owner, bytes pubkey) external view returns (bool registered);
    }
}

/// A world with a bot in it, whose execution node stands behind a provider's limits.
pub(crate) struct Suite<N> {
    /// The world.
    pub(crate) world: JoinedWorld<N>,
    /// The bot.
    pub(crate) bot: FullBot,
    /// Alerts that the row provokes.
    pub(crate) expected_alerts: &'static [&'static str],
    front: LimitingFront,
    rollup: Option<RollupHandle>,
}

/// Draws up the contracts and what a node must start from.
pub(crate) async fn draw() -> anyhow::Result<(Blueprint, ChainStart)> {
    let blueprint = Blueprint::draw(CHAIN_ID, GENESIS.get(), NexusVersion::SsvExits).await?;
    let start = blueprint.chain_start(GENESIS.get(), consensus(&blueprint).slots_per_epoch);
    Ok((blueprint, start))
}

fn consensus(blueprint: &Blueprint) -> ConsensusConfig {
    let contract = address(blueprint.deployment().deposit_contract);
    ConsensusConfig::fast(GENESIS, contract, ChainId::new(CHAIN_ID))
}

impl<N: ExecutionNode> Suite<N> {
    /// Deploys the contracts on the node and starts the bot.
    pub(crate) async fn begin(
        stage: &Stage,
        node: N,
        blueprint: Blueprint,
        checks: &mut Checks,
    ) -> anyhow::Result<Self> {
        let config = consensus(&blueprint);
        let genesis_fork_version = config.genesis_fork_version;
        let world = JoinedWorld::join(node, blueprint, config).await?;
        check_deployment(&world, checks).await?;
        let front = LimitingFront::before(world.rpc().url()).await?;
        let bot = FullBot::start(surroundings(stage, &world, front.url(), genesis_fork_version)).await?;
        let suite = Self { world, bot, expected_alerts: &[], front, rollup: None };
        suite.check_snapshots(stage, genesis_fork_version, checks).await?;
        Ok(suite)
    }

    /// Registers a rollup with a 40 % limit and bridges 500 ETH in.
    pub(crate) async fn register(&mut self) -> anyhow::Result<()> {
        let config = RollupConfig::new("alpha", BasisPoints::new(4_000)?);
        let rollup =
            self.world.act(|deployment, chain, mine| deployment.register_rollup(chain, mine, config)).await?;
        let amount = ether(500);
        self.world.act(|deployment, chain, mine| deployment.bridge_in(chain, mine, &rollup, amount)).await?;
        self.rollup = Some(rollup);
        Ok(())
    }

    /// Lets slots pass and the bot tick until the six validators that the limit allows are active.
    pub(crate) async fn create(&mut self, checks: &mut Checks) -> anyhow::Result<()> {
        self.check_tags(checks).await?;
        self.live_until(&[(Life::Active, 6)], 400).await?;
        let rollup = self.rollup.clone().context("a rollup was registered")?;
        for pubkey in self.pubkeys()? {
            checks.same(CREATED, &self.nexus_status(&pubkey).await?, &2);
            checks.same(CREATED, &self.is_registered(&pubkey).await?, &true);
            let runs = self.world.operators().verdict(&pubkey).is_some_and(ShareVerdict::attests);
            checks.that(CREATED, runs, || format!("SSV's operators do not run {pubkey}"));
        }
        checks.same(CREATED, &self.world.balance(rollup.bridge).await?, &ether(500 - 6 * 32));
        self.check_deposits(checks).await
    }

    /// Halves the limit and goes on until three validators are closed, on a node that can't simulate bundles.
    pub(crate) async fn leave(&mut self, checks: &mut Checks) -> anyhow::Result<()> {
        self.front.hide_simulate(true);
        let rollup = self.rollup.clone().context("a rollup was registered")?;
        let limit = BasisPoints::new(2_000)?;
        self.world
            .act(|deployment, chain, mine| deployment.change_staking_limit(chain, mine, &rollup, limit))
            .await?;
        self.live_until(&[(Life::Active, 3), (Life::Closed, 3)], 600).await?;
        for record in self.bot.state.validators()? {
            let pubkey = record.pubkey.context("every validator has its key")?;
            let closed = record.stage == Life::Closed;
            checks.same(LEFT, &self.nexus_status(&pubkey).await?, &if closed { 4 } else { 2 });
            checks.same(LEFT, &self.is_registered(&pubkey).await?, &!closed);
        }
        checks.same(LEFT, &self.world.balance(rollup.bridge).await?, &ether(500 - 3 * 32));
        let [batches, ranges, simulations] = self.front.refusals();
        checks.that(LIMITS, batches > 0, || "no batch was ever too large".to_owned());
        checks.that(LIMITS, ranges > 0, || "no log range was ever too long".to_owned());
        checks.that(FALLBACK, simulations > 0, || "eth_simulateV1 was never asked for".to_owned());
        let alerts = self.bot.alerts().into_iter().filter(|(name, _)| !self.expected_alerts.contains(name));
        let alerts: Vec<_> = alerts.map(|(_, alert)| alert).collect();
        checks.that(LEFT, alerts.is_empty(), || format!("alerts: {alerts:?}"));
        Ok(())
    }

    /// Lets slots pass and ticks in each, until exactly these stages are reached and nothing is under way.
    pub(crate) async fn live_until(&mut self, wanted: &[(Life, usize)], slots: usize) -> anyhow::Result<()> {
        for _ in 0..slots {
            self.world.step().await?;
            let report = self.bot.tick().await?;
            if report.is_settled() && self.bot.has_reached(wanted)? {
                return Ok(());
            }
        }
        bail!(
            "not reached within {slots} slots: {:?}, {:?}, {:?}",
            self.bot.stages()?,
            self.bot.state.intents(3)?,
            self.bot.alerts()
        )
    }

    fn pubkeys(&self) -> anyhow::Result<Vec<ValidatorPubkey>> {
        Ok(self.bot.state.validators()?.into_iter().filter_map(|record| record.pubkey).collect())
    }

    async fn check_tags(&self, checks: &mut Checks) -> anyhow::Result<()> {
        for (tag, at) in [
            ("latest", BlockAt::Latest { lag: 0 }),
            ("safe", BlockAt::Safe),
            ("finalized", BlockAt::Finalized),
        ] {
            let node = Block::fetch(self.world.rpc(), tag).await?;
            let ours = self.bot.chain.fetch_block(at).await?;
            checks.same(
                TAGS,
                &(ours.number.get(), ours.hash.to_string()),
                &(node.number, node.hash.to_string()),
            );
        }
        let finalized = Block::fetch(self.world.rpc(), "finalized").await?.number;
        let head = self.world.head();
        checks.that(TAGS, finalized < head && finalized + 40 > head, || {
            format!("finalized {finalized} with the head at {head}")
        });
        Ok(())
    }

    async fn check_snapshots(
        &self,
        stage: &Stage,
        fork: ForkVersion,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let world = surroundings(stage, &self.world, self.world.rpc().url(), fork);
        let direct: RpcChain = chain_at(&world).await?;
        for at in [BlockAt::Finalized, BlockAt::Latest { lag: 0 }] {
            let limited = self.bot.chain.fetch_snapshot(at).await?;
            checks.same(SNAPSHOTS, &limited, &direct.fetch_snapshot(at).await?);
        }
        Ok(())
    }

    async fn check_deposits(&self, checks: &mut Checks) -> anyhow::Result<()> {
        let contract = self.world.deployment().deposit_contract;
        let filter = json!({ "fromBlock": "0x0", "toBlock": "latest", "address": contract });
        let logs: Vec<Log> = self.world.rpc().call("eth_getLogs", json!([filter])).await?;
        let deposits = logs.iter().map(deposit).collect::<anyhow::Result<Vec<_>>>()?;
        let mut deposited: Vec<_> = deposits.iter().map(|deposit| deposit.pubkey).collect();
        deposited.sort_unstable();
        let known: BTreeSet<_> = self.pubkeys()?.into_iter().collect();
        checks.same(ONCE, &deposited, &known.into_iter().collect());
        Ok(())
    }

    async fn nexus_status(&self, pubkey: &ValidatorPubkey) -> anyhow::Result<u8> {
        let call = contracts::validatorsCall { pubkey: Bytes::copy_from_slice(pubkey.as_bytes()) };
        self.read(self.world.deployment().nexus, &call).await
    }

    async fn is_registered(&self, pubkey: &ValidatorPubkey) -> anyhow::Result<bool> {
        let deployment = self.world.deployment();
        let pubkey = Bytes::copy_from_slice(pubkey.as_bytes());
        let call = contracts::getValidatorCall { owner: deployment.nexus, pubkey };
        self.read(deployment.ssv_views, &call).await
    }

    async fn read<C: SolCall>(&self, contract: Address, call: &C) -> anyhow::Result<C::Return> {
        Ok(C::abi_decode_returns(&self.world.read(contract, call.abi_encode()).await?)?)
    }
}

fn surroundings<'a, N: ExecutionNode>(
    stage: &'a Stage,
    world: &'a JoinedWorld<N>,
    rpc_url: &'a str,
    genesis_fork_version: ForkVersion,
) -> Surroundings<'a> {
    Surroundings {
        rpc_url,
        beacon_url: world.beacon_url(),
        deployment: world.deployment(),
        chain_id: ChainId::new(CHAIN_ID),
        genesis_fork_version,
        keys: KeySource::Mnemonic,
        clock: Arc::new(world.clock()),
        max_head_age_secs: 60,
        folder: &stage.work,
        seed: stage.seed,
    }
}

async fn check_deployment<N: ExecutionNode>(
    world: &JoinedWorld<N>,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let deployment = world.deployment();
    for contract in [
        deployment.nexus,
        deployment.node_operator,
        deployment.ssv_network,
        deployment.ssv_views,
        deployment.ssv_token,
        deployment.deposit_contract,
    ] {
        let code: Bytes = world.rpc().call("eth_getCode", json!([contract, "latest"])).await?;
        checks.that(DEPLOYED, !code.is_empty() && code == world.expected_code(contract), || {
            format!("other code at {contract}")
        });
    }
    Ok(())
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64)
}
