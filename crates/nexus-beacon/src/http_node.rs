//! One beacon node over HTTP.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    hash::Hash,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use nexus_http::{Endpoint, HttpClient, HttpResponse, StatusCode};
use nexus_primitives::{Epoch, ValidatorIndex, ValidatorPubkey};
use serde::de::DeserializeOwned;

use crate::{
    BeaconError, BeaconHead, BeaconNode, BeaconValidator, EndpointAnswer, ExitSubmission, NetworkSpec,
    NotReady, PendingDeposit, PendingPartialWithdrawal, SignedVoluntaryExit, StateId, SubmissionOutcome,
    node_words::{self, refused},
    wire::{
        Data, DepositEntry, ElectraSpec, FinalityCheckpoints, Fork, Genesis, LivenessEntry, NodeSyncing,
        PartialWithdrawalEntry, Spec, ValidatorEntry, ValidatorIds,
    },
};

/// Keys or indices in one POST; well below every node's limit on request bodies.
const IDS_PER_POST: usize = 500;
/// Keys in one GET; keeps the URL below the 8 KiB that servers accept, and Nimbus takes no more.
const IDS_PER_GET: usize = 64;

/// A beacon node at one endpoint, spoken to in the standard beacon API.
pub struct HttpBeaconNode {
    endpoint: Endpoint,
    client: HttpClient,
    /// The node has no POST for validators (Capella-era nodes): ask with GET from the start.
    lacks_post: AtomicBool,
}

impl HttpBeaconNode {
    /// Speaks to the node at `endpoint`, within the client's limits.
    pub const fn new(endpoint: Endpoint, client: HttpClient) -> Self {
        Self { endpoint, client, lacks_post: AtomicBool::new(false) }
    }

    /// Returns where the node is.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks whether the node's view is good enough to act on. One request.
    pub(crate) async fn check_ready(&self) -> Result<(), BeaconError> {
        let NodeSyncing { head_slot: head, is_syncing, is_optimistic, el_offline } =
            self.fetch_syncing().await?;
        let endpoint = self.endpoint.to_string();
        NotReady::from_flags(head, is_syncing, is_optimistic, el_offline)
            .map_err(|source| BeaconError::NotReady { endpoint, source })
    }

    async fn fetch_syncing(&self) -> Result<NodeSyncing, BeaconError> {
        self.get("/eth/v1/node/syncing").await
    }

    async fn fetch_fork(&self, state: StateId) -> Result<Fork, BeaconError> {
        self.get(&format!("/eth/v1/beacon/states/{}/fork", state.as_str())).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, BeaconError> {
        let response = self.client.get(&self.endpoint, path, &[]).await?;
        decode(&response, || format!("GET {path}"))
    }

    /// Reads one of Electra's queues; `None` when the node answers that there is no such thing, and there isn't.
    async fn get_queue<T: DeserializeOwned>(
        &self,
        state: StateId,
        queue: &str,
    ) -> Result<Option<T>, BeaconError> {
        let path = format!("/eth/v1/beacon/states/{}/{queue}", state.as_str());
        let response = self.client.get(&self.endpoint, &path, &[]).await?;
        if matches!(response.status.as_u16(), 400 | 404 | 405 | 501) && !self.is_electra(state).await? {
            return Ok(None);
        }
        let request = format!("GET {path}");
        if matches!(response.status.as_u16(), 404 | 405 | 501) {
            let (endpoint, message) = (self.endpoint.to_string(), node_words::message(&response));
            return Err(BeaconError::OutdatedNode { endpoint, request, message });
        }
        decode(&response, || request).map(Some)
    }

    /// Says whether the state has Electra's queues. An error answer about one is not a proof that it hasn't.
    async fn is_electra(&self, state: StateId) -> Result<bool, BeaconError> {
        let spec: ElectraSpec = self.get("/eth/v1/config/spec").await?;
        let Some(electra) = spec.electra_fork_epoch else { return Ok(false) };
        Ok(self.fetch_fork(state).await?.epoch.get() >= electra.0)
    }

    async fn post_page(
        &self,
        path: &str,
        page: &[ValidatorPubkey],
    ) -> Result<Vec<ValidatorEntry>, BeaconError> {
        let response = self.client.post_json(&self.endpoint, path, &ValidatorIds { ids: page }).await?;
        decode(&response, || format!("POST {path}"))
    }

    async fn get_page(
        &self,
        path: &str,
        page: &[ValidatorPubkey],
    ) -> Result<Vec<ValidatorEntry>, BeaconError> {
        let ids: Vec<String> = page.iter().map(ToString::to_string).collect();
        let query: Vec<_> = ids.iter().map(|id| ("id", id.as_str())).collect();
        let response = self.client.get(&self.endpoint, path, &query).await?;
        decode(&response, || format!("GET {path}"))
    }

    async fn get_pages(
        &self,
        path: &str,
        pubkeys: &[ValidatorPubkey],
    ) -> Result<Vec<ValidatorEntry>, BeaconError> {
        let mut entries = Vec::with_capacity(pubkeys.len());
        for page in pubkeys.chunks(IDS_PER_GET) {
            entries.extend(self.get_page(path, page).await?);
        }
        Ok(entries)
    }

    /// Asks with POST, and with GET a node that has no POST.
    async fn fetch_entries(
        &self,
        path: &str,
        pubkeys: &[ValidatorPubkey],
    ) -> Result<Vec<ValidatorEntry>, BeaconError> {
        if self.lacks_post.load(Ordering::Relaxed) {
            return self.get_pages(path, pubkeys).await;
        }
        let mut entries = Vec::with_capacity(pubkeys.len());
        for page in pubkeys.chunks(IDS_PER_POST) {
            match self.post_page(path, page).await {
                Ok(found) => entries.extend(found),
                Err(BeaconError::Refused { status: 404 | 405, .. }) => {
                    // The GET tells whether POST is what is missing, or the state.
                    let entries = self.get_pages(path, pubkeys).await?;
                    self.lacks_post.store(true, Ordering::Relaxed);
                    return Ok(entries);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Sorts what the node answered, and refuses what wasn't asked for.
    fn check_answer(
        &self,
        asked: &[ValidatorPubkey],
        entries: Vec<ValidatorEntry>,
    ) -> Result<Vec<BeaconValidator>, BeaconError> {
        let mut validators: Vec<BeaconValidator> = entries.into_iter().map(Into::into).collect();
        let answered = validators.iter().map(|validator| validator.pubkey);
        if let Some((pubkey, problem)) = first_unexpected(asked, answered) {
            let endpoint = self.endpoint.to_string();
            return Err(BeaconError::UnexpectedValidator { endpoint, pubkey, problem });
        }
        validators.sort_by_key(|validator| validator.index);
        Ok(validators)
    }

    /// Asks for liveness; `None` when the node doesn't offer it.
    async fn post_liveness(
        &self,
        path: &str,
        page: &[ValidatorIndex],
    ) -> Result<Option<Vec<LivenessEntry>>, BeaconError> {
        let indices: Vec<String> = page.iter().map(ToString::to_string).collect();
        let response = self.client.post_json(&self.endpoint, path, &indices).await?;
        let status = response.status;
        if status != StatusCode::OK
            && node_words::lacks_liveness(status.as_u16(), &node_words::message(&response))
        {
            return Ok(None);
        }
        decode(&response, || format!("POST {path}")).map(Some)
    }

    /// Picks who is live, and refuses what wasn't asked for.
    fn check_liveness(
        &self,
        asked: &[ValidatorIndex],
        entries: Vec<LivenessEntry>,
    ) -> Result<BTreeSet<ValidatorIndex>, BeaconError> {
        let answered = entries.iter().map(|entry| entry.index);
        if let Some((index, problem)) = first_unexpected(asked, answered) {
            let endpoint = self.endpoint.to_string();
            return Err(BeaconError::UnexpectedLiveness { endpoint, index, problem });
        }
        Ok(entries.into_iter().filter(|entry| entry.is_live).map(|entry| entry.index).collect())
    }
}

#[async_trait]
impl BeaconNode for HttpBeaconNode {
    async fn fetch_spec(&self) -> Result<NetworkSpec, BeaconError> {
        let (genesis, spec): (Genesis, Spec) = futures::try_join!(
            self.get::<Genesis>("/eth/v1/beacon/genesis"),
            self.get::<Spec>("/eth/v1/config/spec")
        )?;
        let unusable = |key, problem| {
            let endpoint = self.endpoint.to_string();
            BeaconError::UnusableSpec { endpoint, key, problem }
        };
        let seconds = spec.seconds_per_slot.map(|seconds| seconds.0);
        let seconds = seconds.or_else(|| spec.slot_duration_ms.map(|millis| millis.0 / 1000));
        let seconds_per_slot = seconds.ok_or_else(|| unusable("SECONDS_PER_SLOT", "missing"))?;
        if seconds_per_slot == 0 {
            return Err(unusable("SECONDS_PER_SLOT", "less than a second"));
        }
        if spec.slots_per_epoch == 0 {
            return Err(unusable("SLOTS_PER_EPOCH", "zero"));
        }
        Ok(NetworkSpec {
            genesis_time: genesis.time,
            genesis_validators_root: genesis.validators_root,
            genesis_fork_version: genesis.fork_version,
            capella_fork_version: spec.capella_fork_version,
            seconds_per_slot,
            slots_per_epoch: spec.slots_per_epoch,
            shard_committee_period: spec.shard_committee_period,
            deposit_contract: spec.deposit_contract_address,
            deposit_chain_id: spec.deposit_chain_id,
        })
    }

    async fn fetch_head(&self) -> Result<BeaconHead, BeaconError> {
        let (syncing, checkpoints, fork) = futures::try_join!(
            self.fetch_syncing(),
            self.get::<FinalityCheckpoints>("/eth/v1/beacon/states/head/finality_checkpoints"),
            self.fetch_fork(StateId::Head)
        )?;
        Ok(BeaconHead {
            slot: syncing.head_slot,
            is_syncing: syncing.is_syncing,
            is_optimistic: syncing.is_optimistic,
            el_offline: syncing.el_offline,
            finalized_epoch: checkpoints.finalized.epoch,
            justified_epoch: checkpoints.current_justified.epoch,
            fork_version: fork.current_version,
        })
    }

    async fn fetch_validators(
        &self,
        state: StateId,
        pubkeys: &[ValidatorPubkey],
    ) -> Result<Vec<BeaconValidator>, BeaconError> {
        let path = format!("/eth/v1/beacon/states/{}/validators", state.as_str());
        let distinct: Vec<_> = pubkeys.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let entries = self.fetch_entries(&path, &distinct).await?;
        self.check_answer(&distinct, entries)
    }

    async fn fetch_pending_deposits(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingDeposit>>, BeaconError> {
        let entries: Option<Vec<DepositEntry>> = self.get_queue(state, "pending_deposits").await?;
        Ok(entries.map(|entries| entries.into_iter().map(Into::into).collect()))
    }

    async fn fetch_pending_partial_withdrawals(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingPartialWithdrawal>>, BeaconError> {
        let entries: Option<Vec<PartialWithdrawalEntry>> =
            self.get_queue(state, "pending_partial_withdrawals").await?;
        Ok(entries.map(|entries| entries.into_iter().map(Into::into).collect()))
    }

    async fn fetch_liveness(
        &self,
        epoch: Epoch,
        indices: &[ValidatorIndex],
    ) -> Result<Option<BTreeSet<ValidatorIndex>>, BeaconError> {
        let path = format!("/eth/v1/validator/liveness/{epoch}");
        // Nimbus refuses an index that comes twice.
        let distinct: Vec<_> = indices.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let mut entries = Vec::with_capacity(distinct.len());
        for page in distinct.chunks(IDS_PER_POST) {
            let Some(found) = self.post_liveness(&path, page).await? else { return Ok(None) };
            entries.extend(found);
        }
        self.check_liveness(&distinct, entries).map(Some)
    }

    async fn submit_exit(&self, exit: &SignedVoluntaryExit) -> Result<ExitSubmission, BeaconError> {
        let path = "/eth/v1/beacon/pool/voluntary_exits";
        let response = self.client.post_json(&self.endpoint, path, exit).await?;
        let outcome = if response.status.is_success() {
            SubmissionOutcome::Accepted
        } else {
            let status = response.status.as_u16();
            node_words::exit_outcome(status, node_words::message(&response))
                .ok_or_else(|| refused(&response, format!("POST {path}")))?
        };
        Ok(ExitSubmission { answers: vec![EndpointAnswer { endpoint: self.endpoint.to_string(), outcome }] })
    }
}

impl fmt::Debug for HttpBeaconNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpBeaconNode").field(&self.endpoint).finish()
    }
}

/// Returns the first answer that nobody asked for or that comes twice, and which of the two it is.
fn first_unexpected<T: Copy + Eq + Hash>(
    asked: &[T],
    mut answered: impl Iterator<Item = T>,
) -> Option<(T, &'static str)> {
    let mut is_answered: HashMap<_, _> = asked.iter().map(|id| (*id, false)).collect();
    answered.find_map(|id| match is_answered.insert(id, true) {
        Some(false) => None,
        Some(true) => Some((id, "twice")),
        None => Some((id, "without being asked for it")),
    })
}

fn decode<T: DeserializeOwned>(
    response: &HttpResponse,
    request: impl FnOnce() -> String,
) -> Result<T, BeaconError> {
    // 206 and the like carry other documents; 200 is the API's only success with one.
    if response.status != StatusCode::OK {
        return Err(refused(response, request()));
    }
    Ok(response.json::<Data<T>>()?.data)
}
