//! The status server of `run`: is the process alive, does it make progress, what does it know.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use nexus_controller::{StateFile, StatusReport};
use nexus_primitives::{Clock, UnixSeconds};
use tokio::net::TcpListener;

use crate::status_document::status_document;

/// Intervals without a successful tick after which the bot isn't ready.
const PATIENCE_INTERVALS: u64 = 10;

/// How the last tick went; shared by the loop, which writes, and the server, which reads.
pub(crate) struct Health {
    last: Mutex<Last>,
    clock: Arc<dyn Clock>,
    interval_secs: u64,
}

#[derive(Default)]
struct Last {
    succeeded_at: Option<UnixSeconds>,
    error: Option<String>,
}

impl Health {
    /// Begins with no tick done.
    pub(crate) fn new(clock: Arc<dyn Clock>, interval_secs: u64) -> Self {
        Self { last: Mutex::default(), clock, interval_secs }
    }

    /// Notes a tick that went through.
    pub(crate) fn succeeded(&self) {
        let now = self.clock.now();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Last { succeeded_at: Some(now), error: None };
    }

    /// Notes a tick that failed.
    pub(crate) fn failed(&self, error: String) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).error = Some(error);
    }

    /// Returns why the bot isn't ready, if it isn't.
    fn problem(&self) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &last.error {
            return Some(format!("the last tick failed: {error}"));
        }
        let Some(at) = last.succeeded_at else { return Some("no tick has ended yet".to_owned()) };
        let age = self.clock.now().seconds_since(at);
        let most = self.interval_secs.saturating_mul(PATIENCE_INTERVALS).max(60);
        (age > most).then(|| format!("the last tick ended {age} s ago"))
    }
}

struct Served {
    health: Arc<Health>,
    state: Arc<StateFile>,
}

/// Listens, and serves for as long as the process lives. An address that can't be had is an error.
pub(crate) async fn start(
    listen: SocketAddr,
    health: Arc<Health>,
    state: Arc<StateFile>,
) -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("http.listen: binding {listen}"))?;
    let address = listener.local_addr().context("http.listen: reading the bound address")?;
    let router = router(Arc::new(Served { health, state }));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the status server ended");
        }
    });
    Ok(address)
}

fn router(served: Arc<Served>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/api/v1/status", get(status))
        .with_state(served)
}

async fn ready(State(served): State<Arc<Served>>) -> Response {
    match served.health.problem() {
        None => "ready\n".into_response(),
        Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response(),
    }
}

async fn status(State(served): State<Arc<Served>>) -> Response {
    let read = || anyhow::Ok(status_document(&StatusReport::gather(&served.state, None)?)?);
    match read() {
        Ok(document) => Json(document).into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the status can't be read");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct HandMoved(AtomicU64);

    impl Clock for HandMoved {
        fn now(&self) -> UnixSeconds {
            UnixSeconds::new(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn ready_means_a_recent_tick_went_through() {
        let clock = Arc::new(HandMoved(AtomicU64::new(1_000)));
        let health = Health::new(Arc::clone(&clock) as _, 12);
        assert_eq!(health.problem().as_deref(), Some("no tick has ended yet"));
        health.succeeded();
        assert_eq!(health.problem(), None);
        clock.0.store(1_120, Ordering::Relaxed);
        assert_eq!(health.problem(), None);
        clock.0.store(1_121, Ordering::Relaxed);
        assert_eq!(health.problem().as_deref(), Some("the last tick ended 121 s ago"));
        health.succeeded();
        health.failed("no endpoint".to_owned());
        assert_eq!(health.problem().as_deref(), Some("the last tick failed: no endpoint"));
    }
}
