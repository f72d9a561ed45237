//! What the operators report at the end, checked against what must follow from their own deals.

use std::collections::BTreeSet;

use nexus_primitives::{BlsSignature, OperatorId, ValidatorPubkey, bls};
use nexus_ssv::{
    EncryptedShare, Expectation, Keyshares, KeysharesItem, Operator, SharesData, combine_signatures,
};

use crate::{
    CeremonyDeposit, CeremonyRequest, CombinationError, Fault, InstanceId, OutputFault,
    answer::expect,
    commitments::Commitments,
    deal::index,
    deposit::DepositTerms,
    output::NewValidator,
    wire::{KyberMessage, KyberType, MessageType, Output, ResponseBundle, SignedProof, Transport},
};

/// What every operator must report.
pub(crate) struct Outcome<'a> {
    request: &'a CeremonyRequest,
    instance: InstanceId,
    commitments: &'a Commitments,
    deposit: DepositTerms,
}

/// One operator's part of the validator, checked.
pub(crate) struct Part {
    operator: OperatorId,
    share_pubkey: ValidatorPubkey,
    encrypted_share: EncryptedShare,
    deposit_signature: BlsSignature,
    owner_nonce_signature: BlsSignature,
    proof: SignedProof,
}

impl<'a> Outcome<'a> {
    pub(crate) fn new(
        request: &'a CeremonyRequest,
        instance: InstanceId,
        commitments: &'a Commitments,
    ) -> Self {
        let terms = request.terms();
        let deposit = DepositTerms {
            pubkey: commitments.constant(),
            credentials: terms.credentials,
            amount: terms.amount,
            network: terms.network,
        };
        Self { request, instance, commitments, deposit }
    }

    /// Checks one operator's result, cheapest first.
    pub(crate) fn check(&self, operator: &Operator, output: &Output) -> Result<Part, Fault> {
        let proof = &output.signed_proof.proof;
        let registration = self.request.terms().registration;
        if output.operator_id != operator.id.get() {
            return Err(OutputFault::OperatorId { got: output.operator_id }.into());
        }
        if output.request_id != *self.instance.as_bytes() {
            return Err(OutputFault::RequestId.into());
        }
        if proof.owner != registration.owner {
            return Err(OutputFault::Owner { expected: registration.owner, got: proof.owner }.into());
        }
        let share = proof.encrypted_share.as_slice().try_into();
        let share = share.map_err(|_| OutputFault::EncryptedShare { got: proof.encrypted_share.len() })?;
        self.check_keys(operator.id, proof.validator_pubkey, proof.share_pubkey)?;
        output.signed_proof.verify(&operator.key).map_err(|_| OutputFault::ProofSignature)?;
        let (key, deposit) = (&proof.share_pubkey, self.deposit.signing_root());
        bls::verify(key, deposit.as_bytes(), &output.deposit_signature)
            .map_err(OutputFault::DepositSignature)?;
        bls::verify(key, &registration.digest(), &output.owner_nonce_signature)
            .map_err(OutputFault::OwnerNonceSignature)?;
        Ok(Part {
            operator: operator.id,
            share_pubkey: proof.share_pubkey,
            encrypted_share: EncryptedShare::new(share),
            deposit_signature: output.deposit_signature,
            owner_nonce_signature: output.owner_nonce_signature,
            proof: output.signed_proof.clone(),
        })
    }

    /// Compares both keys with those that follow from what all dealers committed to. Equality with one polynomial makes
    /// all share keys consistent with each other, for every threshold of them.
    fn check_keys(
        &self,
        operator: OperatorId,
        validator: ValidatorPubkey,
        share: ValidatorPubkey,
    ) -> Result<(), OutputFault> {
        if validator != self.deposit.pubkey {
            return Err(OutputFault::ValidatorKey { expected: self.deposit.pubkey, got: validator });
        }
        let expected = self.commitments.at(operator);
        if share != expected {
            return Err(OutputFault::ShareKey { expected, got: share });
        }
        Ok(())
    }

    /// Combines the operators' parts and verifies the whole once more, by other code than checked the parts.
    pub(crate) fn combine(
        &self,
        operators: &[Operator],
        parts: Vec<Part>,
    ) -> Result<NewValidator, CombinationError> {
        let deposit_parts: Vec<_> =
            parts.iter().map(|part| (part.operator, part.deposit_signature)).collect();
        let deposit = CeremonyDeposit::verify(self.deposit, combine_signatures(&deposit_parts)?)?;

        let nonce_parts: Vec<_> =
            parts.iter().map(|part| (part.operator, part.owner_nonce_signature)).collect();
        let signature = combine_signatures(&nonce_parts)?;
        let shares = parts.iter().map(|part| (part.share_pubkey, part.encrypted_share)).collect();
        let shares_data = SharesData::new(signature, shares);
        let (pubkey, set) = (self.deposit.pubkey, self.request.operator_set().clone());
        let registration = self.request.terms().registration;
        let keyshares = Keyshares::new(pubkey, set, shares_data, registration)
            .expect("there is a part of every operator");
        let keyshares = KeysharesItem::new(keyshares, operators)?;
        let expectation = Expectation::none().pubkey(pubkey).registration(registration).operators(operators);
        keyshares.verify(&expectation)?;

        let proofs = parts.into_iter().map(|part| part.proof).collect();
        Ok(NewValidator { deposit, keyshares, proofs })
    }
}

/// Reads the result of one of `operators`, or why there is none.
pub(crate) fn read_output(
    operators: &[Operator],
    operator: &Operator,
    message: &Transport,
) -> Result<Output, Fault> {
    match message.kind {
        MessageType::Kyber => Err(complaint(operators, operator.id, &expect(message, MessageType::Kyber)?)),
        _ => expect(message, MessageType::Output),
    }
}

/// An operator that couldn't use what it was dealt answers with its complaint instead of a result. What it says about
/// itself and about operators that take no part is nothing to go by.
fn complaint(operators: &[Operator], operator: OperatorId, kyber: &KyberMessage) -> Fault {
    if kyber.kind != KyberType::ResponseBundle {
        return Fault::Step { expected: KyberType::ResponseBundle, got: kyber.kind };
    }
    let bundle = match ResponseBundle::from_json(&kyber.data) {
        Ok(bundle) => bundle,
        Err(error) => return Fault::Json(error.to_string().as_str().into()),
    };
    if u64::from(bundle.share_index) != index(operator) {
        return Fault::Json("complaint in another operator's name".into());
    }
    let bad = bundle.responses.iter().filter(|response| !response.status);
    let bad: BTreeSet<_> = bad.map(|response| u64::from(response.dealer_index)).collect();
    let others = operators.iter().map(|other| other.id).filter(|other| *other != operator);
    let about: Vec<_> = others.filter(|other| bad.contains(&index(*other))).collect();
    if about.is_empty() {
        return Fault::Json("complaint about no other operator".into());
    }
    Fault::Complaint { about }
}
