//! An operator's service on a socket: TLS, HTTP/1.1 (real ones also speak HTTP/2), and the time that answers take.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rand_core::CryptoRng;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, sleep_until},
};
use tokio_rustls::TlsAcceptor;

use super::{Answer, CeremonyOperator, Conduct, Reply, Request, RequestCounts};

/// Largest body that operators read: 105 MiB.
const MAX_BODY: usize = 105 << 20;
/// Pause after a connection couldn't be accepted: for want of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections of one operator share, and who tells it what to do.
pub(super) struct Service {
    operator: Mutex<(CeremonyOperator, Box<dyn CryptoRng + Send>)>,
    conduct: RwLock<Conduct>,
    started: Instant,
}

/// The connection ends without a response.
#[derive(Debug, thiserror::Error)]
#[error("broken off")]
struct BrokenOff;

impl Service {
    /// Makes the service of a faithful operator.
    pub(super) fn new(operator: CeremonyOperator, rng: impl CryptoRng + Send + 'static) -> Self {
        let operator = Mutex::new((operator, Box::new(rng) as Box<_>));
        Self { operator, conduct: RwLock::default(), started: Instant::now() }
    }

    /// Returns how the operator behaves.
    pub(super) fn conduct(&self) -> Conduct {
        self.conduct.read().expect("nobody panics while holding it").clone()
    }

    /// Tells the operator how to behave from its next request on.
    pub(super) fn behave(&self, conduct: Conduct) {
        *self.conduct.write().expect("nobody panics while holding it") = conduct;
    }

    /// Returns what the operator has been asked so far.
    pub(super) fn request_counts(&self) -> RequestCounts {
        self.operator.lock().expect("no operator panics").0.request_counts()
    }

    /// Serves until the task is aborted, and all connections with it.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok(_) if self.conduct() == Conduct::Absent => {}
                Ok((stream, _)) => {
                    let (service, acceptor) = (self.clone(), acceptor.clone());
                    connections.spawn(async move { service.converse(stream, &acceptor).await });
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// Answers the requests of one connection. How it ends is the peer's concern.
    async fn converse(self: Arc<Self>, stream: TcpStream, acceptor: &TlsAcceptor) {
        let Ok(stream) = acceptor.accept(stream).await else { return };
        let answer = service_fn(move |request| {
            let service = self.clone();
            async move { service.respond(request).await }
        });
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    }

    async fn respond(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, BrokenOff> {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let refusal = self.operator.lock().expect("no operator panics").0.refuse_body();
                return Ok(response(StatusCode::PAYLOAD_TOO_LARGE, refusal));
            }
            Err(_) => return Err(BrokenOff),
        };
        let started = self.started;
        // Signing and opening take milliseconds, during which others shall be answered.
        let answer = spawn_blocking(move || {
            let request = Request { method: head.method.as_str(), path: head.uri.path(), body: &body };
            self.answer(&request)
        });
        let Answer { reply, due } = answer.await.map_err(|_| BrokenOff)?;
        sleep_until(started + due).await;
        match reply {
            Reply::Response { status, body } => {
                Ok(response(StatusCode::from_u16(status).map_err(|_| BrokenOff)?, body))
            }
            Reply::BrokenOff => Err(BrokenOff),
        }
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        let (conduct, now) = (self.conduct(), self.started.elapsed());
        let (operator, rng) = &mut *self.operator.lock().expect("no operator panics");
        operator.answer(request, now, &conduct, rng)
    }
}

fn response(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let content_type = match status {
        StatusCode::NOT_FOUND => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
