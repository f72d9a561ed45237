//! Why the consensus layer gave no usable answer.

use std::fmt;

use nexus_http::HttpError;
use nexus_primitives::{ValidatorIndex, ValidatorPubkey};

use crate::{NotReady, SpecDifference};

/// Why the consensus layer gave no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeaconError {
    /// No answer, or none that a beacon node would give.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The node answered with an error.
    #[error("beacon node {endpoint} answered {status} to {request}: {message}")]
    Refused {
        /// Who was asked.
        endpoint: String,
        /// What was asked, as in `GET /eth/v1/beacon/genesis`.
        request: String,
        /// HTTP status.
        status: u16,
        /// The node's own words.
        message: String,
    },
    /// The node is of Electra's rules and doesn't serve a queue that they brought: deposits on their way can't be seen.
    #[error(
        "beacon node {endpoint} doesn't serve {request}, which is needed since Electra ({message}): use a newer \
         version of it"
    )]
    OutdatedNode {
        /// Who was asked.
        endpoint: String,
        /// What was asked.
        request: String,
        /// The node's own words.
        message: String,
    },
    /// The node answers, and its view is no ground to act on.
    #[error("beacon node {endpoint} is not ready")]
    NotReady {
        /// Who was asked.
        endpoint: String,
        /// What it is waiting for.
        #[source]
        source: NotReady,
    },
    /// A constant of the network is missing or can't be true.
    #[error("beacon node {endpoint}: {key} in its configuration is {problem}")]
    UnusableSpec {
        /// Who was asked.
        endpoint: String,
        /// Name of the constant in `/eth/v1/config/spec`.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The node answered with a validator it wasn't asked for, or with one twice.
    #[error("beacon node {endpoint} answered validator {pubkey} {problem}")]
    UnexpectedValidator {
        /// Who was asked.
        endpoint: String,
        /// The validator in question.
        pubkey: ValidatorPubkey,
        /// Why it is unexpected.
        problem: &'static str,
    },
    /// The node answered with the liveness of a validator it wasn't asked for, or of one twice.
    #[error("beacon node {endpoint} answered the liveness of validator {index} {problem}")]
    UnexpectedLiveness {
        /// Who was asked.
        endpoint: String,
        /// The validator in question.
        index: ValidatorIndex,
        /// Why it is unexpected.
        problem: &'static str,
    },
    /// Two configured nodes are of different networks.
    #[error(
        "beacon nodes {left} and {right} are of different networks: {difference}: correct the list of \
         endpoints"
    )]
    NetworkMismatch {
        /// The one node.
        left: String,
        /// The other node.
        right: String,
        /// The first constant in which they differ.
        difference: Box<SpecDifference>,
    },
    /// Two nodes tell different things about a validator.
    #[error("beacon nodes {left} and {right} disagree about validator {pubkey}: {field}")]
    Disagreement {
        /// The one node.
        left: String,
        /// The other node.
        right: String,
        /// The validator in question.
        pubkey: ValidatorPubkey,
        /// What differs, as a field of [`crate::BeaconValidator`], or `presence`.
        field: &'static str,
    },
    /// Fewer nodes than needed gave an answer.
    #[error("{answered} of the {needed} beacon nodes needed answered: {}", List(.failures))]
    NoQuorum {
        /// How many had to agree.
        needed: usize,
        /// How many gave an answer.
        answered: usize,
        /// What the others said.
        failures: Vec<BeaconError>,
    },
}

impl BeaconError {
    /// Says whether the cause is a node that isn't there or isn't working, rather than one that answers wrongly.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Http(error) => error.is_unreachable(),
            Self::Refused { status, .. } => matches!(status, 404 | 405 | 429 | 500..=599),
            Self::NoQuorum { failures, .. } => failures.iter().any(Self::is_unreachable),
            Self::NotReady { .. }
            | Self::OutdatedNode { .. }
            | Self::UnusableSpec { .. }
            | Self::UnexpectedValidator { .. }
            | Self::UnexpectedLiveness { .. }
            | Self::NetworkMismatch { .. }
            | Self::Disagreement { .. } => false,
        }
    }

    /// Says whether the nodes answer and only have to catch up: wait, nothing is wrong with the configuration.
    pub fn is_not_ready(&self) -> bool {
        match self {
            Self::NotReady { .. } => true,
            Self::NoQuorum { failures, .. } => {
                !failures.is_empty() && failures.iter().all(Self::is_not_ready)
            }
            _ => false,
        }
    }
}

/// Failures one after the other, each with its innermost cause.
struct List<'a>(&'a [BeaconError]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, failure) in self.0.iter().enumerate() {
            let separator = if position > 0 { "; " } else { "" };
            write!(f, "{separator}{failure}")?;
            if let Some(cause) = innermost(failure) {
                write!(f, " ({cause})")?;
            }
        }
        Ok(())
    }
}

fn innermost(error: &dyn std::error::Error) -> Option<&dyn std::error::Error> {
    std::iter::successors(error.source(), |cause| cause.source()).last()
}
