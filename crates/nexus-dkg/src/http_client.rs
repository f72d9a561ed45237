//! Ceremonies over HTTPS.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join_all;
use nexus_http::{Bytes, Certificates, HttpClient, HttpError, HttpLimits, HttpResponse, StatusCode};
use nexus_primitives::{Clock, OperatorId};
use nexus_ssv::CreatedAt;
use rand::{SeedableRng as _, rngs::StdRng};
use rand_core::CryptoRng;
use tokio::sync::Mutex;
use tracing::{debug, instrument};

use crate::{
    Answers, CeremonyClient, CeremonyError, CeremonyFault, CeremonyOutput, CeremonyRequest, DeadlineError,
    Deadlines, DkgOperator, Fault, HealthReport, Initiated, InitiatorIdentity, OperatorVersion, Refusal,
    RequestId, Round, RoundFailed, StoredOutput, health::read_pong,
};

/// Largest answer that is read. The largest there is has 6 kB.
const MAX_ANSWER: usize = 64 << 10;

/// Leads ceremonies with operators' services over HTTPS.
///
/// # Security
/// Any certificate is accepted. Operators' are self-signed, mostly for `localhost`, and nothing ties one to an operator;
/// what does is the RSA key it registered on chain, with which it signs every answer. So an answer counts only when it
/// verifies under that key, in this ceremony. Secrets are encrypted from operator to operator and from operator to SSV
/// node; they aren't in the clear at any hop, this client included.
///
/// What TLS would add is that nobody on the way reads the commitments: an operator that sees all others' before it deals
/// can choose its own to fit. Together with others, more than a third of all operators but fewer than the threshold, it
/// could so make a key that it knows. `docs/dkg.md` says what follows from that.
pub struct HttpCeremonyClient {
    http: HttpClient,
    deadlines: Deadlines,
    clock: Arc<dyn Clock>,
    rng: Mutex<Box<dyn CryptoRng + Send>>,
    /// Keys drawn ahead.
    identities: Mutex<VecDeque<InitiatorIdentity>>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A deadline with which no ceremony could succeed.
    #[error(transparent)]
    Deadline(#[from] DeadlineError),
    /// The HTTP client can't be built.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl HttpCeremonyClient {
    /// Sets up a client. `rng` makes ids and initiators' keys; `clock` dates documents.
    pub fn new(
        deadlines: Deadlines,
        clock: Arc<dyn Clock>,
        rng: impl CryptoRng + Send + 'static,
    ) -> Result<Self, ClientError> {
        deadlines.check()?;
        let limits = HttpLimits { max_body_bytes: MAX_ANSWER, ..HttpLimits::default() };
        let http = HttpClient::with_certificates(limits, Certificates::Any)?;
        let identities = Mutex::new(VecDeque::new());
        Ok(Self { http, deadlines, clock, rng: Mutex::new(Box::new(rng)), identities })
    }

    /// Hands in an initiator's key that was drawn ahead. Each serves one ceremony; when none is left, one is drawn.
    pub async fn prepare(&self, identity: InitiatorIdentity) {
        self.identities.lock().await.push_back(identity);
    }

    async fn take_identity(&self) -> Result<InitiatorIdentity, CeremonyError> {
        if let Some(identity) = self.identities.lock().await.pop_front() {
            return Ok(identity);
        }
        // A generator of its own: ceremonies under way don't wait while it draws.
        let mut rng = StdRng::from_rng(&mut **self.rng.lock().await);
        let drawn = tokio::task::spawn_blocking(move || InitiatorIdentity::generate(&mut rng));
        Ok(drawn.await.expect("drawing a key doesn't panic and isn't aborted")?)
    }

    async fn fetch_versions(
        &self,
        request: &CeremonyRequest,
    ) -> Result<BTreeMap<OperatorId, OperatorVersion>, RoundFailed> {
        let operators = request.operators();
        let (mut versions, mut faults) = (BTreeMap::new(), Vec::new());
        for HealthReport { operator, health } in self.check_health(operators).await {
            match health {
                Ok(health) => drop(versions.insert(operator, health.version)),
                Err(fault) => faults.push(CeremonyFault { operator, fault }),
            }
        }
        if faults.is_empty() {
            return Ok(versions);
        }
        Err(RoundFailed { round: Round::Health, operators: operators.len(), faults })
    }

    /// Posts to all operators at once and waits for all of them, so that everything that is wrong comes to light.
    async fn post_all(
        &self,
        operators: &[DkgOperator],
        path: &str,
        deadline: Duration,
        message: impl Fn(OperatorId) -> Bytes,
    ) -> Answers {
        let http = self.http.within(deadline);
        let posts = operators.iter().map(|operator| {
            let (http, body) = (&http, message(operator.id()));
            async move {
                let answer = accepted(http.post_bytes(&operator.endpoint, path, body).await);
                debug!(operator.id = %operator.id(), path, accepted = answer.is_ok(), "operator answered");
                (operator.id(), answer)
            }
        });
        join_all(posts).await.into_iter().collect()
    }

    async fn post_same(
        &self,
        request: &CeremonyRequest,
        path: &str,
        deadline: Duration,
        message: &[u8],
    ) -> Answers {
        let message = Bytes::copy_from_slice(message);
        self.post_all(request.operators(), path, deadline, |_| message.clone()).await
    }
}

#[async_trait]
impl CeremonyClient for HttpCeremonyClient {
    async fn check_health(&self, operators: &[DkgOperator]) -> Vec<HealthReport> {
        let http = self.http.within(self.deadlines.health);
        let checks = operators.iter().map(|operator| async {
            let answer = accepted(http.get(&operator.endpoint, "/health_check", &[]).await);
            HealthReport { operator: operator.id(), health: read_pong(&operator.operator, answer) }
        });
        join_all(checks).await
    }

    #[instrument(name = "dkg.ceremony", skip_all, fields(
        operators = %request.operator_set(),
        owner = %request.terms().registration.owner,
        nonce = %request.terms().registration.nonce,
    ))]
    async fn run_ceremony(&self, request: &CeremonyRequest) -> Result<CeremonyOutput, CeremonyError> {
        let versions = self.fetch_versions(request).await?;
        let identity = self.take_identity().await?;
        let initiated = {
            let mut rng = self.rng.lock().await;
            let request_id = RequestId::random(&mut **rng);
            Initiated::new(request.clone(), request_id, identity, &versions, &mut **rng)?
        };
        debug!(instance = %initiated.instance_id(), "opening the ceremony");

        let messages: BTreeMap<_, Bytes> =
            initiated.messages().iter().map(|(id, message)| (*id, message.clone().into())).collect();
        let message = |id| messages.get(&id).cloned().expect("there is a message for every operator");
        let answers = self.post_all(request.operators(), "/init", self.deadlines.init, message).await;
        let exchanged = initiated.accept(answers, &mut **self.rng.lock().await)?;

        let answers = self.post_same(request, "/dkg", self.deadlines.exchange, exchanged.message()).await;
        let dealt = exchanged.accept(answers, &mut **self.rng.lock().await)?;

        let answers = self.post_same(request, "/dkg", self.deadlines.deal, dealt.message()).await;
        let created_at = CreatedAt::new(self.clock.now())?;
        dealt.accept(answers, created_at, &mut **self.rng.lock().await)
    }

    #[instrument(name = "dkg.results", skip_all, fields(validator.pubkey = %stored.output().pubkey()))]
    async fn post_results(&self, operators: &[DkgOperator], stored: &StoredOutput) -> Vec<CeremonyFault> {
        let message = Bytes::copy_from_slice(stored.output().results_message());
        let answers = self.post_all(operators, "/results", self.deadlines.results, |_| message.clone()).await;
        let refused = answers
            .into_iter()
            .filter_map(|(operator, answer)| answer.err().map(|fault| CeremonyFault { operator, fault }));
        refused.collect()
    }
}

/// Returns the body of an answer with status 200, the only one that carries a message.
fn accepted(answer: Result<HttpResponse, HttpError>) -> Result<Vec<u8>, Fault> {
    let answer = answer.map_err(Fault::Unreachable)?;
    if answer.status == StatusCode::OK {
        return Ok(answer.body.to_vec());
    }
    Err(Fault::Refused(Refusal::read(answer.status.as_u16(), &answer.body)))
}

impl fmt::Debug for HttpCeremonyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCeremonyClient").field("deadlines", &self.deadlines).finish_non_exhaustive()
    }
}
