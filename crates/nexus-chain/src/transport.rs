//! JSON-RPC over the workspace's bounded HTTP client, as a transport of alloy.

use std::task::{Context, Poll};

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket, ResponsePayload},
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use nexus_http::{Endpoint, HttpClient, HttpError, StatusCode};

/// An alloy transport with one deadline, a cap on the answer's size and errors that name the endpoint without its
/// credentials: whatever stands behind the URL, a request ends.
///
/// Give it to alloy's `RpcClient::new` to use alloy's providers with the same limits.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    client: HttpClient,
    endpoint: Endpoint,
}

/// The answer wasn't JSON-RPC, and its HTTP status says why.
#[derive(Debug, thiserror::Error)]
#[error("answered HTTP {status}: {starts_with}")]
struct UnexpectedStatus {
    status: StatusCode,
    starts_with: String,
}

impl HttpTransport {
    /// Sends requests to `endpoint` through `client`.
    pub const fn new(client: HttpClient, endpoint: Endpoint) -> Self {
        Self { client, endpoint }
    }

    async fn exchange(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let response = self.client.post_json(&self.endpoint, "", &request).await;
        let response = response.map_err(TransportErrorKind::custom)?;
        // Nodes send JSON-RPC errors with all kinds of HTTP status: the body decides.
        let answer: Result<ResponsePacket, HttpError> = response.json();
        match (answer, request) {
            // One error for a whole batch: it has no id, so nothing would match it to the calls.
            (Ok(ResponsePacket::Single(single)), RequestPacket::Batch(_)) => match single.payload {
                ResponsePayload::Failure(error) => Err(TransportError::ErrorResp(error)),
                ResponsePayload::Success(_) => {
                    Err(TransportErrorKind::custom_str("answered a batch with a single result"))
                }
            },
            (Ok(answer), _) => Ok(answer),
            (Err(_), _) if !response.status.is_success() => {
                Err(TransportErrorKind::custom(UnexpectedStatus {
                    status: response.status,
                    starts_with: response.starts_with(),
                }))
            }
            (Err(error), _) => Err(TransportErrorKind::custom(error)),
        }
    }
}

impl tower::Service<RequestPacket> for HttpTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}
