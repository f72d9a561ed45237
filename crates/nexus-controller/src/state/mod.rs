//! The state file: one SQLite database that survives a crash at any point.
//!
//! Every write is one transaction, on disk when the call returns (`synchronous = FULL`, write-ahead log). One process
//! writes at a time, held by an exclusive lock on `<path>.lock` that the kernel releases when the process dies; others
//! may read beside it.

mod backup;
mod ceremonies;
mod error;
mod export;
mod journal;
mod rollups;
mod validators;

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use nexus_primitives::{Address, ChainId};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};

pub use self::{
    error::StateError,
    journal::{IntentSummary, StoredPhase},
    rollups::CodePin,
};

/// `application_id` of a state file: "NXBT".
const APPLICATION_ID: i64 = 0x4e58_4254;
const SCHEMA_VERSION: i64 = 2;
/// What version 2 added to version 1.
const SCHEMA_2: &str = include_str!("schema_2.sql");

/// The deployment a state file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateIdentity {
    /// Chain id of the execution layer.
    pub chain_id: ChainId,
    /// The Nexus contract.
    pub nexus: Address,
}

/// An open state file.
pub struct StateFile {
    connection: Mutex<Connection>,
    /// Held for as long as the file is open for writing.
    _lock: Option<File>,
}

impl StateFile {
    /// Opens the file for writing, creating it with mode 0600 when it is missing.
    ///
    /// # Errors
    /// [`StateError`] says whether another process has it, or it is damaged, foreign, newer or of another deployment.
    pub fn open(path: &Path, identity: StateIdentity) -> Result<Self, StateError> {
        let lock = lock(path)?;
        let fresh = create_or_check(path)?;
        if !fresh {
            // Looked at without writing first: somebody else's database must stay as it is.
            check(path, &connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?, identity)?;
        }
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if fresh {
            initialise(&connection, identity)?;
        }
        migrate(&connection)?;
        Ok(Self { connection: Mutex::new(connection), _lock: Some(lock) })
    }

    /// Opens an existing file to acknowledge something beside a running bot: changed code, a jump. `None` when there
    /// is no file. Nothing else may be written through it.
    pub fn open_to_acknowledge(path: &Path, identity: StateIdentity) -> Result<Option<Self>, StateError> {
        if Self::open_read_only(path, identity)?.is_none() {
            return Ok(None);
        }
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        read_as_newest(&connection)?;
        Ok(Some(Self { connection: Mutex::new(connection), _lock: None }))
    }

    /// Opens an existing file for reading only; a writer may be at work beside it. `None` when there is no file.
    pub fn open_read_only(path: &Path, identity: StateIdentity) -> Result<Option<Self>, StateError> {
        if !path.exists() {
            return Ok(None);
        }
        check_mode(path)?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        check(path, &connection, identity)?;
        read_as_newest(&connection)?;
        Ok(Some(Self { connection: Mutex::new(connection), _lock: None }))
    }

    /// Opens an empty state that lives in memory: what a plan is made on before the first run.
    pub fn in_memory(identity: StateIdentity) -> Result<Self, StateError> {
        let connection = Connection::open_in_memory().map_err(StateError::database("opening in memory"))?;
        initialise(&connection, identity)?;
        Ok(Self { connection: Mutex::new(connection), _lock: None })
    }

    /// The connection; a panic elsewhere can't have left a transaction half done, so poisoning is ignored.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one transaction: all of it is on disk afterwards, or none.
    fn transaction<T>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StateError::database(context))?;
        let result = work(&transaction)?;
        transaction.commit().map_err(StateError::database(context))?;
        Ok(result)
    }
}

fn lock(path: &Path) -> Result<File, StateError> {
    let io = |action| move |source| StateError::Io { path: path.to_owned(), action, source };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory).map_err(io("creating its directory"))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(PathBuf::from(name))
        .map_err(io("opening its lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io("locking it")(source)),
    }
}

/// Creates the file, or checks its mode. Returns whether it still has to be initialised.
fn create_or_check(path: &Path) -> Result<bool, StateError> {
    let io = |action| move |source| StateError::Io { path: path.to_owned(), action, source };
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            check_mode(path)?;
            // Empty: a crash came between creating and initialising it, which is one transaction.
            Ok(path.metadata().map_err(io("reading its size"))?.len() == 0 && !has_log(path))
        }
        Err(error) => Err(io("creating it")(error)),
    }
}

/// Whether a write-ahead log lies beside the file: then an empty file isn't a new one.
fn has_log(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name).metadata().is_ok_and(|log| log.len() > 0)
}

fn check_mode(path: &Path) -> Result<(), StateError> {
    let metadata = path.metadata().map_err(|source| StateError::Io {
        path: path.to_owned(),
        action: "reading its mode",
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o7777;
    let others = mode & 0o077;
    if others == 0 { Ok(()) } else { Err(StateError::Mode { path: path.to_owned(), mode }) }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StateError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(StateError::database("opening it"))?;
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
        .map_err(StateError::database("configuring it"))?;
    if !flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "full"))
            .map_err(|source| foreign_or_damaged(path, source))?;
    }
    Ok(connection)
}

fn initialise(connection: &Connection, identity: StateIdentity) -> Result<(), StateError> {
    let schema = include_str!("schema.sql");
    let script = format!(
        "BEGIN IMMEDIATE; {schema} {SCHEMA_2}
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};
         INSERT INTO identity VALUES ({}, '{}'); COMMIT;",
        identity.chain_id, identity.nexus
    );
    connection.execute_batch(&script).map_err(StateError::database("creating its tables"))
}

/// Lifts a file of an older version to this one, in one transaction.
fn migrate(connection: &Connection) -> Result<(), StateError> {
    if version(connection)? == SCHEMA_VERSION {
        return Ok(());
    }
    let script = format!("BEGIN IMMEDIATE; {SCHEMA_2} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;");
    connection.execute_batch(&script).map_err(StateError::database("lifting it to this version"))
}

/// Gives a reader of an older file the tables that it lacks, empty and for this connection only: the file is another
/// process's to lift.
fn read_as_newest(connection: &Connection) -> Result<(), StateError> {
    if version(connection)? == SCHEMA_VERSION {
        return Ok(());
    }
    let tables = SCHEMA_2.replace("CREATE TABLE", "CREATE TEMP TABLE");
    connection.execute_batch(&tables).map_err(StateError::database("reading an older version"))
}

fn version(connection: &Connection) -> Result<i64, StateError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(StateError::database("reading its version"))
}

fn check(path: &Path, connection: &Connection, identity: StateIdentity) -> Result<(), StateError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(|source| foreign_or_damaged(path, source))?;
    if application != APPLICATION_ID {
        let found = if application == 0 {
            "an SQLite database without its mark".to_owned()
        } else {
            format!("application id {application:#x}")
        };
        return Err(StateError::Foreign { path: path.to_owned(), found });
    }
    let problem: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| foreign_or_damaged(path, source))?;
    if problem != "ok" {
        return Err(StateError::Damaged { path: path.to_owned(), problem });
    }
    let version = pragma("user_version").map_err(|source| foreign_or_damaged(path, source))?;
    if version > SCHEMA_VERSION {
        return Err(StateError::Newer { path: path.to_owned(), found: version, known: SCHEMA_VERSION });
    }
    check_identity(path, connection, identity)
}

fn check_identity(path: &Path, connection: &Connection, identity: StateIdentity) -> Result<(), StateError> {
    let stored: Option<(u64, String)> = connection
        .query_row("SELECT chain_id, nexus FROM identity", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(|source| foreign_or_damaged(path, source))?;
    let describe = |chain_id: u64, nexus: &str| format!("Nexus {nexus} on chain {chain_id}");
    let expected = describe(identity.chain_id.get(), &identity.nexus.to_string());
    let found = stored.map_or_else(|| "no deployment".to_owned(), |(chain, nexus)| describe(chain, &nexus));
    if found == expected {
        Ok(())
    } else {
        Err(StateError::OtherDeployment { path: path.to_owned(), found, expected })
    }
}

fn foreign_or_damaged(path: &Path, source: rusqlite::Error) -> StateError {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => {
            StateError::Foreign { path: path.to_owned(), found: "no SQLite database".to_owned() }
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            StateError::Damaged { path: path.to_owned(), problem: source.to_string() }
        }
        _ => StateError::Database { context: "checking it", source },
    }
}

#[cfg(test)]
mod tests;
