//! Initiator of SSV DKG ceremonies (work in progress).
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod answer;
mod bulk;
mod client;
mod commitments;
mod credentials;
mod deadlines;
mod deal;
mod deposit;
mod deposit_check;
mod dkg_operator;
mod documents;
mod error;
mod fault;
mod folder_check;
mod folder_problem;
mod health;
mod http_client;
mod identifiers;
mod initiator;
mod network;
mod operator_list;
mod operator_version;
mod operator_words;
mod outcome;
mod output;
mod output_folder;
mod refusal;
mod request;
mod rounds;
mod validator_check;
pub mod wire;

pub use answer::Answers;
pub use bulk::{BulkEntry, BulkError, BulkOutcome, BulkReport, BulkSize, run_ceremonies};
pub use client::CeremonyClient;
#[cfg(feature = "test-utils")]
pub use client::MockCeremonyClient;
pub use credentials::{Credentials, CredentialsError};
pub use deadlines::{DeadlineError, Deadlines};
pub use deal::DealFault;
pub use deposit::CeremonyDeposit;
pub use dkg_operator::{DkgEndpointError, DkgOperator};
pub use documents::ProofFieldError;
pub use error::{CeremonyError, CombinationError, Disposition, Round, RoundFailed};
pub use fault::{CeremonyFault, Fault, OutputFault};
pub use folder_check::{CheckedValidator, FolderReport, verify_folder};
pub use folder_problem::{DepositProblem, FolderProblem, Problem, ProofProblem};
pub use health::{HealthReport, OperatorHealth};
pub use http_client::{ClientError, HttpCeremonyClient};
pub use identifiers::{InstanceId, RequestId};
pub use initiator::InitiatorIdentity;
pub use network::{Network, UnknownNetwork};
pub use operator_list::{OperatorList, OperatorListError};
pub use operator_version::{OperatorVersion, UnsupportedVersion};
pub use operator_words::OperatorWords;
pub use output::{CeremonyOutput, StoredOutput};
pub use output_folder::{OutputFolder, StoreError, StoredFolder};
pub use refusal::Refusal;
pub use request::{CeremonyRequest, CeremonyTerms, RequestError};
pub use rounds::{Dealt, Exchanged, Initiated};
