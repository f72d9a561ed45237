//! Validators that return less than 32 ETH, or leave without being asked.

use alloy::primitives::U256;
use nexus_controller::Stage;
use nexus_devnet::{NexusStatus, deploy::RollupHandle};
use nexus_primitives::{Gwei, ValidatorPubkey, Wei};

use crate::{
    bot::Bot,
    scene::Scene,
    truth::{assert_sound, call_as, keys, validator_count},
};

mod calls {
    alloy::sol! {
        function recieveExecutionRewards(uint256 amount) payable;
    }
}

/// A world with two active validators, one of which is to leave; and the first of them.
async fn one_to_leave() -> (Scene, RollupHandle, Bot, ValidatorPubkey) {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    let first = keys(&bot)[0];
    (scene, rollup, bot, first)
}

/// Waits until closing is held because a little is missing, brings it, and checks that the validator closes.
async fn closes_after_rewards(
    scene: &Scene,
    rollup: &RollupHandle,
    bot: &Bot,
    lost: ValidatorPubkey,
    missing: u64,
) {
    bot.live_while(scene, 300, |_, _| !scene.alerts.names().contains(&"withdrawal-short")).await;
    bot.live(scene, 10).await;
    assert_eq!((bot.count(Stage::Withdrawn), bot.count(Stage::Active)), (1, 1));
    assert_eq!(scene.devnet.nexus_status(&lost).unwrap(), NexusStatus::ExitSubmitted);
    assert!(scene.devnet.is_registered_with_ssv(&lost).unwrap(), "removed only once it is closed");

    let amount: U256 = Wei::from(Gwei::new(missing)).get();
    let call = calls::recieveExecutionRewardsCall { amount };
    call_as(scene, &scene.devnet.deployment().accounts.user, rollup.bridge, amount, &call);
    bot.live_until(scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 100).await;
    assert_eq!(scene.devnet.nexus_status(&lost).unwrap(), NexusStatus::Exited);
    assert_eq!(validator_count(scene, rollup), 1);
    assert_sound(scene, bot, &[rollup], 2);
    assert_eq!(scene.alerts.names(), ["withdrawal-short"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_penalised_validator_is_closed_once_rewards_make_up_for_it() {
    let (scene, rollup, bot, first) = one_to_leave().await;
    scene.devnet.penalise(&first, Gwei::new(500_000_000)).unwrap();
    scene.limit(&rollup, 2_000);
    closes_after_rewards(&scene, &rollup, &bot, first, 500_000_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slashed_validator_is_not_told_to_exit_and_is_closed_once_made_up_for() {
    let (scene, rollup, bot, first) = one_to_leave().await;
    scene.devnet.slash(&first, Gwei::new(1_000_000_000)).unwrap();
    scene.limit(&rollup, 2_000);
    closes_after_rewards(&scene, &rollup, &bot, first, 1_000_000_000).await;
    assert!(bot.records().iter().all(|record| record.signed_exit.is_none()), "nobody was told to exit");
}
