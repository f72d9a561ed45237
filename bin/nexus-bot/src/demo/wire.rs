//! A second way to the execution node, which stops in the middle of an exchange when it is told to.
//!
//! The client on the other side waits in that exchange and does nothing else: it can be killed at exactly that moment.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use nexus_controller::{IntentSummary, StateFile, StateIdentity, StoredPhase};
use nexus_devnet::{
    World,
    execution::{
        RpcError,
        rpc::{BlockProducer, router},
    },
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// Longest request that is looked into, in bytes.
const MAX_REQUEST: usize = 5 << 20;

/// A moment in the life of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The intent is on disk, nothing is signed.
    Recorded,
    /// The signed transaction is on disk, no node has it.
    Signed,
    /// The node has the transaction, its sender doesn't know.
    Broadcast,
}

/// Where to cut: at a moment of a transaction of this kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) kind: &'static str,
    pub(super) moment: Moment,
}

/// The wire. Dropping it closes it.
pub(super) struct Wire {
    hand: Arc<Hand>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// The hand on the wire.
struct Hand {
    state: PathBuf,
    identity: StateIdentity,
    armed: Mutex<Option<Cut>>,
    held: Notify,
}

impl Wire {
    /// Serves the world's execution node on a port of its own. What the client intends is read from its state file.
    pub(super) async fn start(
        world: Arc<World>,
        state: PathBuf,
        identity: StateIdentity,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let hand = Arc::new(Hand { state, identity, armed: Mutex::new(None), held: Notify::new() });
        let node = router(world.execution().clone(), Arc::new(Slots(world)));
        let node = node.layer(middleware::from_fn_with_state(Arc::clone(&hand), pass));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, node).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the wire broke");
            }
        });
        Ok(Self { hand, address, server })
    }

    /// Returns the URL to give to the client.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts the next time this moment comes.
    pub(super) fn arm(&self, cut: Cut) {
        *self.hand.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// Completes when the wire was cut; whatever was asked then stays unanswered.
    pub(super) async fn cut(&self) {
        self.hand.held.notified().await;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Hand {
    fn armed(&self) -> Option<Cut> {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what the client is about to do, as its state file has it on disk.
    fn intent(&self) -> Option<IntentSummary> {
        let state = StateFile::open_read_only(&self.state, self.identity).ok()??;
        let open = |intent: &IntentSummary| matches!(intent.state, StoredPhase::Recorded | StoredPhase::Sent);
        state.intents(1).ok()?.into_iter().find(open)
    }

    /// Whether the client is at the armed moment when it makes this request.
    fn is_at(&self, cut: Cut, request: &[u8]) -> bool {
        let Some(intent) = self.intent().filter(|intent| intent.kind == cut.kind) else { return false };
        match cut.moment {
            Moment::Recorded => intent.state == StoredPhase::Recorded,
            Moment::Signed | Moment::Broadcast => intent.state == StoredPhase::Sent && is_broadcast(request),
        }
    }

    /// Tells that the wire is cut and never returns.
    async fn hold(&self) -> Response {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.held.notify_one();
        std::future::pending().await
    }
}

async fn pass(State(hand): State<Arc<Hand>>, request: Request, next: Next) -> Response {
    let Some(cut) = hand.armed() else { return next.run(request).await };
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let now = hand.is_at(cut, &body);
    let request = Request::from_parts(head, Body::from(body));
    if !now {
        return next.run(request).await;
    }
    if cut.moment == Moment::Broadcast {
        // The node answers, and nobody hears it.
        drop(next.run(request).await);
    }
    hand.hold().await
}

fn is_broadcast(request: &[u8]) -> bool {
    let sends = |call: &Value| call["method"] == "eth_sendRawTransaction";
    match serde_json::from_slice::<Value>(request) {
        Ok(Value::Array(calls)) => calls.iter().any(sends),
        Ok(call) => sends(&call),
        Err(_) => false,
    }
}

/// Makes blocks for whoever asks the node for them.
struct Slots(Arc<World>);

impl BlockProducer for Slots {
    fn mine(&self, blocks: u64) {
        self.0.advance_slots(blocks);
    }

    fn increase_time(&self, _: u64) {}

    fn extra(&self, _: &str, _: &Value) -> Option<Result<Value, RpcError>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_is_found_alone_and_in_a_batch() {
        let call = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#);
        let (send, read) = (call("eth_sendRawTransaction"), call("eth_call"));
        assert!(is_broadcast(send.as_bytes()));
        assert!(is_broadcast(format!("[{read},{send}]").as_bytes()));
        assert!(!is_broadcast(read.as_bytes()));
        assert!(!is_broadcast(format!("[{read},{read}]").as_bytes()));
        assert!(!is_broadcast(b"eth_sendRawTransaction"), "not JSON");
    }
}
