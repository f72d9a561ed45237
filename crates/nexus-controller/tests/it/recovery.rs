//! The state file is lost, or an older one is put back: the chain says what happened, and nothing is done again.

use std::collections::BTreeSet;

use nexus_controller::Stage;
use nexus_devnet::deploy::RollupHandle;
use nexus_keys::Provision;
use nexus_primitives::{Clock as _, Wei};
use rand::SeedableRng as _;

use crate::{
    bot::Bot,
    faults::{Effect, Side, crash, no_faults, once},
    scene::{Scene, admin},
    truth::{assert_sound, bot_transactions, bridge_balance, deposits},
};

/// A world in which a bot has two validators ready and dies before it simulates their deposit.
async fn keys_ready() -> (Scene, RollupHandle) {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start_with(&once(Effect::Simulate, Side::Before, || crash())).await;
    bot.live_until_it_dies(&scene).await;
    assert_eq!(bot.stages(), [Stage::KeysReady; 2]);
    (scene, rollup)
}

/// Lets a bot send the deposit, and dies right then; the transaction waits in the pool.
async fn deposit_sent(scene: &Scene) {
    let bot = scene.start_with(&once(Effect::Send, Side::After, || crash())).await;
    bot.live_until_it_dies(scene).await;
    assert_eq!(bot.stages(), [Stage::DepositSent; 2]);
}

/// Lives on until the two validators of the story are active, and checks that they are the only ones.
async fn ends_well(scene: &Scene, rollup: &RollupHandle) -> Bot {
    let bot = scene.start().await;
    for _ in 0..300 {
        scene.devnet.advance_slots(1);
        // A transaction it doesn't know of makes the bot wait.
        if bot.tick().await.is_ok_and(|report| report.is_settled()) && bot.count(Stage::Active) == 2 {
            break;
        }
    }
    assert_eq!(bot.count(Stage::Active), 2, "{:?} {:?}", bot.stages(), scene.alerts.names());
    bot.live(scene, 20).await;
    assert_sound(scene, &bot, &[rollup], 2);
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_state_file_is_rebuilt_from_the_chain_and_no_index_is_used_again() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    let before: Vec<_> =
        bot.records().iter().map(|record| (record.pubkey, record.derivation_index)).collect();
    drop(bot);
    scene.lose_state();

    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 3).await;
    let after: Vec<_> = bot.records().iter().map(|record| (record.pubkey, record.derivation_index)).collect();
    assert_eq!(after.into_iter().collect::<BTreeSet<_>>(), before.into_iter().collect());

    scene.bridge_in(&rollup, 100);
    bot.live_until(&scene, &[(Stage::Active, 3)], 200).await;
    let indices: BTreeSet<_> =
        bot.records().iter().map(|record| record.derivation_index.unwrap().get()).collect();
    assert_eq!(indices, BTreeSet::from([0, 1, 2]));
    scene.limit(&rollup, 1_500);
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 2)], 300).await;
    assert_eq!(bridge_balance(&scene, &rollup), Wei::from_ether(270 - 32));
    assert_sound(&scene, &bot, &[&rollup], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_a_final_deposit_never_deposits_again() {
    let (scene, rollup) = keys_ready().await;
    let backup = scene.back_up_state();
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    drop(bot);
    scene.restore_state(&backup);
    ends_well(&scene, &rollup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_a_deposit_in_the_pool_waits_for_it() {
    let (scene, rollup) = keys_ready().await;
    let backup = scene.back_up_state();
    deposit_sent(&scene).await;
    scene.restore_state(&backup);
    let bot = scene.start().await;
    assert!(bot.tick().await.is_err(), "somebody else's transaction is under way, as far as the bot knows");
    drop(bot);
    ends_well(&scene, &rollup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_a_deposit_that_is_not_final_takes_it_over() {
    let (scene, rollup) = keys_ready().await;
    let backup = scene.back_up_state();
    deposit_sent(&scene).await;
    scene.devnet.advance_slots(2);
    assert_eq!(deposits(&scene).len(), 2);
    scene.restore_state(&backup);
    ends_well(&scene, &rollup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_file_lost_before_a_deposit_is_final_does_not_repeat_it() {
    let (scene, rollup) = keys_ready().await;
    deposit_sent(&scene).await;
    scene.devnet.advance_slots(2);
    scene.lose_state();
    ends_well(&scene, &rollup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_lost_with_the_state_file_is_not_repeated_under_other_indices() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    // Indices burnt in vain put the lost deposit out of the new state file's sight.
    scene.limit(&rollup, 0);
    let bot = scene.start().await;
    bot.live(&scene, 40).await;
    (0..5).for_each(|_| drop(bot.state.burn_index(admin(&rollup), scene.devnet.clock().now()).unwrap()));
    drop(bot);
    scene.limit(&rollup, 4_000);
    let bot = scene.start_with(&once(Effect::Send, Side::After, || crash())).await;
    bot.live_until_it_dies(&scene).await;
    drop(bot);
    scene.devnet.advance_slots(2);
    assert_eq!((deposits(&scene).len(), bot_transactions(&scene)), (2, 1));
    scene.lose_state();
    ends_well(&scene, &rollup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_between_burning_an_index_and_storing_its_key_takes_the_key_in() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    drop(bot);
    scene.lose_state();
    let bot = scene.start().await;
    bot.state.burn_index(admin(&rollup), scene.devnet.clock().now()).unwrap();
    drop(bot);
    ends_well(&scene, &rollup).await;
}

/// Two active validators; while the bot is down the vault loses their mnemonic, and ETH for two more is bridged in.
async fn after_losing_the_mnemonic(another: bool, state_too: bool) -> Scene {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    drop(bot);
    std::fs::remove_dir_all(&scene.files.vault).unwrap();
    if another {
        let mut rng = rand::rngs::StdRng::seed_from_u64(99);
        let provision = scene.keyring(&no_faults()).ensure(admin(&rollup), &mut rng).await.unwrap();
        assert_eq!(provision, Provision::Created);
    }
    if state_too {
        scene.lose_state();
    }
    scene.devnet.bridge_in(admin(&rollup), Wei::from_ether(200)).unwrap();
    scene.start().await.live(&scene, 40).await;
    assert_eq!(deposits(&scene).len(), 2, "nothing is deposited under another mnemonic");
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mnemonic_that_is_gone_holds_its_rollup_and_is_not_replaced() {
    let scene = after_losing_the_mnemonic(false, false).await;
    assert!(scene.alerts.names().contains(&"mnemonic-missing"), "{:?}", scene.alerts.names());
    let in_vault = std::fs::read_dir(&scene.files.vault).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(in_vault.collect::<Vec<_>>(), ["ceremonies"], "no envelope");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mnemonic_in_the_vault_holds_its_rollup() {
    let scene = after_losing_the_mnemonic(true, false).await;
    assert!(scene.alerts.names().contains(&"mnemonic-changed"), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mnemonic_after_a_lost_state_file_holds_deposits() {
    let scene = after_losing_the_mnemonic(true, true).await;
    assert!(scene.alerts.names().contains(&"key-unknown"), "{:?}", scene.alerts.names());
}
