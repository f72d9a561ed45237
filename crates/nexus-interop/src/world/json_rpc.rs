//! A plain JSON-RPC client for the harness itself; the bot uses its own.

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::jwt_secret::JwtSecret;

/// Talks to one node.
#[derive(Debug, Clone)]
pub(crate) struct JsonRpc {
    url: String,
    client: reqwest::Client,
    secret: Option<JwtSecret>,
}

impl JsonRpc {
    /// Names the node.
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), client: reqwest::Client::new(), secret: None }
    }

    /// Signs each request with this secret.
    pub(crate) fn with_secret(mut self, secret: JwtSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Returns the node's URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method and decodes its result.
    pub(crate) async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> anyhow::Result<T> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut request = self.client.post(&self.url).json(&body);
        if let Some(secret) = &self.secret {
            request = request.bearer_auth(secret.token());
        }
        let mut reply: Value = request.send().await.with_context(|| method.to_owned())?.json().await?;
        if let Some(error) = reply.get("error") {
            bail!("{method}: {error}");
        }
        serde_json::from_value(reply["result"].take())
            .with_context(|| format!("{method} answers in another form"))
    }

    /// Tells whether the node answers.
    pub(crate) async fn answers(&self) -> bool {
        self.call::<String>("eth_chainId", json!([])).await.is_ok()
    }
}
