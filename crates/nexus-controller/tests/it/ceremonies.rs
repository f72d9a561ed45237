//! Validators whose keys the operators make: ceremonies, deposits and registrations that nobody comes between.

use std::collections::BTreeSet;

use nexus_controller::{KeySource, Stage};
use nexus_devnet::{
    deploy::{NexusVersion, RollupHandle},
    dkg::{Conduct, DkgOperatorHandle},
};
use nexus_dkg::verify_folder;
use nexus_primitives::Wei;

use crate::{
    bot::Bot,
    faults::{Effect, Side, crash, once},
    scene::{Scene, admin},
    truth::{assert_sound, bot_transactions, deposits, keys},
};

/// A world whose operators make keys, with a rollup that wants two validators.
pub(crate) async fn with_rollup(version: NexusVersion) -> (Scene, RollupHandle) {
    let scene = Scene::with_ceremonies(version).await;
    let rollup = scene.rollup("alpha", 170);
    (scene, rollup)
}

fn operator(scene: &Scene, id: u64) -> &DkgOperatorHandle {
    let operators = scene.devnet.dkg_operators().unwrap();
    operators.all().iter().find(|operator| operator.id().get() == id).unwrap()
}

fn nonces(bot: &Bot) -> BTreeSet<u64> {
    bot.records().iter().filter_map(|record| Some(record.shares_nonce?.get())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_make_the_keys_and_run_them() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert_eq!(nonces(&bot), BTreeSet::from([0, 1]));
    assert!(bot.records().iter().all(|record| record.derivation_index.is_none()));
    assert!(!scene.files.vault.join(format!("{}.json", admin(&rollup))).exists(), "no mnemonic was made");
    let ceremonies = std::fs::read_dir(scene.files.vault.join("ceremonies")).unwrap();
    let kept: Vec<_> = ceremonies.map(|entry| verify_folder(&entry.unwrap().path())).collect();
    let kept: BTreeSet<_> =
        kept.iter().flat_map(|report| &report.validators).map(nexus_dkg::CheckedValidator::pubkey).collect();
    assert_eq!(kept, keys(&bot).into_iter().collect());
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_of_other_rollups_wait_for_those_of_a_ceremony() {
    let mut scene = Scene::with_ceremonies(NexusVersion::SsvExits).await;
    let (alpha, beta) = (scene.rollup("alpha", 170), scene.rollup("beta", 170));
    scene.keys_of.insert(admin(&beta), KeySource::Mnemonic);
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 4)], 400).await;
    scene.bridge_in(&beta, 80);
    scene.bridge_in(&alpha, 80);
    bot.live_until(&scene, &[(Stage::Active, 6)], 400).await;
    assert_sound(&scene, &bot, &[&alpha, &beta], 6);
    assert_eq!(nonces(&bot), (0..6).collect());
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_away_is_named_and_nothing_is_deposited_until_it_is_back() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    operator(&scene, 3).behave(Conduct::StopsAfterExchange);
    let bot = scene.start().await;
    bot.live(&scene, 40).await;
    assert_eq!((bot.records().len(), deposits(&scene).len()), (0, 0));
    assert_eq!(scene.alerts.names(), ["ceremony-failed"], "told once, however often it fails");
    let told = scene.alerts.messages("ceremony-failed").remove(0);
    assert!(told.contains("no keys from operators 1,2,3,4, 1 in a row"), "{told}");
    assert!(told.contains("operator 3"), "{told}");
    // 40 slots of 12 s: at once, and after one, two and four minutes.
    let tries = operator(&scene, 1).request_counts().ceremonies / 2;
    assert!((2..=4).contains(&tries), "{tries} tries");

    operator(&scene, 3).behave(Conduct::Faithful);
    bot.live_until(&scene, &[(Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_cheats_is_named_and_another_cluster_makes_the_keys() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    operator(&scene, 2).behave(Conduct::WrongPartial);
    let bot = scene.start().await;
    bot.live(&scene, 30).await;
    let told = scene.alerts.messages("ceremony-failed").remove(0);
    assert!(told.ends_with("; have operator 2 mend its service, or change the cluster"), "{told}");
    assert_eq!(deposits(&scene).len(), 0);

    scene.devnet.change_cluster(admin(&rollup), 5).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

/// Has a bot make two keys and die before it deposits them.
async fn keys_ready(scene: &Scene) {
    let bot = scene.start_with(&once(Effect::Simulate, Side::Before, || crash())).await;
    bot.live_until_it_dies(scene).await;
    assert_eq!(bot.stages(), [Stage::KeysReady; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_made_before_a_crash_are_used() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    keys_ready(&scene).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_given_up_before_their_deposit_when_another_validator_had_their_nonce() {
    let (mut scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    keys_ready(&scene).await;
    // Meanwhile the rollup's keys come from a mnemonic, and then again from ceremonies.
    scene.keys = KeySource::Mnemonic;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::KeysReady, 2), (Stage::Active, 2)], 200).await;
    drop(bot);
    scene.keys = KeySource::Dkg;
    scene.bridge_in(&rollup, 80);
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Abandoned, 2), (Stage::Active, 3)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 3);
    assert_eq!(nonces(&bot), (0..3).collect());
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_given_up_before_their_deposit_when_the_rollup_changes_its_cluster() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    keys_ready(&scene).await;
    scene.devnet.change_cluster(admin(&rollup), 5).unwrap();
    scene.devnet.advance_slots(32);
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Abandoned, 2), (Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposited_validator_keeps_its_operators_when_the_rollup_changes_its_cluster() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start().await;
    bot.live_while(&scene, 200, |bot, _| bot.count(Stage::DepositSent) == 0).await;
    scene.devnet.change_cluster(admin(&rollup), 5).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    let first = &bot.records()[0];
    assert_eq!(first.ceremony.as_ref().unwrap().operators.to_u64s(), [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_was_not_signed_yet_is_taken_back_when_its_operators_are_the_rollups_no_more() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start_with(&once(Effect::Sign, Side::Before, || crash())).await;
    bot.live_until_it_dies(&scene).await;
    assert_eq!(bot.stages(), [Stage::DepositSent; 2]);
    drop(bot);
    scene.devnet.change_cluster(admin(&rollup), 5).unwrap();
    scene.devnet.advance_slots(32);
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Abandoned, 2), (Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_state_file_is_rebuilt_with_the_documents_in_the_vault() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start().await;
    // Deposited and not registered: without the documents 32 ETH each would be stranded.
    bot.live_while(&scene, 200, |bot, _| bot.count(Stage::Deposited) + bot.count(Stage::SharesSent) < 2)
        .await;
    drop(bot);
    scene.lose_state();
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert!(bot.records().iter().all(|record| record.ceremony.is_some()));
    assert!(bot_transactions(&scene) <= 4, "a deposit and two registrations, one of them perhaps sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deposited_while_the_vault_takes_no_documents() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start().await;
    let vault = scene.files.vault.join("ceremonies");
    std::fs::remove_dir_all(&vault).unwrap();
    std::fs::write(&vault, "in the way").unwrap();
    bot.live(&scene, 30).await;
    assert_eq!((bot.records().len(), deposits(&scene).len()), (0, 0));
    assert_eq!(scene.alerts.names(), ["ceremony-failed"]);

    std::fs::remove_file(&vault).unwrap();
    std::fs::create_dir(&vault).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 2)], 300).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert_eq!(scene.devnet.balance(crate::scene::address(rollup.bridge)), Wei::from_ether(170 - 64));
}
