//! The beacon API's documents, as far as they are read. No logic beyond conversion.

use nexus_primitives::{
    Address, BlsSignature, ChainId, Epoch, EpochCount, ForkVersion, Gwei, Root, Slot, UnixSeconds,
    ValidatorIndex, ValidatorPubkey,
};
use serde::{Deserialize, Serialize};

use crate::{BeaconValidator, PendingDeposit, PendingPartialWithdrawal, ValidatorStatus, quoted};

/// The envelope of every answer.
#[derive(Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

/// A quoted integer where `with` doesn't reach: inside an `Option`.
#[derive(Deserialize)]
pub(crate) struct Quoted(#[serde(with = "quoted")] pub(crate) u64);

#[derive(Deserialize)]
pub(crate) struct Genesis {
    #[serde(rename = "genesis_time", deserialize_with = "unix_seconds")]
    pub(crate) time: UnixSeconds,
    #[serde(rename = "genesis_validators_root")]
    pub(crate) validators_root: Root,
    #[serde(rename = "genesis_fork_version")]
    pub(crate) fork_version: ForkVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Spec {
    pub(crate) capella_fork_version: ForkVersion,
    pub(crate) seconds_per_slot: Option<Quoted>,
    /// Newer specifications name the slot's length in milliseconds.
    pub(crate) slot_duration_ms: Option<Quoted>,
    #[serde(with = "quoted")]
    pub(crate) slots_per_epoch: u64,
    #[serde(with = "quoted")]
    pub(crate) shard_committee_period: EpochCount,
    pub(crate) deposit_contract_address: Address,
    #[serde(with = "quoted")]
    pub(crate) deposit_chain_id: ChainId,
}

/// The one constant that says whether the queues of Electra exist; absent from older nodes.
#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct ElectraSpec {
    pub(crate) electra_fork_epoch: Option<Quoted>,
}

#[derive(Deserialize)]
pub(crate) struct NodeSyncing {
    #[serde(with = "quoted")]
    pub(crate) head_slot: Slot,
    pub(crate) is_syncing: bool,
    #[serde(default)]
    pub(crate) is_optimistic: bool,
    #[serde(default)]
    pub(crate) el_offline: bool,
}

#[derive(Deserialize)]
pub(crate) struct FinalityCheckpoints {
    pub(crate) current_justified: Checkpoint,
    pub(crate) finalized: Checkpoint,
}

#[derive(Deserialize)]
pub(crate) struct Checkpoint {
    #[serde(with = "quoted")]
    pub(crate) epoch: Epoch,
}

#[derive(Deserialize)]
pub(crate) struct Fork {
    pub(crate) current_version: ForkVersion,
    #[serde(with = "quoted")]
    pub(crate) epoch: Epoch,
}

/// Body of `POST /eth/v1/beacon/states/{state_id}/validators`.
#[derive(Serialize)]
pub(crate) struct ValidatorIds<'a> {
    pub(crate) ids: &'a [ValidatorPubkey],
}

#[derive(Deserialize)]
pub(crate) struct ValidatorEntry {
    #[serde(with = "quoted")]
    index: ValidatorIndex,
    #[serde(deserialize_with = "gwei")]
    balance: Gwei,
    status: ValidatorStatus,
    validator: Validator,
}

#[derive(Deserialize)]
struct Validator {
    pubkey: ValidatorPubkey,
    withdrawal_credentials: Root,
    #[serde(deserialize_with = "gwei")]
    effective_balance: Gwei,
    slashed: bool,
    #[serde(with = "quoted")]
    activation_epoch: Epoch,
    #[serde(with = "quoted")]
    exit_epoch: Epoch,
    #[serde(with = "quoted")]
    withdrawable_epoch: Epoch,
}

impl From<ValidatorEntry> for BeaconValidator {
    fn from(entry: ValidatorEntry) -> Self {
        let ValidatorEntry { index, balance, status, validator } = entry;
        Self {
            index,
            pubkey: validator.pubkey,
            balance,
            status,
            effective_balance: validator.effective_balance,
            slashed: validator.slashed,
            activation_epoch: validator.activation_epoch.scheduled(),
            exit_epoch: validator.exit_epoch.scheduled(),
            withdrawable_epoch: validator.withdrawable_epoch.scheduled(),
            withdrawal_credentials: validator.withdrawal_credentials,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct DepositEntry {
    pubkey: ValidatorPubkey,
    withdrawal_credentials: Root,
    #[serde(deserialize_with = "gwei")]
    amount: Gwei,
    #[serde(rename = "signature")]
    _signature: BlsSignature,
    #[serde(with = "quoted")]
    slot: Slot,
}

impl From<DepositEntry> for PendingDeposit {
    fn from(entry: DepositEntry) -> Self {
        let DepositEntry { pubkey, withdrawal_credentials, amount, slot, .. } = entry;
        Self { pubkey, withdrawal_credentials, amount, slot }
    }
}

#[derive(Deserialize)]
pub(crate) struct PartialWithdrawalEntry {
    #[serde(with = "quoted")]
    validator_index: ValidatorIndex,
    #[serde(deserialize_with = "gwei")]
    amount: Gwei,
    #[serde(with = "quoted")]
    withdrawable_epoch: Epoch,
}

impl From<PartialWithdrawalEntry> for PendingPartialWithdrawal {
    fn from(entry: PartialWithdrawalEntry) -> Self {
        let PartialWithdrawalEntry { validator_index, amount, withdrawable_epoch } = entry;
        Self { validator_index, amount, withdrawable_epoch }
    }
}

#[derive(Deserialize)]
pub(crate) struct LivenessEntry {
    #[serde(with = "quoted")]
    pub(crate) index: ValidatorIndex,
    pub(crate) is_live: bool,
}

/// Body of an error answer (beacon API, `ErrorMessage`).
#[derive(Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) message: String,
}

fn gwei<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Gwei, D::Error> {
    quoted::deserialize(deserializer).map(Gwei::new)
}

fn unix_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<UnixSeconds, D::Error> {
    quoted::deserialize(deserializer).map(UnixSeconds::new)
}
