//! Leaving when only the operators can sign.

use nexus_controller::{Stage, StoredPhase};
use nexus_devnet::{NexusStatus, consensus::ValidatorStatus, deploy::NexusVersion};
use nexus_primitives::Wei;

use crate::{
    bot::Bot,
    ceremonies::with_rollup,
    scene::{Scene, address},
    truth::{assert_sound, bot_transactions_known},
};

async fn two_active(scene: &Scene) -> Bot {
    let bot = scene.start().await;
    bot.live_until(scene, &[(Stage::Active, 2)], 200).await;
    // Past the shard-committee period.
    bot.live(scene, 16).await;
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_has_the_operators_sign_and_tells_nexus() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = two_active(&scene).await;
    let sent = bot_transactions_known(&scene);
    scene.limit(&rollup, 2_000);
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 400).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert_eq!(bot_transactions_known(&scene) - sent, 2, "the exit and the closing");
    assert_eq!(scene.devnet.balance(address(rollup.bridge)), Wei::from_ether(170 - 32));
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_are_down_are_not_asked_as_they_can_be_asked_only_once() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = two_active(&scene).await;
    scene.devnet.set_ssv_operators_up(false);
    // Two epochs: nobody was live in the one before.
    scene.devnet.advance_slots(16);
    scene.limit(&rollup, 2_000);
    let sent = bot_transactions_known(&scene);
    bot.live(&scene, 40).await;
    assert_eq!(bot.count(Stage::ExitPlanned), 1, "{:?}", bot.stages());
    assert_eq!(bot_transactions_known(&scene), sent);
    assert_eq!(scene.alerts.names(), ["exit-held"]);
    let told = scene.alerts.messages("exit-held").remove(0);
    assert!(told.contains("operators 1,2,3,4") && told.contains("it wasn't live in epoch"), "{told}");

    scene.devnet.set_ssv_operators_up(true);
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 400).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_operators_missed_is_followed_by_an_alert_and_never_repeated() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = two_active(&scene).await;
    scene.limit(&rollup, 2_000);
    bot.live_while(&scene, 100, |bot, _| bot.count(Stage::ExitCallSent) == 0).await;
    // They go down between the check and the block.
    scene.devnet.set_ssv_operators_up(false);
    bot.live(&scene, 4).await;
    scene.devnet.set_ssv_operators_up(true);
    let sent = bot_transactions_known(&scene);
    bot.live(&scene, 100).await;
    assert_eq!(bot.count(Stage::ExitInformed), 1, "{:?}", bot.stages());
    assert_eq!(bot_transactions_known(&scene), sent);
    assert_eq!(scene.alerts.names(), ["exit-not-signed"]);

    let asked = bot.records().into_iter().find(|record| record.stage == Stage::ExitInformed).unwrap();
    assert!(scene.devnet.exit_by_hand(&asked.pubkey.unwrap()));
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nexus_cannot_have_them_sign_a_person_is_told_and_the_exit_followed() {
    let (scene, rollup) = with_rollup(NexusVersion::Main).await;
    let bot = two_active(&scene).await;
    scene.limit(&rollup, 2_000);
    let sent = bot_transactions_known(&scene);
    bot.live(&scene, 40).await;
    let chosen = bot.records().into_iter().find(|record| record.stage == Stage::ExitPlanned).unwrap();
    let pubkey = chosen.pubkey.unwrap();
    assert_eq!(bot_transactions_known(&scene), sent, "Nexus isn't told of an exit that there isn't");
    assert_eq!(scene.alerts.names(), ["exit-needs-operators"]);
    let told = scene.alerts.messages("exit-needs-operators").remove(0);
    assert!(told.contains(&pubkey.to_string()) && told.contains("operators 1,2,3,4"), "{told}");

    assert!(scene.devnet.exit_by_hand(&pubkey));
    let told = |_: &Bot, _: &_| scene.devnet.nexus_status(&pubkey).unwrap() != NexusStatus::ExitSubmitted;
    bot.live_while(&scene, 200, told).await;
    let left = scene.devnet.validator_status(&pubkey).unwrap();
    assert!(left >= ValidatorStatus::ActiveExiting, "{left:?}");
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 400).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_lower_fees_is_withdrawn_when_the_limit_is_raised() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = two_active(&scene).await;
    drop(bot);
    scene.limit(&rollup, 2_000);
    let dies = crate::faults::once(crate::faults::Effect::Sign, crate::faults::Side::Before, || {
        crate::faults::crash();
    });
    let bot = scene.start_with(&dies).await;
    bot.live_until_it_dies(&scene).await;
    assert_eq!(bot.count(Stage::ExitCallSent), 1);
    drop(bot);
    scene.limit(&rollup, 4_000);
    scene.devnet.advance_slots(32);
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 100).await;
    assert_eq!(bot.state.intents(1).unwrap()[0].state, StoredPhase::Refused);
}
