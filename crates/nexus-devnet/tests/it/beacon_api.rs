//! The beacon REST API over a real socket, as clients use it.

use std::future::IntoFuture as _;

use nexus_devnet::consensus::{BeaconChain, ConsensusConfig, DepositEvent, SignedVoluntaryExit, rest};
use nexus_keys::ValidatorKey;
use nexus_primitives::{
    Address, BlsSignature, ChainId, Epoch, Gwei, Slot, UnixSeconds, ValidatorIndex, ValidatorPubkey,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

struct Node {
    beacon: rest::SharedBeacon,
    url: String,
    http: reqwest::Client,
}

impl Node {
    /// Serves a chain of eight-slot epochs with `validators` genesis validators.
    async fn start(validators: u8) -> Self {
        let genesis = (1..=validators).map(|number| (key(number).pubkey(), credentials()));
        let chain = BeaconChain::with_genesis_validators(config(), genesis);
        let beacon = rest::SharedBeacon::new(chain);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, rest::router(beacon.clone())).into_future());
        Self { beacon, url, http: reqwest::Client::new() }
    }

    fn run_to(&self, slot: u64) {
        let mut chain = self.beacon.write();
        for slot in chain.head().slot().get() + 1..=slot {
            chain.process_slot(Slot::new(slot), &[]).unwrap();
        }
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn data(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body["data"].clone()
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let response = self.http.post(format!("{}{path}", self.url)).json(body).send().await.unwrap();
        (response.status(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    /// The indices that a list of validators answers with.
    async fn indices(&self, query: &str) -> Vec<String> {
        let list = self.data(&format!("/eth/v1/beacon/states/head/validators{query}")).await;
        list.as_array().unwrap().iter().map(|entry| entry["index"].as_str().unwrap().to_owned()).collect()
    }
}

fn config() -> ConsensusConfig {
    ConsensusConfig::fast(UnixSeconds::new(1_700_000_000), Address::new([0xdd; 20]), ChainId::new(1337))
}

fn key(number: u8) -> ValidatorKey {
    let mut scalar = zeroize::Zeroizing::new([0; 32]);
    scalar[31] = number;
    ValidatorKey::from_bytes(&scalar).unwrap()
}

fn credentials() -> [u8; 32] {
    let mut credentials = [0; 32];
    credentials[0] = 1;
    credentials[12..].fill(0x22);
    credentials
}

/// An exit of validator `index` as the API takes it, signed by key `index + 1`.
fn exit_json(index: u8, epoch: u64) -> Value {
    let unsigned = SignedVoluntaryExit {
        epoch: Epoch::new(epoch),
        validator_index: ValidatorIndex::new(index.into()),
        signature: BlsSignature::new([0; 96]),
    };
    let signature = key(index + 1).sign(&unsigned.signing_root(&config())).unwrap();
    json!({"message": {"epoch": epoch.to_string(), "validator_index": index.to_string()}, "signature": signature})
}

const POOL: &str = "/eth/v1/beacon/pool/voluntary_exits";

#[tokio::test]
async fn genesis_spec_and_fork_identify_the_network() {
    let node = Node::start(0).await;
    let genesis = node.data("/eth/v1/beacon/genesis").await;
    assert_eq!(genesis["genesis_time"], "1700000000");
    assert_eq!(genesis["genesis_fork_version"], "0x10001337");
    assert_eq!(genesis["genesis_validators_root"], config().genesis_validators_root.to_string());

    let spec = node.data("/eth/v1/config/spec").await;
    for (name, value) in [
        ("SECONDS_PER_SLOT", "12"),
        ("SLOTS_PER_EPOCH", "8"),
        ("SHARD_COMMITTEE_PERIOD", "2"),
        ("GENESIS_FORK_VERSION", "0x10001337"),
        ("CAPELLA_FORK_VERSION", "0x40001337"),
        ("ELECTRA_FORK_VERSION", "0x60001337"),
        ("CAPELLA_FORK_EPOCH", "0"),
        ("DEPOSIT_CHAIN_ID", "1337"),
        ("DEPOSIT_NETWORK_ID", "1337"),
        ("DOMAIN_VOLUNTARY_EXIT", "0x04000000"),
        ("FAR_FUTURE_EPOCH", "18446744073709551615"),
    ] {
        assert_eq!(spec[name], value, "{name}");
    }
    assert!(spec.as_object().unwrap().values().all(Value::is_string));
    let contract = node.data("/eth/v1/config/deposit_contract").await;
    assert_eq!(contract["chain_id"], "1337");
    assert_eq!(contract["address"], spec["DEPOSIT_CONTRACT_ADDRESS"]);
    let fork = node.data("/eth/v1/beacon/states/head/fork").await;
    assert_eq!(
        fork,
        json!({"previous_version": "0x60001337", "current_version": "0x60001337", "epoch": "0"})
    );
    assert_eq!(node.data("/eth/v1/config/fork_schedule").await, json!([fork]));
}

#[tokio::test]
async fn validators_are_found_by_index_key_and_status() {
    let node = Node::start(3).await;
    let second = key(2).pubkey();
    assert_eq!(node.indices("").await, ["0", "1", "2"]);
    assert_eq!(node.indices(&format!("?id=2,{second}")).await, ["1", "2"]);
    assert_eq!(node.indices("?id=2&id=0&id=2").await, ["0", "2"]);
    assert_eq!(node.indices(&format!("?id={}", key(9).pubkey())).await, Vec::<String>::new());
    assert_eq!(node.indices("?status=active").await.len(), 3);
    assert_eq!(node.indices("?status=pending_queued,exited").await.len(), 0);

    let one = node.data(&format!("/eth/v1/beacon/states/head/validators/{second}")).await;
    assert_eq!(one["status"], "active_ongoing");
    assert_eq!(one["balance"], "32000000000");
    assert_eq!(one["validator"]["withdrawal_credentials"], format!("0x{}", hex::encode(credentials())));
    assert_eq!(one["validator"]["exit_epoch"], "18446744073709551615");
    assert_eq!(one["validator"]["slashed"], false);
}

#[tokio::test]
async fn validators_are_found_by_post() {
    let node = Node::start(3).await;
    let path = "/eth/v1/beacon/states/head/validators";
    let (status, body) = node.post(path, &json!({"ids": ["1", key(3).pubkey()], "statuses": null})).await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (StatusCode::OK, 2));
    let (_, body) = node.post(path, &json!({"statuses": ["withdrawal"]})).await;
    assert_eq!(body["data"], json!([]));
    let (status, body) = node.post(path, &json!({"ids": ["0x12"]})).await;
    assert_eq!((status, body["code"].as_u64()), (StatusCode::BAD_REQUEST, Some(400)));
}

#[tokio::test]
async fn unknown_things_are_refused_with_code_and_message() {
    let node = Node::start(1).await;
    for (path, code) in [
        ("/eth/v1/beacon/states/head/validators/7", 404),
        ("/eth/v1/beacon/states/head/validators/seven", 400),
        ("/eth/v1/beacon/states/head/validators?id=x", 400),
        ("/eth/v1/beacon/states/head/validators?status=sleepy", 400),
        ("/eth/v1/beacon/states/99/fork", 404),
        ("/eth/v1/beacon/states/latest/fork", 400),
        ("/eth/v1/beacon/states/0xzz/fork", 400),
        (
            "/eth/v1/beacon/states/0x0000000000000000000000000000000000000000000000000000000000000001/fork",
            404,
        ),
        ("/eth/v1/no/such/thing", 404),
    ] {
        let (status, body) = node.get(path).await;
        assert_eq!((status.as_u16(), body["code"].as_u64()), (code, Some(code.into())), "{path}: {body}");
        assert!(body["message"].is_string());
    }
    assert_eq!(node.get(POOL.trim_end_matches("voluntary_exits")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn states_are_told_apart() {
    let node = Node::start(2).await;
    node.run_to(40);
    let checkpoints = node.data("/eth/v1/beacon/states/head/finality_checkpoints").await;
    assert_eq!(
        (&checkpoints["finalized"]["epoch"], &checkpoints["current_justified"]["epoch"]),
        (&json!("3"), &json!("4"))
    );
    let finalized_root = node.data("/eth/v1/beacon/headers/24").await["root"].clone();
    assert_eq!(checkpoints["finalized"]["root"], finalized_root);

    node.beacon.write().penalise(&key(1).pubkey(), Gwei::new(7)).unwrap();
    let balance = async |state: &str| {
        node.data(&format!("/eth/v1/beacon/states/{state}/validator_balances?id=0")).await[0]["balance"]
            .clone()
    };
    assert_eq!(balance("head").await, "31999999993");
    for state in ["finalized", "justified", "genesis", "39"] {
        assert_eq!(balance(state).await, "32000000000", "{state}");
    }
    let root = node.data("/eth/v1/beacon/states/39/root").await["root"].clone();
    assert_eq!(balance(root.as_str().unwrap()).await, "32000000000");
    let (_, body) = node.get("/eth/v1/beacon/states/finalized/validators").await;
    assert_eq!((&body["finalized"], &body["execution_optimistic"]), (&json!(true), &json!(false)));
    let (_, body) = node.get("/eth/v1/beacon/states/head/validators").await;
    assert_eq!(body["finalized"], false);
}

#[tokio::test]
async fn headers_form_a_chain() {
    let node = Node::start(1).await;
    node.run_to(3);
    let head = node.data("/eth/v1/beacon/headers/head").await;
    assert_eq!((&head["header"]["message"]["slot"], &head["canonical"]), (&json!("3"), &json!(true)));
    let parent = head["header"]["message"]["parent_root"].as_str().unwrap().to_owned();
    let parent = node.data(&format!("/eth/v1/beacon/headers/{parent}")).await;
    assert_eq!(parent["header"]["message"]["slot"], "2");
}

#[tokio::test]
async fn exits_are_taken_pooled_and_refused_with_the_reason() {
    let node = Node::start(2).await;
    node.run_to(16);
    assert_eq!(node.post(POOL, &exit_json(0, 2)).await.0, StatusCode::OK);
    assert_eq!(node.data(POOL).await, json!([exit_json(0, 2)]));
    node.run_to(17);
    assert_eq!(node.data(POOL).await, json!([]));
    assert_eq!(node.indices("?status=active_exiting").await, ["0"]);

    let mut forged = exit_json(1, 2);
    forged["signature"] = exit_json(0, 2)["signature"].clone();
    for (exit, reason) in [
        (exit_json(0, 2), "already exiting"),
        (exit_json(1, 3), "the current epoch is 2"),
        (exit_json(2, 2), "unknown"),
        (forged, "signature"),
        (json!({"message": {"epoch": 2, "validator_index": "1"}, "signature": "0x"}), "invalid type"),
    ] {
        let (status, body) = node.post(POOL, &exit).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(400)), "{body}");
        assert!(body["message"].as_str().unwrap().contains(reason), "{body}");
    }
}

#[tokio::test]
async fn deposits_and_partial_withdrawals_wait_in_the_open() {
    let node = Node::start(1).await;
    let deposit = DepositEvent {
        pubkey: ValidatorPubkey::new([5; 48]),
        withdrawal_credentials: credentials(),
        amount: Gwei::VALIDATOR_DEPOSIT,
        signature: BlsSignature::new([6; 96]),
        index: 0,
    };
    node.beacon.write().process_slot(Slot::new(1), &[deposit]).unwrap();
    node.beacon.write().queue_partial_withdrawal(&key(1).pubkey(), Gwei::new(9)).unwrap();
    let (_, body) = node.get("/eth/v1/beacon/states/head/pending_deposits").await;
    assert_eq!(body["version"], "electra");
    let pending = &body["data"][0];
    assert_eq!((&pending["amount"], &pending["slot"]), (&json!("32000000000"), &json!("1")));
    assert_eq!(pending["pubkey"], deposit.pubkey.to_string());
    let partial = node.data("/eth/v1/beacon/states/head/pending_partial_withdrawals").await;
    assert_eq!(partial, json!([{"validator_index": "0", "amount": "9", "withdrawable_epoch": "4"}]));
}

#[tokio::test]
async fn liveness_is_told_of_this_epoch_and_the_one_before() {
    let node = Node::start(2).await;
    node.run_to(8);
    node.beacon.write().attest(&[key(2).pubkey()]);
    let liveness = async |epoch: &str, body: Value| {
        node.post(&format!("/eth/v1/validator/liveness/{epoch}"), &body).await
    };
    let entry = |index: &str, is_live: bool| json!({"index": index, "is_live": is_live});
    for (slot, epoch, is_live) in [(9, "0", false), (9, "1", true), (16, "1", true), (16, "2", false)] {
        node.run_to(slot);
        let (status, body) = liveness(epoch, json!(["1", "0"])).await;
        let expected = json!({"data": [entry("1", is_live), entry("0", false)]});
        assert_eq!((status, body), (StatusCode::OK, expected), "slot {slot}, epoch {epoch}");
    }
    for (epoch, body, reason) in [
        ("0", json!(["0"]), "neither the current one, 2"),
        ("3", json!(["0"]), "neither the current one, 2"),
        ("-1", json!(["0"]), "invalid epoch"),
        ("2", json!(["0", "2"]), "validator 2 is not in the registry"),
        ("2", json!([0]), "invalid type"),
        ("2", json!([]), "no validator index"),
    ] {
        let (status, body) = liveness(epoch, body).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(400)), "{body}");
        assert!(body["message"].as_str().unwrap().contains(reason), "{body}");
    }
}

#[tokio::test]
async fn node_tells_its_health() {
    let node = Node::start(0).await;
    node.run_to(2);
    assert!(
        node.data("/eth/v1/node/version").await["version"].as_str().unwrap().starts_with("nexus-devnet/v")
    );
    assert_eq!(node.get("/eth/v1/node/health").await.0, StatusCode::OK);
    let healthy = json!({
        "head_slot": "2", "sync_distance": "0", "is_syncing": false, "is_optimistic": false, "el_offline": false
    });
    assert_eq!(node.data("/eth/v1/node/syncing").await, healthy);
    node.beacon.write().set_syncing(true);
    node.beacon.write().set_optimistic(true);
    assert_eq!(node.get("/eth/v1/node/health").await.0, StatusCode::PARTIAL_CONTENT);
    let syncing = node.data("/eth/v1/node/syncing").await;
    assert_eq!((&syncing["is_syncing"], &syncing["is_optimistic"]), (&json!(true), &json!(true)));
    let (_, body) = node.get("/eth/v1/beacon/states/head/fork").await;
    assert_eq!(body["execution_optimistic"], true);
}
