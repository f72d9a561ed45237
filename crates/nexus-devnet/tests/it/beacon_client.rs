//! The client that the bot uses in production, against the embedded beacon node.

use std::{collections::BTreeSet, future::IntoFuture as _};

use nexus_beacon::{
    BeaconNode as _, BeaconNodes, HttpBeaconNode, Ineligible, SignedVoluntaryExit, StateId,
    SubmissionOutcome, ValidatorStatus, VoluntaryExit, check_eligibility,
};
use nexus_devnet::consensus::{BeaconChain, ConsensusConfig, rest};
use nexus_http::{HttpClient, HttpLimits};
use nexus_keys::ValidatorKey;
use nexus_primitives::{Address, ChainId, Epoch, Gwei, Slot, UnixSeconds, ValidatorIndex};

fn key(number: u8) -> ValidatorKey {
    let mut scalar = zeroize::Zeroizing::new([0; 32]);
    scalar[31] = number;
    ValidatorKey::from_bytes(&scalar).unwrap()
}

/// Serves a chain with validators 1 to 3 and returns it with the client, which asks it through two endpoints.
async fn start() -> (rest::SharedBeacon, BeaconNodes) {
    let config =
        ConsensusConfig::fast(UnixSeconds::new(1_700_000_000), Address::new([0xdd; 20]), ChainId::new(1337));
    let mut credentials = [0; 32];
    credentials[0] = 1;
    let validators = (1..=3).map(|number| (key(number).pubkey(), credentials));
    let beacon = rest::SharedBeacon::new(BeaconChain::with_genesis_validators(config, validators));
    let client = HttpClient::new(HttpLimits::default()).unwrap();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, rest::router(beacon.clone())).into_future());
        nodes.push(HttpBeaconNode::new(url.parse().unwrap(), client.clone()));
    }
    (beacon, BeaconNodes::new(nodes, 2).unwrap())
}

fn run_to(beacon: &rest::SharedBeacon, slot: u64) {
    let mut chain = beacon.write();
    for slot in chain.head().slot().get() + 1..=slot {
        chain.process_slot(Slot::new(slot), &[]).unwrap();
    }
}

#[tokio::test]
async fn network_and_head_are_understood() {
    let (beacon, node) = start().await;
    run_to(&beacon, 40);
    let spec = node.fetch_spec().await.unwrap();
    let config = beacon.read().config().clone();
    assert_eq!(spec.genesis_validators_root, config.genesis_validators_root);
    assert_eq!(spec.capella_fork_version, config.capella_fork_version);
    assert_eq!(spec.deposit_contract, config.deposit_contract);
    assert_eq!(spec.slot_at(config.slot_time(Slot::new(40))), Slot::new(40));
    let head = node.fetch_head().await.unwrap();
    assert_eq!(
        (head.slot, head.finalized_epoch, head.justified_epoch),
        (Slot::new(40), Epoch::new(3), Epoch::new(4))
    );
    assert_eq!(head.fork_version, config.current_fork_version);
    assert_eq!(head.ready(), Ok(()));
    beacon.write().set_optimistic(true);
    assert!(node.fetch_head().await.unwrap().ready().is_err());
}

#[tokio::test]
async fn exit_is_followed_from_submission_to_withdrawal() {
    let (beacon, node) = start().await;
    run_to(&beacon, 16);
    let spec = node.fetch_spec().await.unwrap();
    let pubkey = key(2).pubkey();
    let fetch = async || node.fetch_validators(StateId::Head, &[pubkey]).await.unwrap().remove(0);
    let validator = fetch().await;
    assert_eq!(
        (validator.status, validator.balance),
        (ValidatorStatus::ActiveOngoing, Gwei::VALIDATOR_DEPOSIT)
    );
    let current = spec.epoch_of(node.fetch_head().await.unwrap().slot);
    assert_eq!(check_eligibility(&validator, current, &spec, &[]), Ok(()));

    let message = VoluntaryExit { epoch: current, validator_index: validator.index };
    let signature = key(2).sign(&message.signing_root(&spec)).unwrap();
    let exit = SignedVoluntaryExit::assemble(message, signature, &pubkey, &spec).unwrap();
    let submission = node.submit_exit(&exit).await.unwrap();
    assert!(submission.answers.iter().all(|answer| matches!(answer.outcome, SubmissionOutcome::Accepted)));
    run_to(&beacon, 17);
    let validator = fetch().await;
    assert_eq!(
        (validator.status, validator.exit_epoch),
        (ValidatorStatus::ActiveExiting, Some(Epoch::new(4)))
    );
    let exiting = check_eligibility(&validator, current, &spec, &[]).unwrap_err();
    assert!(matches!(exiting, Ineligible::Exiting { .. }));
    run_to(&beacon, 60);
    let validator = fetch().await;
    assert_eq!((validator.status, validator.balance), (ValidatorStatus::WithdrawalDone, Gwei::ZERO));
    let finalized = node.fetch_validators(StateId::Finalized, &[pubkey]).await.unwrap().remove(0);
    assert_eq!(finalized.status, ValidatorStatus::ExitedUnslashed);
}

#[tokio::test]
async fn liveness_is_read() {
    let (beacon, node) = start().await;
    run_to(&beacon, 8);
    beacon.write().attest(&[key(2).pubkey()]);
    let indices = [0, 1, 2].map(ValidatorIndex::new);
    for (epoch, expected) in [(0, BTreeSet::new()), (1, BTreeSet::from([ValidatorIndex::new(1)]))] {
        let live = node.fetch_liveness(Epoch::new(epoch), &indices).await.unwrap();
        assert_eq!(live, Some(expected));
    }
    assert!(node.fetch_liveness(Epoch::new(2), &indices).await.is_err());
}

#[tokio::test]
async fn queues_are_read() {
    let (beacon, node) = start().await;
    assert_eq!(node.fetch_pending_deposits(StateId::Head).await.unwrap(), Some(Vec::new()));
    beacon.write().queue_partial_withdrawal(&key(1).pubkey(), Gwei::new(5)).unwrap();
    let partial = node.fetch_pending_partial_withdrawals(StateId::Head).await.unwrap().unwrap();
    assert_eq!(partial.len(), 1);
    assert_eq!(partial[0].amount, Gwei::new(5));
}
