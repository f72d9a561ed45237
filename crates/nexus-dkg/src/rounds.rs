//! A ceremony, round by round: bytes in, the next round or who is at fault out.
//!
//! Each round is a type that holds what the next one needs and is consumed by it, so that no message can be sent twice,
//! out of order, or after a failure. Nothing here talks to anybody.

use std::collections::BTreeMap;

use blst::min_pk::PublicKey;
use nexus_primitives::OperatorId;
use nexus_ssv::{CreatedAt, Operator, PssError};
use rand_core::CryptoRng;

use crate::{
    CeremonyError, CeremonyFault, CeremonyOutput, CeremonyRequest, Fault, InitiatorIdentity, InstanceId,
    OperatorVersion, OperatorWords, RequestId, Round, RoundFailed,
    answer::{Answers, Examination, expect},
    commitments::Commitments,
    deal::Dealing,
    outcome::{Outcome, read_output},
    output::NewValidator,
    wire::{
        DealBundle, Exchange, KyberMessage, KyberType, MessageType, SignedTransport, Ssz as _, Transport,
    },
};

/// What stays the same through all rounds.
struct Ceremony {
    request: CeremonyRequest,
    operators: Vec<Operator>,
    identity: InitiatorIdentity,
    instance: InstanceId,
    /// Stands in the last message, where nobody looks at it.
    version: OperatorVersion,
}

/// The first message is ready; the operators will answer with their exchange keys.
pub struct Initiated {
    ceremony: Ceremony,
    messages: BTreeMap<OperatorId, Vec<u8>>,
}

/// All exchange keys are there; the operators will answer with their deals.
pub struct Exchanged {
    ceremony: Ceremony,
    exchange_keys: Vec<PublicKey>,
    message: Vec<u8>,
}

/// All deals are there, and with them the public key and all share keys are known; the operators will answer with
/// their results.
pub struct Dealt {
    ceremony: Ceremony,
    commitments: Commitments,
    message: Vec<u8>,
}

impl Initiated {
    /// Opens a ceremony: one message for each operator, the same but for the version, which must be its own.
    pub fn new<R: CryptoRng + ?Sized>(
        request: CeremonyRequest,
        request_id: RequestId,
        identity: InitiatorIdentity,
        versions: &BTreeMap<OperatorId, OperatorVersion>,
        rng: &mut R,
    ) -> Result<Self, CeremonyError> {
        let init = request.to_init();
        let instance = InstanceId::derive(&identity.public_text(), &init, request_id);
        let mut by_version: BTreeMap<&OperatorVersion, Vec<u8>> = BTreeMap::new();
        let mut messages = BTreeMap::new();
        for id in request.operator_set().ids() {
            let version = versions.get(id).ok_or(CeremonyError::NoVersion(*id))?;
            if !by_version.contains_key(version) {
                let message = Transport {
                    kind: MessageType::Init,
                    identifier: *request_id.as_bytes(),
                    data: init.encode(),
                    version: version.as_str().to_owned(),
                };
                by_version.insert(version, identity.sign(message, rng)?.encode());
            }
            messages.extend(by_version.get(version).map(|message| (*id, message.clone())));
        }
        let version = by_version.into_keys().next().expect("a request has operators").clone();
        let operators = request.parties();
        Ok(Self { ceremony: Ceremony { request, operators, identity, instance, version }, messages })
    }

    /// Returns the name of the ceremony.
    pub const fn instance_id(&self) -> InstanceId {
        self.ceremony.instance
    }

    /// Returns the message for each operator.
    pub const fn messages(&self) -> &BTreeMap<OperatorId, Vec<u8>> {
        &self.messages
    }

    /// Takes the operators' exchange keys.
    pub fn accept<R: CryptoRng + ?Sized>(
        self,
        answers: Answers,
        rng: &mut R,
    ) -> Result<Exchanged, CeremonyError> {
        let (opened, exchange_keys) = self.examine(answers)?;
        let message = self.ceremony.bundle(opened, rng)?;
        Ok(Exchanged { ceremony: self.ceremony, exchange_keys, message })
    }

    fn examine(&self, answers: Answers) -> Result<(Vec<SignedTransport>, Vec<PublicKey>), RoundFailed> {
        let examination = self.ceremony.examination(Round::Init);
        let opened = examination.open_all(self.ceremony.instance, answers)?;
        let exchange_keys = examination.check_all(&opened, |_, signed| exchange_key(&signed.message))?;
        check_distinct(&examination, &exchange_keys)?;
        Ok((opened, exchange_keys))
    }
}

impl Exchanged {
    /// Returns the message for all operators.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the operators' deals.
    pub fn accept<R: CryptoRng + ?Sized>(
        self,
        answers: Answers,
        rng: &mut R,
    ) -> Result<Dealt, CeremonyError> {
        let (opened, commitments) = self.examine(answers)?;
        let message = self.ceremony.bundle(opened, rng)?;
        Ok(Dealt { ceremony: self.ceremony, commitments, message })
    }

    fn examine(&self, answers: Answers) -> Result<(Vec<SignedTransport>, Commitments), CeremonyError> {
        let (ceremony, set) = (&self.ceremony, self.ceremony.request.operator_set());
        let examination = ceremony.examination(Round::Exchange);
        let opened = examination.open_all(ceremony.instance, answers)?;
        let bundles = examination.check_all(&opened, |_, signed| deal_bundle(&signed.message))?;
        let dealt: Vec<_> = bundles.iter().zip(&self.exchange_keys).collect();
        let polynomials = examination.check_all(&dealt, |operator, (bundle, exchange_key)| {
            let dealing = Dealing {
                dealer: operator.id,
                exchange_key,
                operators: set.ids(),
                threshold: set.threshold().get(),
                session_id: ceremony.instance.session_id(),
            };
            Ok(dealing.check(bundle)?)
        })?;
        let commitments = Commitments::sum(&polynomials).ok_or(CeremonyError::NoKey)?;
        Ok((opened, commitments))
    }
}

impl Dealt {
    /// Returns the message for all operators.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the operators' results; `created_at` goes into the documents.
    ///
    /// The initiator's key ends here: the message that hands out the documents is signed already.
    pub fn accept<R: CryptoRng + ?Sized>(
        self,
        answers: Answers,
        created_at: CreatedAt,
        rng: &mut R,
    ) -> Result<CeremonyOutput, CeremonyError> {
        let validator = self.examine(answers)?;
        let Ceremony { request, identity, instance, version, .. } = self.ceremony;
        let message = Transport {
            kind: MessageType::Results,
            identifier: *instance.as_bytes(),
            data: validator.to_results(instance, request.init_operators(), created_at).encode(),
            version: version.as_str().to_owned(),
        };
        let results_message = identity.sign(message, rng)?.encode();
        Ok(CeremonyOutput::new(instance, validator, created_at, results_message))
    }

    fn examine(&self, answers: Answers) -> Result<NewValidator, CeremonyError> {
        let ceremony = &self.ceremony;
        let examination = ceremony.examination(Round::Deal);
        let opened = examination.open_all(ceremony.instance, answers)?;
        let outputs = examination.check_all(&opened, |operator, signed| {
            read_output(&ceremony.operators, operator, &signed.message)
        })?;
        let outcome = Outcome::new(&ceremony.request, ceremony.instance, &self.commitments);
        let parts = examination.check_all(&outputs, |operator, output| outcome.check(operator, output))?;
        Ok(outcome.combine(&ceremony.operators, parts)?)
    }
}

impl Ceremony {
    fn examination(&self, round: Round) -> Examination<'_> {
        Examination { round, operators: &self.operators }
    }

    /// Puts the operators' messages together as they are; each carries its sender's signature.
    fn bundle<R: CryptoRng + ?Sized>(
        &self,
        messages: Vec<SignedTransport>,
        rng: &mut R,
    ) -> Result<Vec<u8>, PssError> {
        let bundle = self.identity.sign_bundle(*self.instance.as_bytes(), messages, rng)?;
        Ok(bundle.encode())
    }
}

fn exchange_key(message: &Transport) -> Result<PublicKey, Fault> {
    let exchange: Exchange = expect(message, MessageType::Exchange)?;
    if !exchange.commits.is_empty() {
        return Err(Fault::Commits);
    }
    // blst would also take points of 96 bytes, which operators don't.
    let pk: [u8; 48] = exchange.pk.try_into().map_err(|_| Fault::ExchangeKey)?;
    PublicKey::key_validate(&pk).map_err(|_| Fault::ExchangeKey)
}

fn check_distinct(examination: &Examination<'_>, keys: &[PublicKey]) -> Result<(), RoundFailed> {
    let mut seen: Vec<(OperatorId, &PublicKey)> = Vec::with_capacity(keys.len());
    for (operator, key) in examination.operators.iter().zip(keys) {
        if let Some((with, _)) = seen.iter().find(|(_, other)| *other == key) {
            let fault = Fault::SharedExchangeKey { with: *with };
            return Err(RoundFailed {
                round: examination.round,
                operators: examination.operators.len(),
                faults: vec![CeremonyFault { operator: operator.id, fault }],
            });
        }
        seen.push((operator.id, key));
    }
    Ok(())
}

fn deal_bundle(message: &Transport) -> Result<DealBundle, Fault> {
    let kyber: KyberMessage = expect(message, MessageType::Kyber)?;
    if kyber.kind != KyberType::DealBundle {
        return Err(Fault::Step { expected: KyberType::DealBundle, got: kyber.kind });
    }
    DealBundle::from_json(&kyber.data)
        .map_err(|error| Fault::Json(OperatorWords::from(error.to_string().as_str())))
}

#[cfg(test)]
mod tests;
