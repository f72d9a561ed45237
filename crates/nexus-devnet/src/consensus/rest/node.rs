//! `/eth/v1/node`.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    SharedBeacon,
    wire::{Data, SyncStatus, Version},
};

/// How far behind a node claims to be while it is told to be syncing.
const CLAIMED_SYNC_DISTANCE: u64 = 100;

pub(super) async fn syncing(State(beacon): State<SharedBeacon>) -> Json<Data<SyncStatus>> {
    let chain = beacon.read();
    let health = chain.health();
    Json(Data {
        data: SyncStatus {
            head_slot: chain.head().slot(),
            sync_distance: if health.syncing { CLAIMED_SYNC_DISTANCE } else { 0 },
            is_syncing: health.syncing,
            is_optimistic: health.optimistic,
            el_offline: false,
        },
    })
}

pub(super) async fn version() -> Json<Data<Version>> {
    Json(Data { data: Version { version: concat!("nexus-devnet/v", env!("CARGO_PKG_VERSION")) } })
}

pub(super) async fn health(State(beacon): State<SharedBeacon>) -> StatusCode {
    let health = beacon.read().health();
    if health.syncing || health.optimistic { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }
}
