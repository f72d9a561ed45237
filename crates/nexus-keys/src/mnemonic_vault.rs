//! Where sealed mnemonics are kept.

use std::{error::Error, io, path::PathBuf};

use async_trait::async_trait;
use nexus_primitives::RollupAdmin;

use crate::{SealError, SealedMnemonic};

/// A place that keeps one sealed mnemonic per rollup and never replaces one.
///
/// Whoever can read it learns nothing without the operator's salt; whoever can delete from it can cost the rollup its
/// keys. The local directory is [`LocalVault`](crate::LocalVault); cloud stores implement this in crates of their own.
#[cfg_attr(feature = "test-utils", mockall::automock)]
#[async_trait]
pub trait MnemonicVault: Send + Sync {
    /// Stores the first envelope of a rollup, durably: when this returns, a crash can't lose it.
    ///
    /// # Errors
    /// [`VaultError::AlreadyExists`] when the rollup has one, and then that one stays as it is.
    async fn store_new(&self, rollup: RollupAdmin, sealed: &SealedMnemonic) -> Result<(), VaultError>;

    /// Fetches a rollup's envelope; `None` when the vault holds none.
    async fn fetch(&self, rollup: RollupAdmin) -> Result<Option<SealedMnemonic>, VaultError>;

    /// Lists the rollups that have an envelope, ascending.
    async fn list(&self) -> Result<Vec<RollupAdmin>, VaultError>;
}

const _: Option<&dyn MnemonicVault> = None;

/// Why a vault can't serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The rollup has a mnemonic already; replacing it would orphan every key derived from it.
    #[error("the vault holds a mnemonic of rollup {rollup} already")]
    AlreadyExists {
        /// The rollup.
        rollup: RollupAdmin,
    },
    /// Others than the owner may read or write it.
    #[error("{path} has mode {mode:04o}: expected no access for group and others")]
    Permissions {
        /// File or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The path isn't what it should be, symbolic links included.
    #[error("{path} is not a {expected}")]
    Kind {
        /// File or directory.
        path: PathBuf,
        /// "directory" or "regular file".
        expected: &'static str,
    },
    /// More bytes than an envelope has.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// What is stored isn't an envelope.
    #[error("envelope of rollup {rollup} in the vault")]
    Envelope {
        /// The rollup.
        rollup: RollupAdmin,
        /// What is wrong with it.
        source: SealError,
    },
    /// The file system failed.
    #[error("{action} {path}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// File or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A remote store failed.
    #[error("vault service at {location}")]
    Service {
        /// Which store, without credentials.
        location: String,
        /// The client's error.
        source: Box<dyn Error + Send + Sync>,
    },
}
