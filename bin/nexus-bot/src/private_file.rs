//! Files with secrets: read whole, bounded, and only when nobody else may read them.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::config::SecretRef;

/// No secret the bot is given is longer.
const MAX_BYTES: u64 = 64 << 10;
/// Where systemd puts credentials. It lets the service's user in by an access list, which shows as group bits.
const SYSTEMD_CREDENTIALS: &str = "/run/credentials/";

/// Why a secret wasn't read. Carries nothing of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PrivateFileError {
    /// The file can't be read.
    #[error("reading {what} from {path}")]
    Read {
        /// What it was to be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others may read it.
    #[error("{what} in {path}: mode {mode:04o} lets others read it, expected 0600 or 0400")]
    Mode {
        /// What it was to be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is longer than any secret.
    #[error("{what} in {path} is longer than {MAX_BYTES} bytes")]
    TooLong {
        /// What it was to be.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// It isn't text.
    #[error("{what} is not UTF-8 text")]
    NotText {
        /// What it was to be.
        what: &'static str,
    },
    /// Nothing is there.
    #[error("{what} in {path} is empty")]
    Empty {
        /// What it was to be.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// Reads a secret from a file that only its owner may read. One newline at its end is dropped.
pub(crate) fn read_secret_file(
    what: &'static str,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let file = open(what, path)?;
    let metadata = file.metadata().map_err(read_error(what, path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    let refused = if path.starts_with(SYSTEMD_CREDENTIALS) { 0o007 } else { 0o077 };
    if mode & refused != 0 {
        return Err(PrivateFileError::Mode { what, path: path.to_owned(), mode });
    }
    read_whole(what, path, file)
}

/// Reads a secret from an open descriptor. One newline at its end is dropped.
pub(crate) fn read_secret_descriptor(
    what: &'static str,
    number: u32,
) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let path = PathBuf::from(format!("/dev/fd/{number}"));
    let file = open(what, &path)?;
    read_whole(what, &path, file)
}

/// Reads the secret that a configuration refers to.
pub(crate) fn read_secret(
    what: &'static str,
    reference: &SecretRef,
) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    match reference {
        SecretRef::File(path) => read_secret_file(what, path),
        SecretRef::Descriptor(number) => read_secret_descriptor(what, *number),
    }
}

/// Returns a secret as text.
pub(crate) fn into_text(
    what: &'static str,
    bytes: &Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<String>, PrivateFileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| PrivateFileError::NotText { what })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn open(what: &'static str, path: &Path) -> Result<File, PrivateFileError> {
    File::open(path).map_err(read_error(what, path))
}

fn read_whole(what: &'static str, path: &Path, file: File) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    // Room for all of it at once: a growing buffer would leave copies behind.
    let capacity = usize::try_from(MAX_BYTES).expect("64 KiB fit") + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(read_error(what, path))?;
    if bytes.len() >= capacity {
        return Err(PrivateFileError::TooLong { what, path: path.to_owned() });
    }
    strip_newline(&mut bytes);
    if bytes.is_empty() {
        return Err(PrivateFileError::Empty { what, path: path.to_owned() });
    }
    Ok(bytes)
}

/// Drops the newline that editors and `echo` put at the end.
fn strip_newline(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

fn read_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PrivateFileError {
    let path = path.to_owned();
    move |source| PrivateFileError::Read { what, path, source }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _};

    use super::*;

    fn read(content: &[u8], mode: u32) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).unwrap();
        file.write_all(content).unwrap();
        read_secret_file("the salt", &path)
    }

    #[test]
    fn one_newline_at_the_end_is_dropped_and_nothing_else() {
        for (content, expected) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("a", "a")]
        {
            assert_eq!(read(content.as_bytes(), 0o600).unwrap().as_slice(), expected.as_bytes());
        }
    }

    #[test]
    fn what_others_may_read_or_nobody_wrote_is_refused() {
        assert!(matches!(read(b"a", 0o640), Err(PrivateFileError::Mode { mode: 0o640, .. })));
        assert!(matches!(read(b"a", 0o604), Err(PrivateFileError::Mode { .. })));
        assert!(matches!(read(b"\n", 0o400), Err(PrivateFileError::Empty { .. })));
        assert!(matches!(read("a".repeat(70_000).as_bytes(), 0o600), Err(PrivateFileError::TooLong { .. })));
    }
}
