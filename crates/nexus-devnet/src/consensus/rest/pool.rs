//! `/eth/v1/beacon/pool`.

use axum::{Json, extract::State};
use nexus_primitives::{Epoch, ValidatorIndex};

use super::{
    SharedBeacon,
    error::ApiError,
    wire::{Data, ExitMessage, WireExit},
};
use crate::consensus::voluntary_exit::SignedVoluntaryExit;

/// Takes a signed exit: 200 when the next block could include it, 400 with the reason otherwise.
pub(super) async fn submit_exit(
    State(beacon): State<SharedBeacon>,
    body: axum::body::Bytes,
) -> Result<(), ApiError> {
    let wire: WireExit = serde_json::from_slice(&body).map_err(ApiError::bad_request)?;
    let exit = SignedVoluntaryExit {
        epoch: Epoch::new(wire.message.epoch),
        validator_index: ValidatorIndex::new(wire.message.validator_index),
        signature: wire.signature,
    };
    beacon.write().submit_exit(exit).map_err(ApiError::bad_request)
}

pub(super) async fn exits(State(beacon): State<SharedBeacon>) -> Json<Data<Vec<WireExit>>> {
    let chain = beacon.read();
    Json(Data { data: chain.exit_pool().map(wire_exit).collect() })
}

fn wire_exit(exit: &SignedVoluntaryExit) -> WireExit {
    let message = ExitMessage { epoch: exit.epoch.get(), validator_index: exit.validator_index.get() };
    WireExit { message, signature: exit.signature }
}
