//! Joins consensus clients to a geth of today.
//!
//! geth no longer tells a block's total difficulty and no longer exchanges transition configurations, both of which a
//! client of the Capella era asks for. And a client whose network began after the merge calls its first head by no
//! hash at all until the first slot has a block, which geth takes for an invalid one. Everything else goes through as
//! it is: `engine_*` to the authenticated port, the rest to the public one.

use std::sync::Arc;

use alloy::primitives::{Address, B256};
use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{execution_node::ExecutionNode as _, geth_node::GethNode, jwt_secret::JwtSecret};

/// Stands before a geth.
pub(crate) struct EngineFront {
    url: String,
    _server: JoinSet<()>,
}

/// What a consensus client is joined to.
pub(crate) struct Joined<'a> {
    /// JSON-RPC and Engine API in one.
    pub(crate) execution_url: &'a str,
    /// The block on which the first payload is built.
    pub(crate) first_parent: B256,
    /// The deposit contract.
    pub(crate) deposit_contract: Address,
    /// Who is paid the fees of every block.
    pub(crate) fee_recipient: Address,
    /// The execution layer's chain id.
    pub(crate) chain_id: u64,
}

struct Shared {
    rpc: String,
    engine: String,
    secret: JwtSecret,
    first_parent: B256,
    client: reqwest::Client,
}

impl EngineFront {
    /// Stands before a geth, on whose block `first_parent` the network builds its first one.
    pub(crate) async fn before(
        node: &GethNode,
        secret: JwtSecret,
        first_parent: B256,
    ) -> anyhow::Result<Self> {
        let (rpc, engine) = (node.rpc().url().to_owned(), node.engine_url().to_owned());
        let shared = Shared { rpc, engine, secret, first_parent, client: reqwest::Client::new() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(answer)).with_state(Arc::new(shared));
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { url, _server: server })
    }

    /// Returns where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

async fn answer(State(shared): State<Arc<Shared>>, Json(request): Json<Value>) -> Json<Value> {
    let Value::Array(calls) = request else { return Json(shared.answer(request).await) };
    let mut answers = Vec::new();
    for call in calls {
        answers.push(shared.answer(call).await);
    }
    Json(Value::Array(answers))
}

impl Shared {
    async fn answer(&self, mut call: Value) -> Value {
        let method = call["method"].as_str().unwrap_or_default().to_owned();
        if method == "engine_exchangeTransitionConfigurationV1" {
            return json!({ "jsonrpc": "2.0", "id": call["id"], "result": call["params"][0] });
        }
        if method.starts_with("engine_forkchoiceUpdated") {
            let head = &mut call["params"][0]["headBlockHash"];
            if *head == json!(B256::ZERO) {
                *head = json!(self.first_parent);
            }
        }
        let request = if method.starts_with("engine_") {
            self.client.post(&self.engine).bearer_auth(self.secret.token())
        } else {
            self.client.post(&self.rpc)
        };
        let reply = async { request.json(&call).send().await?.json::<Value>().await };
        let mut reply = reply.await.unwrap_or_else(|problem| {
            json!({ "jsonrpc": "2.0", "id": call["id"], "error": { "code": -32000, "message": problem.to_string() } })
        });
        if method.starts_with("eth_getBlockBy") && reply["result"].is_object() {
            reply["result"]["totalDifficulty"] = json!("0x0");
        }
        reply
    }
}
