//! Shapes of the API's answers and requests.

use std::{collections::BTreeMap, fmt::Display};

use nexus_primitives::{
    Address, BlsSignature, Epoch, ForkVersion, Gwei, Root, Slot, UnixSeconds, ValidatorIndex, ValidatorPubkey,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::consensus::{chain::BeaconChain, state::BeaconState, state::Checkpoint};

/// Writes a number as a decimal string, as the API does with every integer.
fn quoted<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads a decimal string; a bare number is refused.
fn unquoted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| de::Error::custom(format!("{text:?} is not a decimal number")))
}

/// `{"data": …}`.
#[derive(Serialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// An answer about a state.
#[derive(Serialize)]
pub(super) struct StateAnswer<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    execution_optimistic: bool,
    finalized: bool,
    data: T,
}

impl<T> StateAnswer<T> {
    pub(super) fn about(chain: &BeaconChain, state: &BeaconState, data: T) -> Self {
        let execution_optimistic = chain.health().optimistic;
        let finalized = state.slot() <= chain.finalized().slot();
        Self { version: None, execution_optimistic, finalized, data }
    }

    /// Adds the fork's name, for shapes that differ between forks.
    pub(super) fn versioned(self) -> Self {
        Self { version: Some("electra"), ..self }
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API's own names")]
pub(super) struct GenesisDetails {
    #[serde(serialize_with = "quoted")]
    pub(super) genesis_time: UnixSeconds,
    pub(super) genesis_validators_root: Root,
    pub(super) genesis_fork_version: ForkVersion,
}

#[derive(Serialize)]
pub(super) struct Fork {
    pub(super) previous_version: ForkVersion,
    pub(super) current_version: ForkVersion,
    #[serde(serialize_with = "quoted")]
    pub(super) epoch: Epoch,
}

#[derive(Serialize)]
pub(super) struct StateRoot {
    pub(super) root: Root,
}

#[derive(Serialize)]
pub(super) struct WireCheckpoint {
    #[serde(serialize_with = "quoted")]
    epoch: Epoch,
    root: Root,
}

impl From<Checkpoint> for WireCheckpoint {
    fn from(checkpoint: Checkpoint) -> Self {
        Self { epoch: checkpoint.epoch, root: checkpoint.root }
    }
}

#[derive(Serialize)]
pub(super) struct FinalityCheckpoints {
    pub(super) previous_justified: WireCheckpoint,
    pub(super) current_justified: WireCheckpoint,
    pub(super) finalized: WireCheckpoint,
}

#[derive(Serialize)]
pub(super) struct ValidatorEntry {
    #[serde(serialize_with = "quoted")]
    pub(super) index: ValidatorIndex,
    #[serde(serialize_with = "quoted")]
    pub(super) balance: Gwei,
    pub(super) status: &'static str,
    pub(super) validator: ValidatorRecord,
}

#[derive(Serialize)]
pub(super) struct ValidatorRecord {
    pub(super) pubkey: ValidatorPubkey,
    pub(super) withdrawal_credentials: Root,
    #[serde(serialize_with = "quoted")]
    pub(super) effective_balance: Gwei,
    pub(super) slashed: bool,
    #[serde(serialize_with = "quoted")]
    pub(super) activation_eligibility_epoch: Epoch,
    #[serde(serialize_with = "quoted")]
    pub(super) activation_epoch: Epoch,
    #[serde(serialize_with = "quoted")]
    pub(super) exit_epoch: Epoch,
    #[serde(serialize_with = "quoted")]
    pub(super) withdrawable_epoch: Epoch,
}

#[derive(Serialize)]
pub(super) struct ValidatorBalance {
    #[serde(serialize_with = "quoted")]
    pub(super) index: ValidatorIndex,
    #[serde(serialize_with = "quoted")]
    pub(super) balance: Gwei,
}

/// Body of `POST …/validators`.
#[derive(Deserialize, Default)]
pub(super) struct ValidatorsRequest {
    #[serde(default)]
    pub(super) ids: Option<Vec<String>>,
    #[serde(default)]
    pub(super) statuses: Option<Vec<String>>,
}

/// A validator index in the body of `POST …/liveness/{epoch}`.
#[derive(Deserialize)]
pub(super) struct Index(#[serde(deserialize_with = "unquoted")] pub(super) u64);

#[derive(Serialize)]
pub(super) struct Liveness {
    #[serde(serialize_with = "quoted")]
    pub(super) index: ValidatorIndex,
    pub(super) is_live: bool,
}

#[derive(Serialize)]
pub(super) struct WirePendingDeposit {
    pub(super) pubkey: ValidatorPubkey,
    pub(super) withdrawal_credentials: Root,
    #[serde(serialize_with = "quoted")]
    pub(super) amount: Gwei,
    pub(super) signature: BlsSignature,
    #[serde(serialize_with = "quoted")]
    pub(super) slot: Slot,
}

#[derive(Serialize)]
pub(super) struct WirePartialWithdrawal {
    #[serde(serialize_with = "quoted")]
    pub(super) validator_index: ValidatorIndex,
    #[serde(serialize_with = "quoted")]
    pub(super) amount: Gwei,
    #[serde(serialize_with = "quoted")]
    pub(super) withdrawable_epoch: Epoch,
}

/// A signed voluntary exit, sent and answered in the same form.
#[derive(Serialize, Deserialize)]
pub(super) struct WireExit {
    pub(super) message: ExitMessage,
    pub(super) signature: BlsSignature,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ExitMessage {
    #[serde(serialize_with = "quoted", deserialize_with = "unquoted")]
    pub(super) epoch: u64,
    #[serde(serialize_with = "quoted", deserialize_with = "unquoted")]
    pub(super) validator_index: u64,
}

#[derive(Serialize)]
pub(super) struct SyncStatus {
    #[serde(serialize_with = "quoted")]
    pub(super) head_slot: Slot,
    #[serde(serialize_with = "quoted")]
    pub(super) sync_distance: u64,
    pub(super) is_syncing: bool,
    pub(super) is_optimistic: bool,
    pub(super) el_offline: bool,
}

#[derive(Serialize)]
pub(super) struct Version {
    pub(super) version: &'static str,
}

#[derive(Serialize)]
pub(super) struct DepositContract {
    #[serde(serialize_with = "quoted")]
    pub(super) chain_id: nexus_primitives::ChainId,
    pub(super) address: Address,
}

#[derive(Serialize)]
pub(super) struct BlockHeader {
    pub(super) root: Root,
    pub(super) canonical: bool,
    pub(super) header: SignedHeader,
}

#[derive(Serialize)]
pub(super) struct SignedHeader {
    pub(super) message: HeaderMessage,
    pub(super) signature: BlsSignature,
}

#[derive(Serialize)]
pub(super) struct HeaderMessage {
    #[serde(serialize_with = "quoted")]
    pub(super) slot: Slot,
    #[serde(serialize_with = "quoted")]
    pub(super) proposer_index: u64,
    pub(super) parent_root: Root,
    pub(super) state_root: Root,
    pub(super) body_root: Root,
}

/// Name and value of every constant, in the order of names.
pub(super) type Spec = BTreeMap<&'static str, String>;
