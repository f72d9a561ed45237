//! `/eth/v1/config`.

use axum::{Json, extract::State};
use nexus_primitives::{Epoch, ForkVersion};

use super::{
    SharedBeacon,
    wire::{Data, DepositContract, Fork, Spec},
};
use crate::consensus::config::ConsensusConfig;

pub(super) async fn spec(State(beacon): State<SharedBeacon>) -> Json<Data<Spec>> {
    Json(Data { data: constants(beacon.read().config()) })
}

pub(super) async fn deposit_contract(State(beacon): State<SharedBeacon>) -> Json<Data<DepositContract>> {
    let chain = beacon.read();
    let config = chain.config();
    Json(Data { data: DepositContract { chain_id: config.chain_id, address: config.deposit_contract } })
}

pub(super) async fn fork_schedule(State(beacon): State<SharedBeacon>) -> Json<Data<Vec<Fork>>> {
    Json(Data { data: vec![fork(beacon.read().config())] })
}

/// Every fork happened at genesis.
pub(super) fn fork(config: &ConsensusConfig) -> Fork {
    let version = config.current_fork_version;
    Fork { previous_version: version, current_version: version, epoch: Epoch::new(0) }
}

fn constants(config: &ConsensusConfig) -> Spec {
    let mut spec = times(config);
    spec.extend(forks(config));
    spec.extend(limits(config));
    spec
}

fn times(config: &ConsensusConfig) -> Spec {
    Spec::from([
        ("CONFIG_NAME", "nexus-devnet".to_owned()),
        ("PRESET_BASE", if config.slots_per_epoch == 32 { "mainnet" } else { "minimal" }.to_owned()),
        ("MIN_GENESIS_TIME", config.genesis_time.to_string()),
        ("GENESIS_DELAY", "0".to_owned()),
        ("SECONDS_PER_SLOT", config.seconds_per_slot.to_string()),
        ("SLOT_DURATION_MS", config.seconds_per_slot.saturating_mul(1_000).to_string()),
        ("SLOTS_PER_EPOCH", config.slots_per_epoch.to_string()),
        ("SECONDS_PER_ETH1_BLOCK", config.seconds_per_slot.to_string()),
        ("SHARD_COMMITTEE_PERIOD", config.shard_committee_period.to_string()),
        ("MIN_VALIDATOR_WITHDRAWABILITY_DELAY", config.min_validator_withdrawability_delay.to_string()),
        ("EPOCHS_PER_SLASHINGS_VECTOR", config.epochs_per_slashings_vector.to_string()),
        ("MAX_SEED_LOOKAHEAD", config.max_seed_lookahead.to_string()),
        ("MIN_SEED_LOOKAHEAD", "1".to_owned()),
    ])
}

fn forks(config: &ConsensusConfig) -> Spec {
    let earlier = |number: u8| {
        let [first, rest @ ..] = *config.genesis_fork_version.as_bytes();
        let [second, third, fourth] = rest;
        ForkVersion::new([first.wrapping_add(number << 4), second, third, fourth]).to_string()
    };
    let mut spec = Spec::from([
        ("GENESIS_FORK_VERSION", config.genesis_fork_version.to_string()),
        ("ALTAIR_FORK_VERSION", earlier(1)),
        ("BELLATRIX_FORK_VERSION", earlier(2)),
        ("CAPELLA_FORK_VERSION", config.capella_fork_version.to_string()),
        ("DENEB_FORK_VERSION", earlier(4)),
        ("ELECTRA_FORK_VERSION", config.current_fork_version.to_string()),
    ]);
    let epochs = [
        "ALTAIR_FORK_EPOCH",
        "BELLATRIX_FORK_EPOCH",
        "CAPELLA_FORK_EPOCH",
        "DENEB_FORK_EPOCH",
        "ELECTRA_FORK_EPOCH",
    ];
    spec.extend(epochs.map(|name| (name, "0".to_owned())));
    spec
}

fn limits(config: &ConsensusConfig) -> Spec {
    Spec::from([
        ("DEPOSIT_CHAIN_ID", config.chain_id.to_string()),
        ("DEPOSIT_NETWORK_ID", config.chain_id.to_string()),
        ("DEPOSIT_CONTRACT_ADDRESS", config.deposit_contract.to_string()),
        ("MIN_DEPOSIT_AMOUNT", "1000000000".to_owned()),
        ("MAX_EFFECTIVE_BALANCE", "32000000000".to_owned()),
        ("MIN_ACTIVATION_BALANCE", "32000000000".to_owned()),
        ("MAX_EFFECTIVE_BALANCE_ELECTRA", "2048000000000".to_owned()),
        ("EFFECTIVE_BALANCE_INCREMENT", "1000000000".to_owned()),
        ("EJECTION_BALANCE", "16000000000".to_owned()),
        ("MIN_PER_EPOCH_CHURN_LIMIT_ELECTRA", config.exit_churn_per_epoch.to_string()),
        ("MAX_PER_EPOCH_ACTIVATION_EXIT_CHURN_LIMIT", config.activation_churn_per_epoch.to_string()),
        ("MAX_PENDING_DEPOSITS_PER_EPOCH", config.max_pending_deposits_per_epoch.to_string()),
        ("MAX_WITHDRAWALS_PER_PAYLOAD", config.max_withdrawals_per_payload.to_string()),
        ("MAX_VALIDATORS_PER_WITHDRAWALS_SWEEP", "16384".to_owned()),
        ("MAX_VOLUNTARY_EXITS", "16".to_owned()),
        ("DOMAIN_DEPOSIT", "0x03000000".to_owned()),
        ("DOMAIN_VOLUNTARY_EXIT", "0x04000000".to_owned()),
        ("BLS_WITHDRAWAL_PREFIX", "0x00".to_owned()),
        ("ETH1_ADDRESS_WITHDRAWAL_PREFIX", "0x01".to_owned()),
        ("COMPOUNDING_WITHDRAWAL_PREFIX", "0x02".to_owned()),
        ("FAR_FUTURE_EPOCH", Epoch::FAR_FUTURE.to_string()),
    ])
}
