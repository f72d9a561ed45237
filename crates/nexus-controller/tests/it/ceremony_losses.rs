//! What ceremonies made is lost, held up or kept waiting: nobody takes the nonce of a deposited validator.

use alloy::primitives::U256;
use nexus_controller::{KeySource, Stage};
use nexus_devnet::deploy::NexusVersion;
use nexus_primitives::Clock as _;

use crate::{
    ceremonies::with_rollup,
    faults::{Effect, Side, once},
    scene::{Scene, admin},
    truth::{assert_sound, call_as, deposits},
};

mod calls {
    alloy::sol! {
        function setOperatorsPrivateUnchecked(uint64[] operatorIds);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_file_lost_before_a_deposit_is_final_makes_no_second_one_for_the_same_nonce() {
    let (mut scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    // The plan wants two: after the first is deposited it still wants one.
    scene.deposits_per_tick = 1;
    let bot = scene.start().await;
    bot.live_while(&scene, 200, |_, _| deposits(&scene).is_empty()).await;
    drop(bot);
    scene.lose_state();
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert_eq!(scene.alerts.names(), ["ceremonies-held"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_begins_while_documents_are_missing_and_a_restored_vault_is_enough() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start().await;
    bot.live_while(&scene, 200, |bot, _| bot.count(Stage::Deposited) + bot.count(Stage::SharesSent) < 2)
        .await;
    drop(bot);
    scene.lose_state();
    let (vault, aside) = (scene.files.vault.join("ceremonies"), scene.files.dir.join("aside"));
    std::fs::rename(&vault, &aside).unwrap();
    scene.bridge_in(&rollup, 80);
    let bot = scene.start().await;
    bot.live(&scene, 60).await;
    assert_eq!(deposits(&scene).len(), 2);
    assert_eq!(scene.alerts.messages("ceremony-documents-missing").len(), 1, "{:?}", scene.alerts.names());

    std::fs::remove_dir_all(&vault).unwrap();
    std::fs::rename(&aside, &vault).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 3)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_that_a_person_gives_up_keeps_nobody_waiting() {
    let mut scene = Scene::with_ceremonies(NexusVersion::SsvExits).await;
    scene.rollup("alpha", 100);
    let bot = scene.start().await;
    bot.live_while(&scene, 200, |_, _| deposits(&scene).is_empty()).await;
    drop(bot);
    // An operator doesn't take Nexus' validators any more.
    let deployment = scene.devnet.deployment();
    let private = calls::setOperatorsPrivateUncheckedCall { operatorIds: vec![1] };
    call_as(&scene, &deployment.accounts.owner, deployment.ssv_network, U256::ZERO, &private);
    let beta = scene.rollup("beta", 100);
    scene.keys_of.insert(admin(&beta), KeySource::Mnemonic);
    scene.devnet.change_cluster(admin(&beta), 5).unwrap();
    let bot = scene.start().await;
    bot.live(&scene, 60).await;
    assert_eq!((bot.count(Stage::Deposited), bot.records_of(admin(&beta)).len()), (1, 0));
    assert!(scene.alerts.names().contains(&"registration-would-fail"), "{:?}", scene.alerts.names());

    let stuck = bot.records()[0].pubkey.unwrap();
    assert!(bot.state.give_up_registration(&stuck, scene.devnet.clock().now()).unwrap());
    let active = |bot: &crate::bot::Bot| {
        bot.records_of(admin(&beta)).iter().any(|record| record.stage == Stage::Active)
    };
    bot.live_while(&scene, 300, |bot, _| !active(bot)).await;
    assert_eq!(scene.alerts.messages("validator-stranded").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_begins_during_a_ceremony_holds_its_deposit() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let pause = scene.pause_file();
    let paused = pause.clone();
    let act = move || std::fs::write(&paused, "maintenance").unwrap();
    let bot = scene.start_with(&once(Effect::Ceremony, Side::After, act)).await;
    bot.live(&scene, 40).await;
    assert_eq!((bot.count(Stage::KeysReady), deposits(&scene).len()), (2, 0));

    std::fs::remove_file(&pause).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_that_wants_many_lets_another_have_its_turn() {
    let mut scene = Scene::with_ceremonies(NexusVersion::SsvExits).await;
    scene.deposits_per_tick = 3;
    let (alpha, beta) = (scene.rollup("alpha", 10), scene.rollup("beta", 10));
    let (first, second) = if admin(&alpha) < admin(&beta) { (alpha, beta) } else { (beta, alpha) };
    scene.bridge_in(&first, 1_000);
    scene.bridge_in(&second, 100);
    let bot = scene.start().await;
    let begun = |bot: &crate::bot::Bot, rollup| {
        let records = bot.records_of(admin(rollup));
        records.iter().filter(|record| record.stage >= Stage::DepositSent).count()
    };
    bot.live_while(&scene, 200, |bot, _| begun(bot, &second) == 0).await;
    let before = begun(&bot, &first);
    assert!(before <= 3, "{before} of the other's before; {:?}", scene.alerts.names());
}
