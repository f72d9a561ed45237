//! What the state file knows of a validator.

use nexus_chain::ValidatorDeposit;
use nexus_dkg::CeremonyDocuments;
use nexus_primitives::{
    DerivationIndex, Epoch, OperatorSet, OwnerNonce, RollupAdmin, TxHash, UnixSeconds, ValidatorIndex,
    ValidatorPubkey,
};
use serde::{Deserialize, Serialize};

use crate::{KeySource, Stage};

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
    /// Whether a person said that it won't be registered any more: nobody waits for it.
    pub given_up: bool,
    /// What its keyshares are good for; `None` when its key isn't from a ceremony whose documents are here.
    #[serde(skip)]
    pub ceremony: Option<Ceremony>,
}

/// What keyshares from a ceremony are good for: nobody can make others for the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// The one registration of Nexus in which the operators take them, counted from its first one.
    pub owner_nonce: OwnerNonce,
    /// The operators.
    pub operators: OperatorSet,
}

impl ValidatorRecord {
    /// Returns whether nobody known can sign for it: not the rollup's mnemonic, and not its operators as far as the
    /// documents of its ceremony or the rollup's own way of making keys tell.
    pub(crate) fn is_foreign(&self, keys: KeySource) -> bool {
        self.derivation_index.is_none() && self.ceremony.is_none() && keys != KeySource::Dkg
    }

    /// Returns whether operators made its key, and the documents it has to be registered with aren't here.
    pub(crate) fn lacks_documents(&self, keys: KeySource) -> bool {
        let is_of_operators = keys == KeySource::Dkg && self.derivation_index.is_none();
        self.stage == Stage::Deposited && is_of_operators && self.ceremony.is_none() && !self.given_up
    }

    /// Returns the key as text, for messages.
    pub(crate) fn pubkey_text(&self) -> String {
        self.pubkey.map(|pubkey| pubkey.to_string()).unwrap_or_default()
    }
}

/// What a ceremony left of a validator: all that depositing and registering it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyMaterial {
    /// The deposit the operators signed.
    pub deposit: ValidatorDeposit,
    /// What its keyshares are good for.
    pub ceremony: Ceremony,
    /// The three documents.
    pub documents: CeremonyDocuments,
}

/// Failures in a row of a set of operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyFailure {
    /// How many.
    pub failures: u32,
    /// When the last one was.
    pub failed_at: UnixSeconds,
    /// Who was at fault in the last one, and of what.
    pub reason: String,
}
