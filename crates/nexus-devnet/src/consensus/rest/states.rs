//! `/eth/v1/beacon/genesis`, `/headers` and what a state says beside its validators.

use axum::{
    Json,
    extract::{Path, State},
};
use nexus_primitives::{BlsSignature, Root};

use super::{
    SharedBeacon,
    error::ApiError,
    spec, state_id,
    wire::{
        BlockHeader, Data, FinalityCheckpoints, Fork, GenesisDetails, HeaderMessage, SignedHeader,
        StateAnswer, StateRoot, WirePartialWithdrawal, WirePendingDeposit,
    },
};
use crate::consensus::{
    chain::BeaconChain, deposit::PendingDeposit, state::BeaconState, withdrawal::PendingPartialWithdrawal,
};

type Answer<T> = Result<Json<StateAnswer<T>>, ApiError>;

pub(super) async fn genesis(State(beacon): State<SharedBeacon>) -> Json<Data<GenesisDetails>> {
    let chain = beacon.read();
    let config = chain.config();
    Json(Data {
        data: GenesisDetails {
            genesis_time: config.genesis_time,
            genesis_validators_root: config.genesis_validators_root,
            genesis_fork_version: config.genesis_fork_version,
        },
    })
}

pub(super) async fn root(State(beacon): State<SharedBeacon>, Path(id): Path<String>) -> Answer<StateRoot> {
    answer(&beacon, &id, |_, state| StateRoot { root: state.state_root() })
}

pub(super) async fn fork(State(beacon): State<SharedBeacon>, Path(id): Path<String>) -> Answer<Fork> {
    answer(&beacon, &id, |chain, _| spec::fork(chain.config()))
}

pub(super) async fn finality_checkpoints(
    State(beacon): State<SharedBeacon>,
    Path(id): Path<String>,
) -> Answer<FinalityCheckpoints> {
    answer(&beacon, &id, |_, state| FinalityCheckpoints {
        previous_justified: state.finalized().into(),
        current_justified: state.justified().into(),
        finalized: state.finalized().into(),
    })
}

pub(super) async fn pending_deposits(
    State(beacon): State<SharedBeacon>,
    Path(id): Path<String>,
) -> Answer<Vec<WirePendingDeposit>> {
    let Json(answer) = answer(&beacon, &id, |_, state| state.pending_deposits().map(wire_deposit).collect())?;
    Ok(Json(answer.versioned()))
}

pub(super) async fn pending_partial_withdrawals(
    State(beacon): State<SharedBeacon>,
    Path(id): Path<String>,
) -> Answer<Vec<WirePartialWithdrawal>> {
    let Json(answer) = answer(&beacon, &id, |_, state| {
        state.pending_partial_withdrawals().iter().map(wire_partial_withdrawal).collect()
    })?;
    Ok(Json(answer.versioned()))
}

pub(super) async fn header(
    State(beacon): State<SharedBeacon>,
    Path(id): Path<String>,
) -> Answer<BlockHeader> {
    let chain = beacon.read();
    let block = state_id::find_block(&chain, &id)?;
    Ok(Json(StateAnswer::about(&chain, block, wire_header(block))))
}

fn answer<T>(
    beacon: &SharedBeacon,
    id: &str,
    data: impl FnOnce(&BeaconChain, &BeaconState) -> T,
) -> Answer<T> {
    let chain = beacon.read();
    let state = state_id::find(&chain, id)?;
    Ok(Json(StateAnswer::about(&chain, state, data(&chain, state))))
}

/// Bodies aren't kept and nobody proposes: those fields are zero.
fn wire_header(state: &BeaconState) -> BlockHeader {
    let message = HeaderMessage {
        slot: state.slot(),
        proposer_index: 0,
        parent_root: state.parent_root(),
        state_root: state.state_root(),
        body_root: Root::new([0; 32]),
    };
    let header = SignedHeader { message, signature: BlsSignature::new([0; 96]) };
    BlockHeader { root: state.block_root(), canonical: true, header }
}

fn wire_deposit(deposit: &PendingDeposit) -> WirePendingDeposit {
    WirePendingDeposit {
        pubkey: deposit.event.pubkey,
        withdrawal_credentials: Root::new(deposit.event.withdrawal_credentials),
        amount: deposit.event.amount,
        signature: deposit.event.signature,
        slot: deposit.slot,
    }
}

fn wire_partial_withdrawal(pending: &PendingPartialWithdrawal) -> WirePartialWithdrawal {
    WirePartialWithdrawal {
        validator_index: pending.validator_index,
        amount: pending.amount,
        withdrawable_epoch: pending.withdrawable_epoch,
    }
}
