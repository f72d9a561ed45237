//! `/eth/v1/beacon/states/{state_id}/validators`.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
};
use nexus_primitives::{Epoch, Root, ValidatorIndex, ValidatorPubkey};

use super::{
    SharedBeacon,
    error::ApiError,
    state_id,
    wire::{StateAnswer, ValidatorBalance, ValidatorEntry, ValidatorRecord, ValidatorsRequest},
};
use crate::consensus::{
    state::BeaconState,
    validator::{Validator, ValidatorStatus},
};

type Answer<T> = Result<Json<StateAnswer<T>>, ApiError>;

/// Query parameters in order: a key may repeat, and a value may list several with commas.
type Parameters = Query<Vec<(String, String)>>;

/// A validator named by index or public key.
#[derive(Clone, Copy)]
enum ValidatorId {
    Index(ValidatorIndex),
    Pubkey(ValidatorPubkey),
}

pub(super) async fn get_list(
    State(beacon): State<SharedBeacon>,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Answer<Vec<ValidatorEntry>> {
    list(&beacon, &id, &values(&parameters, "id"), &values(&parameters, "status"))
}

pub(super) async fn post_list(
    State(beacon): State<SharedBeacon>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<Vec<ValidatorEntry>> {
    let request: ValidatorsRequest = match body.as_ref() {
        [] => ValidatorsRequest::default(),
        body => serde_json::from_slice(body).map_err(ApiError::bad_request)?,
    };
    list(&beacon, &id, &request.ids.unwrap_or_default(), &request.statuses.unwrap_or_default())
}

pub(super) async fn get_one(
    State(beacon): State<SharedBeacon>,
    Path((state_id, validator_id)): Path<(String, String)>,
) -> Answer<ValidatorEntry> {
    let chain = beacon.read();
    let state = state_id::find(&chain, &state_id)?;
    let found = parse_id(&validator_id)?.find(state);
    let missing = || ApiError::not_found(format!("validator {validator_id} is not in the registry"));
    let (index, validator) = found.ok_or_else(missing)?;
    let entry = wire_entry(index, validator, state.epoch(chain.config()));
    Ok(Json(StateAnswer::about(&chain, state, entry)))
}

pub(super) async fn balances(
    State(beacon): State<SharedBeacon>,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Answer<Vec<ValidatorBalance>> {
    let chain = beacon.read();
    let state = state_id::find(&chain, &id)?;
    let found = select(state, &values(&parameters, "id"))?;
    let balances =
        found.into_iter().map(|(index, validator)| ValidatorBalance { index, balance: validator.balance });
    Ok(Json(StateAnswer::about(&chain, state, balances.collect())))
}

fn list(beacon: &SharedBeacon, id: &str, ids: &[String], statuses: &[String]) -> Answer<Vec<ValidatorEntry>> {
    let statuses = parse_statuses(statuses)?;
    let chain = beacon.read();
    let state = state_id::find(&chain, id)?;
    let epoch = state.epoch(chain.config());
    let wanted = |validator: &Validator| statuses.is_empty() || statuses.contains(&validator.status(epoch));
    let found = select(state, ids)?.into_iter().filter(|(_, validator)| wanted(validator));
    let entries = found.map(|(index, validator)| wire_entry(index, validator, epoch)).collect();
    Ok(Json(StateAnswer::about(&chain, state, entries)))
}

/// The validators named, each once, in the order of indices; all of them when none is named. Unknown ones are left out.
fn select<'a>(
    state: &'a BeaconState,
    ids: &[String],
) -> Result<Vec<(ValidatorIndex, &'a Validator)>, ApiError> {
    if ids.is_empty() {
        return Ok((0..).map(ValidatorIndex::new).zip(state.validators()).collect());
    }
    let ids = ids.iter().map(|id| parse_id(id)).collect::<Result<Vec<_>, _>>()?;
    let mut found: Vec<_> = ids.into_iter().filter_map(|id| id.find(state)).collect();
    found.sort_unstable_by_key(|(index, _)| *index);
    found.dedup_by_key(|(index, _)| *index);
    Ok(found)
}

impl ValidatorId {
    fn find(self, state: &BeaconState) -> Option<(ValidatorIndex, &Validator)> {
        match self {
            Self::Index(index) => state.validator_at(index).map(|validator| (index, validator)),
            Self::Pubkey(pubkey) => state.validator(&pubkey),
        }
    }
}

fn parse_id(text: &str) -> Result<ValidatorId, ApiError> {
    let invalid = || ApiError::bad_request(format!("invalid validator id {text:?}"));
    if text.starts_with("0x") {
        text.parse().map(ValidatorId::Pubkey).map_err(|_| invalid())
    } else {
        text.parse().map(ValidatorId::Index).map_err(|_| invalid())
    }
}

fn parse_statuses(filters: &[String]) -> Result<Vec<ValidatorStatus>, ApiError> {
    let parsed =
        filters.iter().map(|filter| ValidatorStatus::matching(filter)).collect::<Result<Vec<_>, _>>();
    parsed.map(|groups| groups.concat()).map_err(ApiError::bad_request)
}

fn values(parameters: &[(String, String)], name: &str) -> Vec<String> {
    let named = parameters.iter().filter(|(key, _)| key == name);
    named
        .flat_map(|(_, value)| value.split(','))
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

fn wire_entry(index: ValidatorIndex, validator: &Validator, epoch: Epoch) -> ValidatorEntry {
    ValidatorEntry {
        index,
        balance: validator.balance,
        status: validator.status(epoch).as_str(),
        validator: ValidatorRecord {
            pubkey: validator.pubkey,
            withdrawal_credentials: Root::new(validator.withdrawal_credentials),
            effective_balance: validator.effective_balance,
            slashed: validator.slashed,
            activation_eligibility_epoch: validator.activation_eligibility_epoch,
            activation_epoch: validator.activation_epoch,
            exit_epoch: validator.exit_epoch,
            withdrawable_epoch: validator.withdrawable_epoch,
        },
    }
}
