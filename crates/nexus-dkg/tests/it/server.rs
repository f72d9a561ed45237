//! Operators' services on loopback, over real TLS with a certificate of nobody.

use std::{io, path::Path, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
    serve::Listener,
};
use nexus_dkg::DkgOperator;
use nexus_ssv::Operator;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
    server::TlsStream,
};

/// What a service answers to a path and a body.
pub(crate) type Behaviour = Arc<dyn Fn(&str, &[u8]) -> Reply + Send + Sync>;

pub(crate) enum Reply {
    Answer(u16, Vec<u8>),
    Silence,
}

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Reply {
    Reply::Answer(200, body.into())
}

/// Refuses like an operator: SSZ of a text.
pub(crate) fn refusal(text: &str) -> Reply {
    Reply::Answer(400, [&[4, 0, 0, 0], text.as_bytes()].concat())
}

/// Starts an operator's service.
pub(crate) async fn serve(operator: Operator, behaviour: Behaviour) -> DkgOperator {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", tcp.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(behaviour);
    let listener = TlsListener { tcp, acceptor: acceptor() };
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    DkgOperator::new(operator, &url).unwrap()
}

/// An operator at an address where nobody listens.
pub(crate) async fn nobody(operator: Operator) -> DkgOperator {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    DkgOperator::new(operator, &format!("https://{}", tcp.local_addr().unwrap())).unwrap()
}

async fn answer(State(behaviour): State<Behaviour>, uri: Uri, body: Bytes) -> Response {
    match behaviour(uri.path(), &body) {
        Reply::Answer(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Silence => std::future::pending().await,
    }
}

fn acceptor() -> TlsAcceptor {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/dkg/tls"));
    let certificate = CertificateDer::from_pem_file(dir.join("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.tcp).await;
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
