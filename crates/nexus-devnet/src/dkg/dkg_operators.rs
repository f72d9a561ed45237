//! Several operators' services, and what they are told to do.

use std::{io, net::Ipv4Addr, sync::Arc};

use nexus_dkg::DkgOperator;
use nexus_primitives::OperatorId;
use nexus_ssv::Operator;
use rand_core::{CryptoRng, SeedableRng};
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    CeremonyOperator, CertificateError, Conduct, Phases, RequestCounts, certificate::make_acceptor,
    server::Service,
};
use crate::operators::DevnetOperator;

/// Running operators, each on a free port of the loopback interface. Dropping them stops them.
pub struct DkgOperators {
    handles: Vec<DkgOperatorHandle>,
    services: JoinSet<()>,
}

/// Where an operator is, what it has been asked, and a way to tell it what to do. Clones are of the same operator.
#[derive(Clone)]
pub struct DkgOperatorHandle {
    operator: &'static DevnetOperator,
    url: String,
    service: Arc<Service>,
}

/// Why operators couldn't be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DkgStartError {
    /// No port could be had.
    #[error("listening on a free port")]
    Listen(#[from] io::Error),
    /// No certificate could be made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl DkgOperators {
    /// Starts operators, all faithful; returns once all accept connections. Every operator draws on a generator of its
    /// own, seeded by `rng`.
    pub async fn start<R: CryptoRng + SeedableRng + Send + 'static>(
        operators: &'static [DevnetOperator],
        phases: Phases,
        rng: &mut R,
    ) -> Result<Self, DkgStartError> {
        let mut started = Self { handles: Vec::with_capacity(operators.len()), services: JoinSet::new() };
        for operator in operators {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let acceptor = make_acceptor()?;
            let url = format!("https://{}", listener.local_addr()?);
            let service = Arc::new(Service::new(CeremonyOperator::new(operator, phases), R::from_rng(rng)));
            started.handles.push(DkgOperatorHandle { operator, url, service: service.clone() });
            started.services.spawn(async move { match service.serve(listener, acceptor).await {} });
        }
        Ok(started)
    }

    /// Returns all operators, in the order in which they were given.
    pub fn all(&self) -> &[DkgOperatorHandle] {
        &self.handles
    }

    /// Returns one operator; `None` when it isn't among these.
    pub fn get(&self, id: OperatorId) -> Option<&DkgOperatorHandle> {
        self.handles.iter().find(|handle| handle.id() == id)
    }

    /// Returns all operators as an initiator asks for them.
    pub fn to_dkg_operators(&self) -> Vec<DkgOperator> {
        self.handles.iter().map(DkgOperatorHandle::to_dkg_operator).collect()
    }

    /// Stops all operators, open connections included, and returns when they have stopped.
    pub async fn shutdown(mut self) {
        self.services.shutdown().await;
    }
}

impl DkgOperatorHandle {
    /// Returns the operator's id.
    pub const fn id(&self) -> OperatorId {
        self.operator.id
    }

    /// Returns where its service listens: `https://127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns how it behaves.
    pub fn conduct(&self) -> Conduct {
        self.service.conduct()
    }

    /// Tells it how to behave from its next request on.
    pub fn behave(&self, conduct: Conduct) {
        self.service.behave(conduct);
    }

    /// Returns what it has been asked so far: whoever tries again asks again.
    pub fn request_counts(&self) -> RequestCounts {
        self.service.request_counts()
    }

    /// Returns the operator as an initiator asks for it.
    pub fn to_dkg_operator(&self) -> DkgOperator {
        let operator = Operator { id: self.id(), key: self.operator.private_key.public_key() };
        DkgOperator::new(operator, &self.url).expect("an address of this machine is a URL")
    }
}
