//! One endpoint, well-behaved and not.

use std::{collections::BTreeSet, error::Error, time::Duration};

use axum::http::Method;
use nexus_beacon::{
    BeaconError, BeaconHead, BeaconNode, NotReady, PendingDeposit, PendingPartialWithdrawal, StateId,
    SubmissionOutcome, ValidatorStatus,
};
use nexus_primitives::{ChainId, Epoch, EpochCount, ForkVersion, Gwei, Root, Slot, ValidatorIndex};
use serde_json::{Value, json};

use crate::{
    exits::signed_exit,
    server::{Mood, Node, Server, key, nobody, validator},
};

fn chain_of(error: &dyn Error) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn spec_and_head_are_read() {
    let server = Server::start(Node::default()).await;
    let spec = server.client().fetch_spec().await.unwrap();
    assert_eq!(spec.genesis_fork_version, ForkVersion::MAINNET);
    assert_eq!(spec.exit_fork_version(), ForkVersion::new([3, 0, 0, 0]));
    assert_eq!((spec.seconds_per_slot, spec.slots_per_epoch), (12, 32));
    assert_eq!(spec.shard_committee_period, EpochCount::new(256));
    assert_eq!(spec.deposit_chain_id, ChainId::new(1));
    assert_eq!(spec.deposit_contract.to_string(), "0x00000000219ab540356cBB839Cbe05303d7705Fa");
    let head = server.client().fetch_head().await.unwrap();
    let expected = BeaconHead {
        slot: Slot::new(12_800_000),
        is_syncing: false,
        is_optimistic: false,
        el_offline: false,
        finalized_epoch: Epoch::new(399_998),
        justified_epoch: Epoch::new(399_999),
        fork_version: ForkVersion::new([5, 0, 0, 0]),
    };
    assert_eq!((head, head.ready()), (expected, Ok(())));
}

#[tokio::test]
async fn a_node_without_the_later_health_flags_is_understood() {
    let syncing = json!({ "head_slot": "7", "sync_distance": "3", "is_syncing": true });
    let server = Server::start(Node { syncing, ..Node::default() }).await;
    let head = server.client().fetch_head().await.unwrap();
    assert_eq!(head.ready(), Err(NotReady::Syncing { head: Slot::new(7) }));
}

#[tokio::test]
async fn a_slot_length_in_milliseconds_is_understood_and_a_missing_one_named() {
    let server = Server::start(Node::default()).await;
    server.node().spec.as_object_mut().unwrap().remove("SECONDS_PER_SLOT");
    let error = server.client().fetch_spec().await.unwrap_err();
    assert!(error.to_string().contains("SECONDS_PER_SLOT in its configuration is missing"), "{error}");
    server.node().spec["SLOT_DURATION_MS"] = json!("6000");
    assert_eq!(server.client().fetch_spec().await.unwrap().seconds_per_slot, 6);
}

#[tokio::test]
async fn a_constant_that_is_missing_out_of_range_or_zero_is_named() {
    for (key, value, expected) in [
        ("CAPELLA_FORK_VERSION", Value::Null, "data.CAPELLA_FORK_VERSION"),
        ("SLOTS_PER_EPOCH", json!("18446744073709551616"), "18446744073709551616 is out of range"),
        ("SLOTS_PER_EPOCH", json!(32), "expected a string"),
        ("SLOTS_PER_EPOCH", json!("0"), "SLOTS_PER_EPOCH in its configuration is zero"),
        ("SECONDS_PER_SLOT", json!("0"), "SECONDS_PER_SLOT in its configuration is less than a second"),
    ] {
        let server = Server::start(Node::default()).await;
        server.node().spec[key] = value;
        let error = server.client().fetch_spec().await.unwrap_err();
        let text = chain_of(&error);
        assert!(text.contains(expected) && text.contains(&server.endpoint.to_string()), "{text}");
        assert!(!error.is_unreachable());
    }
}

#[tokio::test]
async fn known_validators_are_read_and_unknown_ones_are_absent() {
    let exiting = {
        let mut entry = validator(7);
        entry["status"] = json!("active_exiting");
        entry["validator"]["exit_epoch"] = json!("5000");
        entry["validator"]["withdrawable_epoch"] = json!("5256");
        entry
    };
    let validators = vec![exiting, validator(3), validator(5)];
    let server = Server::start(Node { validators, ..Node::default() }).await;
    let keys = [key(7), key(3), key(99), key(3)];
    let found = server.client().fetch_validators(StateId::Finalized, &keys).await.unwrap();
    let [three, seven] = &found[..] else { panic!("{found:?}") };
    assert_eq!((three.index, three.status), (ValidatorIndex::new(3), ValidatorStatus::ActiveOngoing));
    assert_eq!(
        (three.balance, three.effective_balance),
        (Gwei::new(32_001_000_000), Gwei::VALIDATOR_DEPOSIT)
    );
    assert_eq!((three.activation_epoch, three.exit_epoch), (Some(Epoch::new(100)), None));
    assert_eq!(
        (seven.exit_epoch, seven.withdrawable_epoch),
        (Some(Epoch::new(5_000)), Some(Epoch::new(5_256)))
    );
    assert_eq!(seven.pubkey, key(7));
    assert_eq!(
        server.node().requests,
        [(Method::POST, "/eth/v1/beacon/states/finalized/validators".to_owned(), 3)]
    );
}

#[tokio::test]
async fn many_keys_are_asked_in_pages() {
    let validators = (0..1_001).map(validator).collect();
    let server = Server::start(Node { validators, ..Node::default() }).await;
    let keys: Vec<_> = (0..1_001).map(key).collect();
    let found = server.client().fetch_validators(StateId::Head, &keys).await.unwrap();
    assert!(found.iter().map(|validator| validator.pubkey).eq(keys));
    let pages: Vec<_> = server.node().requests.iter().map(|(_, _, ids)| *ids).collect();
    assert_eq!(pages, [500, 500, 1]);
}

#[tokio::test]
async fn asking_for_no_validator_asks_nobody() {
    let server = Server::start(Node::default()).await;
    assert_eq!(server.client().fetch_validators(StateId::Head, &[]).await.unwrap(), []);
    assert!(server.node().requests.is_empty());
}

#[tokio::test]
async fn a_node_without_post_is_asked_with_get_from_then_on() {
    let validators = (0..130).map(validator).collect();
    let server = Server::start(Node { has_post: false, validators, ..Node::default() }).await;
    let keys: Vec<_> = (0..130).map(key).collect();
    let client = server.client();
    for _ in 0..2 {
        assert_eq!(client.fetch_validators(StateId::Head, &keys).await.unwrap().len(), 130);
    }
    let requests: Vec<_> = server.node().requests.iter().map(|(m, _, ids)| (m.clone(), *ids)).collect();
    let get = |ids| (Method::GET, ids);
    assert_eq!(requests, [(Method::POST, 130), get(64), get(64), get(2), get(64), get(64), get(2)]);
}

#[tokio::test]
async fn validators_that_nobody_asked_for_or_that_come_twice_are_refused() {
    for (second, expected) in [(4, "without being asked for it"), (3, "twice")] {
        let validators = vec![validator(3), validator(second)];
        let server = Server::start(Node { ignores_ids: true, validators, ..Node::default() }).await;
        let error = server.client().fetch_validators(StateId::Head, &[key(3)]).await.unwrap_err();
        let endpoint = &server.endpoint;
        assert_eq!(
            error.to_string(),
            format!("beacon node {endpoint} answered validator {} {expected}", key(second))
        );
    }
}

#[tokio::test]
async fn a_validator_of_another_shape_is_located() {
    let mut odd = validator(3);
    odd["validator"]["slashed"] = json!("no");
    let server = Server::start(Node { validators: vec![odd], ..Node::default() }).await;
    let error = server.client().fetch_validators(StateId::Head, &[key(3)]).await.unwrap_err();
    assert!(error.to_string().ends_with("unexpected shape at data[0].validator.slashed"), "{error}");
}

#[tokio::test]
async fn electra_s_queues_are_read() {
    let credentials = Root::new([1; 32]);
    let deposits = json!([{
        "pubkey": key(1), "withdrawal_credentials": credentials, "amount": "32000000000",
        "signature": format!("0x{}", "11".repeat(96)), "slot": "77",
    }]);
    let withdrawals = json!([{ "validator_index": "5", "amount": "9", "withdrawable_epoch": "11" }]);
    let node = Node { deposits: Some(deposits), withdrawals: Some(withdrawals), ..Node::default() };
    let server = Server::start(node).await;
    let client = server.client();
    assert_eq!(
        client.fetch_pending_deposits(StateId::Head).await.unwrap().unwrap(),
        [PendingDeposit {
            pubkey: key(1),
            withdrawal_credentials: credentials,
            amount: Gwei::VALIDATOR_DEPOSIT,
            slot: Slot::new(77),
        }]
    );
    assert_eq!(
        client.fetch_pending_partial_withdrawals(StateId::Head).await.unwrap().unwrap(),
        [PendingPartialWithdrawal {
            validator_index: ValidatorIndex::new(5),
            amount: Gwei::new(9),
            withdrawable_epoch: Epoch::new(11),
        }]
    );
}

#[tokio::test]
async fn queues_are_absent_before_electra_only() {
    let server = Server::start(Node { deposits: None, withdrawals: None, ..Node::default() }).await;
    let client = server.client();
    let error = client.fetch_pending_deposits(StateId::Head).await.unwrap_err();
    assert!(matches!(error, BeaconError::OutdatedNode { .. }), "{error:?}");
    assert!(error.to_string().contains("pending_deposits"), "{error}");
    server.node().fork_epoch = 269_568;
    assert_eq!(client.fetch_pending_deposits(StateId::Head).await.unwrap(), None);
    server.node().spec.as_object_mut().unwrap().remove("ELECTRA_FORK_EPOCH");
    assert_eq!(client.fetch_pending_partial_withdrawals(StateId::Head).await.unwrap(), None);
}

fn indices<const N: usize>(indices: [u64; N]) -> [ValidatorIndex; N] {
    indices.map(ValidatorIndex::new)
}

#[tokio::test]
async fn liveness_is_read() {
    let server = Server::start(Node { live: vec![3, 9], ..Node::default() }).await;
    let asked = indices([7, 3, 7]);
    let live = server.client().fetch_liveness(Epoch::new(400_000), &asked).await.unwrap();
    assert_eq!(live, Some(BTreeSet::from(indices([3]))));
    let path = "/eth/v1/validator/liveness/400000".to_owned();
    assert_eq!(server.node().requests, [(Method::POST, path, 2)]);
}

#[tokio::test]
async fn liveness_of_many_is_asked_in_pages_and_of_nobody_not_at_all() {
    let server = Server::start(Node { live: vec![1_000], ..Node::default() }).await;
    let asked: Vec<_> = (0..1_001).map(ValidatorIndex::new).collect();
    let live = server.client().fetch_liveness(Epoch::new(1), &asked).await.unwrap();
    assert_eq!(live, Some(BTreeSet::from(indices([1_000]))));
    let pages: Vec<_> = server.node().requests.drain(..).map(|(_, _, ids)| ids).collect();
    assert_eq!(pages, [500, 500, 1]);
    assert_eq!(server.client().fetch_liveness(Epoch::new(1), &[]).await.unwrap(), Some(BTreeSet::new()));
    assert!(server.node().requests.is_empty());
}

#[tokio::test]
async fn who_is_missing_from_the_answer_is_not_live() {
    let answer = json!({ "data": [{ "index": "3", "is_live": true }] });
    let server = Server::start(Node { liveness_answer: Some((200, answer)), ..Node::default() }).await;
    let live = server.client().fetch_liveness(Epoch::new(1), &indices([3, 7])).await.unwrap();
    assert_eq!(live, Some(BTreeSet::from(indices([3]))));
}

#[tokio::test]
async fn liveness_that_nobody_asked_for_or_that_comes_twice_is_refused() {
    for (second, expected) in [("4", "without being asked for it"), ("3", "twice")] {
        let entry = |index| json!({ "index": index, "is_live": true });
        let answer = json!({ "data": [entry("3"), entry(second)] });
        let server = Server::start(Node { liveness_answer: Some((200, answer)), ..Node::default() }).await;
        let error = server.client().fetch_liveness(Epoch::new(1), &indices([3])).await.unwrap_err();
        let endpoint = &server.endpoint;
        assert_eq!(
            error.to_string(),
            format!("beacon node {endpoint} answered the liveness of validator {second} {expected}")
        );
        assert!(!error.is_unreachable());
    }
}

#[tokio::test]
async fn a_node_that_does_not_offer_liveness_is_told_from_one_that_refuses() {
    let teku = "Validator liveness tracking is not enabled on this beacon node, cannot service request";
    for (status, message, is_offered) in [
        (404, "Route not found", false),
        (405, "Method not allowed", false),
        (501, "not implemented", false),
        (400, teku, false),
        (500, "liveness tracking is not enabled", false),
        (400, "request epoch 9 is more than one epoch from the current epoch 1", true),
        (503, "Beacon node is currently syncing", true),
    ] {
        let answer = json!({ "code": status, "message": message });
        let server = Server::start(Node { liveness_answer: Some((status, answer)), ..Node::default() }).await;
        match server.client().fetch_liveness(Epoch::new(9), &indices([3])).await {
            Ok(live) => assert_eq!((live, is_offered), (None, false), "{message}"),
            Err(error) => {
                assert!(is_offered, "{error}");
                let request = format!("answered {status} to POST /eth/v1/validator/liveness/9: {message}");
                assert!(error.to_string().ends_with(&request), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn an_exit_arrives_as_it_was_signed() {
    let server = Server::start(Node::default()).await;
    let submission = server.client().submit_exit(&signed_exit()).await.unwrap();
    assert!(submission.is_held());
    assert_eq!(submission.to_string(), format!("{}: accepted", server.endpoint));
    let sent = &server.node().exits[0];
    assert_eq!(sent["message"], json!({ "epoch": "194048", "validator_index": "1234" }));
    assert_eq!(sent["signature"], json!(signed_exit().signature()));
}

#[tokio::test]
async fn a_refused_exit_carries_the_node_s_words() {
    for (status, body, expected) in [
        (400, json!({ "code": 400, "message": "invalid signature" }), "refused (400 invalid signature)"),
        (
            500,
            json!({ "statusCode": 500, "message": "VOLUNTARY_EXIT_ERROR_INVALID" }),
            "refused (500 VOLUNTARY_EXIT_ERROR_INVALID)",
        ),
        (400, json!({ "code": 400, "message": "VOLUNTARY_EXIT_ERROR_ALREADY_EXISTS" }), "already known"),
        (
            400,
            json!({ "code": 400, "message": "bad\n12:00 INFO all\u{1b}[1A" }),
            "refused (400 bad 12:00 INFO all [1A)",
        ),
    ] {
        let server = Server::start(Node { exit_answer: (status, body), ..Node::default() }).await;
        let submission = server.client().submit_exit(&signed_exit()).await.unwrap();
        assert_eq!(submission.answers[0].outcome.to_string(), expected);
        assert_eq!(
            submission.is_held(),
            matches!(submission.answers[0].outcome, SubmissionOutcome::AlreadyKnown)
        );
    }
}

#[tokio::test]
async fn a_node_that_fails_at_a_submission_has_not_refused_the_exit() {
    let node = Node { exit_answer: (503, json!({ "message": "syncing" })), ..Node::default() };
    let server = Server::start(node).await;
    let error = server.client().submit_exit(&signed_exit()).await.unwrap_err();
    assert!(error.is_unreachable());
    assert_eq!(
        error.to_string(),
        format!(
            "beacon node {} answered 503 to POST /eth/v1/beacon/pool/voluntary_exits: syncing",
            server.endpoint
        )
    );
}

#[tokio::test]
async fn what_is_no_beacon_node_is_named_and_unreachable() {
    for (mood, expected) in [
        (Mood::Hanging, "did not answer completely within 0.3 s"),
        (Mood::Html, "answered HTML, not JSON: is this the right URL?"),
        (Mood::Endless, "answered more than 2000000 bytes: is this the right URL?"),
        (Mood::Broken, "answered 503 to GET /eth/v1/"),
    ] {
        let server = Server::start(Node { mood, ..Node::default() }).await;
        let error = server.client_within(Duration::from_millis(300)).fetch_head().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(&server.endpoint.to_string()), "{text}");
        assert!(error.is_unreachable(), "{text}");
    }
    let error = nobody().await.fetch_spec().await.unwrap_err();
    assert!(error.is_unreachable());
    assert!(chain_of(&error).contains("refused"), "{}", chain_of(&error));
}
