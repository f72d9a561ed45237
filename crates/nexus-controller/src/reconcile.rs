//! Lifting the state file to what the world shows.

use nexus_chain::NexusValidator;
use nexus_primitives::{DerivationIndex, RollupAdmin, UnixSeconds, ValidatorPubkey};

use crate::{
    Alert, Event, Observation, RecordId, Stage, StateError, StateFile, ValidatorRecord, create::node_nonce,
    observation::phase,
};

/// Applies what the observation shows of every known validator. Returns how many moved.
pub(crate) fn reconcile(
    state: &StateFile,
    observation: &Observation,
    now: UnixSeconds,
    alerts: &mut Vec<Alert>,
) -> Result<usize, StateError> {
    let mut moved = 0;
    for record in state.validators()? {
        let Some(pubkey) = record.pubkey else { continue };
        moved += usize::from(reconcile_one(state, observation, &record, &pubkey, now, alerts)?);
    }
    Ok(moved)
}

fn reconcile_one(
    state: &StateFile,
    observation: &Observation,
    record: &ValidatorRecord,
    pubkey: &ValidatorPubkey,
    now: UnixSeconds,
    alerts: &mut Vec<Alert>,
) -> Result<bool, StateError> {
    let mut moved = false;
    let mut reached = record.stage;
    if let Some(validator) = on_nexus(observation, pubkey) {
        alerts.extend(dead_shares(record, validator));
        let seen = see(state, record.id, reached, Event::SeenOnNexus(validator.status), now)?;
        (moved, reached) = (seen != reached, seen);
    }
    if let Some(validator) = observation.validators.get(pubkey) {
        if (record.validator_index, record.exit_epoch) != (Some(validator.index), validator.exit_epoch) {
            state.store_beacon_facts(record.id, validator.index, validator.exit_epoch)?;
        }
        moved |= see(state, record.id, reached, Event::SeenOnBeacon(phase(validator)), now)? != reached;
    }
    Ok(moved)
}

/// Applies an observation; the state file is written only when it changes something.
fn see(
    state: &StateFile,
    id: RecordId,
    reached: Stage,
    event: Event,
    now: UnixSeconds,
) -> Result<Stage, StateError> {
    let next = reached.next(event).map_err(|source| StateError::Transition { record: id, source })?;
    if next != reached {
        state.apply(id, event, now)?;
    }
    Ok(next)
}

fn on_nexus<'a>(observation: &'a Observation, pubkey: &ValidatorPubkey) -> Option<&'a NexusValidator> {
    let validators = &observation.chain.validators;
    validators
        .binary_search_by(|validator| validator.pubkey.cmp(pubkey))
        .ok()
        .and_then(|at| validators.get(at))
}

/// The contract accepts keyshares signed for any nonce; the operators silently drop all but the right one.
fn dead_shares(record: &ValidatorRecord, validator: &NexusValidator) -> Option<Alert> {
    let signed = record.shares_nonce.or(record.ceremony.as_ref().map(|ceremony| ceremony.owner_nonce))?;
    let (signed, expected) = (node_nonce(signed), node_nonce(validator.ssv.as_ref()?.nonce));
    (signed != expected && record.stage >= Stage::Registered).then(|| Alert {
        name: "shares-dead",
        rollup: Some(record.rollup),
        subject: validator.pubkey.to_string(),
        message: format!(
            "validator {} was registered with keyshares for nonce {signed}, its operators expected {expected}: \
             they ignore it and it earns nothing; let it exit",
            validator.pubkey
        ),
    })
}

/// Validators the contracts know and the state file doesn't, by rollup: a state file was lost or restored.
pub(crate) fn unknown_validators<'a>(
    observation: &'a Observation,
    records: &[ValidatorRecord],
) -> Vec<(RollupAdmin, Vec<&'a NexusValidator>)> {
    let known: std::collections::BTreeSet<_> = records.iter().filter_map(|record| record.pubkey).collect();
    let mut unknown = std::collections::BTreeMap::<RollupAdmin, Vec<_>>::new();
    for validator in
        observation.chain.validators.iter().filter(|validator| !known.contains(&validator.pubkey))
    {
        unknown.entry(validator.rollup).or_default().push(validator);
    }
    unknown.into_iter().collect()
}

/// How many derivation indices to look through for `validators` lost keys: past every one that can have been used,
/// and a gap for those burnt without a deposit.
pub(crate) fn search_range(validators: usize) -> impl Iterator<Item = DerivationIndex> {
    const GAP: usize = 1_000;
    let end = u32::try_from(validators.saturating_add(GAP)).unwrap_or(u32::MAX);
    (0..end).map(DerivationIndex::new)
}
