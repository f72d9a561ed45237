//! Operators' answers: who speaks, in which ceremony, signed.

use std::collections::BTreeMap;

use nexus_primitives::OperatorId;
use nexus_ssv::Operator;

use crate::{
    CeremonyFault, Fault, InstanceId, OperatorWords, Round, RoundFailed,
    wire::{MessageType, SignedTransport, Ssz, Transport},
};

/// What came back from each operator in a round: the body of its answer, or why there is none.
pub type Answers = BTreeMap<OperatorId, Result<Vec<u8>, Fault>>;

/// Reads an answer and checks that it is this operator's, in this ceremony. Cheap checks come first.
pub(crate) fn open(
    operator: &Operator,
    identifier: &[u8; 24],
    answer: Result<Vec<u8>, Fault>,
) -> Result<SignedTransport, Fault> {
    let signed = SignedTransport::decode(&answer?)?;
    if signed.signer != operator.key.to_text().as_bytes() {
        return Err(Fault::Signer);
    }
    if signed.message.identifier != *identifier {
        return Err(Fault::Identifier);
    }
    signed.verify(&operator.key).map_err(|_| Fault::Signature)?;
    Ok(signed)
}

/// Reads the message in a transport of the kind that is due.
pub(crate) fn expect<T: Ssz>(message: &Transport, expected: MessageType) -> Result<T, Fault> {
    match message.kind {
        kind if kind == expected => Ok(T::decode(&message.data)?),
        MessageType::Error => Err(Fault::Reported(report(&message.data))),
        got => Err(Fault::Kind { expected, got }),
    }
}

/// Reads the text of a failure: a JSON string in version 3, the bare text before.
fn report(data: &[u8]) -> OperatorWords {
    serde_json::from_slice::<String>(data)
        .map_or_else(|_| OperatorWords::new(data), |text| text.as_str().into())
}

/// One round's answers, looked at operator by operator; every operator at fault is named, not only the first.
pub(crate) struct Examination<'a> {
    pub(crate) round: Round,
    pub(crate) operators: &'a [Operator],
}

impl Examination<'_> {
    /// Opens all answers before anything dearer is done with one of them.
    pub(crate) fn open_all(
        &self,
        instance: InstanceId,
        mut answers: Answers,
    ) -> Result<Vec<SignedTransport>, RoundFailed> {
        let mut faults = Vec::new();
        let mut opened = Vec::with_capacity(self.operators.len());
        for operator in self.operators {
            let answer = answers.remove(&operator.id).unwrap_or(Err(Fault::Missing));
            match open(operator, instance.as_bytes(), answer) {
                Ok(signed) => opened.push(signed),
                Err(fault) => faults.push(CeremonyFault { operator: operator.id, fault }),
            }
        }
        let uninvited = answers.into_keys();
        faults.extend(uninvited.map(|operator| CeremonyFault { operator, fault: Fault::Uninvited }));
        self.finish(opened, faults)
    }

    /// Applies a check to every operator's message.
    pub(crate) fn check_all<T, U>(
        &self,
        messages: &[T],
        check: impl Fn(&Operator, &T) -> Result<U, Fault>,
    ) -> Result<Vec<U>, RoundFailed> {
        let mut faults = Vec::new();
        let mut checked = Vec::with_capacity(self.operators.len());
        for (operator, message) in self.operators.iter().zip(messages) {
            match check(operator, message) {
                Ok(value) => checked.push(value),
                Err(fault) => faults.push(CeremonyFault { operator: operator.id, fault }),
            }
        }
        self.finish(checked, faults)
    }

    fn finish<T>(&self, good: Vec<T>, faults: Vec<CeremonyFault>) -> Result<Vec<T>, RoundFailed> {
        if faults.is_empty() {
            return Ok(good);
        }
        Err(RoundFailed { round: self.round, operators: self.operators.len(), faults })
    }
}
