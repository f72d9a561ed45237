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
/// Names that are tried for a folder that is being written.
const HIDDEN_NAMES: u16 = 1000;

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

/// Why storing failed. Nothing is stored, but for [`Self::Unsynced`].
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
    /// All is stored, but the folder's name may not be on the disk yet: don't make these validators again.
    #[error("stored at {path}, and whether a crash could take it is unknown")]
    Unsynced {
        /// The folder of this ceremony.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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
        let grown = growing_dirs(&root, Path::exists);
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o750).create(&root).map_err(io_error("creating", &root))?;
        grown.into_iter().try_for_each(sync_dir)?;
        Ok(Self { root })
    }

    /// Returns the directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Stores outputs durably: when this returns, a crash can't take them.
    pub fn store(&self, mut outputs: Vec<CeremonyOutput>) -> Result<StoredFolder, StoreError> {
        outputs.sort_by_key(CeremonyOutput::nonce);
        let pairs = outputs.iter().zip(outputs.iter().skip(1));
        if let Some((twice, _)) = pairs.into_iter().find(|(left, right)| left.nonce() == right.nonce()) {
            return Err(StoreError::Nonce(twice.nonce()));
        }
        let created_at = outputs.first().ok_or(StoreError::Empty)?.created_at();
        let hidden = HiddenDir::create(&self.root)?;
        write_folder(&hidden.path, &outputs.iter().collect::<Vec<_>>())?;
        let path = self.publish(hidden, created_at, fsync_dir)?;
        Ok(StoredFolder { path, outputs: outputs.into_iter().map(CeremonyOutput::stored).collect() })
    }

    /// Gives the finished folder its name. The clock counts seconds, so the milliseconds count folders.
    fn publish(
        &self,
        mut hidden: HiddenDir,
        created_at: CreatedAt,
        sync: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<PathBuf, StoreError> {
        let named = |millis: u16| self.root.join(ceremony_name(created_at, millis));
        for millis in 0..PER_SECOND {
            let path = named(millis);
            // Renaming onto a folder that isn't empty fails, so nothing is replaced even between check and rename.
            if fs::symlink_metadata(&path).is_ok() {
                continue;
            }
            fs::rename(&hidden.path, &path).map_err(io_error("renaming to", &path))?;
            hidden.is_published = true;
            return match sync(&self.root) {
                Ok(()) => Ok(path),
                Err(source) => Err(StoreError::Unsynced { path, source }),
            };
        }
        Err(StoreError::Exists { path: named(0) })
    }
}

/// A folder that is being written, and removed unless it is published.
struct HiddenDir {
    path: PathBuf,
    is_published: bool,
}

impl HiddenDir {
    /// Makes a new one. Names may be taken: in a container every run has the same process id, and one that was killed
    /// leaves its folder behind.
    fn create(root: &Path) -> Result<Self, StoreError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let mut attempts = 1;
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = root.join(format!(".ceremony-{}-{count}.tmp", process::id()));
            match new_dir(&path) {
                Ok(()) => return Ok(Self { path, is_published: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts < HIDDEN_NAMES => {
                    attempts = attempts.saturating_add(1);
                }
                Err(error) => return Err(io_error("creating", &path)(error)),
            }
        }
    }
}

impl Drop for HiddenDir {
    fn drop(&mut self) {
        if !self.is_published {
            // What can't be removed has a name that nobody reads.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// Returns the directories that get an entry when `root` is created, or that got it from a run that was killed before
/// it synced it.
fn growing_dirs(root: &Path, exists: impl Fn(&Path) -> bool) -> Vec<&Path> {
    let mut dirs = Vec::new();
    for parent in root.ancestors().skip(1) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        dirs.push(parent);
        if exists(parent) {
            break;
        }
    }
    dirs
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
    new_dir(dir).map_err(io_error("creating", dir))
}

fn new_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o750).create(dir)
}

fn write_synced(path: &Path, text: &str) -> Result<(), StoreError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(io_error("creating", path))?;
    file.write_all(text.as_bytes()).map_err(io_error("writing", path))?;
    file.sync_all().map_err(io_error("syncing", path))
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    fsync_dir(dir).map_err(io_error("syncing", dir))
}

fn fsync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
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

    #[test]
    fn a_folder_whose_name_cannot_be_synced_stands_and_the_error_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let folder = OutputFolder::open(dir.path()).unwrap();
        let hidden = HiddenDir::create(dir.path()).unwrap();
        let hidden_path = hidden.path.clone();
        let created_at = "2026-11-23T09:05:42Z".parse().unwrap();
        let failing = |_: &Path| {
            // Another run takes the name that is free again: it isn't this call's to remove.
            fs::create_dir(&hidden_path).unwrap();
            Err(io::ErrorKind::StorageFull.into())
        };
        let error = folder.publish(hidden, created_at, failing).unwrap_err();
        let expected = dir.path().join("ceremony-2026-11-23--09-05-42.000");
        assert_eq!(
            error.to_string(),
            format!("stored at {}, and whether a crash could take it is unknown", expected.display())
        );
        assert!(matches!(error, StoreError::Unsynced { path, .. } if path == expected));
        assert!(expected.is_dir());
        assert!(hidden_path.is_dir());
    }

    #[test]
    fn every_directory_that_gets_an_entry_is_synced() {
        #[track_caller]
        fn check(root: &str, existing: &[&str], expected: &[&str]) {
            let exists = |dir: &Path| existing.iter().any(|existing| dir == Path::new(existing));
            let expected: Vec<_> = expected.iter().map(Path::new).collect();
            assert_eq!(growing_dirs(Path::new(root), exists), expected);
        }
        check("output", &["."], &["."]);
        check("a/b/c", &["."], &["a/b", "a", "."]);
        check("/a/b/c/d", &["/", "/a"], &["/a/b/c", "/a/b", "/a"]);
        check("/a/b", &["/", "/a", "/a/b"], &["/a"]);
        check("/", &["/"], &[]);
    }
}
