//! The rollup changes its mind while the bot is at work.

use nexus_controller::{Stage, StoredPhase};
use nexus_primitives::Wei;

use crate::{
    faults::{Effect, Side, once},
    scene::{Scene, admin},
    truth::{assert_sound, bot_transactions, bot_transactions_known, bridge_balance, deposits},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_lowered_while_a_deposit_is_under_way_is_met_by_an_exit() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_while(&scene, 100, |bot, _| bot.count(Stage::DepositSent) == 0).await;
    scene.limit(&rollup, 2_000);
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 400).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert_eq!(bridge_balance(&scene, &rollup), Wei::from_ether(170 - 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_would_revert_costs_no_gas_and_is_planned_anew() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let (world, to) = (scene.devnet.world(), admin(&rollup));
    // Users withdraw right after the deposit was found good.
    let withdraw = move || world.bridge_out(to, Wei::from_ether(150)).unwrap();
    let bot = scene.start_with(&once(Effect::Simulate, Side::After, withdraw)).await;
    bot.live_while(&scene, 100, |bot, _| bot.state.intents(1).unwrap().is_empty()).await;
    let refused = bot.state.intents(1).unwrap().remove(0);
    assert_eq!((refused.state, refused.nonce), (StoredPhase::Refused, None), "{refused:?}");
    bot.live(&scene, 40).await;
    assert_eq!((bot_transactions_known(&scene), deposits(&scene).len()), (0, 0));

    scene.bridge_in(&rollup, 100);
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::KeysReady, 1)], 200).await;
    assert_sound(&scene, &bot, &[&rollup], 1);
    assert_eq!(bot_transactions(&scene), 2, "a deposit and a registration");
}
