//! Reorganisations take transactions out of the chain before they are final; they are sent again, and count once.

use std::collections::BTreeSet;

use nexus_controller::{Stage, StoredPhase};
use nexus_primitives::Wei;

use crate::{
    bot::{Bot, chain_of},
    scene::Scene,
    truth::{assert_sound, bridge_balance, validator_count},
};

/// Lives on until the stages are reached; each call is reorganised away once, as soon as it is mined.
async fn live_through_reorgs(scene: &Scene, bot: &Bot, wanted: &[(Stage, usize)]) -> BTreeSet<String> {
    let (mut met, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..400 {
        scene.devnet.advance_slots(1);
        let report = bot.tick().await.unwrap_or_else(|error| panic!("{}", chain_of(&error)));
        for intent in bot.state.intents(5).unwrap() {
            if intent.state == StoredPhase::Mined && met.insert(intent.id) {
                scene.devnet.reorg(2).unwrap();
                kinds.insert(intent.kind);
            }
        }
        if report.is_settled() && wanted.iter().all(|(stage, count)| bot.count(*stage) == *count) {
            return kinds;
        }
    }
    panic!("not reached: {:?} {:?}", bot.stages(), bot.state.intents(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_survives_a_reorganisation_and_counts_once() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    let mut kinds = live_through_reorgs(&scene, &bot, &[(Stage::Active, 2)]).await;
    scene.limit(&rollup, 2_000);
    kinds.extend(live_through_reorgs(&scene, &bot, &[(Stage::Active, 1), (Stage::Closed, 1)]).await);
    assert_eq!(kinds.len(), 4, "deposit, registration, report and closing: {kinds:?}");
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert_eq!(validator_count(&scene, &rollup), 1);
    assert_eq!(bridge_balance(&scene, &rollup), Wei::from_ether(170 - 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_that_a_reorganisation_took_out_is_included_again() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    scene.limit(&rollup, 2_000);
    bot.live_while(&scene, 100, |bot, _| bot.count(Stage::ExitBroadcast) == 0).await;
    scene.devnet.advance_slots(1);
    let leaving = bot.records().into_iter().find(|record| record.stage == Stage::ExitBroadcast).unwrap();
    let status = || scene.devnet.validator_status(&leaving.pubkey.unwrap()).unwrap();
    assert_eq!(format!("{:?}", status()), "ActiveExiting");
    scene.devnet.reorg(3).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}
