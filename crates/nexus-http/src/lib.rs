//! A bounded HTTP client: one deadline over the whole exchange, a cap on the body, errors that name the endpoint.
//!
//! The nodes the bot talks to may be slow, wrong or hostile. So every request ends within
//! [`HttpLimits::total_timeout`], no answer takes more memory than [`HttpLimits::max_body_bytes`], and what comes
//! back is told apart: nobody there, an HTML page, JSON of another shape.
//!
//! What this crate never does: follow redirects, use proxies from the environment, retry, decompress, or show the
//! user name, path or query of an endpoint, where providers put API keys.
//!
//! ```
//! use nexus_http::{Endpoint, HttpClient, HttpError, HttpLimits};
//!
//! #[derive(serde::Deserialize)]
//! struct Version {
//!     version: String,
//! }
//!
//! async fn fetch_version(node: &Endpoint) -> Result<String, HttpError> {
//!     let client = HttpClient::new(HttpLimits::default())?;
//!     Ok(client.get(node, "/version", &[]).await?.json::<Version>()?.version)
//! }
//!
//! let node: Endpoint = "https://user:secret@node.example/v3/api-key".parse()?;
//! assert_eq!(node.to_string(), "https://node.example/…");
//! # let _ = fetch_version(&node);
//! # Ok::<(), nexus_http::EndpointError>(())
//! ```
#![forbid(unsafe_code)]

mod client;
mod endpoint;
mod error;
mod response;

pub use bytes::Bytes;
pub use client::{Certificates, HttpClient, HttpLimits};
pub use endpoint::{Endpoint, EndpointError};
pub use error::HttpError;
pub use reqwest::StatusCode;
pub use response::HttpResponse;
