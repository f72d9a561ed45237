//! A vault in a directory.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use nexus_primitives::RollupAdmin;

use crate::{MnemonicVault, SealedMnemonic, VaultError};

/// Permission bits nobody but the owner may have.
const GROUP_AND_OTHERS: u32 = 0o077;

/// A [`MnemonicVault`] in a directory of mode 0700: one file `0x<admin>.json` of mode 0600 per rollup.
///
/// Files are written whole, synced and then linked into place, which fails when the name is taken: neither a crash nor
/// a second process can damage or replace an envelope. What a crash may leave behind is a temporary file whose name
/// starts with a dot; it is ignored. Wider modes, and symbolic links in place of files, are refused. File operations
/// are synchronous: an envelope is half a kilobyte.
#[derive(Debug)]
pub struct LocalVault {
    dir: PathBuf,
}

impl LocalVault {
    /// An envelope has about 600 bytes.
    const MAX_FILE: u64 = 64 * 1024;

    /// Opens the vault in `dir`, which is created when it is missing.
    ///
    /// # Errors
    /// [`VaultError::Permissions`] when group or others have any access to it.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, VaultError> {
        let dir = dir.into();
        create_dir(&dir)?;
        let metadata = fs::symlink_metadata(&dir).map_err(io_error("inspecting", &dir))?;
        if !metadata.is_dir() {
            return Err(VaultError::Kind { path: dir, expected: "directory" });
        }
        check_mode(&dir, &metadata)?;
        Ok(Self { dir })
    }

    fn path_of(&self, rollup: RollupAdmin) -> PathBuf {
        self.dir.join(format!("0x{}.json", hex::encode(rollup.address().as_bytes())))
    }

    fn store(&self, rollup: RollupAdmin, sealed: &SealedMnemonic) -> Result<(), VaultError> {
        let path = self.path_of(rollup);
        let (temp, file) = self.create_temp()?;
        let linked = write_synced(&temp, file, sealed).and_then(|()| link_new(&temp, &path, rollup));
        // The link is what counts; a temporary file that can't be removed is ignored by every reader.
        drop(fs::remove_file(&temp));
        linked?;
        sync_dir(&self.dir)
    }

    /// A process that crashed may have left a file of the same name, so names are tried until one is free.
    fn create_temp(&self) -> Result<(PathBuf, File), VaultError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = self.dir.join(format!(".{}-{count}.tmp", process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io_error("creating", &path)(error)),
            }
        }
    }

    fn read(&self, rollup: RollupAdmin) -> Result<Option<SealedMnemonic>, VaultError> {
        let path = self.path_of(rollup);
        let Some(text) = read_private(&path)? else { return Ok(None) };
        SealedMnemonic::from_json(&text).map(Some).map_err(|source| VaultError::Envelope { rollup, source })
    }

    fn rollups(&self) -> Result<Vec<RollupAdmin>, VaultError> {
        let entries = fs::read_dir(&self.dir).map_err(io_error("listing", &self.dir))?;
        let mut rollups = Vec::new();
        for entry in entries {
            let name = entry.map_err(io_error("listing", &self.dir))?.file_name();
            rollups.extend(name.to_str().and_then(rollup_of));
        }
        rollups.sort_unstable();
        Ok(rollups)
    }
}

#[async_trait]
impl MnemonicVault for LocalVault {
    async fn store_new(&self, rollup: RollupAdmin, sealed: &SealedMnemonic) -> Result<(), VaultError> {
        self.store(rollup, sealed)
    }

    async fn fetch(&self, rollup: RollupAdmin) -> Result<Option<SealedMnemonic>, VaultError> {
        self.read(rollup)
    }

    async fn list(&self) -> Result<Vec<RollupAdmin>, VaultError> {
        self.rollups()
    }
}

/// Creates the directory and any parents; its entry in an existing parent is synced.
fn create_dir(dir: &Path) -> Result<(), VaultError> {
    if fs::symlink_metadata(dir).is_ok() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error("creating", dir))?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => Ok(()),
    }
}

fn write_synced(path: &Path, mut file: File, sealed: &SealedMnemonic) -> Result<(), VaultError> {
    file.write_all(sealed.to_json().as_bytes()).map_err(io_error("writing", path))?;
    file.sync_all().map_err(io_error("syncing", path))
}

/// Gives the finished file its name in one step that fails when the name is taken; a rename would replace.
fn link_new(temp: &Path, path: &Path, rollup: RollupAdmin) -> Result<(), VaultError> {
    fs::hard_link(temp, path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => VaultError::AlreadyExists { rollup },
        _ => io_error("creating", path)(error),
    })
}

fn sync_dir(dir: &Path) -> Result<(), VaultError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("syncing", dir))
}

/// Reads a file that only its owner may touch; `None` when there is none.
fn read_private(path: &Path) -> Result<Option<String>, VaultError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(VaultError::Kind { path: path.to_owned(), expected: "regular file" });
        }
        Ok(metadata) => check_mode(path, &metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("inspecting", path)(error)),
    }
    let file = File::open(path).map_err(io_error("opening", path))?;
    let mut text = String::new();
    let limit = LocalVault::MAX_FILE;
    file.take(limit.saturating_add(1)).read_to_string(&mut text).map_err(io_error("reading", path))?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= limit) {
        return Ok(Some(text));
    }
    Err(VaultError::TooLarge { path: path.to_owned(), limit })
}

fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), VaultError> {
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & GROUP_AND_OTHERS == 0 {
        return Ok(());
    }
    Err(VaultError::Permissions { path: path.to_owned(), mode })
}

/// Returns the rollup whose file has this name; temporary and foreign files have none.
fn rollup_of(name: &str) -> Option<RollupAdmin> {
    let digits = name.strip_suffix(".json")?.strip_prefix("0x")?;
    if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    digits.parse().ok()
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    let path = path.to_owned();
    move |source| VaultError::Io { action, path, source }
}
