//! What can be wrong with a ceremony's files, and where.

use std::{io, path::PathBuf};

use nexus_primitives::{Address, ForkVersion, OwnerNonce, Root, ValidatorPubkey, bls::BlsError};
use nexus_ssv::{KeysharesFileError, VerifyError};

use crate::{CredentialsError, OperatorWords, ProofFieldError, RequestError};

/// One thing that is wrong, and in which file.
#[derive(Debug, thiserror::Error)]
#[error("{file:?}: {problem}")]
pub struct FolderProblem {
    /// The file or folder, seen from the folder that was checked.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a file or folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It isn't there, or can't be read.
    #[error("can't be read: {0}")]
    Read(io::Error),
    /// Larger than the documents of a hundred validators are.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// Bytes that are read at most.
        limit: u64,
    },
    /// The official tool marks failed ceremonies with this file.
    #[error("marks a ceremony that failed")]
    Failed,
    /// With a single validator there is nothing to put together.
    #[error("stands beside a single validator, whose own folder has it")]
    Surplus,
    /// No validator's folder in it.
    #[error("holds no folder of a validator")]
    NoValidator,
    /// The folder of a validator isn't named after nonce and key.
    #[error("is named otherwise than its validator: {expected}")]
    Name {
        /// The name it should have.
        expected: String,
    },
    /// Not the JSON that belongs there.
    #[error("{0}")]
    Json(serde_json::Error),
    /// Another number of entries.
    #[error("expected {expected} entries, got {got}")]
    Count {
        /// Entries expected.
        expected: usize,
        /// Entries found.
        got: usize,
    },
    /// Not keyshares.
    #[error("{0}")]
    KeysharesFile(KeysharesFileError),
    /// Keyshares that don't hold.
    #[error("{0}")]
    Keyshares(VerifyError),
    /// The owner isn't spelled as the official tool compares it.
    #[error("data.ownerAddress: expected the EIP-55 spelling {0}")]
    OwnerSpelling(Address),
    /// A deposit that doesn't hold.
    #[error("{0}")]
    Deposit(DepositProblem),
    /// A proof that doesn't hold.
    #[error("proof {position}: {problem}")]
    Proof {
        /// Which one, from zero, ascending by operator id.
        position: usize,
        /// What is wrong with it.
        problem: ProofProblem,
    },
    /// An entry of a common file isn't the validator's own.
    #[error("entry {position} differs from the one in the validator's own folder")]
    Differs {
        /// Which one, from zero.
        position: usize,
    },
    /// Validators of one ceremony whose nonces don't follow each other.
    #[error("nonce {second} follows {first}")]
    Nonces {
        /// The nonce before.
        first: OwnerNonce,
        /// The one that should be greater by one.
        second: OwnerNonce,
    },
    /// Validators of one ceremony with different owners or operators.
    #[error("is for another owner or other operators than the validator before")]
    Mixed,
    /// Validators of one ceremony whose deposits go to different addresses or networks.
    #[error("has other withdrawal credentials or another network than the validator before")]
    MixedDeposits,
}

/// What is wrong with a deposit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepositProblem {
    /// A field isn't what stands in such files: lower-case hexadecimal without `0x`, of its length.
    #[error("{field}: expected {expected} bytes in lower-case hexadecimal without 0x")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Bytes expected.
        expected: usize,
    },
    /// Credentials of another kind.
    #[error("withdrawal_credentials: {0}")]
    Credentials(CredentialsError),
    /// An amount that doesn't fit the credentials.
    #[error("amount: {0}")]
    Amount(RequestError),
    /// A network that operators make no keys for, or a name of another one.
    #[error("network_name {name} does not go with fork_version {fork_version}")]
    Network {
        /// The name.
        name: OperatorWords,
        /// The fork version.
        fork_version: ForkVersion,
    },
    /// A release of the deposit tool whose files launchpads refuse.
    #[error("deposit_cli_version is {0}, expected 2.7.0 or later")]
    CliVersion(OperatorWords),
    /// A root that isn't the one that the fields have.
    #[error("{field} is {got}, the fields hash to {expected}")]
    Root {
        /// Name of the field.
        field: &'static str,
        /// The root of the fields.
        expected: Root,
        /// The root found.
        got: Root,
    },
    /// The validator didn't sign this deposit.
    #[error("signature: {0}")]
    Signature(BlsError),
}

/// What is wrong with an operator's proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofProblem {
    /// A field isn't hexadecimal of its length.
    #[error(transparent)]
    Field(#[from] ProofFieldError),
    /// The proof is of another validator.
    #[error("is of validator {got}, expected {expected}")]
    Validator {
        /// The validator of the deposit.
        expected: ValidatorPubkey,
        /// The validator of the proof.
        got: ValidatorPubkey,
    },
    /// The proof is for another owner.
    #[error("is for owner {got}, expected {expected}")]
    Owner {
        /// The owner in the keyshares.
        expected: Address,
        /// The owner in the proof.
        got: Address,
    },
    /// The share's public key isn't the one in the keyshares.
    #[error("share_pub is not the one in the keyshares")]
    SharePubkey,
    /// The encrypted share isn't the one in the keyshares.
    #[error("encrypted_share is not the one in the keyshares")]
    EncryptedShare,
    /// The operator didn't sign this proof.
    #[error("is not signed by its operator")]
    Signature,
}
