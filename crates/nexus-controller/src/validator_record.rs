//! What the state file knows of a validator.

use nexus_chain::ValidatorDeposit;
use nexus_primitives::{
    DerivationIndex, Epoch, OwnerNonce, RollupAdmin, TxHash, UnixSeconds, ValidatorIndex, ValidatorPubkey,
};
use serde::{Deserialize, Serialize};

use crate::Stage;

/// Number of a validator in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(pub i64);

/// A validator: what no chain knows of it, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidatorRecord {
    /// Its number in the state file.
    pub id: RecordId,
    /// The rollup it stakes for.
    pub rollup: RollupAdmin,
    /// Account of its EIP-2334 path; `None` when the key isn't one of the rollup's mnemonic.
    pub derivation_index: Option<DerivationIndex>,
    /// Its key; `None` while [`Stage::Planned`].
    pub pubkey: Option<ValidatorPubkey>,
    /// How far it has come.
    pub stage: Stage,
    /// The signed deposit.
    pub deposit: Option<ValidatorDeposit>,
    /// The nonce its keyshares were signed for.
    pub shares_nonce: Option<OwnerNonce>,
    /// The signed exit in the beacon API's form.
    pub signed_exit: Option<String>,
    /// Index in the beacon state.
    pub validator_index: Option<ValidatorIndex>,
    /// Exit epoch once the beacon chain has set it.
    pub exit_epoch: Option<Epoch>,
    /// Transaction of the deposit.
    pub deposit_tx: Option<TxHash>,
    /// Transaction of the registration.
    pub shares_tx: Option<TxHash>,
    /// Transaction of the exit report.
    pub exit_tx: Option<TxHash>,
    /// Transaction that closed it.
    pub removal_tx: Option<TxHash>,
    /// Last change.
    pub updated_at: UnixSeconds,
}
