//! Prysm and geth joined over the Engine API: a validator's life by Electra's rules.

use async_trait::async_trait;

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
        prysm_node::{
            CAPELLA_FORK, GENESIS_FORK, GENESIS_VALIDATORS, PrysmNode, SECONDS_PER_SLOT, SLOTS_PER_EPOCH,
        },
    },
};

/// Seconds until the network begins.
const START: u64 = 30;

/// The `prysm` row.
pub(crate) struct Prysm;

#[async_trait]
impl Row for Prysm {
    fn name(&self) -> &'static str {
        "prysm"
    }

    fn promise(&self) -> &'static str {
        "a validator's whole life on Prysm joined to geth, in real time, by Electra's rules"
    }

    fn components(&self) -> &'static [&'static str] {
        &["geth", "prysm"]
    }

    fn pace(&self) -> Pace {
        Pace::RealTime
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let genesis_time = soon(START);
        let mut ground = Ground::begin(stage, genesis_time.get(), Rules::Prague, "prysm-geth").await?;
        ground.hand_over();
        let rollup = ground.draw_rollup()?;
        let first_parent = ground.head().await?.hash;
        let front = EngineFront::before(&ground.node, JwtSecret::published(), first_parent).await?;
        let joined = Joined {
            execution_url: front.url(),
            first_parent,
            deposit_contract: ground.blueprint.deployment().deposit_contract,
            fee_recipient: rollup.bridge,
            chain_id: CHAIN_ID,
        };
        let logs = [stage.log("prysm"), stage.log("prysm-validators")];
        let component = stage.component("prysm")?;
        let prysm =
            PrysmNode::start(component, joined, genesis_time.get(), &stage.work, [&logs[0], &logs[1]])
                .await?;
        ground.send_acts().await?;
        let network = Network {
            beacon_url: prysm.url(),
            genesis_time,
            genesis_fork: GENESIS_FORK,
            capella_fork: CAPELLA_FORK,
            seconds_per_slot: SECONDS_PER_SLOT,
            slots_per_epoch: SLOTS_PER_EPOCH,
            genesis_validators: GENESIS_VALIDATORS,
            refusals: ["not been active long enough", "signature did not verify", "Could not get validator"],
        };
        Cast { stage, ground: &mut ground, network, rollup }.play(checks).await
    }
}
