//! The contracts change below the bot: deposits wait for what fits again, by name.

use alloy::primitives::{B256, U256, keccak256};
use nexus_controller::{Decision, Stage};
use nexus_devnet::{NexusStatus, consensus::ValidatorStatus, deploy::RollupHandle, operators::operators};
use nexus_policy::Action;

use crate::{
    bot::{Bot, actions, guards_down},
    scene::Scene,
    truth::{assert_sound, bot_transactions_known, call_as, deposits},
};

mod calls {
    alloy::sol! {
        function registerSSVOperator(uint64 operatorId, string pubKey, string ipAddress, string name);
        function removeOperator(uint64 operatorId);
        function mint(address to, uint256 amount);
    }
}

/// Slots until what is on chain now is final.
const FINAL: u64 = 32;

/// Where Solidity keeps the value of a mapping's key.
fn mapping_slot(key: B256, slot: u8) -> U256 {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(key.as_slice());
    bytes[63] = slot;
    keccak256(bytes).into()
}

/// Checks that a guard holds the deposits of a rollup that wants two validators, and that nothing is sent.
async fn assert_held(scene: &Scene, bot: &Bot, guard: &str) {
    let sent = bot_transactions_known(scene);
    for _ in 0..4 {
        let report = bot.tick().await.unwrap();
        assert_eq!(actions(&report), [("hold", Some(guard))], "{:?}", report.plan.guards);
        let decision = &report.plan.rollups[0].decision;
        assert!(matches!(decision, Decision::Held { wanted: Action::Create(_), .. }));
        scene.devnet.advance_slots(1);
    }
    assert_eq!((bot_transactions_known(scene), deposits(scene).len()), (sent, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn deposits_wait_while_ssv_is_at_a_version_that_nexus_cannot_use() {
    let (scene, _) = Scene::with_rollup(170).await;
    scene.devnet.upgrade_ssv_to_v2().unwrap();
    scene.devnet.advance_slots(FINAL);
    assert_held(&scene, &scene.start().await, "ssv-version").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_stops_everything_until_it_is_accepted_and_then_exits_go_on() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    scene.devnet.upgrade_ssv_to_v2().unwrap();
    scene.limit(&rollup, 2_000);
    scene.devnet.advance_slots(FINAL);
    let sent = bot_transactions_known(&scene);
    let report = bot.tick().await.unwrap();
    assert_eq!(guards_down(&report), ["code-changed", "ssv-version"]);
    assert_eq!(actions(&report), [("hold", Some("code-changed"))]);
    assert_eq!((bot_transactions_known(&scene), bot.count(Stage::Active)), (sent, 2));

    let seen = scene.observe().await;
    bot.state.accept_code(&seen.chain.deployment.code_hashes).unwrap();
    bot.live_until(&scene, &[(Stage::Active, 1), (Stage::Closed, 1)], 300).await;
    let closed =
        bot.records().into_iter().find(|record| record.stage == Stage::Closed).unwrap().pubkey.unwrap();
    assert_eq!(scene.devnet.validator_status(&closed), Some(ValidatorStatus::WithdrawalDone));
    assert_eq!(scene.devnet.nexus_status(&closed).unwrap(), NexusStatus::Exited);
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_whose_keys_differ_gets_no_validators() {
    let (scene, _) = Scene::with_rollup(170).await;
    let deployment = scene.devnet.deployment();
    // NodeOperator takes no second key, so the first registration is taken out of its storage.
    let endpoint = mapping_slot(U256::from(2).into(), 1);
    let chain = scene.devnet.execution();
    assert_ne!(chain.storage(deployment.node_operator, endpoint), U256::ZERO, "the endpoint of operator 2");
    chain.set_storage(deployment.node_operator, endpoint, U256::ZERO);
    let register = calls::registerSSVOperatorCall {
        operatorId: 2,
        pubKey: operators()[0].key_text.clone(),
        ipAddress: "https://operator-2.invalid:3030".to_owned(),
        name: "operator 2".to_owned(),
    };
    call_as(&scene, &deployment.accounts.owner, deployment.node_operator, U256::ZERO, &register);
    scene.devnet.advance_slots(FINAL);
    let bot = scene.start().await;
    assert_held(&scene, &bot, "operator-unfit").await;
    let message = bot.tick().await.unwrap().plan.guards.remove(0).message;
    assert!(message.contains("operator 2") && message.contains("differs"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_operator_gets_no_validators() {
    let (scene, _) = Scene::with_rollup(170).await;
    let deployment = scene.devnet.deployment();
    let remove = calls::removeOperatorCall { operatorId: 3 };
    call_as(&scene, &deployment.accounts.owner, deployment.ssv_network, U256::ZERO, &remove);
    scene.devnet.advance_slots(FINAL);
    assert_held(&scene, &scene.start().await, "operator-unfit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deposits_wait_until_nexus_can_pay_for_their_registrations() {
    let (scene, rollup): (Scene, RollupHandle) = Scene::with_rollup(170).await;
    let deployment = scene.devnet.deployment();
    let balance = mapping_slot(deployment.nexus.into_word(), 1);
    let chain = scene.devnet.execution();
    let tokens = chain.storage(deployment.ssv_token, balance);
    assert!(tokens > U256::from(1_000_000), "Nexus' SSV tokens");
    chain.set_storage(deployment.ssv_token, balance, U256::from(1_000_000));
    scene.devnet.advance_slots(FINAL);
    let bot = scene.start().await;
    bot.live(&scene, 5).await;
    assert_eq!((bot_transactions_known(&scene), deposits(&scene).len()), (0, 0));
    assert_eq!(scene.alerts.names(), ["ssv-funds-short"]);
    assert!(bot.stages().iter().all(|stage| *stage == Stage::KeysReady), "{:?}", bot.stages());

    let mint = calls::mintCall { to: deployment.nexus, amount: tokens };
    call_as(&scene, &deployment.accounts.owner, deployment.ssv_token, U256::ZERO, &mint);
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}
