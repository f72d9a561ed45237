//! What an operator did that ended a ceremony.

use std::fmt;

use nexus_http::HttpError;
use nexus_primitives::{Address, OperatorId, ValidatorPubkey, bls::BlsError};

use crate::{
    DealFault, Disposition, OperatorWords, Refusal, UnsupportedVersion,
    wire::{DecodeError, KyberType, MessageType},
};

/// An operator at fault, and what it did.
#[derive(Debug, thiserror::Error)]
#[error("operator {operator}: {fault}")]
pub struct CeremonyFault {
    /// Which operator.
    pub operator: OperatorId,
    /// What it did.
    pub fault: Fault,
}

/// What an operator did, or failed to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No answer came over the network.
    #[error(transparent)]
    Unreachable(HttpError),
    /// It refused the request.
    #[error(transparent)]
    Refused(Refusal),
    /// Its software can't take part.
    #[error(transparent)]
    Version(UnsupportedVersion),
    /// Nothing was handed in for it.
    #[error("gave no answer")]
    Missing,
    /// Something was handed in for it, and it takes no part.
    #[error("answered without taking part in the ceremony")]
    Uninvited,
    /// The answer isn't the message it should be.
    #[error("malformed answer: {0}")]
    Malformed(DecodeError),
    /// The answer names another sender than this operator.
    #[error("answer is signed with another key than this operator's")]
    Signer,
    /// The answer is of another ceremony.
    #[error("answer is of another ceremony")]
    Identifier,
    /// The answer isn't signed by this operator.
    #[error("RSA signature under the answer does not verify")]
    Signature,
    /// The answer is a message of another kind.
    #[error("answered {got:?}, expected {expected:?}")]
    Kind {
        /// The kind that was due.
        expected: MessageType,
        /// The kind that came.
        got: MessageType,
    },
    /// A message of the key generation of another step.
    #[error("answered {got:?}, expected {expected:?}")]
    Step {
        /// The step that was due.
        expected: KyberType,
        /// The step that came.
        got: KyberType,
    },
    /// The answer to the health check is another operator's.
    #[error("says it is operator {got}")]
    Id {
        /// The id it gave.
        got: u64,
    },
    /// The answer to the health check names another key.
    #[error("says it has another RSA key")]
    Key,
    /// The exchange key isn't a point of its group, or is infinity.
    #[error("exchange key is not a valid G1 point of 48 bytes")]
    ExchangeKey,
    /// Two operators have one exchange key: one copied the other's.
    #[error("has the same exchange key as operator {with}")]
    SharedExchangeKey {
        /// The other operator.
        with: OperatorId,
    },
    /// Commitments to an existing key, where a new one is to be made.
    #[error("committed to an existing key with its exchange key")]
    Commits,
    /// The dealer's JSON isn't what it should be.
    #[error("malformed deal or complaint: {0}")]
    Json(OperatorWords),
    /// The dealer's bundle can't be what it claims.
    #[error("deal: {0}")]
    Deal(DealFault),
    /// It could not use what others dealt it. Whether it or they are to blame, nobody outside can tell.
    #[error("complained about the deals of operators {}", Ids(about))]
    Complaint {
        /// Whose deals it complained about: others that take part, at least one, ascending.
        about: Vec<OperatorId>,
    },
    /// It reported that the ceremony failed on its side.
    #[error("reported {0}; its log says why")]
    Reported(OperatorWords),
    /// Its result is wrong.
    #[error("result: {0}")]
    Output(OutputFault),
}

/// What is wrong with an operator's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputFault {
    /// The result names another operator.
    #[error("operator id is {got}")]
    OperatorId {
        /// The id found.
        got: u64,
    },
    /// The result is of another ceremony.
    #[error("request id is another ceremony's")]
    RequestId,
    /// The proof is for another owner.
    #[error("proof is for owner {got}, expected {expected}")]
    Owner {
        /// The owner that was asked for.
        expected: Address,
        /// The owner in the proof.
        got: Address,
    },
    /// The encrypted share isn't an RSA-2048 ciphertext.
    #[error("encrypted share has {got} bytes, expected 256")]
    EncryptedShare {
        /// Its bytes.
        got: usize,
    },
    /// The validator's key isn't the one that the dealers' commitments add up to.
    #[error("validator key is {got}, the commitments add up to {expected}")]
    ValidatorKey {
        /// The key that follows from the commitments.
        expected: ValidatorPubkey,
        /// The key in the proof.
        got: ValidatorPubkey,
    },
    /// The share's key isn't the one that follows from the dealers' commitments.
    #[error("share key is {got}, from the commitments follows {expected}")]
    ShareKey {
        /// The key that follows from the commitments.
        expected: ValidatorPubkey,
        /// The key in the proof.
        got: ValidatorPubkey,
    },
    /// The operator's RSA signature isn't over this proof.
    #[error("RSA signature under the proof does not verify")]
    ProofSignature,
    /// The share didn't sign this deposit.
    #[error("partial signature of the deposit: {0}")]
    DepositSignature(BlsError),
    /// The share didn't sign this owner and nonce.
    #[error("partial signature of owner and nonce: {0}")]
    OwnerNonceSignature(BlsError),
}

impl Fault {
    /// Says what a workflow should do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable(_) | Self::Missing | Self::Reported(_) => Disposition::Retry,
            Self::Refused(refusal) => refusal.disposition(),
            Self::Uninvited => Disposition::GiveUp,
            Self::Version(_)
            | Self::Malformed(_)
            | Self::Signer
            | Self::Identifier
            | Self::Signature
            | Self::Kind { .. }
            | Self::Step { .. }
            | Self::Id { .. }
            | Self::Key
            | Self::ExchangeKey
            | Self::SharedExchangeKey { .. }
            | Self::Commits
            | Self::Json(_)
            | Self::Deal(_)
            | Self::Complaint { .. }
            | Self::Output(_) => Disposition::ReplaceOperator,
        }
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl From<DealFault> for Fault {
    fn from(fault: DealFault) -> Self {
        Self::Deal(fault)
    }
}

impl From<OutputFault> for Fault {
    fn from(fault: OutputFault) -> Self {
        Self::Output(fault)
    }
}

/// Ids as people write them.
struct Ids<'a>(&'a [OperatorId]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&ids.join(","))
    }
}
