//! Lodestar and geth joined over the Engine API: a validator's life by Capella's rules.

use async_trait::async_trait;
use nexus_primitives::{Clock as _, ForkVersion};

use super::validator_life::{Cast, Network, soon};
use crate::{
    checks::Checks,
    pace::Pace,
    row::Row,
    stage::Stage,
    world::{
        engine_front::{EngineFront, Joined},
        geth_node::Rules,
        ground::{CHAIN_ID, Ground},
        jwt_secret::JwtSecret,
        lodestar_node::{GENESIS_FORK, GENESIS_VALIDATORS, LodestarNode, SECONDS_PER_SLOT},
        world_clock::SystemClock,
    },
};

/// Seconds by which the chain is older than the network, for the blocks that are made before it.
const PAST: u64 = 3_600;
/// Seconds until the network begins.
const START: u64 = 15;

/// The `lodestar` row.
pub(crate) struct Lodestar;

#[async_trait]
impl Row for Lodestar {
    fn name(&self) -> &'static str {
        "lodestar"
    }

    fn promise(&self) -> &'static str {
        "a validator's whole life on Lodestar joined to geth, in real time, by Capella's rules"
    }

    fn components(&self) -> &'static [&'static str] {
        &["geth", "lodestar"]
    }

    fn pace(&self) -> Pace {
        Pace::RealTime
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let past = SystemClock.now().get() - PAST;
        let mut ground = Ground::begin(stage, past, Rules::Shanghai, "lodestar-geth").await?;
        let rollup = ground.draw_rollup()?;
        ground.send_acts().await?;
        // GENESIS_FORK is also Capella's.
        let fork: ForkVersion = GENESIS_FORK.parse()?;
        ground.fill_deposits(GENESIS_VALIDATORS, fork).await?;
        ground.hand_over();
        let first_parent = ground.head().await?.hash;
        let front = EngineFront::before(&ground.node, JwtSecret::published(), first_parent).await?;
        let joined = Joined {
            execution_url: front.url(),
            first_parent,
            deposit_contract: ground.blueprint.deployment().deposit_contract,
            fee_recipient: rollup.bridge,
            chain_id: CHAIN_ID,
        };
        let genesis_time = soon(START);
        let component = stage.component("lodestar")?;
        let log = stage.log("lodestar");
        let lodestar = LodestarNode::start(component, joined, genesis_time.get(), &stage.work, &log).await?;
        let network = Network {
            beacon_url: lodestar.url(),
            genesis_time,
            genesis_fork: fork,
            capella_fork: fork,
            seconds_per_slot: SECONDS_PER_SLOT,
            slots_per_epoch: 8,
            genesis_validators: GENESIS_VALIDATORS,
            // An unknown validator makes it stumble, and say so.
            refusals: ["VOLUNTARY_EXIT_ERROR", "VOLUNTARY_EXIT_ERROR", "answered 500"],
        };
        Cast { stage, ground: &mut ground, network, rollup }.play(checks).await
    }
}
