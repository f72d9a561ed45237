//! The message that opens a ceremony, and what an operator demands of it.

use nexus_dkg::{
    InstanceId, RequestId,
    wire::{Init, MessageType, SignedTransport, Ssz as _},
};
use nexus_primitives::{Gwei, OperatorId, OperatorSet};
use nexus_ssv::OperatorPublicKey;

use super::refusal::Refusal;

const MIN_AMOUNT: Gwei = Gwei::VALIDATOR_DEPOSIT;
const MAX_AMOUNT: Gwei = Gwei::new(2_048_000_000_000);

/// An opening that an operator takes, whoever it is.
pub(super) struct Opening {
    pub(super) instance: InstanceId,
    pub(super) init: Init,
    pub(super) operators: OperatorSet,
    pub(super) initiator: OperatorPublicKey,
}

impl Opening {
    /// Checks a message in the order of `ssv-dkg`. The network isn't checked: an unknown one fails at the very end.
    pub(super) fn read(signed: &SignedTransport, version: &str) -> Result<Self, Refusal> {
        let message = &signed.message;
        if message.version != version {
            return Err(Refusal::Version { remote: message.version.clone(), local: version.to_owned() });
        }
        let init = Init::decode(&message.data).map_err(Refusal::Init)?;
        let operators = check_terms(&init)?;
        let initiator: OperatorPublicKey = String::from_utf8_lossy(&signed.signer)
            .parse()
            .map_err(|error: nexus_ssv::OperatorKeyError| Refusal::InitiatorKey(error.to_string()))?;
        signed.verify(&initiator).map_err(|_| Refusal::InitSignature)?;
        let instance = InstanceId::derive(&initiator.to_text(), &init, RequestId::new(message.identifier));
        Ok(Self { instance, init, operators, initiator })
    }

    /// Says whether a message is of the kind that opens ceremonies.
    pub(super) fn is_one(signed: &SignedTransport) -> bool {
        signed.message.kind == MessageType::Init
    }

    /// Checks that the operator with this key takes part under this id.
    pub(super) fn check_invitation(&self, own: OperatorId, key_text: &str) -> Result<(), Refusal> {
        let invited = self.init.operators.iter().find(|operator| operator.pubkey == key_text.as_bytes());
        match invited.ok_or(Refusal::Stranger)?.id {
            id if id == own.get() => Ok(()),
            got => Err(Refusal::OperatorId { want: own.get(), got }),
        }
    }
}

/// Checks what the key is wanted for, and by how many.
///
/// One demand is ours: ids must fit the 32 bits with which operators number each other. Official operators cut them off.
fn check_terms(init: &Init) -> Result<OperatorSet, Refusal> {
    let ids: Vec<u64> = init.operators.iter().map(|operator| operator.id).collect();
    let fit = |id: &u64| (1..=u64::from(u32::MAX) + 1).contains(id);
    if !ids.iter().all(fit) || !ids.is_sorted_by(|one, next| one < next) {
        return Err(Refusal::Operators);
    }
    let operators = OperatorSet::try_from(ids).map_err(|_| Refusal::Threshold)?;
    if u64::try_from(operators.threshold().get()).ok() != Some(init.threshold) {
        return Err(Refusal::Threshold);
    }
    if !(MIN_AMOUNT..=MAX_AMOUNT).contains(&init.amount) {
        return Err(Refusal::Amount);
    }
    if !matches!(init.withdrawal_credentials, [1 | 2, ..]) {
        return Err(Refusal::Credentials);
    }
    Ok(operators)
}
