//! Refusals: what operators answer when they don't take a request.

use crate::{
    Disposition, OperatorWords,
    wire::{ErrorText, Ssz as _},
};

/// A refusal, with the operator's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused with status {status}: {words}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Why.
    pub words: OperatorWords,
}

/// What operators say about circumstances that pass.
const PASSING: [&str; 6] = [
    // Another ceremony under this name: a new one gets another name.
    "existing instance",
    "max number of instances",
    "timed out",
    "context deadline exceeded",
    // Updated since its health was checked.
    "wrong version",
    // Restarted in the middle of the ceremony: it keeps nothing on disk.
    "send Init first",
];

impl Refusal {
    /// Reads an answer whose status isn't 200: SSZ of a text, JSON when there were too many requests, or anything.
    pub fn read(status: u16, body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Json {
            error: String,
        }
        let words = if let Ok(ErrorText { error }) = ErrorText::decode(body) {
            error.as_str().into()
        } else if let Ok(Json { error }) = serde_json::from_slice(body) {
            error.as_str().into()
        } else {
            OperatorWords::new(body)
        };
        Self { status, words }
    }

    /// Says what a workflow should do about it.
    pub fn disposition(&self) -> Disposition {
        let words = self.words.as_str();
        match self.status {
            429 | 500..=599 => Disposition::Retry,
            _ if PASSING.iter().any(|passing| words.contains(passing)) => Disposition::Retry,
            _ => Disposition::ReplaceOperator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &[u8], words: &str, disposition: Disposition) {
        let refusal = Refusal::read(status, body);
        assert_eq!((refusal.words.as_str(), refusal.disposition()), (words, disposition));
        assert_eq!(refusal.to_string(), format!("refused with status {status}: {words}"));
    }

    #[test]
    fn every_form_of_refusal_is_readable() {
        let ssz = |text: &str| [&[4, 0, 0, 0], text.as_bytes()].concat();
        let version =
            "operator 11, failed to initialize instance, err: wrong version: remote v3.0.3 local v3.1.0";
        check(400, &ssz(version), version, Disposition::Retry);
        let id = "operator 11, failed to initialize instance, err: wrong operator ID: want 11, got 12";
        check(400, &ssz(id), id, Disposition::ReplaceOperator);
        let limit = br#"{"error": "too many requests to /init"}"#;
        check(429, limit, "too many requests to /init", Disposition::Retry);
        check(404, b"404 page not found\n", "404 page not found", Disposition::ReplaceOperator);
        check(502, b"<html>\n<b>Bad gateway", "<html> <b>Bad gateway", Disposition::Retry);
    }

    #[test]
    fn long_and_binary_refusals_are_bounded() {
        let refusal = Refusal::read(400, &vec![0xff; 1 << 20]);
        assert!(refusal.to_string().len() < 2_000);
        assert_eq!(Refusal::read(405, b"").to_string(), "refused with status 405: nothing");
    }
}
