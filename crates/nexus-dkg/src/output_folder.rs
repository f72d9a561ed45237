//! Ceremonies' documents on disk, laid out as the official tool does it.
//!
//! ```text
//! ceremony-2026-11-23--09-05-42.515/
//!   000007-0xb757…/            one per validator: nonce and public key
//!     deposit_data.json keyshares.json proofs.json
//!   deposit_data.json …        all validators' together, when there are several
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use nexus_primitives::{OwnerNonce, ValidatorPubkey};
use nexus_ssv::CreatedAt;

use crate::{CeremonyOutput, StoredOutput, documents};

pub(crate) const DEPOSIT_FILE: &str = "deposit_data.json";
pub(crate) const KEYSHARES_FILE: &str = "keyshares.json";
pub(crate) const PROOFS_FILE: &str = "proofs.json";

/// Ceremonies that can begin within one second, each with a folder of its own.
const PER_SECOND: u16 = 1000;

/// A directory in which every call to [`Self::store`] makes one folder.
///
/// Directories have mode 0750, files 0600. A folder is written and synced under a hidden name and then renamed: it is
/// there completely or not at all, also after a crash, and replaces nothing. File operations are synchronous: a folder
/// of a hundred validators has a megabyte.
#[derive(Debug)]
pub struct OutputFolder {
    root: PathBuf,
}

/// What was stored, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFolder {
    /// The folder of this ceremony.
    pub path: PathBuf,
    /// The outputs in it, ascending by nonce: now the operators may be told.
    pub outputs: Vec<StoredOutput>,
}

/// Why outputs aren't stored. Nothing of them is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing to store.
    #[error("no validators to store")]
    Empty,
    /// Two outputs with one nonce, of which only one could be registered.
    #[error("two validators with nonce {0}")]
    Nonce(OwnerNonce),
    /// A thousand folders have this second in their name.
    #[error("{path} and 999 more of that second exist")]
    Exists {
        /// The first of them.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{action} {path}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OutputFolder {
    /// Uses the directory `root`, which is created when it is missing.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o750).create(&root).map_err(io_error("creating", &root))?;
        match root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent)?,
            _ => {}
        }
        Ok(Self { root })
    }

    /// Stores outputs durably: when this returns, a crash can't take them.
    pub fn store(&self, mut outputs: Vec<CeremonyOutput>) -> Result<StoredFolder, StoreError> {
        outputs.sort_by_key(CeremonyOutput::nonce);
        let pairs = outputs.iter().zip(outputs.iter().skip(1));
        if let Some((twice, _)) = pairs.into_iter().find(|(left, right)| left.nonce() == right.nonce()) {
            return Err(StoreError::Nonce(twice.nonce()));
        }
        let created_at = outputs.first().ok_or(StoreError::Empty)?.created_at();
        let hidden = self.hidden_dir();
        let written = write_folder(&hidden, &outputs.iter().collect::<Vec<_>>());
        let path = match written.and_then(|()| self.publish(&hidden, created_at)) {
            Ok(path) => path,
            Err(error) => {
                // What can't be removed has a name that nobody reads.
                drop(fs::remove_dir_all(&hidden));
                return Err(error);
            }
        };
        Ok(StoredFolder { path, outputs: outputs.into_iter().map(CeremonyOutput::stored).collect() })
    }

    fn hidden_dir(&self) -> PathBuf {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        self.root.join(format!(".ceremony-{}-{count}.tmp", process::id()))
    }

    /// Gives the finished folder its name. The clock counts seconds, so the milliseconds count folders.
    fn publish(&self, hidden: &Path, created_at: CreatedAt) -> Result<PathBuf, StoreError> {
        let named = |millis: u16| self.root.join(ceremony_name(created_at, millis));
        for millis in 0..PER_SECOND {
            let path = named(millis);
            // Renaming onto a folder that isn't empty fails, so nothing is replaced even between check and rename.
            if fs::symlink_metadata(&path).is_ok() {
                continue;
            }
            fs::rename(hidden, &path).map_err(io_error("renaming to", &path))?;
            sync_dir(&self.root)?;
            return Ok(path);
        }
        Err(StoreError::Exists { path: named(0) })
    }
}

/// Returns the folder's name for one validator.
pub(crate) fn validator_name(nonce: OwnerNonce, pubkey: ValidatorPubkey) -> String {
    format!("{:06}-{pubkey}", nonce.get())
}

fn ceremony_name(created_at: CreatedAt, millis: u16) -> String {
    let text = created_at.to_string();
    let (seconds, _) = text.split_once('.').expect("the time is written with milliseconds");
    format!("ceremony-{}.{millis:03}", seconds.replace('T', "--").replace(':', "-"))
}

fn write_folder(dir: &Path, outputs: &[&CeremonyOutput]) -> Result<(), StoreError> {
    create_dir(dir)?;
    for output in outputs {
        let validator = dir.join(validator_name(output.nonce(), output.pubkey()));
        create_dir(&validator)?;
        write_documents(&validator, &[output], &documents::proofs_file(output))?;
    }
    if outputs.len() > 1 {
        write_documents(dir, outputs, &documents::all_proofs_file(outputs))?;
    }
    sync_dir(dir)
}

fn write_documents(dir: &Path, outputs: &[&CeremonyOutput], proofs: &str) -> Result<(), StoreError> {
    let Some(first) = outputs.first() else { return Ok(()) };
    write_synced(&dir.join(DEPOSIT_FILE), &documents::deposit_file(outputs))?;
    write_synced(&dir.join(KEYSHARES_FILE), &documents::keyshares_file(outputs, first.created_at()))?;
    write_synced(&dir.join(PROOFS_FILE), proofs)?;
    sync_dir(dir)
}

fn create_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new().mode(0o750).create(dir).map_err(io_error("creating", dir))
}

fn write_synced(path: &Path, text: &str) -> Result<(), StoreError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(io_error("creating", path))?;
    file.write_all(text.as_bytes()).map_err(io_error("writing", path))?;
    file.sync_all().map_err(io_error("syncing", path))
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("syncing", dir))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_as_the_official_tool_names_them() {
        let created_at = "2026-11-23T09:05:42.492Z".parse().unwrap();
        assert_eq!(ceremony_name(created_at, 515), "ceremony-2026-11-23--09-05-42.515");
        let name = validator_name(OwnerNonce::new(7), ValidatorPubkey::new([0xb7; 48]));
        assert_eq!(name, format!("000007-0x{}", "b7".repeat(48)));
    }
}
