//! Initiator of SSV DKG ceremonies: operators make a validator key together, and nobody ever holds it whole.
//!
//! An initiator is a messenger. It opens a ceremony among 4, 7, 10 or 13 operators, carries their signed messages round,
//! and at the end holds what a new validator needs: a [deposit](CeremonyDeposit), the
//! [keyshares](nexus_ssv::KeysharesItem) for its registration with SSV, and each operator's
//! [proof](wire::SignedProof) of its share. It speaks to operators that run `ssv-dkg` 3.1.
//!
//! * [`CeremonyClient`] is the capability, [`HttpCeremonyClient`] the one that talks; [`run_ceremonies`] runs several
//!   for consecutive nonces.
//! * [`Initiated`], [`Exchanged`] and [`Dealt`] are the ceremony itself, round by round, without anybody to talk to:
//!   bytes in, the next round or a [`CeremonyError`] that names the operators at fault out.
//! * [`OutputFolder`] stores documents as the official tool lays them out, [`verify_folder`] checks such a folder.
//!   [`CeremonyArchive`] is the capability of keeping them, [`CeremonyDocuments`] one validator's as texts.
//! * [`wire`] has the messages, for whoever plays an operator.
//!
//! Operators are trusted with nothing that can be checked. Every answer must be signed by the operator it is due from,
//! in this ceremony; every key and signature at the end must be the one that follows from what the operators dealt each
//! other; deposit and keyshares are computed here. What can't be checked from outside is what an encrypted share holds.
//!
//! What this crate never does: hold a share or a validator key, deposit or register anything, retry, choose operators,
//! read a clock or draw randomness that it wasn't given. `docs/dkg.md` has the sequence, the trust and the operations.
//!
//! ```
//! use nexus_dkg::{
//!     CeremonyClient, CeremonyError, CeremonyRequest, CeremonyTerms, Disposition, DkgOperator, Network, OutputFolder,
//! };
//! use nexus_primitives::{Gwei, OperatorId, OwnerNonce, WithdrawalCredentials};
//! use nexus_ssv::{Operator, OperatorPrivateKey, Registration};
//!
//! # let mut rng = rand::rng();
//! let mut operators = Vec::new();
//! for id in 1..=4 {
//!     // Operators register these keys with SSV; here we play the operators too.
//!     let key = OperatorPrivateKey::generate(&mut rng)?.public_key();
//!     let operator = Operator { id: OperatorId::new(id)?, key };
//!     operators.push(DkgOperator::new(operator, &format!("https://operator{id}.example:3030"))?);
//! }
//! let owner = "0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6".parse()?;
//! let bridge = "0x81592c3DE184A3E2c0DCB5a261BC107Bfa91f494".parse()?;
//! let request = CeremonyRequest::new(
//!     &operators,
//!     CeremonyTerms {
//!         credentials: WithdrawalCredentials::to_address(bridge).into(),
//!         amount: Gwei::VALIDATOR_DEPOSIT,
//!         network: Network::Hoodi,
//!         registration: Registration::new(owner, OwnerNonce::new(0)),
//!     },
//! )?;
//!
//! async fn make(
//!     client: &dyn CeremonyClient,
//!     request: &CeremonyRequest,
//!     folder: &OutputFolder,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let output = match client.run_ceremony(request).await {
//!         Ok(output) => output,
//!         Err(CeremonyError::Round(failed)) if failed.disposition() == Disposition::ReplaceOperator => {
//!             println!("replace one of {:?}", failed.suspects());
//!             return Ok(());
//!         }
//!         Err(error) => return Err(error.into()),
//!     };
//!     // First store it, then tell the operators, and only then deposit.
//!     for stored in folder.store(vec![output])?.outputs {
//!         for fault in client.post_results(request.operators(), &stored).await {
//!             println!("didn't take the documents: {fault}");
//!         }
//!     }
//!     Ok(())
//! }
//! # let _ = (make, request);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Feature `test-utils`: `MockCeremonyClient`.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod answer;
mod archive;
mod bulk;
mod ceremony_documents;
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
mod results_check;
mod rounds;
mod validator_check;
pub mod wire;

pub use answer::Answers;
pub use archive::{ArchiveError, CeremonyArchive};
pub use bulk::{BulkEntry, BulkError, BulkOutcome, BulkReport, BulkSize, run_ceremonies};
pub use ceremony_documents::{CeremonyDocuments, DocumentsError};
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

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
