//! Several beacon nodes as one.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    error::Error,
    fmt,
    hash::Hash,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use futures::{
    StreamExt as _,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use nexus_http::Endpoint;
use nexus_primitives::{Epoch, ValidatorIndex, ValidatorPubkey};

use crate::{
    BeaconError, BeaconHead, BeaconNode, BeaconValidator, EndpointAnswer, ExitSubmission, HttpBeaconNode,
    NetworkSpec, PendingDeposit, PendingPartialWithdrawal, SignedVoluntaryExit, StateId, SubmissionOutcome,
};

/// Several beacon nodes of one network. Reads need a quorum that agrees, submissions go to all.
///
/// A read asks the first `quorum` nodes at once, and for each that fails or isn't ready the next one. Before a node's
/// first answer counts, its network is compared with the others'.
pub struct BeaconNodes {
    members: Vec<Member>,
    quorum: usize,
    /// The network all must serve, and the node that was asked first.
    network: OnceLock<(String, NetworkSpec)>,
}

struct Member {
    node: HttpBeaconNode,
    is_verified: AtomicBool,
}

/// Why a list of nodes and a quorum don't fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// It can never be reached, or asks nobody.
    #[error("a quorum of {quorum} among {nodes} beacon nodes: expected 1 to {nodes}")]
    OutOfRange {
        /// How many must agree.
        quorum: usize,
        /// How many there are.
        nodes: usize,
    },
    /// A node would agree with itself.
    #[error("beacon node {endpoint} is listed twice: a quorum needs different nodes")]
    Repeated {
        /// The endpoint that is listed twice.
        endpoint: Endpoint,
    },
}

/// What a round of questions brought, each answer with the position of its member.
struct Round<T> {
    good: Vec<(usize, T)>,
    spare: Vec<(usize, T)>,
    failures: Vec<BeaconError>,
}

impl BeaconNodes {
    /// Joins `nodes`, in order of preference, of which `quorum` must agree on what is read.
    pub fn new(nodes: Vec<HttpBeaconNode>, quorum: usize) -> Result<Self, QuorumError> {
        if quorum == 0 || quorum > nodes.len() {
            return Err(QuorumError::OutOfRange { quorum, nodes: nodes.len() });
        }
        let mut endpoints = HashSet::new();
        if let Some(repeated) = nodes.iter().find(|node| !endpoints.insert(node.endpoint())) {
            return Err(QuorumError::Repeated { endpoint: repeated.endpoint().clone() });
        }
        let members =
            nodes.into_iter().map(|node| Member { node, is_verified: AtomicBool::new(false) }).collect();
        Ok(Self { members, quorum, network: OnceLock::new() })
    }

    fn name(&self, position: usize) -> String {
        self.members.get(position).map(|member| member.node.endpoint().to_string()).unwrap_or_default()
    }

    /// Compares a member's network with that of the first one asked.
    fn check_network(&self, member: &Member, spec: &NetworkSpec) -> Result<(), BeaconError> {
        let name = member.node.endpoint().to_string();
        let (left, network) = self.network.get_or_init(|| (name.clone(), spec.clone()));
        if let Some(difference) = network.difference(spec) {
            let difference = Box::new(difference);
            return Err(BeaconError::NetworkMismatch { left: left.clone(), right: name, difference });
        }
        member.is_verified.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn ensure_network(&self, member: &Member) -> Result<(), BeaconError> {
        if member.is_verified.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.check_network(member, &member.node.fetch_spec().await?)
    }

    /// Asks nodes in order until `quorum` good answers are there or no node is left.
    ///
    /// A node of another network ends the round: its answers, and the configuration, can't be trusted.
    async fn ask<'a, T: Send>(
        &'a self,
        question: impl Fn(&'a HttpBeaconNode) -> BoxFuture<'a, Result<T, BeaconError>> + Sync,
        is_good: impl Fn(&T) -> bool,
    ) -> Result<Round<T>, BeaconError> {
        let question = &question;
        let ask_one = async move |(position, member): (usize, &'a Member)| {
            let answer = match self.ensure_network(member).await {
                Ok(()) => question(&member.node).await,
                Err(error) => Err(error),
            };
            (position, answer)
        };
        let mut waiting = self.members.iter().enumerate();
        let mut asked: FuturesUnordered<_> = waiting.by_ref().take(self.quorum).map(ask_one).collect();
        let mut round = Round { good: Vec::new(), spare: Vec::new(), failures: Vec::new() };
        while let Some((position, answer)) = asked.next().await {
            match answer {
                Ok(answer) if is_good(&answer) => {
                    round.good.push((position, answer));
                    continue;
                }
                Ok(answer) => round.spare.push((position, answer)),
                Err(error @ BeaconError::NetworkMismatch { .. }) => return Err(error),
                Err(error) => {
                    self.warn(position, &error);
                    round.failures.push(error);
                }
            }
            asked.extend(waiting.next().map(ask_one));
        }
        round.good.sort_by_key(|(position, _)| *position);
        Ok(round)
    }

    /// Asks nodes that are ready and returns exactly a quorum's answers, in order of preference.
    async fn ask_ready<'a, T: Send + 'a>(
        &'a self,
        question: impl Fn(&'a HttpBeaconNode) -> BoxFuture<'a, Result<T, BeaconError>> + Sync,
    ) -> Result<Vec<(usize, T)>, BeaconError> {
        let question = &question;
        let ready_first = move |node: &'a HttpBeaconNode| -> BoxFuture<'a, Result<T, BeaconError>> {
            let answer = question(node);
            Box::pin(async move {
                node.check_ready().await?;
                answer.await
            })
        };
        let round = self.ask(ready_first, |_| true).await?;
        if round.good.len() < self.quorum { Err(self.no_quorum(round)) } else { Ok(round.good) }
    }

    fn no_quorum<T>(&self, round: Round<T>) -> BeaconError {
        BeaconError::NoQuorum {
            needed: self.quorum,
            answered: round.good.len() + round.spare.len(),
            failures: round.failures,
        }
    }

    fn warn(&self, position: usize, error: &BeaconError) {
        let error = error as &(dyn Error + 'static);
        tracing::warn!(beacon.endpoint = self.name(position), error, "beacon node can't be used");
    }

    /// Returns the first answer once all others agree with it.
    fn agree(
        &self,
        answers: Vec<(usize, Vec<BeaconValidator>)>,
    ) -> Result<Vec<BeaconValidator>, BeaconError> {
        let mut answers = answers.into_iter();
        let Some((first, validators)) = answers.next() else { return Ok(Vec::new()) };
        for (other, theirs) in answers {
            if let Some((pubkey, field)) = first_difference(&validators, &theirs) {
                let (left, right) = (self.name(first), self.name(other));
                return Err(BeaconError::Disagreement { left, right, pubkey, field });
            }
        }
        Ok(validators)
    }
}

#[async_trait]
impl BeaconNode for BeaconNodes {
    /// Asks every node, so that one of another network is found at once and not when it is needed.
    async fn fetch_spec(&self) -> Result<NetworkSpec, BeaconError> {
        let answers = join_all(self.members.iter().map(|member| member.node.fetch_spec())).await;
        let mut round = Round { good: Vec::new(), spare: Vec::new(), failures: Vec::new() };
        for (position, (member, answer)) in self.members.iter().zip(answers).enumerate() {
            match answer {
                Ok(spec) => {
                    self.check_network(member, &spec)?;
                    round.good.push((position, spec));
                }
                Err(error) => {
                    self.warn(position, &error);
                    round.failures.push(error);
                }
            }
        }
        if round.good.len() < self.quorum {
            return Err(self.no_quorum(round));
        }
        round.good.pop().map(|(_, spec)| spec).ok_or_else(|| self.no_quorum(round))
    }

    /// Returns the most cautious of a quorum's views; unready nodes count only where too few are ready.
    async fn fetch_head(&self) -> Result<BeaconHead, BeaconError> {
        let mut round = self.ask(|node| node.fetch_head(), |head| head.ready().is_ok()).await?;
        if round.good.len() < self.quorum {
            round.good.append(&mut round.spare);
        }
        if round.good.len() < self.quorum {
            return Err(self.no_quorum(round));
        }
        let heads = round.good.iter().map(|(_, head)| *head);
        heads.reduce(BeaconHead::cautious).ok_or_else(|| self.no_quorum(round))
    }

    /// Fails where two nodes differ in anything but balances; balances are those of the node that comes first.
    async fn fetch_validators(
        &self,
        state: StateId,
        pubkeys: &[ValidatorPubkey],
    ) -> Result<Vec<BeaconValidator>, BeaconError> {
        let answers = self.ask_ready(|node| node.fetch_validators(state, pubkeys)).await?;
        self.agree(answers)
    }

    /// Returns every deposit that any node of the quorum sees.
    async fn fetch_pending_deposits(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingDeposit>>, BeaconError> {
        let answers = self.ask_ready(|node| node.fetch_pending_deposits(state)).await?;
        Ok(answers.into_iter().filter_map(|(_, queue)| queue).reduce(union))
    }

    /// Returns every withdrawal that any node of the quorum sees.
    async fn fetch_pending_partial_withdrawals(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingPartialWithdrawal>>, BeaconError> {
        let answers = self.ask_ready(|node| node.fetch_pending_partial_withdrawals(state)).await?;
        Ok(answers.into_iter().filter_map(|(_, queue)| queue).reduce(union))
    }

    /// Returns the validators that every node of the quorum saw: a wrong "live" costs an exit, a missing one a delay.
    ///
    /// Nodes that don't offer liveness count only where too few do, and have no say.
    async fn fetch_liveness(
        &self,
        epoch: Epoch,
        indices: &[ValidatorIndex],
    ) -> Result<Option<BTreeSet<ValidatorIndex>>, BeaconError> {
        if indices.is_empty() {
            return Ok(Some(BTreeSet::new()));
        }
        let asked = self.ask(
            |node| {
                Box::pin(async move {
                    node.check_ready().await?;
                    node.fetch_liveness(epoch, indices).await
                })
            },
            Option::is_some,
        );
        let round = asked.await?;
        if round.good.len() + round.spare.len() < self.quorum {
            return Err(self.no_quorum(round));
        }
        let seen = round.good.into_iter().filter_map(|(_, live)| live);
        Ok(seen.reduce(|ours, theirs| &ours & &theirs))
    }

    /// Submits to every node, ready or not.
    async fn submit_exit(&self, exit: &SignedVoluntaryExit) -> Result<ExitSubmission, BeaconError> {
        let submissions = join_all(self.members.iter().map(async |member| {
            self.ensure_network(member).await?;
            member.node.submit_exit(exit).await
        }));
        let (mut answers, mut failed) = (Vec::new(), 0);
        for (position, submission) in submissions.await.into_iter().enumerate() {
            match submission {
                Ok(submission) => answers.extend(submission.answers),
                Err(error) => {
                    failed += 1;
                    let outcome = SubmissionOutcome::Failed(error);
                    answers.push(EndpointAnswer { endpoint: self.name(position), outcome });
                }
            }
        }
        if failed == self.members.len() {
            let failures = answers.into_iter().filter_map(|answer| answer.outcome.into_failure()).collect();
            return Err(BeaconError::NoQuorum { needed: 1, answered: 0, failures });
        }
        Ok(ExitSubmission { answers })
    }
}

impl fmt::Debug for BeaconNodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<_> = self.members.iter().map(|member| member.node.endpoint()).collect();
        f.debug_struct("BeaconNodes")
            .field("endpoints", &endpoints)
            .field("quorum", &self.quorum)
            .finish_non_exhaustive()
    }
}

/// Returns the first validator that two answers, both sorted by index, differ in, and the field.
fn first_difference(
    ours: &[BeaconValidator],
    theirs: &[BeaconValidator],
) -> Option<(ValidatorPubkey, &'static str)> {
    let by_key: HashMap<_, _> = theirs.iter().map(|validator| (validator.pubkey, validator)).collect();
    let changed = ours.iter().find_map(|validator| match by_key.get(&validator.pubkey) {
        Some(other) => validator.difference(other).map(|field| (validator.pubkey, field)),
        None => Some((validator.pubkey, "presence")),
    });
    changed.or_else(|| {
        let known: HashSet<_> = ours.iter().map(|validator| validator.pubkey).collect();
        let extra = theirs.iter().find(|validator| !known.contains(&validator.pubkey));
        extra.map(|validator| (validator.pubkey, "presence"))
    })
}

/// Joins two queues. An entry that both have is listed once, as often as the longer of the two repeats it.
fn union<T: Eq + Hash + Clone>(mut ours: Vec<T>, theirs: Vec<T>) -> Vec<T> {
    let mut unmatched: HashMap<T, usize> = HashMap::new();
    for entry in &ours {
        *unmatched.entry(entry.clone()).or_default() += 1;
    }
    for entry in theirs {
        match unmatched.get_mut(&entry) {
            Some(count) if *count > 0 => *count -= 1,
            _ => ours.push(entry),
        }
    }
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_keeps_repetitions_without_doubling_them() {
        assert_eq!(union(vec![1, 1, 2], vec![2, 1, 3, 3]), vec![1, 1, 2, 3, 3]);
        assert_eq!(union(Vec::<u8>::new(), vec![1]), vec![1]);
    }
}
