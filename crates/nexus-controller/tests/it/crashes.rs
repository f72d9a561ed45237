//! The bot dies at every point of the story of two validators, one of which leaves, and nothing is lost or done twice.

use std::{collections::BTreeSet, sync::Mutex};

use nexus_controller::Stage;
use nexus_devnet::{NexusStatus, deploy::RollupHandle};
use nexus_primitives::Wei;

use crate::{
    faults::{Effect, Hook, Point, crash_once_at_each},
    scene::{Scene, admin},
    truth::{assert_sound, bridge_balance, validator_count},
};

/// Everything but what is read in every tick.
pub(crate) fn counts(effect: Effect) -> bool {
    !matches!(effect, Effect::Now | Effect::Observe | Effect::Confirm)
}

/// Ticks once in each slot until the stages are reached; a bot that dies is started again, `slots_while_down` later.
pub(crate) async fn live_through_crashes(
    scene: &Scene,
    hook: &Hook,
    slots_while_down: u64,
    wanted: &[(Stage, usize)],
) {
    let mut bot = scene.start_with(hook).await;
    for _ in 0..400 {
        scene.devnet.advance_slots(1);
        let report = loop {
            if let Some(report) = bot.tick_or_crash().await {
                break report;
            }
            drop(bot);
            scene.devnet.advance_slots(slots_while_down);
            bot = scene.start_with(hook).await;
        };
        if report.is_settled() && wanted.iter().all(|(stage, count)| bot.count(*stage) == *count) {
            return;
        }
    }
    panic!("not reached: {wanted:?} but {:?}", bot.stages());
}

async fn story(slots_while_down: u64) {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let (hook, points) = crash_once_at_each(counts);
    live_through_crashes(&scene, &hook, slots_while_down, &[(Stage::Active, 2)]).await;
    scene.limit(&rollup, 2_000);
    let left = [(Stage::Active, 1), (Stage::Closed, 1)];
    live_through_crashes(&scene, &hook, slots_while_down, &left).await;
    assert_outcome(&scene, &rollup).await;
    assert_complete(&points);
}

/// Checks that the bot died before and after each effect of the five calls: deposit, two registrations, exit report,
/// closing.
#[track_caller]
fn assert_complete(points: &Mutex<BTreeSet<Point>>) {
    let points = points.lock().unwrap();
    let count = |effect| points.iter().filter(|point| point.effect == effect).count();
    assert!(count(Effect::Sign) >= 2 * 5, "{points:#?}");
    assert!(count(Effect::Send) >= 2 * 5, "{points:#?}");
    assert!(count(Effect::Journal) >= 2 * 3 * 5, "{points:#?}");
    assert!(count(Effect::Simulate) >= 2 * 5, "{points:#?}");
    assert_eq!(count(Effect::LookForDeposits), 2);
    assert_eq!(count(Effect::SubmitExit), 2);
    assert_eq!(count(Effect::Seal), 2);
}

async fn assert_outcome(scene: &Scene, rollup: &RollupHandle) {
    let bot = scene.start().await;
    bot.live_until(scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 100).await;
    assert_sound(scene, &bot, &[rollup], 2);
    assert_eq!(validator_count(scene, rollup), 1);
    assert_eq!(bridge_balance(scene, rollup), Wei::from_ether(170 - 32));
    assert_eq!(bot.records_of(admin(rollup)).len(), 2, "no index was burnt in vain");
    for record in bot.records() {
        let closed = record.stage == Stage::Closed;
        let status = if closed { NexusStatus::Exited } else { NexusStatus::ShareDeposited };
        assert_eq!(scene.devnet.nexus_status(&record.pubkey.unwrap()).unwrap(), status);
    }
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_every_effect_loses_nothing_and_repeats_nothing() {
    story(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_may_move_on_while_the_bot_is_down() {
    story(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finality_may_pass_while_the_bot_is_down() {
    story(30).await;
}
