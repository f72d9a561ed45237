//! The main job, from an empty bridge to closed validators, checked against the chain.

use nexus_controller::Stage;
use nexus_devnet::{NexusStatus, deploy::NexusVersion};
use nexus_primitives::Wei;

use crate::scene::{Scene, admin};

async fn whole_life(version: NexusVersion) {
    let scene = Scene::new(version).await;
    let rollup = scene.rollup("alpha", 500);
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 6)], 400).await;
    assert!(scene.devnet.offline_validators().is_empty(), "SSV's operators took every share");

    scene.limit(&rollup, 2_000);
    bot.live_until(&scene, &[(Stage::Active, 3), (Stage::Closed, 3)], 600).await;
    for record in bot.state.validators().unwrap() {
        let pubkey = record.pubkey.unwrap();
        let closed = record.stage == Stage::Closed;
        let expected = if closed { NexusStatus::Exited } else { NexusStatus::ShareDeposited };
        assert_eq!(scene.devnet.nexus_status(&pubkey).unwrap(), expected);
        assert_eq!(scene.devnet.is_registered_with_ssv(&pubkey).unwrap(), !closed);
    }
    let bridge = scene.devnet.rollup_on_chain(admin(&rollup)).unwrap().unwrap().bridge;
    assert_eq!(scene.devnet.balance(bridge), Wei::from_ether(500 - 3 * 32));
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_live_and_leave_on_the_ssv_exits_version() {
    whole_life(NexusVersion::SsvExits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_live_and_leave_on_the_main_version() {
    whole_life(NexusVersion::Main).await;
}
