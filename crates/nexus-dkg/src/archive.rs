//! The capability: where ceremonies' documents outlive the machine that led them.

use std::{error::Error, fs, io, path::PathBuf};

use async_trait::async_trait;
use nexus_primitives::ValidatorPubkey;

use crate::{
    CeremonyDocuments, CeremonyOutput, OutputFolder, Problem, StoreError, StoredOutput,
    folder_check::read_text,
    output_folder::{DEPOSIT_FILE, KEYSHARES_FILE, PROOFS_FILE},
};

/// A place that keeps ceremonies' documents and never loses one: no ceremony can be held again for the same key.
///
/// The local directory is [`OutputFolder`]; cloud stores implement this in crates of their own.
#[async_trait]
pub trait CeremonyArchive: Send + Sync {
    /// Stores outputs durably: when this returns, a crash can't take them.
    async fn store(&self, outputs: Vec<CeremonyOutput>) -> Result<Vec<StoredOutput>, ArchiveError>;

    /// Fetches a validator's documents, unchecked; `None` when there are none.
    async fn fetch(&self, pubkey: &ValidatorPubkey) -> Result<Option<CeremonyDocuments>, ArchiveError>;
}

const _: Option<&dyn CeremonyArchive> = None;

/// Why an archive can't serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// A directory refused to store.
    #[error("storing a ceremony")]
    Store(#[from] StoreError),
    /// A directory can't be searched.
    #[error("listing {path}")]
    List {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A document is there and can't be read.
    #[error("{path}: {problem}")]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
    /// A remote store failed.
    #[error("archive at {location}")]
    Service {
        /// Which store, without credentials.
        location: String,
        /// The client's error.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// File operations are synchronous: a folder of a hundred validators has a megabyte.
#[async_trait]
impl CeremonyArchive for OutputFolder {
    async fn store(&self, outputs: Vec<CeremonyOutput>) -> Result<Vec<StoredOutput>, ArchiveError> {
        Ok(Self::store(self, outputs)?.outputs)
    }

    async fn fetch(&self, pubkey: &ValidatorPubkey) -> Result<Option<CeremonyDocuments>, ArchiveError> {
        let Some(dir) = find(self, pubkey)? else { return Ok(None) };
        let text = |file| {
            let path = dir.join(file);
            read_text(&path).map_err(|problem| ArchiveError::Document { path, problem: Box::new(problem) })
        };
        Ok(Some(CeremonyDocuments {
            deposit_data: text(DEPOSIT_FILE)?,
            keyshares: text(KEYSHARES_FILE)?,
            proofs: text(PROOFS_FILE)?,
        }))
    }
}

/// Finds a validator's folder in any ceremony's. Hidden ones were never finished.
fn find(folder: &OutputFolder, pubkey: &ValidatorPubkey) -> Result<Option<PathBuf>, ArchiveError> {
    let suffix = format!("-{pubkey}");
    for ceremony in subdirs(folder.root().to_owned(), |name| name.starts_with("ceremony-"))? {
        if let Some(found) = subdirs(ceremony, |name| name.ends_with(&suffix))?.pop() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn subdirs(path: PathBuf, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, ArchiveError> {
    let list = || {
        let mut found = Vec::new();
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&is_wanted) && entry.file_type()?.is_dir() {
                found.push(entry.path());
            }
        }
        Ok(found)
    };
    list().map_err(|source| ArchiveError::List { path, source })
}
