//! Several endpoints as one.

use std::{collections::BTreeSet, time::Duration};

use nexus_beacon::{BeaconError, BeaconNode, BeaconNodes, QuorumError, StateId};
use nexus_primitives::{Epoch, Slot, ValidatorIndex};
use serde_json::{Value, json};

use crate::{
    exits::signed_exit,
    server::{Mood, Node, Server, key, nobody, validator},
};

fn join<const N: usize>(servers: [&Server; N], quorum: usize) -> BeaconNodes {
    let clients = servers.map(|server| server.client_within(Duration::from_secs(1)));
    BeaconNodes::new(clients.into(), quorum).unwrap()
}

async fn with_validators(validators: Vec<Value>) -> Server {
    Server::start(Node { validators, ..Node::default() }).await
}

async fn moody(mood: Mood) -> Server {
    Server::start(Node { mood, ..Node::default() }).await
}

async fn syncing() -> Server {
    let server = with_validators(vec![]).await;
    server.node().syncing["is_syncing"] = json!(true);
    server.node().syncing["head_slot"] = json!("5");
    server
}

#[tokio::test]
async fn a_quorum_that_cannot_be_reached_is_refused() {
    let server = with_validators(vec![]).await;
    for quorum in [0, 2] {
        let result = BeaconNodes::new(vec![server.client()], quorum);
        assert_eq!(result.unwrap_err(), QuorumError::OutOfRange { quorum, nodes: 1 });
    }
}

#[tokio::test]
async fn a_node_cannot_agree_with_itself() {
    let (server, other) = (with_validators(vec![]).await, with_validators(vec![]).await);
    let nodes = vec![server.client(), other.client(), server.client()];
    let endpoint = server.endpoint.clone();
    assert_eq!(BeaconNodes::new(nodes, 2).unwrap_err(), QuorumError::Repeated { endpoint });
}

#[tokio::test]
async fn agreeing_nodes_answer_as_one() {
    let (first, second) =
        (with_validators(vec![validator(1)]).await, with_validators(vec![validator(1)]).await);
    // Balances of two heads are rarely the same: no disagreement.
    second.node().validators[0]["balance"] = json!("1");
    let found = join([&first, &second], 2).fetch_validators(StateId::Head, &[key(1)]).await.unwrap();
    assert_eq!(found[0].balance.get(), 32_001_000_000);
}

#[tokio::test]
async fn disagreement_about_a_validator_names_nodes_key_and_field() {
    for (pointer, value, field) in [
        ("/validator/exit_epoch", json!("9"), "exit_epoch"),
        ("/validator/slashed", json!(true), "slashed"),
        ("/index", json!("2"), "index"),
        (
            "/validator/withdrawal_credentials",
            json!(format!("0x{}", "02".repeat(32))),
            "withdrawal_credentials",
        ),
        ("/validator/pubkey", json!(key(8)), "presence"),
    ] {
        let honest = with_validators(vec![validator(1)]).await;
        let lying = with_validators(vec![validator(1)]).await;
        *lying.node().validators[0].pointer_mut(pointer).unwrap() = value;
        for pair in [[&honest, &lying], [&lying, &honest]] {
            let error = join(pair, 2).fetch_validators(StateId::Head, &[key(1)]).await.unwrap_err();
            let names = pair.map(|server| server.endpoint.to_string());
            assert_eq!(
                error.to_string(),
                format!(
                    "beacon nodes {} and {} disagree about validator {}: {field}",
                    names[0],
                    names[1],
                    key(1)
                )
            );
        }
    }
}

#[tokio::test]
async fn the_next_node_steps_in_for_one_that_fails_or_is_not_ready() {
    let good = with_validators(vec![validator(1)]).await;
    for bad in
        [moody(Mood::Html).await, moody(Mood::Broken).await, moody(Mood::Hanging).await, syncing().await]
    {
        let nodes = join([&bad, &good], 1);
        let found = nodes.fetch_validators(StateId::Head, &[key(1)]).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(nodes.fetch_head().await.unwrap().slot, Slot::new(12_800_000));
    }
}

#[tokio::test]
async fn too_few_answers_list_every_failure() {
    let (good, bad) = (with_validators(vec![]).await, moody(Mood::Html).await);
    let nodes = BeaconNodes::new(vec![good.client(), bad.client(), nobody().await], 2).unwrap();
    let error = nodes.fetch_validators(StateId::Head, &[key(1)]).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("1 of the 2 beacon nodes needed answered: "), "{text}");
    assert!(text.contains("answered HTML") && text.contains("refused"), "{text}");
    assert!(error.is_unreachable() && !error.is_not_ready());
    assert!(nodes.fetch_spec().await.is_err());
    assert!(nodes.fetch_head().await.is_err());
}

#[tokio::test]
async fn nodes_of_two_networks_are_refused_by_name() {
    let (mainnet, other) = (with_validators(vec![]).await, with_validators(vec![]).await);
    other.node().genesis["genesis_fork_version"] = json!("0x10000910");
    let expected = format!(
        "beacon nodes {} and {} are of different networks: genesis_fork_version is 0x00000000 on the one and 0x10000910 on the other",
        mainnet.endpoint, other.endpoint
    );
    let error = join([&mainnet, &other], 1).fetch_spec().await.unwrap_err();
    assert!(error.to_string().starts_with(&expected), "{error}");
    // A read that reaches the second node only because the first has failed finds it out too.
    let nodes = join([&mainnet, &other], 1);
    nodes.fetch_validators(StateId::Head, &[key(1)]).await.unwrap();
    mainnet.node().mood = Mood::Broken;
    let error = nodes.fetch_validators(StateId::Head, &[key(1)]).await.unwrap_err();
    assert!(matches!(error, BeaconError::NetworkMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn the_head_of_a_quorum_is_the_most_cautious() {
    let (ahead, behind) = (with_validators(vec![]).await, with_validators(vec![]).await);
    behind.node().syncing["head_slot"] = json!("12799999");
    ahead.node().finalized = 399_997;
    let head = join([&ahead, &behind], 2).fetch_head().await.unwrap();
    assert_eq!((head.slot, head.finalized_epoch), (Slot::new(12_799_999), Epoch::new(399_997)));
}

#[tokio::test]
async fn nodes_that_only_have_to_catch_up_are_told_apart_from_dead_ones() {
    let server = syncing().await;
    let nodes = join([&server], 1);
    assert!(nodes.fetch_head().await.unwrap().ready().is_err());
    let error = nodes.fetch_validators(StateId::Head, &[key(1)]).await.unwrap_err();
    assert!(error.is_not_ready() && !error.is_unreachable(), "{error}");
    assert!(error.to_string().contains("is syncing, its head is at slot 5"), "{error}");
    for flag in ["is_optimistic", "el_offline"] {
        let server = with_validators(vec![]).await;
        server.node().syncing[flag] = json!(true);
        let error = join([&server], 1).fetch_pending_deposits(StateId::Head).await.unwrap_err();
        assert!(error.is_not_ready(), "{error}");
    }
}

#[tokio::test]
async fn a_deposit_that_one_node_sees_is_pending() {
    let (first, second) = (with_validators(vec![]).await, with_validators(vec![]).await);
    let deposit = json!({
        "pubkey": key(1), "withdrawal_credentials": format!("0x{}", "01".repeat(32)),
        "amount": "32000000000", "signature": format!("0x{}", "11".repeat(96)), "slot": "77",
    });
    for (ours, theirs) in
        [(json!([]), json!([deposit])), (json!([deposit]), json!([])), (json!([deposit]), json!([deposit]))]
    {
        first.node().deposits = Some(ours);
        second.node().deposits = Some(theirs);
        let queue = join([&first, &second], 2).fetch_pending_deposits(StateId::Head).await.unwrap().unwrap();
        assert_eq!(queue.len(), 1);
    }
}

async fn seeing<const N: usize>(live: [u64; N]) -> Server {
    Server::start(Node { live: live.into(), ..Node::default() }).await
}

async fn without_liveness() -> Server {
    let liveness_answer = Some((404, json!({ "code": 404, "message": "Route not found" })));
    Server::start(Node { liveness_answer, ..Node::default() }).await
}

/// Who of validators 1 to 3 is live, as `nodes` say.
async fn liveness(nodes: &BeaconNodes) -> Result<Option<Vec<u64>>, BeaconError> {
    let live = nodes.fetch_liveness(Epoch::new(1), &[1, 2, 3].map(ValidatorIndex::new)).await?;
    Ok(live.map(|live| live.into_iter().map(ValidatorIndex::get).collect()))
}

#[tokio::test]
async fn a_validator_is_live_where_every_node_of_the_quorum_saw_it() {
    let (first, second, third) = (seeing([1, 2]).await, seeing([2, 3]).await, seeing([]).await);
    for (quorum, expected) in [(1, vec![1, 2]), (2, vec![2]), (3, vec![])] {
        let live = liveness(&join([&first, &second, &third], quorum)).await.unwrap();
        assert_eq!(live, Some(expected));
    }
}

#[tokio::test]
async fn nodes_that_do_not_offer_liveness_have_no_say() {
    let (silent, other) = (without_liveness().await, without_liveness().await);
    let (first, second) = (seeing([1, 2]).await, seeing([2, 3]).await);
    // The next one steps in; where none is left, those that offer it decide.
    for (nodes, expected) in [
        (join([&silent, &first, &second], 2), Some(vec![2])),
        (join([&silent, &first], 2), Some(vec![1, 2])),
        (join([&silent, &first, &other], 3), Some(vec![1, 2])),
        (join([&silent, &other], 1), None),
    ] {
        assert_eq!(liveness(&nodes).await.unwrap(), expected, "{nodes:?}");
    }
}

#[tokio::test]
async fn liveness_needs_a_quorum_of_ready_nodes() {
    let (silent, good) = (without_liveness().await, seeing([1]).await);
    for bad in [moody(Mood::Broken).await, syncing().await] {
        assert_eq!(liveness(&join([&bad, &good], 1)).await.unwrap(), Some(vec![1]));
        assert!(matches!(liveness(&join([&bad, &good], 2)).await, Err(BeaconError::NoQuorum { .. })));
        assert!(matches!(liveness(&join([&silent, &bad], 2)).await, Err(BeaconError::NoQuorum { .. })));
    }
}

#[tokio::test]
async fn the_liveness_of_nobody_is_asked_of_nobody() {
    let server = seeing([1]).await;
    let live = join([&server], 1).fetch_liveness(Epoch::new(1), &[]).await.unwrap();
    assert_eq!(live, Some(BTreeSet::new()));
    assert!(server.node().requests.is_empty());
}

#[tokio::test]
async fn an_exit_goes_to_every_node_and_each_answer_is_reported() {
    let (accepts, refuses, dead) =
        (with_validators(vec![]).await, with_validators(vec![]).await, moody(Mood::Broken).await);
    refuses.node().exit_answer = (400, json!({ "code": 400, "message": "too young" }));
    let submission = join([&dead, &refuses, &accepts], 1).submit_exit(&signed_exit()).await.unwrap();
    assert!(submission.is_held());
    let texts: Vec<_> = submission.answers.iter().map(|answer| answer.outcome.to_string()).collect();
    assert!(texts[0].starts_with("failed (beacon node"), "{texts:?}");
    assert_eq!(texts[1..], ["refused (400 too young)", "accepted"]);
    assert_eq!((accepts.node().exits.len(), refuses.node().exits.len()), (1, 1));

    let error = join([&dead], 1).submit_exit(&signed_exit()).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}
