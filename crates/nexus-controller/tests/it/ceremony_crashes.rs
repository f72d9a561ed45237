//! The bot dies at every point of the story of two validators from ceremonies, one of which leaves.

use nexus_controller::Stage;
use nexus_devnet::{NexusStatus, deploy::NexusVersion};

use crate::{
    ceremonies::with_rollup,
    crashes::{counts, live_through_crashes},
    faults::{Effect, crash_once_at_each},
    truth::assert_sound,
};

async fn story(slots_while_down: u64) {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let (hook, points) = crash_once_at_each(counts);
    let active = |count| (Stage::Active, count);
    live_through_crashes(&scene, &hook, slots_while_down, &[active(2)]).await;
    scene.limit(&rollup, 2_000);
    live_through_crashes(&scene, &hook, slots_while_down, &[active(1), (Stage::Closed, 1)]).await;

    let bot = scene.start().await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    for record in bot.records().iter().filter(|record| record.stage != Stage::Abandoned) {
        let closed = record.stage == Stage::Closed;
        let status = if closed { NexusStatus::Exited } else { NexusStatus::ShareDeposited };
        assert_eq!(scene.devnet.nexus_status(&record.pubkey.unwrap()).unwrap(), status);
    }
    let points = points.lock().unwrap();
    let count = |effect| points.iter().filter(|point| point.effect == effect).count();
    assert!(count(Effect::Ceremony) >= 4, "{points:#?}");
    assert!(count(Effect::Archive) >= 2, "{points:#?}");
    assert!(count(Effect::Sign) >= 2 * 5, "{points:#?}");
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_every_effect_strands_nobody() {
    story(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finality_may_pass_while_the_bot_is_down() {
    story(30).await;
}
