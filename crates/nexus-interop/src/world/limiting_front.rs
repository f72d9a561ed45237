//! A node as public providers serve it: behind limits on batches, log ranges and methods.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// Most calls in a batch.
const MAX_BATCH: usize = 20;
/// Most blocks in a log query.
const MAX_LOG_RANGE: u64 = 40;

/// Stands before a node and refuses what a provider would.
pub(crate) struct LimitingFront {
    url: String,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    node: String,
    client: reqwest::Client,
    refused_batches: AtomicUsize,
    refused_ranges: AtomicUsize,
    without_simulate: AtomicBool,
    refused_simulations: AtomicUsize,
}

impl LimitingFront {
    /// Stands before the node at `url`.
    pub(crate) async fn before(url: &str) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            node: url.to_owned(),
            client: reqwest::Client::new(),
            refused_batches: AtomicUsize::new(0),
            refused_ranges: AtomicUsize::new(0),
            without_simulate: AtomicBool::new(false),
            refused_simulations: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(answer)).with_state(shared.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { url, shared, _server: server })
    }

    /// Returns where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes the node forget `eth_simulateV1`, or know it again.
    pub(crate) fn hide_simulate(&self, hidden: bool) {
        self.shared.without_simulate.store(hidden, Ordering::SeqCst);
    }

    /// Returns how many batches, log queries and simulations were refused.
    pub(crate) fn refusals(&self) -> [usize; 3] {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        let shared = &self.shared;
        [count(&shared.refused_batches), count(&shared.refused_ranges), count(&shared.refused_simulations)]
    }
}

async fn answer(State(shared): State<Arc<Shared>>, Json(request): Json<Value>) -> Json<Value> {
    let Some(calls) = request.as_array() else {
        return Json(match shared.refusal(&request) {
            Some(refusal) => refusal,
            None => shared.forward(&request).await,
        });
    };
    if calls.len() > MAX_BATCH {
        shared.refused_batches.fetch_add(1, Ordering::SeqCst);
        return Json(error(&Value::Null, -32600, "batch too large"));
    }
    let refusals: Vec<_> = calls.iter().map(|call| shared.refusal(call)).collect();
    let passed: Vec<_> = calls.iter().zip(&refusals).filter(|(_, refusal)| refusal.is_none()).collect();
    let mut replies: Vec<Value> = refusals.iter().flatten().cloned().collect();
    if !passed.is_empty() {
        let passed: Vec<_> = passed.into_iter().map(|(call, _)| call.clone()).collect();
        match shared.forward(&Value::Array(passed)).await {
            Value::Array(answers) => replies.extend(answers),
            other => return Json(other),
        }
    }
    Json(Value::Array(replies))
}

impl Shared {
    fn refusal(&self, call: &Value) -> Option<Value> {
        let id = &call["id"];
        if call["method"] == "eth_simulateV1" && self.without_simulate.load(Ordering::SeqCst) {
            self.refused_simulations.fetch_add(1, Ordering::SeqCst);
            return Some(error(id, -32601, "the method eth_simulateV1 does not exist/is not available"));
        }
        let filter = &call["params"][0];
        let range = height(&filter["toBlock"]).zip(height(&filter["fromBlock"]));
        if call["method"] == "eth_getLogs"
            && range.is_some_and(|(to, from)| to.saturating_sub(from) >= MAX_LOG_RANGE)
        {
            self.refused_ranges.fetch_add(1, Ordering::SeqCst);
            return Some(error(id, -32602, &format!("query exceeds max block range {MAX_LOG_RANGE}")));
        }
        None
    }

    async fn forward(&self, body: &Value) -> Value {
        let reply = async { self.client.post(&self.node).json(body).send().await?.json().await };
        reply.await.unwrap_or_else(|problem: reqwest::Error| error(&body["id"], -32000, &problem.to_string()))
    }
}

fn height(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

fn error(id: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}
