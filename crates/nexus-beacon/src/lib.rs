//! The consensus layer as the bot sees it: validators, queues, voluntary exits.
#![forbid(unsafe_code)]

mod eligibility;
mod error;
mod follow_up;
mod head;
mod network;
mod node;
mod pending;
mod quoted;
mod submission;
mod validator;
mod voluntary_exit;

pub use eligibility::{Ineligible, check_eligibility};
pub use error::BeaconError;
pub use follow_up::ExitFollowUp;
pub use head::{BeaconHead, NotReady};
pub use network::{NetworkSpec, SpecDifference};
#[cfg(feature = "test-utils")]
pub use node::MockBeaconNode;
pub use node::{BeaconNode, StateId};
pub use pending::{PendingDeposit, PendingPartialWithdrawal};
pub use submission::{EndpointAnswer, ExitSubmission, SubmissionOutcome};
pub use validator::{BeaconValidator, ValidatorStatus};
pub use voluntary_exit::{ExitError, SignedVoluntaryExit, UnverifiedVoluntaryExit, VoluntaryExit};
