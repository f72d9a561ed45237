//! Several ceremonies for consecutive nonces.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::{StreamExt as _, stream};
use nexus_primitives::{OwnerNonce, ValidatorPubkey};

use crate::{CeremonyClient, CeremonyError, CeremonyOutput, CeremonyRequest};

/// Ceremonies in one go. Operators take 200 openings a minute, from everybody together.
const MAX_COUNT: u64 = 100;
/// Ceremonies at a time, as many as the official tool runs.
const MAX_AT_ONCE: usize = 20;

/// How many ceremonies, and how many of them at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkSize {
    count: u64,
    at_once: usize,
}

/// A number of ceremonies that operators wouldn't take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BulkError {
    /// None, or more than operators take.
    #[error("{0} ceremonies: expected 1 to {MAX_COUNT}")]
    Count(u64),
    /// None at a time, or more than operators take.
    #[error("{0} ceremonies at once: expected 1 to {MAX_AT_ONCE}")]
    AtOnce(usize),
}

/// All ceremonies' outcomes, in the order of their nonces.
#[derive(Debug)]
pub struct BulkReport {
    /// One entry per nonce, without gaps; fewer than asked for where nonces end.
    pub entries: Vec<BulkEntry>,
    asked: u64,
}

/// What became of one nonce.
#[derive(Debug)]
pub struct BulkEntry {
    /// The nonce.
    pub nonce: OwnerNonce,
    /// What became of it.
    pub outcome: BulkOutcome,
}

/// What became of a ceremony among several.
///
/// SSV counts an owner's registrations one by one, and operators accept a validator only under the nonce it was made
/// for. So once one ceremony failed, nothing made for a later nonce can be registered.
#[derive(Debug)]
#[non_exhaustive]
pub enum BulkOutcome {
    /// The validator is there, and so are all before it.
    Usable(Box<CeremonyOutput>),
    /// The ceremony failed.
    Failed(CeremonyError),
    /// The validator is there, but not one of those before it: it must not be deposited.
    Stranded {
        /// The validator.
        pubkey: ValidatorPubkey,
    },
    /// Not begun, because one before it had failed.
    NotRun,
}

impl BulkSize {
    /// Checks both numbers against what operators take.
    pub const fn new(count: u64, at_once: usize) -> Result<Self, BulkError> {
        if count == 0 || count > MAX_COUNT {
            return Err(BulkError::Count(count));
        }
        if at_once == 0 || at_once > MAX_AT_ONCE {
            return Err(BulkError::AtOnce(at_once));
        }
        Ok(Self { count, at_once })
    }
}

impl BulkReport {
    /// Says whether there are as many validators as were asked for.
    pub fn is_complete(&self) -> bool {
        let is_usable = |entry: &BulkEntry| matches!(entry.outcome, BulkOutcome::Usable(_));
        u64::try_from(self.entries.len()) == Ok(self.asked) && self.entries.iter().all(is_usable)
    }

    /// Returns the failure that made the rest unusable, and its nonce.
    pub fn failure(&self) -> Option<(OwnerNonce, &CeremonyError)> {
        self.entries.iter().find_map(|entry| match &entry.outcome {
            BulkOutcome::Failed(error) => Some((entry.nonce, error)),
            _ => None,
        })
    }

    /// Takes the outputs that can be used, ascending by nonce. Store them before anything else.
    pub fn into_usable(self) -> Vec<CeremonyOutput> {
        let outcomes = self.entries.into_iter().map(|entry| entry.outcome);
        outcomes
            .filter_map(|outcome| match outcome {
                BulkOutcome::Usable(output) => Some(*output),
                _ => None,
            })
            .collect()
    }
}

/// Runs `first` and the ceremonies for the nonces after its own. When one has failed, no further one is begun.
///
/// Nothing is stored and no operator is told: [store](crate::OutputFolder::store) what is usable, then
/// [post](CeremonyClient::post_results) it.
pub async fn run_ceremonies(
    client: &dyn CeremonyClient,
    first: &CeremonyRequest,
    size: BulkSize,
) -> BulkReport {
    let has_failed = AtomicBool::new(false);
    let start = first.terms().registration.nonce;
    let nonces = (0..size.count).map_while(|offset| start.checked_add(offset));
    let ceremonies = nonces.map(|nonce| {
        let has_failed = &has_failed;
        async move {
            if has_failed.load(Ordering::Relaxed) {
                return (nonce, None);
            }
            let outcome = client.run_ceremony(&first.with_nonce(nonce)).await;
            has_failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
            (nonce, Some(outcome))
        }
    });
    let outcomes: Vec<_> = stream::iter(ceremonies).buffered(size.at_once).collect().await;
    BulkReport { entries: sort_out(outcomes), asked: size.count }
}

fn sort_out(outcomes: Vec<(OwnerNonce, Option<Result<CeremonyOutput, CeremonyError>>)>) -> Vec<BulkEntry> {
    let mut is_broken = false;
    let mut entries = Vec::with_capacity(outcomes.len());
    for (nonce, outcome) in outcomes {
        let outcome = match outcome {
            Some(Ok(output)) if is_broken => BulkOutcome::Stranded { pubkey: output.pubkey() },
            Some(Ok(output)) => BulkOutcome::Usable(Box::new(output)),
            Some(Err(error)) => BulkOutcome::Failed(error),
            None => BulkOutcome::NotRun,
        };
        is_broken |= !matches!(outcome, BulkOutcome::Usable(_));
        entries.push(BulkEntry { nonce, outcome });
    }
    entries
}
