//! Why the state file can't be used.

use std::path::PathBuf;

use crate::{IllegalTransition, RecordId};

/// Why the state file can't be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another process writes to it.
    #[error("state file {path}: another nexus-bot is using it")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("state file {path}: {action}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Others may read or write it.
    #[error("state file {path}: mode {mode:04o} lets others in, expected 0600")]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is a file of some other program, or no database at all.
    #[error("state file {path}: not a state file of nexus-bot ({found})")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// It is cut short or damaged.
    #[error("state file {path}: damaged ({problem}); restore a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the integrity check says.
        problem: String,
    },
    /// It was written by a newer program.
    #[error(
        "state file {path}: schema version {found}, this program knows up to {known}; use the newer program"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// It belongs to another deployment.
    #[error("state file {path}: belongs to {found}, the configuration says {expected}")]
    OtherDeployment {
        /// The file.
        path: PathBuf,
        /// Chain and contract of the file.
        found: String,
        /// Chain and contract of the configuration.
        expected: String,
    },
    /// A read or write failed.
    #[error("state file: {context}")]
    Database {
        /// What was being done.
        context: &'static str,
        /// Why it failed.
        #[source]
        source: rusqlite::Error,
    },
    /// A stored value can't be read back.
    #[error("state file: column {column} of record {record} holds {value:?}, which is no {expected}")]
    Value {
        /// Table column.
        column: &'static str,
        /// Row.
        record: i64,
        /// What it holds.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// An event that can't happen to the validator.
    #[error("validator {0:?}", record.0)]
    Transition {
        /// The validator.
        record: RecordId,
        /// The event and stage.
        #[source]
        source: IllegalTransition,
    },
    /// There is no such row.
    #[error("state file: no {what} {id}")]
    Missing {
        /// Kind of row.
        what: &'static str,
        /// Which.
        id: String,
    },
}

impl StateError {
    /// Wraps a database error with what was being done.
    pub(crate) fn database(context: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Database { context, source }
    }
}
