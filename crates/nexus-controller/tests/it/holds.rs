//! While a guard is down nothing is sent, and the guard is named; afterwards the work goes on.

use nexus_controller::Stage;
use nexus_devnet::deploy::RollupHandle;
use nexus_primitives::Address;

use crate::{
    bot::{actions, guards_down},
    scene::{Scene, address},
    truth::{assert_sound, bot_transactions_known, deposits},
};

/// A world whose rollup wants two validators, as of the finalized block.
async fn wanting() -> (Scene, RollupHandle) {
    let (scene, rollup) = Scene::with_rollup(170).await;
    scene.devnet.advance_slots(32);
    (scene, rollup)
}

/// Puts a guard down, checks that it holds everything by name, lifts it, and checks that the work is done.
async fn check(guard: &str, hold: impl Fn(&Scene), lift: impl Fn(&Scene)) {
    let (scene, rollup) = wanting().await;
    hold(&scene);
    let bot = scene.start().await;
    for _ in 0..6 {
        let report = bot.tick().await.unwrap();
        assert!(guards_down(&report).contains(&guard), "{:?}", report.plan.guards);
        assert_eq!(actions(&report), [("hold", Some(guard))]);
        scene.devnet.advance_slots(1);
    }
    assert_eq!((bot_transactions_known(&scene), deposits(&scene).len()), (0, 0));
    lift(&scene);
    bot.live_until(&scene, &[(Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_another_account_is_the_bot() {
    let other = Address::new([0x77; 20]);
    let give = |scene: &Scene, to| {
        scene.devnet.set_bot(to).unwrap();
        // The role is read at the finalized block.
        scene.devnet.advance_slots(32);
    };
    check(
        "not-the-bot",
        |scene| give(scene, other),
        |scene| give(scene, address(scene.devnet.deployment().accounts.bot.address())),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_paused() {
    let pause = |scene: &Scene| std::fs::write(scene.pause_file(), "maintenance").unwrap();
    check("paused", pause, |scene| std::fs::remove_file(scene.pause_file()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_the_beacon_node_is_syncing() {
    let syncing = |on| move |scene: &Scene| scene.devnet.beacon().write().set_syncing(on);
    check("beacon-not-ready", syncing(true), syncing(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_the_beacon_node_is_optimistic() {
    let optimistic = |on| move |scene: &Scene| scene.devnet.beacon().write().set_optimistic(on);
    check("beacon-not-ready", optimistic(true), optimistic(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_begins_while_finality_is_stalled() {
    let stall = |scene: &Scene| {
        scene.devnet.beacon().write().stall_finality(true);
        scene.devnet.advance_slots(40);
    };
    check("finality-stalled", stall, |scene| scene.devnet.beacon().write().stall_finality(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exits_under_way_are_not_sent_while_paused() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    std::fs::write(scene.pause_file(), "maintenance").unwrap();
    scene.limit(&rollup, 2_000);
    let sent = bot_transactions_known(&scene);
    bot.live(&scene, 60).await;
    assert_eq!(scene.devnet.beacon().read().exit_pool().count(), 0);
    assert_eq!((bot_transactions_known(&scene), bot.count(Stage::Active)), (sent, 2));
    std::fs::remove_file(scene.pause_file()).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 300).await;
}
