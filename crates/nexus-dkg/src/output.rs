//! What a ceremony makes.

use nexus_primitives::{OwnerNonce, ValidatorPubkey};
use nexus_ssv::{CreatedAt, KeysharesFile, KeysharesItem};

use crate::{
    CeremonyDeposit, InstanceId, documents,
    wire::{InitOperator, Results, SignedProof},
};

/// A new validator: its deposit, its keyshares, and the operators' proofs of their shares. All of it is verified.
///
/// Store it, and only then let it be known: see [`Self::stored`]. The key exists nowhere as a whole; without the
/// keyshares there is no validator, and without the proofs the operators can't sign or share again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyOutput {
    instance: InstanceId,
    validator: NewValidator,
    created_at: CreatedAt,
    results_message: Vec<u8>,
}

/// What the operators' parts were combined to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewValidator {
    pub(crate) deposit: CeremonyDeposit,
    pub(crate) keyshares: KeysharesItem,
    pub(crate) proofs: Vec<SignedProof>,
}

/// An output of which whoever holds this says that it is stored where a crash can't take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutput(CeremonyOutput);

impl CeremonyOutput {
    pub(crate) const fn new(
        instance: InstanceId,
        validator: NewValidator,
        created_at: CreatedAt,
        results_message: Vec<u8>,
    ) -> Self {
        Self { instance, validator, created_at, results_message }
    }

    /// Returns the name of the ceremony, by which operators find it in their logs.
    pub const fn instance_id(&self) -> InstanceId {
        self.instance
    }

    /// Returns the validator's public key.
    pub const fn pubkey(&self) -> ValidatorPubkey {
        self.validator.deposit.pubkey()
    }

    /// Returns the nonce that the validator must be registered with.
    pub fn nonce(&self) -> OwnerNonce {
        self.validator.keyshares.keyshares().registration().nonce
    }

    /// Returns the deposit.
    pub const fn deposit(&self) -> &CeremonyDeposit {
        &self.validator.deposit
    }

    /// Returns the keyshares with the operators' RSA keys.
    pub const fn keyshares(&self) -> &KeysharesItem {
        &self.validator.keyshares
    }

    /// Returns the operators' proofs, ascending by operator id.
    pub fn proofs(&self) -> &[SignedProof] {
        &self.validator.proofs
    }

    /// Returns the time that stands in the documents.
    pub const fn created_at(&self) -> CreatedAt {
        self.created_at
    }

    /// Returns the signed message that hands out the documents to the operators.
    pub fn results_message(&self) -> &[u8] {
        &self.results_message
    }

    /// Says that the output is stored, durably; only then the operators are told.
    ///
    /// [`OutputFolder`](crate::OutputFolder) says it of what it wrote. Whoever stores it elsewhere says it themselves.
    pub fn stored(self) -> StoredOutput {
        StoredOutput(self)
    }
}

impl NewValidator {
    /// Writes the documents for the operators.
    pub(crate) fn to_results(
        &self,
        instance: InstanceId,
        operators: Vec<InitOperator>,
        created_at: CreatedAt,
    ) -> Results {
        let keyshares = KeysharesFile { created_at: None, items: vec![self.keyshares.clone()] };
        Results {
            operators,
            identifier: *instance.as_bytes(),
            deposit_data: documents::deposit(&self.deposit).into_bytes(),
            keyshares_data: keyshares.to_compact_json(created_at).into_bytes(),
            proofs: documents::proofs(&self.proofs).into_bytes(),
        }
    }
}

impl StoredOutput {
    /// Returns the output.
    pub const fn output(&self) -> &CeremonyOutput {
        &self.0
    }

    /// Returns the output by value.
    pub fn into_output(self) -> CeremonyOutput {
        self.0
    }
}
