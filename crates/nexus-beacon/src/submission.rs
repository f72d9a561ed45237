//! What nodes answered to a submitted exit.

use std::fmt;

use crate::BeaconError;

/// Every node's answer to one submission.
#[derive(Debug)]
pub struct ExitSubmission {
    /// One answer per node that was asked, in the order of configuration.
    pub answers: Vec<EndpointAnswer>,
}

/// One node's answer to a submission.
#[derive(Debug)]
pub struct EndpointAnswer {
    /// The node, as shown to people.
    pub endpoint: String,
    /// What it said.
    pub outcome: SubmissionOutcome,
}

/// What one node did with an exit.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubmissionOutcome {
    /// Taken into its pool.
    Accepted,
    /// It had one for this validator before.
    AlreadyKnown,
    /// It judges the exit invalid.
    Refused {
        /// HTTP status.
        status: u16,
        /// The node's own words.
        message: String,
    },
    /// It gave no answer about the exit.
    Failed(BeaconError),
}

impl ExitSubmission {
    /// Says whether at least one node has the exit in its pool.
    pub fn is_held(&self) -> bool {
        self.answers.iter().any(|answer| {
            matches!(answer.outcome, SubmissionOutcome::Accepted | SubmissionOutcome::AlreadyKnown)
        })
    }
}

impl SubmissionOutcome {
    /// Returns why the node gave no answer about the exit; `None` when it gave one.
    pub fn into_failure(self) -> Option<BeaconError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Accepted | Self::AlreadyKnown | Self::Refused { .. } => None,
        }
    }
}

/// One clause per node, separated by semicolons.
impl fmt::Display for ExitSubmission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, answer) in self.answers.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", answer.endpoint, answer.outcome)?;
        }
        Ok(())
    }
}

impl fmt::Display for SubmissionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::AlreadyKnown => f.write_str("already known"),
            Self::Refused { status, message } => write!(f, "refused ({status} {message})"),
            Self::Failed(error) => write!(f, "failed ({error})"),
        }
    }
}
