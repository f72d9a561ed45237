//! The standard beacon REST API over a [`BeaconChain`].
//!
//! Paths, shapes and status codes follow the beacon API specification (v3, Electra). Numbers are decimal strings,
//! bytes are `0x` hexadecimal, refusals are `{"code", "message"}`.

mod error;
mod liveness;
mod node;
mod pool;
mod spec;
mod state_id;
mod states;
mod validators;
mod wire;

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::{
    Router,
    routing::{get, post},
};

use super::chain::BeaconChain;
use error::ApiError;

/// A beacon chain shared between the API and whoever moves it.
#[derive(Debug, Clone)]
pub struct SharedBeacon(Arc<RwLock<BeaconChain>>);

impl SharedBeacon {
    /// Shares a chain.
    pub fn new(chain: BeaconChain) -> Self {
        Self(Arc::new(RwLock::new(chain)))
    }

    /// Looks at the chain.
    pub fn read(&self) -> RwLockReadGuard<'_, BeaconChain> {
        self.0.read().expect("nobody panics while holding the chain")
    }

    /// Takes the chain to change it.
    pub fn write(&self) -> RwLockWriteGuard<'_, BeaconChain> {
        self.0.write().expect("nobody panics while holding the chain")
    }
}

/// Returns the API's routes.
pub fn router(beacon: SharedBeacon) -> Router {
    Router::new()
        .merge(beacon_routes())
        .route("/eth/v1/config/spec", get(spec::spec))
        .route("/eth/v1/config/deposit_contract", get(spec::deposit_contract))
        .route("/eth/v1/config/fork_schedule", get(spec::fork_schedule))
        .route("/eth/v1/node/syncing", get(node::syncing))
        .route("/eth/v1/node/version", get(node::version))
        .route("/eth/v1/node/health", get(node::health))
        .route("/eth/v1/validator/liveness/{epoch}", post(liveness::liveness))
        .fallback(async || ApiError::not_found("no such endpoint"))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .with_state(beacon)
}

fn beacon_routes() -> Router<SharedBeacon> {
    let state = |name: &str| format!("/eth/v1/beacon/states/{{state_id}}/{name}");
    Router::new()
        .route("/eth/v1/beacon/genesis", get(states::genesis))
        .route("/eth/v1/beacon/headers/{block_id}", get(states::header))
        .route(&state("root"), get(states::root))
        .route(&state("fork"), get(states::fork))
        .route(&state("finality_checkpoints"), get(states::finality_checkpoints))
        .route(&state("validators"), get(validators::get_list).post(validators::post_list))
        .route(&state("validators/{validator_id}"), get(validators::get_one))
        .route(&state("validator_balances"), get(validators::balances))
        .route(&state("pending_deposits"), get(states::pending_deposits))
        .route(&state("pending_partial_withdrawals"), get(states::pending_partial_withdrawals))
        .route("/eth/v1/beacon/pool/voluntary_exits", post(pool::submit_exit).get(pool::exits))
}
