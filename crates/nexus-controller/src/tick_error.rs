//! Why a tick couldn't be finished.

use nexus_beacon::{BeaconError, ExitError};
use nexus_chain::{ChainError, JournalError, TxError};
use nexus_dkg::{ArchiveError, DocumentsError};
use nexus_keys::{DepositError, KeyError, KeyringError};
use nexus_primitives::{RollupAdmin, ValidatorPubkey};
use nexus_ssv::SplitError;

use crate::{ObserveError, StateError};

/// Why a tick couldn't be finished. Nothing is lost: the next one looks at the world again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TickError {
    /// The world couldn't be observed.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// Reading or simulating before a call.
    #[error("preparing a call")]
    Chain(#[from] ChainError),
    /// Reading or submitting to the beacon chain.
    #[error("talking to the beacon nodes")]
    Beacon(#[from] BeaconError),
    /// Bringing calls onto the chain.
    #[error("sending transactions")]
    Transactions(#[from] TxError),
    /// Opening a mnemonic.
    #[error("deriving keys")]
    Keyring(#[from] KeyringError),
    /// Signing with a validator key.
    #[error("signing")]
    Key(#[from] KeyError),
    /// Keeping account of transactions.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Making or verifying a deposit.
    #[error("making a deposit")]
    Deposit(#[from] DepositError),
    /// Splitting a key.
    #[error("splitting a key")]
    Split(#[from] SplitError),
    /// Storing or finding a ceremony's documents.
    #[error("keeping ceremonies' documents")]
    Archive(#[from] ArchiveError),
    /// Stored documents of a ceremony don't hold.
    #[error("stored documents of validator {pubkey}")]
    Documents {
        /// The validator.
        pubkey: ValidatorPubkey,
        /// What is wrong with them.
        source: DocumentsError,
    },
    /// Making or verifying an exit.
    #[error("making an exit")]
    Exit(#[from] ExitError),
    /// A stored exit can't be read.
    #[error("stored exit of validator {pubkey}")]
    StoredExit {
        /// The validator.
        pubkey: ValidatorPubkey,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The key of a validator isn't one of the rollup's mnemonic.
    #[error("validator {pubkey} of rollup {rollup} has no derivation index: its key is not in the vault")]
    ForeignKey {
        /// The rollup.
        rollup: RollupAdmin,
        /// The validator.
        pubkey: ValidatorPubkey,
    },
    /// A derived key isn't the recorded one: another mnemonic.
    #[error("mnemonic of rollup {rollup} yields {derived} at index {index}, the state file says {recorded}")]
    OtherMnemonic {
        /// The rollup.
        rollup: RollupAdmin,
        /// The derivation index.
        index: u32,
        /// What it yields.
        derived: ValidatorPubkey,
        /// What was expected.
        recorded: ValidatorPubkey,
    },
}

impl TickError {
    /// Returns whether a service the bot needs couldn't be reached (exit code 69).
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Observe(error) => error.is_unreachable(),
            Self::Chain(error) | Self::Transactions(TxError::Chain(error)) => error.is_unreachable(),
            Self::Beacon(error) => error.is_unreachable(),
            _ => false,
        }
    }

    /// Returns whether the bot held back because what it was told doesn't fit together, or somebody else uses its key
    /// (exit code 75): nothing was sent.
    pub fn is_held(&self) -> bool {
        match self {
            Self::Observe(error) => error.is_held(),
            Self::Chain(error) => matches!(error, ChainError::Disagreement { .. }),
            Self::Beacon(error) => error.is_not_ready(),
            Self::Transactions(error) => {
                matches!(error, TxError::ForeignTransaction { .. } | TxError::EndpointsBehind { .. })
            }
            _ => false,
        }
    }

    /// Returns whether only the validator at hand is in trouble: the others must not wait for it.
    pub(crate) fn is_local(&self) -> bool {
        matches!(
            self,
            Self::ForeignKey { .. }
                | Self::OtherMnemonic { .. }
                | Self::StoredExit { .. }
                | Self::Documents { .. }
                | Self::Archive(_)
                | Self::Key(_)
                | Self::Deposit(_)
                | Self::Split(_)
                | Self::Exit(_)
                | Self::Keyring(_)
        )
    }
}

/// An error and what caused it, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
