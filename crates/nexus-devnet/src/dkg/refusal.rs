//! How an operator says no: the texts of `ssv-dkg` v3.1.0, in its envelope.

use nexus_dkg::wire::{DecodeError, ErrorText, Ssz as _};

/// Longest text that fits into the envelope.
const MAX_TEXT: usize = 512;
/// What stands there instead of a longer one.
const UNENCODABLE: &str = "something went really wrong, failed to ssz encode error. Please check.";

/// Why an operator doesn't take a request. Its display is the text that the operator answers, apart from a prefix.
///
/// Ours are the words of decoders and those of [`MessageFault::ExchangeKey`] and [`MessageFault::NotStarted`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// The body is no message.
    #[error("{0}")]
    Body(DecodeError),
    /// Something else than an opening at the place for openings.
    #[error("not init message to init route")]
    NoInit,
    #[error("wrong version: remote {remote} local {local}")]
    Version { remote: String, local: String },
    #[error("init: failed to unmarshal init message: {0}")]
    Init(DecodeError),
    #[error("operators not unique or not ordered")]
    Operators,
    #[error("threshold set is invalid")]
    Threshold,
    #[error("amount should be in range between 32 ETH and 2048 ETH")]
    Amount,
    #[error("invalid withdrawal credentials")]
    Credentials,
    #[error("init: failed parse initiator public key: {0}")]
    InitiatorKey(String),
    #[error("init: initiator signature isn't valid: crypto/rsa: verification error")]
    InitSignature,
    #[error("max number of instances ongoing, please wait")]
    TooMany,
    #[error("got init msg for existing instance")]
    Exists,
    #[error("init: failed to create instance: wrong operator")]
    Stranger,
    #[error("init: failed to create instance: wrong operator ID: want {want}, got {got}")]
    OperatorId { want: u64, got: u64 },
    #[error("process message: failed to unmarshal dkg message: {0}")]
    Bundle(DecodeError),
    #[error("got message to instance that I don't have, send Init first")]
    Unknown,
    /// Quotes the initiator's whole key, in hexadecimal.
    #[error(
        "process message: failed to verify initiator signature: failed to verify a message from initiator: {0}"
    )]
    BundleSignature(String),
    #[error("wrong operator")]
    Signer,
    #[error("at init all operators should send messages")]
    Incomplete,
    #[error("process message: failed to process dkg message: {0}")]
    Message(MessageFault),
    #[error("process message: timed out waiting for response: context deadline exceeded")]
    TimedOut,
    #[error("received wrong message type")]
    NoResults,
    #[error("failed to write results")]
    Results,
    #[error("http: request body too large")]
    TooLarge,
}

/// What is wrong with one message of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MessageFault {
    #[error("crypto/rsa: verification error")]
    Signature,
    #[error("duplicate message")]
    Duplicate,
    #[error("{0}")]
    Malformed(DecodeError),
    #[error("{0}")]
    Json(String),
    #[error("exchange key is not a point")]
    ExchangeKey,
    #[error("unknown message type")]
    Kind,
    #[error("DKG is not started")]
    NotStarted,
}

impl From<MessageFault> for Refusal {
    fn from(fault: MessageFault) -> Self {
        Self::Message(fault)
    }
}

impl From<DecodeError> for MessageFault {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

/// Puts a text into the envelope in which errors travel.
pub(super) fn envelope(text: String) -> Vec<u8> {
    let error = if text.len() > MAX_TEXT { UNENCODABLE.to_owned() } else { text };
    ErrorText { error }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_do_not_fit_are_replaced() {
        assert_eq!(ErrorText::decode(&envelope("x".repeat(512))).unwrap().error.len(), 512);
        assert_eq!(ErrorText::decode(&envelope("x".repeat(513))).unwrap().error, UNENCODABLE);
    }
}
