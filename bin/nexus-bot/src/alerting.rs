//! Where alerts go: always the log, and a webhook when one is configured.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use nexus_controller::{Alert, AlertSink};
use nexus_http::{Endpoint, HttpClient, HttpLimits};

use crate::{
    config::Config,
    private_file::{into_text, read_secret},
};

/// Returns the configured sinks as one.
pub(crate) fn sink(config: &Config) -> anyhow::Result<Arc<dyn AlertSink>> {
    let mut sinks: Vec<Box<dyn AlertSink>> = vec![Box::new(LogSink)];
    if let Some(reference) = &config.webhook {
        let url = into_text("the webhook's URL", &read_secret("the webhook's URL", reference)?)?;
        let endpoint = url.parse().with_context(|| format!("alerts.webhook, in {reference}"))?;
        sinks.push(Box::new(WebhookSink { client: HttpClient::new(HttpLimits::default())?, endpoint }));
    }
    Ok(Arc::new(Sinks(sinks)))
}

/// One alert to many places.
struct Sinks(Vec<Box<dyn AlertSink>>);

#[async_trait]
impl AlertSink for Sinks {
    async fn raise(&self, alert: &Alert) {
        for sink in &self.0 {
            sink.raise(alert).await;
        }
    }
}

struct LogSink;

#[async_trait]
impl AlertSink for LogSink {
    async fn raise(&self, alert: &Alert) {
        let rollup = alert.rollup.map(tracing::field::display);
        tracing::warn!(alert.name, rollup.admin = rollup, "{}", alert.message);
    }
}

/// Posts `{"name", "rollup", "message"}`.
struct WebhookSink {
    client: HttpClient,
    endpoint: Endpoint,
}

#[async_trait]
impl AlertSink for WebhookSink {
    async fn raise(&self, alert: &Alert) {
        match self.client.post_json(&self.endpoint, "", alert).await {
            Ok(answer) if answer.status.is_success() => {}
            Ok(answer) => {
                let status = answer.status.as_u16();
                tracing::warn!(alert.name, http.status = status, "the webhook refused an alert");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(alert.name, error, "an alert didn't reach the webhook");
            }
        }
    }
}
