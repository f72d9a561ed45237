//! Copies of the state file, also while a bot writes to it.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::{StateError, StateFile};

impl StateFile {
    /// Writes a complete, compact copy (`VACUUM INTO`) with mode 0600. It shows one moment, and is on disk when this
    /// returns.
    ///
    /// # Errors
    /// Something is at `path` already, or the copy can't be written; what was begun is taken away again.
    pub fn backup(&self, path: &Path) -> Result<(), StateError> {
        let io_error = |action| move |source| StateError::Io { path: path.to_owned(), action, source };
        let not_text = || io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8");
        let name = path.to_str().ok_or_else(not_text).map_err(io_error("naming a backup"))?;
        // SQLite fills an empty file and leaves its mode alone.
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(io_error("creating a backup"))?;
        let written = self.connection().execute("VACUUM INTO ?1", [name]);
        if let Err(source) = written {
            // The empty or half-written file helps nobody; that it stays behind is no worse than the error.
            let _ = std::fs::remove_file(path);
            return Err(StateError::Database { context: "writing a backup", source });
        }
        File::open(path).and_then(|copy| copy.sync_all()).map_err(io_error("syncing a backup"))?;
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))
            .and_then(|directory| directory.sync_all())
            .map_err(io_error("syncing a backup's directory"))
    }
}
