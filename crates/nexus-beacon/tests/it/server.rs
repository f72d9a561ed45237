//! A beacon node that says what a test wants, over a real socket.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use nexus_beacon::HttpBeaconNode;
use nexus_http::{Endpoint, HttpClient, HttpLimits};
use nexus_primitives::ValidatorPubkey;
use serde_json::{Value, json};

pub(crate) const BODY_LIMIT: usize = 2_000_000;

/// How the node behaves; tests change it before or between requests.
pub(crate) struct Node {
    pub(crate) genesis: Value,
    pub(crate) spec: Value,
    pub(crate) syncing: Value,
    pub(crate) fork_epoch: u64,
    pub(crate) finalized: u64,
    pub(crate) validators: Vec<Value>,
    pub(crate) has_post: bool,
    /// Answers the whole registry, whatever was asked.
    pub(crate) ignores_ids: bool,
    /// Electra's queues; `None` answers 404.
    pub(crate) deposits: Option<Value>,
    pub(crate) withdrawals: Option<Value>,
    /// Validators seen to be live, in every epoch.
    pub(crate) live: Vec<u64>,
    /// Answers liveness with this instead.
    pub(crate) liveness_answer: Option<(u16, Value)>,
    pub(crate) exit_answer: (u16, Value),
    /// Answers everything with this instead.
    pub(crate) mood: Mood,
    /// Method, path and number of ids of every request.
    pub(crate) requests: Vec<(Method, String, usize)>,
    /// Exits received.
    pub(crate) exits: Vec<Value>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    Fine,
    Hanging,
    Html,
    Endless,
    Broken,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            genesis: json!({
                "genesis_time": "1606824023",
                "genesis_validators_root": "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95",
                "genesis_fork_version": "0x00000000",
            }),
            spec: json!({
                "CONFIG_NAME": "mainnet",
                "CAPELLA_FORK_VERSION": "0x03000000",
                "ELECTRA_FORK_EPOCH": "364032",
                "SECONDS_PER_SLOT": "12",
                "SLOTS_PER_EPOCH": "32",
                "SHARD_COMMITTEE_PERIOD": "256",
                "DEPOSIT_CONTRACT_ADDRESS": "0x00000000219ab540356cbb839cbe05303d7705fa",
                "DEPOSIT_CHAIN_ID": "1",
                "BLOB_SCHEDULE": [{ "EPOCH": "412672", "MAX_BLOBS_PER_BLOCK": "15" }],
            }),
            syncing: json!({
                "head_slot": "12800000", "sync_distance": "0",
                "is_syncing": false, "is_optimistic": false, "el_offline": false,
            }),
            fork_epoch: 364_032,
            finalized: 399_998,
            validators: Vec::new(),
            has_post: true,
            ignores_ids: false,
            deposits: Some(json!([])),
            withdrawals: Some(json!([])),
            live: Vec::new(),
            liveness_answer: None,
            exit_answer: (200, Value::Null),
            mood: Mood::Fine,
            requests: Vec::new(),
            exits: Vec::new(),
        }
    }
}

/// A running server and the client for it.
pub(crate) struct Server {
    node: Arc<Mutex<Node>>,
    pub(crate) endpoint: Endpoint,
}

impl Server {
    pub(crate) async fn start(node: Node) -> Self {
        let node = Arc::new(Mutex::new(node));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&node));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { node, endpoint }
    }

    pub(crate) fn node(&self) -> MutexGuard<'_, Node> {
        self.node.lock().unwrap()
    }

    pub(crate) fn client(&self) -> HttpBeaconNode {
        self.client_within(Duration::from_secs(20))
    }

    pub(crate) fn client_within(&self, total_timeout: Duration) -> HttpBeaconNode {
        let limits = HttpLimits { total_timeout, max_body_bytes: BODY_LIMIT, ..HttpLimits::default() };
        HttpBeaconNode::new(self.endpoint.clone(), HttpClient::new(limits).unwrap())
    }
}

/// An endpoint where nobody listens.
pub(crate) async fn nobody() -> HttpBeaconNode {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    HttpBeaconNode::new(endpoint, HttpClient::new(HttpLimits::default()).unwrap())
}

/// The key of the validator with this index in these tests.
pub(crate) fn key(index: u64) -> ValidatorPubkey {
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&index.to_be_bytes());
    ValidatorPubkey::new(bytes)
}

/// An active validator's entry in the beacon API's form.
pub(crate) fn validator(index: u64) -> Value {
    json!({
        "index": index.to_string(),
        "balance": "32001000000",
        "status": "active_ongoing",
        "validator": {
            "pubkey": key(index),
            "withdrawal_credentials": format!("0x01{}{}", "00".repeat(11), "aa".repeat(20)),
            "effective_balance": "32000000000",
            "slashed": false,
            "activation_eligibility_epoch": "90",
            "activation_epoch": "100",
            "exit_epoch": u64::MAX.to_string(),
            "withdrawable_epoch": u64::MAX.to_string(),
        },
    })
}

async fn answer(State(node): State<Arc<Mutex<Node>>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mood = node.lock().unwrap().mood;
    match mood {
        Mood::Fine => node.lock().unwrap().answer(&method, &uri, &body),
        Mood::Hanging => std::future::pending().await,
        Mood::Html => ([(header::CONTENT_TYPE, "text/html")], "<!DOCTYPE html><p>Welcome").into_response(),
        Mood::Endless => " ".repeat(BODY_LIMIT + 1).into_response(),
        Mood::Broken => error(503, "database is locked"),
    }
}

impl Node {
    fn answer(&mut self, method: &Method, uri: &Uri, body: &[u8]) -> Response {
        let ids = match *method {
            Method::POST if uri.path().ends_with("/validators") => {
                let body: Value = serde_json::from_slice(body).unwrap();
                texts(&body["ids"])
            }
            Method::POST if uri.path().contains("/liveness/") => {
                texts(&serde_json::from_slice(body).unwrap())
            }
            _ => ids_of_query(uri),
        };
        self.requests.push((method.clone(), uri.path().to_owned(), ids.len()));
        let path = uri.path().strip_prefix("/eth/v1/").unwrap_or_default();
        match (method.as_str(), path) {
            ("GET", "beacon/genesis") => data(&self.genesis),
            ("GET", "config/spec") => data(&self.spec),
            ("GET", "node/syncing") => data(&self.syncing),
            ("GET", "beacon/states/head/finality_checkpoints") => data(&json!({
                "previous_justified": { "epoch": "0", "root": "0x00" },
                "current_justified": { "epoch": (self.finalized + 1).to_string(), "root": "0x00" },
                "finalized": { "epoch": self.finalized.to_string(), "root": "0x00" },
            })),
            ("GET", "beacon/states/head/fork" | "beacon/states/finalized/fork") => data(&json!({
                "previous_version": "0x04000000", "current_version": "0x05000000",
                "epoch": self.fork_epoch.to_string(),
            })),
            ("POST", _) if path.ends_with("/validators") && self.has_post => self.validators(&ids),
            ("GET", "beacon/states/head/validators" | "beacon/states/finalized/validators") => {
                self.validators(&ids)
            }
            ("GET", "beacon/states/head/pending_deposits") => queue(self.deposits.as_ref()),
            ("GET", "beacon/states/head/pending_partial_withdrawals") => queue(self.withdrawals.as_ref()),
            ("POST", _) if path.starts_with("validator/liveness/") => self.liveness(&ids),
            ("POST", "beacon/pool/voluntary_exits") => {
                self.exits.push(serde_json::from_slice(body).unwrap());
                let (status, body) = &self.exit_answer;
                (StatusCode::from_u16(*status).unwrap(), body.to_string()).into_response()
            }
            _ => error(404, &format!("Route {method}:{} not found", uri.path())),
        }
    }

    fn validators(&self, ids: &[String]) -> Response {
        let wanted =
            |entry: &&Value| self.ignores_ids || ids.iter().any(|id| *id == entry["validator"]["pubkey"]);
        let found: Vec<_> = self.validators.iter().filter(wanted).collect();
        data(&json!(found))
    }

    fn liveness(&self, ids: &[String]) -> Response {
        if let Some((status, body)) = &self.liveness_answer {
            return (StatusCode::from_u16(*status).unwrap(), body.to_string()).into_response();
        }
        let is_live = |id: &String| self.live.contains(&id.parse().unwrap());
        let entries: Vec<_> = ids.iter().map(|id| json!({ "index": id, "is_live": is_live(id) })).collect();
        data(&json!(entries))
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn ids_of_query(uri: &Uri) -> Vec<String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.strip_prefix("id=")).map(str::to_owned).collect()
}

fn data(data: &Value) -> Response {
    axum::Json(json!({ "execution_optimistic": false, "finalized": false, "data": data })).into_response()
}

fn queue(entries: Option<&Value>) -> Response {
    entries.map_or_else(|| error(404, "Route not found"), data)
}

fn error(status: u16, message: &str) -> Response {
    let body = json!({ "code": status, "message": message });
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}
