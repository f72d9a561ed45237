//! What can go wrong between a request and a usable answer.

use std::{fmt, time::Duration};

use crate::Endpoint;

/// Why a request has no usable answer.
///
/// Whether the server acted on the request is unknown for [`Self::Timeout`], [`Self::Transport`] and everything
/// about the answer; after [`Self::Connect`] it never saw it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The client can't be built: the system's certificate store can't be used.
    #[error("setting up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// The request's body can't be written as JSON: a caller's bug.
    #[error("writing the request to {endpoint} as JSON")]
    Request {
        /// Who was to be asked.
        endpoint: Endpoint,
        /// What doesn't fit JSON.
        #[source]
        source: serde_json::Error,
    },
    /// No connection: refused, no such host, a failed TLS handshake, or slower than the connect timeout.
    #[error("connecting to {endpoint}: is the service running and the URL right?")]
    Connect {
        /// Who was asked.
        endpoint: Endpoint,
        /// What the system said.
        #[source]
        source: reqwest::Error,
    },
    /// The exchange wasn't complete when its time was over.
    #[error("{endpoint} did not answer completely within {} s", after.as_secs_f64())]
    Timeout {
        /// Who was asked.
        endpoint: Endpoint,
        /// [`crate::HttpLimits::total_timeout`].
        after: Duration,
    },
    /// The connection broke, or what came over it isn't HTTP.
    #[error("exchange with {endpoint} broke off")]
    Transport {
        /// Who was asked.
        endpoint: Endpoint,
        /// What the HTTP layer said.
        #[source]
        source: reqwest::Error,
    },
    /// A redirect, which is never followed: a POST would lose its body, and an API key could reach a stranger.
    #[error("{endpoint} redirects to {}: redirects are not followed, configure that URL", RedirectTarget(to.as_ref()))]
    Redirect {
        /// Who was asked.
        endpoint: Endpoint,
        /// Where it points; `None` when its `Location` header is missing or isn't a URL.
        to: Option<Endpoint>,
    },
    /// The body is larger than the cap. At most the cap's bytes were read.
    #[error("{endpoint} answered more than {limit} bytes: is this the right URL?")]
    BodyTooLarge {
        /// Who was asked.
        endpoint: Endpoint,
        /// [`crate::HttpLimits::max_body_bytes`].
        limit: usize,
    },
    /// The body isn't JSON.
    #[error("{endpoint} answered {}, not JSON: is this the right URL?", Found { content_type, starts_with })]
    NotJson {
        /// Who was asked.
        endpoint: Endpoint,
        /// The `Content-Type` header; empty when there is none.
        content_type: String,
        /// The first characters of the body.
        starts_with: String,
    },
    /// The body is JSON of another shape than expected.
    #[error("{endpoint} answered JSON of an unexpected shape at {path}")]
    UnexpectedShape {
        /// Who was asked.
        endpoint: Endpoint,
        /// Where in the document, as in `data[3].validator.slashed`; `.` is the document itself.
        path: String,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
}

impl HttpError {
    /// Says whether the service isn't to be had there: no connection, no whole answer in time, or an answer that
    /// can't be the service's (a redirect, a page, a flood).
    pub const fn is_unreachable(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::Redirect { .. }
            | Self::BodyTooLarge { .. }
            | Self::NotJson { .. } => true,
            Self::Setup(_) | Self::Request { .. } | Self::UnexpectedShape { .. } => false,
        }
    }

    /// Sorts a failure of the HTTP layer. The URL, which may carry an API key, is dropped from it.
    pub(crate) fn from_reqwest(endpoint: &Endpoint, total_timeout: Duration, source: reqwest::Error) -> Self {
        let (endpoint, source) = (endpoint.clone(), source.without_url());
        if source.is_connect() {
            Self::Connect { endpoint, source }
        } else if source.is_timeout() {
            Self::Timeout { endpoint, after: total_timeout }
        } else {
            Self::Transport { endpoint, source }
        }
    }
}

/// Names what stands where JSON should.
struct Found<'a> {
    content_type: &'a str,
    starts_with: &'a str,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.starts_with.trim_start().to_ascii_lowercase();
        if self.starts_with.is_empty() {
            f.write_str("nothing")
        } else if self.content_type.starts_with("text/html")
            || start.starts_with("<!doctype html")
            || start.starts_with("<html")
        {
            f.write_str("HTML")
        } else {
            write!(f, "{:?}", self.starts_with)
        }
    }
}

struct RedirectTarget<'a>(Option<&'a Endpoint>);

impl fmt::Display for RedirectTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(endpoint) => endpoint.fmt(f),
            None => f.write_str("nowhere in particular"),
        }
    }
}
