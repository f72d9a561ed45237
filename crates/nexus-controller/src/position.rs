//! Where a rollup stands, from what both layers and the state file say.

use std::collections::{BTreeMap, BTreeSet};

use nexus_beacon::{ValidatorStatus, check_eligibility};
use nexus_chain::{NexusStatus, NexusValidator, RollupSnapshot};
use nexus_policy::{ExitCandidate, RollupPosition};
use nexus_primitives::{RollupAdmin, UnixSeconds, ValidatorPubkey};

use crate::{KeySource, Observation, Stage, ValidatorRecord};

/// Returns what the policy is asked about a rollup.
pub(crate) fn position(
    observation: &Observation,
    rollup: &RollupSnapshot,
    records: &[ValidatorRecord],
    keys: KeySource,
    excess_for_secs: u64,
) -> RollupPosition {
    let own: BTreeMap<_, _> = records
        .iter()
        .filter(|record| record.rollup == rollup.admin)
        .filter_map(|record| Some((record.pubkey?, record.stage)))
        .collect();
    let foreign: BTreeSet<_> =
        records.iter().filter(|record| record.is_foreign(keys)).filter_map(|record| record.pubkey).collect();
    let counted: Vec<_> = observation.chain.validators.iter().filter(|v| counts(v, rollup.admin)).collect();
    let leaving = |validator: &&&NexusValidator| is_leaving(observation, validator, &own);
    let paid = paid_before(observation.chain.block.timestamp, records);
    let withdrawn = |validator: &&&NexusValidator| is_withdrawn(observation, validator, &own);
    RollupPosition {
        balance: rollup.bridge.balance,
        limit: rollup.limit,
        validator_count: rollup.bridge.validator_count,
        exiting: as_count(counted.iter().filter(leaving).count()),
        withdrawn_at_least: as_count(counted.iter().filter(|v| paid.contains(&v.pubkey)).count()),
        withdrawn_at_most: as_count(counted.iter().filter(withdrawn).count()),
        creating: as_count(unseen_deposits(observation, &own)),
        excess_for_secs,
        exit_candidates: counted
            .iter()
            .filter(|validator| own.get(&validator.pubkey) == Some(&Stage::Active))
            .filter(|validator| !foreign.contains(&validator.pubkey) && !leaving(validator))
            .filter_map(|validator| candidate(observation, rollup, validator))
            .collect(),
    }
}

/// Whether the bridge counts the validator: deposited and not closed.
fn counts(validator: &NexusValidator, rollup: RollupAdmin) -> bool {
    validator.rollup == rollup
        && !matches!(validator.status, NexusStatus::Inactive | NexusStatus::ValidatorExited)
}

fn is_leaving(
    observation: &Observation,
    validator: &NexusValidator,
    own: &BTreeMap<ValidatorPubkey, Stage>,
) -> bool {
    validator.status == NexusStatus::ValidatorExitSubmitted
        || own.get(&validator.pubkey).is_some_and(|stage| stage.is_leaving() || *stage == Stage::Closed)
        || observation.validators.get(&validator.pubkey).is_some_and(|beacon| beacon.exit_epoch.is_some())
}

/// Returns the validators whose balance is on the bridge at the observed block for certain: that they were paid had
/// been noted when the block was made.
///
/// How long ago it was noted says nothing: the block may be older than the beacon state by any time, as when the
/// execution node learns late what is final, or is asked for `safe` while the beacon chain is read at its head.
fn paid_before(block: UnixSeconds, records: &[ValidatorRecord]) -> BTreeSet<ValidatorPubkey> {
    let noted = records.iter().filter(|record| has_been_paid(record.stage) && record.updated_at <= block);
    noted.filter_map(|record| record.pubkey).collect()
}

/// Whether the validator's balance is on the bridge at the observed block perhaps: the bot or the beacon chain, which
/// was read after the contracts, knows that it was paid.
fn is_withdrawn(
    observation: &Observation,
    validator: &NexusValidator,
    own: &BTreeMap<ValidatorPubkey, Stage>,
) -> bool {
    let known = own.get(&validator.pubkey).is_some_and(|stage| has_been_paid(*stage));
    let beacon = observation.validators.get(&validator.pubkey);
    known || beacon.is_some_and(|beacon| beacon.status == ValidatorStatus::WithdrawalDone)
}

fn has_been_paid(stage: Stage) -> bool {
    stage >= Stage::Withdrawn && stage != Stage::Abandoned
}

/// Deposits that may have been spent and that the contracts don't show at the observed block. Whatever the state file
/// has learnt since, what the snapshot doesn't count must be added to it.
fn unseen_deposits(observation: &Observation, own: &BTreeMap<ValidatorPubkey, Stage>) -> usize {
    let seen = |pubkey: &ValidatorPubkey| {
        observation.chain.validators.binary_search_by(|validator| validator.pubkey.cmp(pubkey)).is_ok()
    };
    own.iter()
        .filter(|(pubkey, stage)| **stage >= Stage::DepositSent && !stage.is_over() && !seen(pubkey))
        .count()
}

fn candidate(
    observation: &Observation,
    rollup: &RollupSnapshot,
    validator: &NexusValidator,
) -> Option<ExitCandidate> {
    let beacon = observation.validators.get(&validator.pubkey)?;
    let eligible = check_eligibility(
        beacon,
        observation.current_epoch(),
        &observation.spec,
        &observation.partial_withdrawals,
    );
    eligible.ok().and(beacon.activation_epoch).map(|activated| ExitCandidate {
        pubkey: validator.pubkey,
        index: beacon.index,
        activated,
        // What it has earned less than others is the one figure every beacon node gives.
        missed_performance: u64::MAX - beacon.balance.get(),
        cluster: rollup.cluster,
    })
}

fn as_count(count: usize) -> u64 {
    u64::try_from(count).expect("a usize fits 64 bits")
}
