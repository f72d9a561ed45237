//! The client itself.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    RequestBuilder, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION},
    redirect,
};
use serde::Serialize;

use crate::{Endpoint, HttpError, HttpResponse};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How long an exchange may take and how much it may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Time until the connection, TLS included, stands.
    pub connect_timeout: Duration,
    /// Time until the last byte of the answer, from before the connection is made.
    pub total_timeout: Duration,
    /// Largest body that is accepted, in bytes.
    pub max_body_bytes: usize,
}

/// 5 seconds to connect, 30 seconds in all, 64 MiB.
impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            max_body_bytes: 64 << 20,
        }
    }
}

/// Whose TLS certificates are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificates {
    /// Those that lead to the system's roots and name the host.
    SystemRoots,
    /// Any, expired, self-signed and for other hosts included: TLS then only hides the exchange from onlookers.
    ///
    /// # Security
    /// Whoever sits on the way can answer. Only for protocols that authenticate every answer themselves.
    Any,
}

/// A client with [`HttpLimits`]. Clones share their connections.
#[derive(Clone)]
pub struct HttpClient {
    inner: reqwest::Client,
    limits: HttpLimits,
}

impl HttpClient {
    /// Sets up a client: no redirects, no proxies from the environment, certificates checked against the system's
    /// roots.
    pub fn new(limits: HttpLimits) -> Result<Self, HttpError> {
        Self::with_certificates(limits, Certificates::SystemRoots)
    }

    /// Sets up a client like [`Self::new`] that accepts other certificates.
    pub fn with_certificates(limits: HttpLimits, certificates: Certificates) -> Result<Self, HttpError> {
        let inner = reqwest::Client::builder()
            .connect_timeout(limits.connect_timeout)
            .redirect(redirect::Policy::none())
            .referer(false)
            .tls_danger_accept_invalid_certs(certificates == Certificates::Any)
            .no_proxy()
            .user_agent(concat!("nexus-bot/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(HttpError::Setup)?;
        Ok(Self { inner, limits })
    }

    /// Returns a client with the same connections and another [`HttpLimits::total_timeout`].
    pub fn within(&self, total_timeout: Duration) -> Self {
        Self { inner: self.inner.clone(), limits: HttpLimits { total_timeout, ..self.limits } }
    }

    /// Returns the limits every exchange keeps.
    pub const fn limits(&self) -> HttpLimits {
        self.limits
    }

    /// Gets `path` below the endpoint; `query` pairs are percent-encoded.
    ///
    /// An HTTP error status is an `Ok` answer with that status: its body often says what is wrong.
    pub async fn get(
        &self,
        endpoint: &Endpoint,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<HttpResponse, HttpError> {
        self.exchange(endpoint, self.inner.get(endpoint.url(path, query)).header(ACCEPT, JSON)).await
    }

    /// Posts `body` as JSON to `path` below the endpoint; an empty path posts to the endpoint's own URL.
    ///
    /// An HTTP error status is an `Ok` answer with that status: its body often says what is wrong.
    pub async fn post_json<B: Serialize + ?Sized + Sync>(
        &self,
        endpoint: &Endpoint,
        path: &str,
        body: &B,
    ) -> Result<HttpResponse, HttpError> {
        let body = serde_json::to_vec(body)
            .map_err(|source| HttpError::Request { endpoint: endpoint.clone(), source })?;
        let request = self.inner.post(endpoint.url(path, &[])).header(CONTENT_TYPE, JSON).body(body);
        self.exchange(endpoint, request.header(ACCEPT, JSON)).await
    }

    /// Posts `body` as it is, without a content type, to `path` below the endpoint.
    ///
    /// An HTTP error status is an `Ok` answer with that status: its body often says what is wrong.
    pub async fn post_bytes(
        &self,
        endpoint: &Endpoint,
        path: &str,
        body: Bytes,
    ) -> Result<HttpResponse, HttpError> {
        self.exchange(endpoint, self.inner.post(endpoint.url(path, &[])).body(body)).await
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        request: RequestBuilder,
    ) -> Result<HttpResponse, HttpError> {
        let request = request.timeout(self.limits.total_timeout);
        let response = request.send().await.map_err(|e| self.sort(endpoint, e))?;
        let status = response.status();
        if status.is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let to = location.and_then(|location| endpoint.redirected(location));
            return Err(HttpError::Redirect { endpoint: endpoint.clone(), to });
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = self.read_body(endpoint, response).await?;
        Ok(HttpResponse { endpoint: endpoint.clone(), status, content_type, body })
    }

    /// Reads chunk by chunk, so that a body without end costs no more memory than the cap.
    async fn read_body(&self, endpoint: &Endpoint, mut response: Response) -> Result<Bytes, HttpError> {
        let limit = self.limits.max_body_bytes;
        let too_large = || HttpError::BodyTooLarge { endpoint: endpoint.clone(), limit };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.sort(endpoint, e))? {
            if chunk.len() > limit.saturating_sub(body.len()) {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn sort(&self, endpoint: &Endpoint, error: reqwest::Error) -> HttpError {
        HttpError::from_reqwest(endpoint, self.limits.total_timeout, error)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("limits", &self.limits).finish_non_exhaustive()
    }
}
