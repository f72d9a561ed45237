//! HTTP in, JSON out.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Serialize;
use serde_json::Value;

use super::{BlockProducer, filters::Filters, message, params::Params};
use crate::execution::{ExecutionChain, RpcError};

/// The longest request body taken, in bytes (geth's limit).
const MAX_BODY: usize = 5 * 1024 * 1024;

/// What the methods work on.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) chain: Arc<ExecutionChain>,
    pub(super) producer: Arc<dyn BlockProducer>,
    pub(super) filters: Arc<Mutex<Filters>>,
}

/// Serves `chain` at `/`; blocks asked for by clients are made by `producer`.
///
/// Calls run on tokio's blocking threads, so a producer may take its time.
pub fn router(chain: Arc<ExecutionChain>, producer: Arc<dyn BlockProducer>) -> Router {
    Router::new()
        .route("/", post(handle).options(preflight))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Node { chain, producer, filters: Arc::default() })
}

async fn handle(State(node): State<Node>, body: Bytes) -> Response {
    let work = tokio::task::spawn_blocking(move || {
        let serve = |method: &str, params: &Value| node.serve(method, params);
        message::answer(&body, serve).map(|answer| answer.to_string())
    });
    match work.await {
        Ok(Some(answer)) => with_cors(([(header::CONTENT_TYPE, "application/json")], answer).into_response()),
        Ok(None) => with_cors(StatusCode::OK.into_response()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Lets wallets in a browser page talk to the node.
async fn preflight() -> Response {
    with_cors(StatusCode::NO_CONTENT.into_response())
}

fn with_cors(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    response
}

impl Node {
    fn serve(&self, method: &str, params: &Value) -> Result<Value, RpcError> {
        let shared = ["devnet_", "evm_", "anvil_"].iter().any(|prefix| method.starts_with(prefix));
        if shared && let Some(outcome) = self.producer.extra(method, params) {
            return outcome;
        }
        let args = Params::new(params)?;
        let families =
            [Self::blocks, Self::transactions, Self::execution, Self::fees, Self::filtering, Self::control];
        let answered = families.iter().find_map(|family| family(self, method, args));
        answered
            .or_else(|| if shared { None } else { self.producer.extra(method, params) })
            .unwrap_or_else(|| Err(RpcError::method_not_found(method)))
    }
}

/// A family's answer: `None` when the method is another family's.
pub(super) type Answer = Option<Result<Value, RpcError>>;

/// Writes a result as JSON.
pub(super) fn json(value: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(value).map_err(|error| RpcError::new(-32603, error.to_string()))
}
