//! Validators in the state file.

use std::str::FromStr;

use nexus_chain::{NexusStatus, ValidatorDeposit};
use nexus_primitives::{
    DerivationIndex, Epoch, OperatorSet, OwnerNonce, RollupAdmin, UnixSeconds, ValidatorIndex,
    ValidatorPubkey,
};
use rusqlite::{Connection, Row, params};

use super::{StateError, StateFile};
use crate::{Ceremony, Event, RecordId, Stage, ValidatorRecord};

const COLUMNS: &str = "id, rollup, derivation_index, pubkey, stage, deposit, shares_nonce, signed_exit, \
                       validator_index, exit_epoch, deposit_tx, shares_tx, exit_tx, removal_tx, updated_at, \
                       (SELECT owner_nonce FROM ceremonies WHERE ceremonies.pubkey = validators.pubkey) \
                       AS ceremony_nonce, \
                       (SELECT operators FROM ceremonies WHERE ceremonies.pubkey = validators.pubkey) \
                       AS ceremony_operators, \
                       EXISTS (SELECT 1 FROM given_up WHERE given_up.pubkey = validators.pubkey) AS given_up";

impl StateFile {
    /// Returns every validator, in order of creation.
    pub fn validators(&self) -> Result<Vec<ValidatorRecord>, StateError> {
        read(&self.connection(), "ORDER BY id", [])
    }

    /// Burns the rollup's next derivation index and records a validator for it, before the key exists.
    pub fn burn_index(&self, rollup: RollupAdmin, now: UnixSeconds) -> Result<ValidatorRecord, StateError> {
        self.transaction("burning a derivation index", |tx| {
            let database = StateError::database("burning a derivation index");
            let run = || {
                tx.execute("INSERT OR IGNORE INTO rollups (admin) VALUES (?1)", [rollup.to_string()])?;
                let index: u32 = tx.query_row(
                    "UPDATE rollups SET next_index = next_index + 1 WHERE admin = ?1 RETURNING next_index - 1",
                    [rollup.to_string()],
                    |row| row.get(0),
                )?;
                tx.execute(
                    "INSERT INTO validators (rollup, derivation_index, stage, updated_at) VALUES (?1, ?2, ?3, ?4)",
                    params![rollup.to_string(), index, Stage::Planned.as_str(), now.get()],
                )
            };
            run().map_err(database)?;
            one(tx, RecordId(tx.last_insert_rowid()))
        })
    }

    /// Stores a verified deposit for a planned validator.
    pub fn store_deposit(
        &self,
        id: RecordId,
        deposit: &ValidatorDeposit,
        now: UnixSeconds,
    ) -> Result<(), StateError> {
        self.transaction("storing a deposit", |tx| store_deposit(tx, id, deposit, now))
    }

    /// Notes the nonce a validator's keyshares were signed for.
    pub fn store_shares_nonce(&self, id: RecordId, nonce: OwnerNonce) -> Result<(), StateError> {
        self.connection()
            .execute("UPDATE validators SET shares_nonce = ?2 WHERE id = ?1", params![id.0, nonce.get()])
            .map(drop)
            .map_err(StateError::database("storing a shares nonce"))
    }

    /// Stores a verified signed exit (beacon API form) for a validator chosen to leave.
    pub fn store_exit(&self, id: RecordId, signed_exit: &str, now: UnixSeconds) -> Result<(), StateError> {
        self.transaction("storing an exit", |tx| {
            tx.execute("UPDATE validators SET signed_exit = ?2 WHERE id = ?1", params![id.0, signed_exit])
                .map_err(StateError::database("storing an exit"))?;
            apply(tx, id, Event::ExitSigned, now).map(drop)
        })
    }

    /// Applies an event to a validator. Returns the new stage when it changed.
    pub fn apply(&self, id: RecordId, event: Event, now: UnixSeconds) -> Result<Option<Stage>, StateError> {
        self.transaction("applying an event", |tx| apply(tx, id, event, now))
    }

    /// Notes what the beacon chain says of a validator.
    pub fn store_beacon_facts(
        &self,
        id: RecordId,
        index: ValidatorIndex,
        exit_epoch: Option<Epoch>,
    ) -> Result<(), StateError> {
        self.connection()
            .execute(
                "UPDATE validators SET validator_index = ?2, exit_epoch = ?3 WHERE id = ?1",
                params![id.0, index.get(), exit_epoch.map(Epoch::get)],
            )
            .map(drop)
            .map_err(StateError::database("storing a validator index"))
    }

    /// Takes in a validator that the contracts know and this file doesn't: a state file was lost.
    ///
    /// `derivation_index` is the index at which the rollup's mnemonic yields its key; the rollup's next index moves
    /// past it. `None` when the key isn't the mnemonic's: the bot can follow such a validator, not sign for it.
    pub fn adopt(
        &self,
        rollup: RollupAdmin,
        pubkey: ValidatorPubkey,
        derivation_index: Option<DerivationIndex>,
        status: NexusStatus,
        now: UnixSeconds,
    ) -> Result<RecordId, StateError> {
        self.transaction("adopting a validator", |tx| {
            adopt(tx, rollup, pubkey, derivation_index, status, now)
        })
    }

    /// Returns how many times a validator entered `stage` since `since`: the base of the daily caps.
    pub fn entered_since(&self, stage: Stage, since: UnixSeconds) -> Result<u64, StateError> {
        self.connection()
            .query_row(
                "SELECT count(DISTINCT validator) FROM history WHERE to_stage = ?1 AND at > ?2",
                params![stage.as_str(), since.get()],
                |row| row.get(0),
            )
            .map_err(StateError::database("counting the day's changes"))
    }
}

/// Stores a verified deposit for a planned validator, in the caller's transaction.
pub(super) fn store_deposit(
    tx: &Connection,
    id: RecordId,
    deposit: &ValidatorDeposit,
    now: UnixSeconds,
) -> Result<(), StateError> {
    let json = serde_json::to_string(deposit).expect("a deposit is plain data");
    tx.execute(
        "UPDATE validators SET pubkey = ?2, deposit = ?3 WHERE id = ?1",
        params![id.0, deposit.pubkey.to_string(), json],
    )
    .map_err(StateError::database("storing a deposit"))?;
    apply(tx, id, Event::DepositSigned, now).map(drop)
}

/// Takes in a validator that the contracts know, in the caller's transaction.
pub(super) fn adopt(
    tx: &Connection,
    rollup: RollupAdmin,
    pubkey: ValidatorPubkey,
    derivation_index: Option<DerivationIndex>,
    status: NexusStatus,
    now: UnixSeconds,
) -> Result<RecordId, StateError> {
    let admin = rollup.to_string();
    let index = derivation_index.map(DerivationIndex::get);
    let insert = || {
        tx.execute("INSERT OR IGNORE INTO rollups (admin) VALUES (?1)", [&admin])?;
        tx.execute(
            "UPDATE rollups SET next_index = max(next_index, ?2 + 1) WHERE admin = ?1 AND ?2 IS NOT NULL",
            params![admin, index],
        )?;
        // The file may know the index as burnt and not the key: a backup made between the two.
        tx.query_row(
            "INSERT INTO validators (rollup, derivation_index, pubkey, stage, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (rollup, derivation_index) DO UPDATE SET
               pubkey = excluded.pubkey, stage = excluded.stage, updated_at = excluded.updated_at
             WHERE validators.pubkey IS NULL
             RETURNING id",
            params![admin, index, pubkey.to_string(), Stage::DepositSent.as_str(), now.get()],
            |row| row.get(0).map(RecordId),
        )
    };
    let id = insert().map_err(StateError::database("adopting a validator"))?;
    apply(tx, id, Event::SeenOnNexus(status), now)?;
    Ok(id)
}

/// Applies an event inside a transaction and writes it to the history. Returns the new stage when it changed.
pub(super) fn apply(
    tx: &Connection,
    id: RecordId,
    event: Event,
    now: UnixSeconds,
) -> Result<Option<Stage>, StateError> {
    let from = one(tx, id)?.stage;
    let to = from.next(event).map_err(|source| StateError::Transition { record: id, source })?;
    if to == from {
        return Ok(None);
    }
    let write = || {
        tx.execute(
            "UPDATE validators SET stage = ?2, updated_at = ?3 WHERE id = ?1",
            params![id.0, to.as_str(), now.get()],
        )?;
        tx.execute(
            "INSERT INTO history (at, validator, from_stage, to_stage, event) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![now.get(), id.0, from.as_str(), to.as_str(), format!("{event:?}")],
        )
    };
    write().map_err(StateError::database("applying an event"))?;
    Ok(Some(to))
}

/// Returns the validator with this key.
pub(super) fn by_pubkey(tx: &Connection, pubkey: &ValidatorPubkey) -> Result<ValidatorRecord, StateError> {
    read(tx, "WHERE pubkey = ?1", [pubkey.to_string()])?
        .pop()
        .ok_or_else(|| StateError::Missing { what: "validator", id: pubkey.to_string() })
}

fn one(connection: &Connection, id: RecordId) -> Result<ValidatorRecord, StateError> {
    read(connection, "WHERE id = ?1", [id.0])?
        .pop()
        .ok_or_else(|| StateError::Missing { what: "validator", id: id.0.to_string() })
}

fn read(
    connection: &Connection,
    clause: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<ValidatorRecord>, StateError> {
    let context = "reading validators";
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM validators {clause}"))
        .map_err(StateError::database(context))?;
    let mut rows = statement.query(parameters).map_err(StateError::database(context))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(StateError::database(context))? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> Result<ValidatorRecord, StateError> {
    let id: i64 = row.get("id").map_err(StateError::database("reading validators"))?;
    let deposit: Option<String> = column(row, "deposit")?;
    Ok(ValidatorRecord {
        id: RecordId(id),
        rollup: required(row, id, "rollup", "address")?,
        derivation_index: column(row, "derivation_index")?.map(DerivationIndex::new),
        pubkey: parsed(row, id, "pubkey", "public key")?,
        stage: required(row, id, "stage", "stage")?,
        deposit: deposit.map(|json| stored_deposit(id, &json)).transpose()?,
        shares_nonce: column(row, "shares_nonce")?.map(OwnerNonce::new),
        signed_exit: column(row, "signed_exit")?,
        validator_index: column(row, "validator_index")?.map(ValidatorIndex::new),
        exit_epoch: column(row, "exit_epoch")?.map(Epoch::new),
        deposit_tx: parsed(row, id, "deposit_tx", "transaction hash")?,
        shares_tx: parsed(row, id, "shares_tx", "transaction hash")?,
        exit_tx: parsed(row, id, "exit_tx", "transaction hash")?,
        removal_tx: parsed(row, id, "removal_tx", "transaction hash")?,
        updated_at: UnixSeconds::new(column(row, "updated_at")?.unwrap_or_default()),
        given_up: column(row, "given_up")?.unwrap_or_default(),
        ceremony: column(row, "ceremony_nonce")?.map(|nonce| ceremony(row, id, nonce)).transpose()?,
    })
}

fn ceremony(row: &Row<'_>, record: i64, owner_nonce: u64) -> Result<Ceremony, StateError> {
    let text: String = column(row, "ceremony_operators")?.unwrap_or_default();
    let ids: Option<Vec<u64>> = text.split(',').map(|id| id.parse().ok()).collect();
    let operators = ids.and_then(|ids| OperatorSet::try_from(ids).ok()).ok_or(StateError::Value {
        column: "operators",
        record,
        value: text,
        expected: "set of operators",
    })?;
    Ok(Ceremony { owner_nonce: OwnerNonce::new(owner_nonce), operators })
}

fn stored_deposit(record: i64, json: &str) -> Result<ValidatorDeposit, StateError> {
    serde_json::from_str(json).map_err(|_| StateError::Value {
        column: "deposit",
        record,
        value: json.to_owned(),
        expected: "signed deposit",
    })
}

fn column<T: rusqlite::types::FromSql>(row: &Row<'_>, name: &'static str) -> Result<Option<T>, StateError> {
    row.get(name).map_err(StateError::database("reading validators"))
}

pub(super) fn parsed<T: FromStr>(
    row: &Row<'_>,
    record: i64,
    column: &'static str,
    expected: &'static str,
) -> Result<Option<T>, StateError> {
    let text: Option<String> = row.get(column).map_err(StateError::database("reading a row"))?;
    text.map(|value| value.parse().map_err(|_| StateError::Value { column, record, value, expected }))
        .transpose()
}

pub(super) fn required<T: FromStr>(
    row: &Row<'_>,
    record: i64,
    column: &'static str,
    expected: &'static str,
) -> Result<T, StateError> {
    parsed(row, record, column, expected)?.ok_or_else(|| StateError::Value {
        column,
        record,
        value: "NULL".to_owned(),
        expected,
    })
}

/// Notes the transaction that moved a validator; `column` is one of the four transaction columns.
pub(super) fn set_transaction(
    tx: &Connection,
    id: RecordId,
    column: &'static str,
    hash: &str,
) -> Result<(), StateError> {
    tx.execute(&format!("UPDATE validators SET {column} = ?2 WHERE id = ?1"), params![id.0, hash])
        .map(drop)
        .map_err(StateError::database("storing a transaction hash"))
}
