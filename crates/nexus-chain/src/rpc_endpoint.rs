//! One execution node: single calls and batches, with the limits that this node turns out to have.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use alloy::{
    rpc::{client::RpcClient, json_rpc::ErrorPayload},
    transports::RpcError,
};
use futures::{FutureExt as _, future::BoxFuture};
use nexus_http::{Endpoint, HttpClient};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use crate::{ChainError, HttpTransport, node_message::RpcRefusal};

/// A call to be sent, alone or in a batch.
#[derive(Debug, Clone)]
pub(crate) struct RpcCall {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
}

/// What a node answered to one call.
pub(crate) type RpcReply = Result<Box<RawValue>, RpcRefusal>;

/// An execution node, shown without credentials.
pub(crate) struct RpcEndpoint {
    name: String,
    client: RpcClient,
    batch_limit: AtomicUsize,
}

impl fmt::Display for RpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

enum Batch {
    Answered(Vec<RpcReply>),
    TooManyCalls,
    TooLongAnswer,
}

impl Batch {
    fn refused_for(refusal: &RpcRefusal) -> Option<Self> {
        if refusal.is_batch_limit() {
            Some(Self::TooManyCalls)
        } else if refusal.is_batch_too_heavy() {
            Some(Self::TooLongAnswer)
        } else {
            None
        }
    }
}

impl RpcCall {
    pub(crate) const fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

impl RpcEndpoint {
    pub(crate) fn new(http: HttpClient, endpoint: Endpoint, batch_limit: usize) -> Self {
        let name = endpoint.to_string();
        let client = RpcClient::new(HttpTransport::new(http, endpoint), false);
        Self { name, client, batch_limit: AtomicUsize::new(batch_limit.max(1)) }
    }

    /// Sends one call; what the node refuses is an error.
    pub(crate) async fn request<T: DeserializeOwned>(&self, call: RpcCall) -> Result<T, ChainError> {
        let reply = self.send_one(&call).await?;
        self.decode(&call, &reply)
    }

    /// Sends one call; what the node refuses is part of the result.
    pub(crate) async fn send_one(&self, call: &RpcCall) -> Result<RpcReply, ChainError> {
        match self.client.request::<_, Box<RawValue>>(call.method, &call.params).await {
            Ok(value) => Ok(Ok(value)),
            Err(RpcError::ErrorResp(error)) => Ok(Err(refusal(error))),
            Err(error) => Err(self.unreachable(error)),
        }
    }

    /// Sends all calls, in as few requests as the node's batch limit allows, all of them at once.
    pub(crate) async fn send(&self, calls: &[RpcCall]) -> Result<Vec<RpcReply>, ChainError> {
        let limit = self.batch_limit.load(Ordering::Relaxed);
        let chunks = calls.chunks(limit).map(|chunk| self.send_chunk(chunk));
        Ok(futures::future::try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    /// Sends one batch; halves it for as long as the node refuses batches of its size.
    fn send_chunk<'a>(&'a self, calls: &'a [RpcCall]) -> BoxFuture<'a, Result<Vec<RpcReply>, ChainError>> {
        async move {
            if let [call] = calls {
                return Ok(vec![self.send_one(call).await?]);
            }
            let half = calls.len().div_ceil(2);
            match self.try_batch(calls).await? {
                Batch::Answered(replies) => return Ok(replies),
                Batch::TooManyCalls => drop(self.batch_limit.fetch_min(half, Ordering::Relaxed)),
                Batch::TooLongAnswer => {}
            }
            let (first, second) = calls.split_at(half);
            let mut replies = self.send_chunk(first).await?;
            replies.extend(self.send_chunk(second).await?);
            Ok(replies)
        }
        .boxed()
    }

    async fn try_batch(&self, calls: &[RpcCall]) -> Result<Batch, ChainError> {
        let mut batch = self.client.new_batch();
        let mut waiters = Vec::with_capacity(calls.len());
        for call in calls {
            let waiter = batch.add_call::<_, Box<RawValue>>(call.method, &call.params);
            waiters.push(waiter.map_err(|error| self.unreachable(error))?);
        }
        match batch.send().await {
            Ok(()) => {}
            Err(RpcError::ErrorResp(error)) => {
                let refusal = refusal(error);
                let method = calls.first().map_or("a batch", |call| call.method);
                return Batch::refused_for(&refusal).ok_or_else(|| self.refused(method, refusal));
            }
            Err(error) => return Err(self.unreachable(error)),
        }
        let mut replies = Vec::with_capacity(calls.len());
        let mut missing = None;
        for answer in futures::future::join_all(waiters).await {
            match answer {
                Ok(value) => replies.push(Ok(value)),
                Err(RpcError::ErrorResp(error)) => {
                    let refusal = refusal(error);
                    if let Some(too_large) = Batch::refused_for(&refusal) {
                        return Ok(too_large);
                    }
                    replies.push(Err(refusal));
                }
                // A node that cuts a batch short says so in the answer to one call only: look at all of them first.
                Err(error) => missing = Some(error),
            }
        }
        missing.map_or(Ok(Batch::Answered(replies)), |error| Err(self.unreachable(error)))
    }

    /// Reads a reply as `T`.
    pub(crate) fn decode<T: DeserializeOwned>(
        &self,
        call: &RpcCall,
        reply: &RpcReply,
    ) -> Result<T, ChainError> {
        match reply {
            Ok(value) => serde_json::from_str(value.get()).map_err(|source| self.unreachable(source)),
            Err(refusal) => Err(self.refused(call.method, refusal.clone())),
        }
    }

    pub(crate) fn refused(&self, method: &str, refusal: RpcRefusal) -> ChainError {
        ChainError::Refused {
            endpoint: self.name.clone(),
            method: method.to_owned(),
            message: refusal.message,
        }
    }

    pub(crate) fn unreachable(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ChainError {
        ChainError::Unreachable { endpoint: self.name.clone(), source: source.into() }
    }
}

fn refusal(error: ErrorPayload) -> RpcRefusal {
    let data = error.data.and_then(|raw| revert_data(raw.get()));
    RpcRefusal { code: error.code, message: error.message.into_owned(), data }
}

/// Finds the hexadecimal data of a revert: most nodes send it as a text, some as `{"data": …}`.
fn revert_data(raw: &str) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_str(raw).ok()?;
    let text = value.as_str().or_else(|| value.get("data")?.as_str())?;
    hex::decode(text.strip_prefix("0x")?).ok()
}
