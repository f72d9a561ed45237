//! What nodes mean by their error messages. JSON-RPC leaves most codes open, so providers differ: all matching on
//! their words is done here.

use crate::{Revert, decode_revert};

/// An error that a node gave to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RpcRefusal {
    pub(crate) code: i64,
    pub(crate) message: String,
    /// `error.data` when it was hexadecimal: what a call reverted with.
    pub(crate) data: Option<Vec<u8>>,
}

/// What became of a transaction handed to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is in the node's pool.
    Accepted,
    /// It was there already, or is mined.
    AlreadyKnown,
    /// Its account nonce is used: by this transaction, an earlier attempt, or somebody else's.
    NonceTooLow,
    /// The node doesn't take it, in its words.
    Rejected(String),
}

impl RpcRefusal {
    fn says(&self, parts: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        parts.iter().any(|part| message.contains(part))
    }

    /// Returns what the call reverted with, unless the error is about something else than the call.
    pub(crate) fn revert(&self) -> Option<Revert> {
        let reverted = self.code == 3
            || self.says(&[
                "revert",
                "invalid opcode",
                "out of gas",
                "stack underflow",
                "invalid jump",
                "bad jump",
            ]);
        match &self.data {
            Some(data) if reverted || !data.is_empty() => Some(decode_revert(data)),
            None if reverted => Some(Revert::Empty),
            _ => None,
        }
    }

    /// Whether the node takes fewer calls in a batch than it was given.
    pub(crate) fn is_batch_limit(&self) -> bool {
        self.says(&["batch", "too many requests in"])
    }

    /// Whether the answers to this very batch were too long: others of its size may pass.
    pub(crate) fn is_batch_too_heavy(&self) -> bool {
        self.says(&["response too large", "response is too big", "response size"])
    }

    /// Whether a shorter range of blocks may be answered.
    pub(crate) fn is_range_limit(&self) -> bool {
        self.says(&[
            "range",
            "too many",
            "more than",
            "limit",
            "response size",
            "too large",
            "exceed",
            "timeout",
            "timed out",
            "10000",
        ])
    }

    /// Whether the node doesn't have the method.
    pub(crate) fn is_missing_method(&self) -> bool {
        self.code == -32601
            || self.says(&[
                "method not found",
                "does not exist/is not available",
                "not supported",
                "unknown method",
            ])
    }

    /// Tells apart what a node may answer to `eth_sendRawTransaction`.
    pub(crate) fn send_outcome(&self) -> SendOutcome {
        if self.says(&[
            "already known",
            "known transaction",
            "already imported",
            "already in",
            "alreadyknown",
        ]) {
            SendOutcome::AlreadyKnown
        } else if self.says(&["nonce too low", "nonce is too low", "old nonce", "already used"]) {
            SendOutcome::NonceTooLow
        } else {
            SendOutcome::Rejected(self.message.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i64, message: &str) -> RpcRefusal {
        RpcRefusal { code, message: message.to_owned(), data: None }
    }

    #[test]
    fn the_words_of_geth_and_anvil_are_understood() {
        assert_eq!(refusal(-32000, "already known").send_outcome(), SendOutcome::AlreadyKnown);
        assert_eq!(refusal(-32003, "transaction already imported").send_outcome(), SendOutcome::AlreadyKnown);
        assert_eq!(
            refusal(-32000, "nonce too low: next nonce 5, tx nonce 4").send_outcome(),
            SendOutcome::NonceTooLow
        );
        let poor = "insufficient funds for gas * price + value";
        assert_eq!(refusal(-32000, poor).send_outcome(), SendOutcome::Rejected(poor.into()));
        assert!(refusal(-32600, "batch too large").is_batch_limit());
        assert!(refusal(-32003, "response too large").is_batch_too_heavy());
        assert!(refusal(-32602, "query exceeds max results 20000").is_range_limit());
        assert!(
            refusal(-32601, "the method eth_simulateV1 does not exist/is not available").is_missing_method()
        );
    }

    #[test]
    fn a_missing_block_is_no_revert() {
        assert_eq!(refusal(-32000, "header not found").revert(), None);
        assert_eq!(refusal(3, "execution reverted").revert(), Some(Revert::Empty));
        let named =
            RpcRefusal { data: Some(vec![0x85, 0x5c, 0x34, 0x06]), ..refusal(3, "execution reverted") };
        assert!(named.revert().unwrap().is("StakingLimitExceeding"));
    }
}
