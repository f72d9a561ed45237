//! A JSON-RPC server in front of an execution layer that counts requests and changes answers.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse as _, routing::post};
use nexus_http::Endpoint;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Changes a call's request or answers in its place.
pub(crate) type Interceptor = Box<dyn Fn(&mut Value) -> Option<Value> + Send + Sync>;

/// A node that can misbehave.
#[derive(Clone)]
pub(crate) struct NodeFront {
    inner: Router,
    pub(crate) endpoint: Endpoint,
    state: Arc<FrontState>,
}

struct FrontState {
    requests: AtomicUsize,
    batch_limit: AtomicUsize,
    interceptor: Mutex<Option<Interceptor>>,
}

impl NodeFront {
    /// Serves `inner` on a free port.
    pub(crate) async fn serve(inner: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let state = Arc::new(FrontState {
            requests: AtomicUsize::new(0),
            batch_limit: AtomicUsize::new(usize::MAX),
            interceptor: Mutex::new(None),
        });
        let front = Self { inner, endpoint, state };
        let router = Router::new().route("/", post(answer)).with_state(front.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        front
    }

    /// Returns the number of HTTP requests since the last call.
    pub(crate) fn take_requests(&self) -> usize {
        self.state.requests.swap(0, Ordering::SeqCst)
    }

    /// Lets batches of more calls fail as geth does.
    pub(crate) fn limit_batches(&self, calls: usize) {
        self.state.batch_limit.store(calls, Ordering::SeqCst);
    }

    /// Lets every call pass by `interceptor` first.
    pub(crate) fn intercept(
        &self,
        interceptor: impl Fn(&mut Value) -> Option<Value> + Send + Sync + 'static,
    ) {
        *self.state.interceptor.lock().unwrap() = Some(Box::new(interceptor));
    }

    /// Behaves again.
    pub(crate) fn behave(&self) {
        *self.state.interceptor.lock().unwrap() = None;
    }

    async fn answer_one(&self, mut call: Value) -> Value {
        let id = call["id"].clone();
        let answer = self.state.interceptor.lock().unwrap().as_ref().and_then(|change| change(&mut call));
        let mut answer = match answer {
            Some(answer) => answer,
            None => self.forward(&call).await,
        };
        answer["id"] = id;
        answer["jsonrpc"] = json!("2.0");
        answer
    }

    async fn forward(&self, call: &Value) -> Value {
        let request = axum::http::Request::post("/").body(axum::body::Body::from(call.to_string())).unwrap();
        let response = self.inner.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

async fn answer(State(front): State<NodeFront>, body: Bytes) -> axum::response::Response {
    front.state.requests.fetch_add(1, Ordering::SeqCst);
    let request: Value = serde_json::from_slice(&body).unwrap();
    let answer = match request {
        Value::Array(calls) if calls.len() > front.state.batch_limit.load(Ordering::SeqCst) => {
            let error = json!({ "code": -32600, "message": "batch too large" });
            json!([{ "jsonrpc": "2.0", "id": calls[0]["id"], "error": error }])
        }
        Value::Array(calls) => {
            let mut answers = vec![];
            for call in calls {
                answers.push(front.answer_one(call).await);
            }
            Value::Array(answers)
        }
        call => front.answer_one(call).await,
    };
    axum::Json(answer).into_response()
}

/// A JSON-RPC error as a node writes it.
pub(crate) fn error(code: i64, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message } })
}
