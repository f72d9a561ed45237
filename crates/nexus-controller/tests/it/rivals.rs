//! Others deposit our keys, use our account, or share our cluster.

use std::{collections::BTreeSet, sync::Arc};

use alloy::primitives::U256;
use nexus_chain::{ClusterSnapshot, ContractCall, TxError, encode_call};
use nexus_controller::{Stage, TickError, ValidatorRecord};
use nexus_devnet::{NexusStatus, deploy::NexusVersion, operators::operators, ssv_operators::ShareVerdict};
use nexus_keys::DepositMessage;
use nexus_primitives::{
    Address, BlsSignature, Gwei, OwnerNonce, ValidatorPubkey, Wei, WithdrawalCredentials,
};
use nexus_ssv::{Operator, Registration, SharesData};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    bot::Bot,
    ceremonies::with_rollup,
    faults::{Effect, Hook, Point, Side, crash, no_faults, once},
    scene::{Scene, admin},
    truth::{assert_sound, bot_transactions_known, call_as, deposits, keys, submit},
};

mod calls {
    alloy::sol! {
        function deposit(bytes pubkey, bytes withdrawalCredentials, bytes signature, bytes32 dataRoot) payable;
    }
}

/// Deposits 1 ETH with somebody's key and a thief's credentials.
fn deposit_as_thief(scene: &Scene, stolen: ValidatorPubkey) {
    let message = DepositMessage {
        pubkey: stolen,
        withdrawal_credentials: WithdrawalCredentials::to_address(Address::new([0x66; 20])),
        amount: Gwei::new(1_000_000_000),
    };
    let signature = BlsSignature::new([0xc0; BlsSignature::LEN]);
    let call = calls::depositCall {
        pubkey: stolen.as_bytes().to_vec().into(),
        withdrawalCredentials: message.withdrawal_credentials.to_bytes().to_vec().into(),
        signature: signature.as_bytes().to_vec().into(),
        dataRoot: message.data_root(&signature).into_bytes().into(),
    };
    let deployment = scene.devnet.deployment();
    let ether = U256::from(10).pow(U256::from(18));
    call_as(scene, &deployment.accounts.user, deployment.deposit_contract, ether, &call);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_somebody_else_deposited_is_given_up_for_a_fresh_one() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start_with(&once(Effect::LookForDeposits, Side::Before, || crash())).await;
    bot.live_until_it_dies(&scene).await;
    let stolen = keys(&bot)[0];
    drop(bot);
    deposit_as_thief(&scene, stolen);

    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2), (Stage::Abandoned, 1)], 300).await;
    let ours: Vec<_> =
        deposits(&scene).into_iter().filter(|deposit| deposit.amount.get() > 1_000_000_000).collect();
    assert_eq!(ours.len(), 2);
    assert!(ours.iter().all(|deposit| deposit.pubkey != stolen));
    assert_ne!(ours[0].pubkey, ours[1].pubkey);
    assert!(scene.devnet.offline_validators().is_empty());
    assert_eq!(scene.alerts.names(), ["unknown-deposit", "key-already-used"]);
    let indices: BTreeSet<_> =
        bot.records().iter().map(|record| record.derivation_index.unwrap().get()).collect();
    assert_eq!(indices, BTreeSet::from([0, 1, 2]));
    assert_eq!(bot.records_of(admin(&rollup))[0].stage, Stage::Abandoned);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_somebody_else_uses_the_bots_key() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    scene.devnet.advance_slots(32);
    let account = scene.devnet.deployment().accounts.bot;
    submit(&scene, &account, account.address(), U256::ZERO, Vec::new());
    let bot = scene.start().await;
    for _ in 0..3 {
        let error = bot.tick().await.unwrap_err();
        let foreign = matches!(error, TickError::Transactions(TxError::ForeignTransaction { .. }));
        assert!(foreign, "{error:?}");
        assert_eq!(bot_transactions_known(&scene), 1, "only the foreign one");
    }
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rollups_that_share_a_cluster_get_their_nonces_in_order() {
    let (scene, alpha) = Scene::with_rollup(170).await;
    let beta = scene.rollup("beta", 170);
    let bot = scene.start().await;
    bot.live_while(&scene, 200, |bot, _| bot.count(Stage::Deposited) + bot.count(Stage::Registered) == 0)
        .await;
    // A third validator of the first rollup comes in between.
    scene.bridge_in(&alpha, 80);
    bot.live_until(&scene, &[(Stage::Active, 5)], 300).await;
    assert_sound(&scene, &bot, &[&alpha, &beta], 5);
    let nonces: BTreeSet<_> = bot.records().iter().map(|record| record.shares_nonce.unwrap().get()).collect();
    assert_eq!(nonces, (0..5).collect());
    assert!(scene.alerts.names().is_empty(), "{:?}", scene.alerts.names());
}

/// Registers a validator as another bot in the role would, with keyshares for nonce 0. Other operators than those of
/// the rollup: the tuple of its cluster, which the contract does compare, stays as it is.
async fn register_as_rival(scene: &Scene, record: &ValidatorRecord) {
    let key =
        scene.keyring(&no_faults()).derive(record.rollup, record.derivation_index.unwrap()).await.unwrap();
    let cluster: Vec<_> =
        operators()[4..8].iter().map(|o| Operator::parse(o.id, &o.key_text).unwrap()).collect();
    let registration = Registration::new(scene.settings().nexus, OwnerNonce::new(0));
    let shares = nexus_ssv::split(&key, &cluster, registration, &mut StdRng::seed_from_u64(2)).unwrap();
    register_with(scene, record, shares.shares_data().encode());
}

fn register_with(scene: &Scene, record: &ValidatorRecord, shares_data: Vec<u8>) {
    let (nexus, pubkey) = (scene.settings().nexus, record.pubkey.unwrap());
    let call = ContractCall::DepositShares {
        rollup: record.rollup,
        pubkey,
        operators: vec![5, 6, 7, 8].try_into().unwrap(),
        shares_data,
        amount: Wei::from_ether(100),
        cluster: ClusterSnapshot::NEW,
    };
    let bot = scene.devnet.deployment().accounts.bot;
    submit(scene, &bot, scene.devnet.deployment().nexus, U256::ZERO, encode_call(nexus, &call).data);
    scene.devnet.advance_slots(1);
    assert_eq!(scene.devnet.nexus_status(&pubkey).unwrap(), NexusStatus::ShareDeposited);
}

/// Dies before it signs its second transaction, the first registration.
fn dies_before_the_first_registration() -> Hook {
    Arc::new(|point: &Point| {
        if point.effect == Effect::Sign && point.what == "1" {
            crash();
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn keyshares_for_a_nonce_that_is_gone_are_signed_anew() {
    let (scene, rollup) = Scene::with_rollup(170).await;
    let bot = scene.start_with(&dies_before_the_first_registration()).await;
    bot.live_until_it_dies(&scene).await;
    assert_eq!(bot.stages(), [Stage::SharesSent, Stage::Deposited]);
    let second = bot.records().remove(1);
    drop(bot);
    register_as_rival(&scene, &second).await;

    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2)], 200).await;
    assert_sound(&scene, &bot, &[&rollup], 2);
    assert_eq!(bot.records()[0].shares_nonce, Some(OwnerNonce::new(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceremonys_validator_whose_nonce_somebody_takes_is_named_and_the_others_go_on() {
    let (scene, rollup) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start_with(&dies_before_the_first_registration()).await;
    bot.live_until_it_dies(&scene).await;
    assert_eq!(bot.stages(), [Stage::SharesSent, Stage::Deposited]);
    let [first, second] = bot.records().try_into().unwrap();
    drop(bot);
    register_with(&scene, &second, vec![7; SharesData::encoded_len(4)]);

    scene.bridge_in(&rollup, 80);
    let bot = scene.start().await;
    let third_is_active = |bot: &Bot| bot.records().get(2).is_some_and(|third| third.stage == Stage::Active);
    bot.live_while(&scene, 300, |bot, _| !third_is_active(bot)).await;
    assert_eq!(bot.records()[0].stage, Stage::Deposited);
    let stranded = scene.alerts.messages("validator-stranded");
    let expected = format!(
        "validator {} is deposited and can't be registered: its keyshares are for a registration that another \
         validator had; operators 1,2,3,4 hold its shares and have to exit it together",
        first.pubkey.unwrap()
    );
    assert_eq!(stranded, [expected]);
    assert_eq!(scene.alerts.messages("shares-dead").len(), 1, "{:?}", scene.alerts.names());
    let third = bot.records().remove(2);
    let verdict = scene.devnet.ssv_operators().verdict(&third.pubkey.unwrap()).cloned();
    assert_eq!(verdict, Some(ShareVerdict::Accepted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceremonys_key_that_somebody_deposits_gives_its_operators_away() {
    let (scene, _) = with_rollup(NexusVersion::SsvExits).await;
    let bot = scene.start_with(&once(Effect::LookForDeposits, Side::Before, || crash())).await;
    bot.live_until_it_dies(&scene).await;
    let stolen = keys(&bot)[0];
    drop(bot);
    deposit_as_thief(&scene, stolen);

    let bot = scene.start().await;
    bot.live_until(&scene, &[(Stage::Active, 2), (Stage::Abandoned, 2)], 300).await;
    assert!(deposits(&scene).iter().filter(|deposit| deposit.pubkey == stolen).count() == 1);
    assert_eq!(scene.alerts.names(), ["unknown-deposit", "ceremony-key-used"]);
    let told = scene.alerts.messages("ceremony-key-used").remove(0);
    assert!(told.ends_with("that only operators 1,2,3,4 together should: change the cluster"), "{told}");
}
