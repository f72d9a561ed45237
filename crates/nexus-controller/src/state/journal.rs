//! Transactions in the state file: the journal that the pipeline of `nexus-chain` writes through.

use nexus_chain::{
    Attempt, ContractCall, Intent, IntentId, IntentPhase, JournalError, Mined, Outcome, TxJournal,
};
use nexus_primitives::{BlockHash, BlockNumber, TxHash, UnixSeconds, Wei};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::{
    StateError, StateFile,
    validators::{apply, by_pubkey, required, set_transaction},
};
use crate::{CallKind, Event};

/// Phase of an intent as the state file spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoredPhase {
    /// Nothing is signed yet.
    Recorded,
    /// Signed, perhaps broadcast.
    Sent,
    /// In a block that isn't final.
    Mined,
    /// Final and successful.
    Succeeded,
    /// Final and without effect.
    Reverted,
    /// Given up before signing.
    Refused,
    /// Its account nonce was used by another transaction.
    Superseded,
}

/// An intent for people and for `status --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntentSummary {
    /// Its number.
    pub id: i64,
    /// Kind of call.
    pub kind: String,
    /// How far it has come.
    pub state: StoredPhase,
    /// Account nonce, once signed.
    pub nonce: Option<u64>,
    /// Hashes of every attempt.
    pub tx_hashes: Vec<TxHash>,
    /// Why it failed.
    pub reason: Option<String>,
}

impl StoredPhase {
    const ALL: [Self; 7] = [
        Self::Recorded,
        Self::Sent,
        Self::Mined,
        Self::Succeeded,
        Self::Reverted,
        Self::Refused,
        Self::Superseded,
    ];

    /// Returns the name in the state file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Sent => "sent",
            Self::Mined => "mined",
            Self::Succeeded => "succeeded",
            Self::Reverted => "reverted",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
        }
    }
}

impl std::str::FromStr for StoredPhase {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text).ok_or(())
    }
}

/// [`Mined`] as the state file keeps it.
#[derive(Serialize, Deserialize)]
struct StoredMined {
    hash: TxHash,
    block_number: BlockNumber,
    block_hash: BlockHash,
    succeeded: bool,
    fee_wei: Wei,
}

impl From<&Mined> for StoredMined {
    fn from(mined: &Mined) -> Self {
        Self {
            hash: mined.hash,
            block_number: mined.block_number,
            block_hash: mined.block_hash,
            succeeded: mined.succeeded,
            fee_wei: mined.fee,
        }
    }
}

impl From<StoredMined> for Mined {
    fn from(stored: StoredMined) -> Self {
        Self {
            hash: stored.hash,
            block_number: stored.block_number,
            block_hash: stored.block_hash,
            succeeded: stored.succeeded,
            fee: stored.fee_wei,
        }
    }
}

impl StateFile {
    /// Records a call and moves every validator it names, in one transaction. Nothing is signed before this is on
    /// disk.
    pub fn record_intent(&self, call: &ContractCall, now: UnixSeconds) -> Result<IntentId, StateError> {
        let json = serde_json::to_string(call).expect("a call is plain data");
        self.transaction("recording an intent", |tx| {
            tx.execute(
                "INSERT INTO intents (kind, call, phase, created_at) VALUES (?1, ?2, 'recorded', ?3)",
                params![call.kind(), json, now.get()],
            )
            .map_err(StateError::database("recording an intent"))?;
            let id = IntentId(tx.last_insert_rowid());
            for pubkey in call.pubkeys() {
                let record = by_pubkey(tx, &pubkey)?;
                apply(tx, record.id, Event::CallRecorded(CallKind::from(call)), now)?;
            }
            Ok(id)
        })
    }

    /// Returns the newest `limit` intents, newest first; unfinished ones always.
    pub fn intents(&self, limit: u32) -> Result<Vec<IntentSummary>, StateError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT id, kind, phase, reason FROM intents
                 WHERE phase IN ('recorded', 'sent', 'mined') OR id > (SELECT max(id) FROM intents) - ?1
                 ORDER BY id DESC",
            )
            .map_err(StateError::database("reading intents"))?;
        let mut rows = statement.query([limit]).map_err(StateError::database("reading intents"))?;
        let mut summaries = Vec::new();
        while let Some(row) = rows.next().map_err(StateError::database("reading intents"))? {
            summaries.push(summary(&connection, row)?);
        }
        Ok(summaries)
    }

    /// Returns how many intents are recorded or sent and not mined.
    pub fn unmined_intents(&self) -> Result<u64, StateError> {
        self.connection()
            .query_row("SELECT count(*) FROM intents WHERE phase IN ('recorded', 'sent')", [], |row| {
                row.get(0)
            })
            .map_err(StateError::database("counting intents"))
    }

    /// Returns how many intents have a transaction in a block after `block`, finished or not.
    pub fn mined_after(&self, block: BlockNumber) -> Result<u64, StateError> {
        self.connection()
            .query_row(
                "SELECT count(*) FROM intents WHERE CAST(mined ->> '$.block_number' AS INTEGER) > ?1",
                [block.get()],
                |row| row.get(0),
            )
            .map_err(StateError::database("counting mined intents"))
    }

    /// Returns number, kind and reason of the intents that ended without effect since `since`.
    pub fn failed_intents(&self, since: UnixSeconds) -> Result<Vec<(i64, String, String)>, StateError> {
        let context = "reading failed intents";
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT id, kind, coalesce(reason, 'for an unknown reason') FROM intents
                 WHERE phase IN ('reverted', 'superseded') AND finished_at >= ?1 ORDER BY id",
            )
            .map_err(StateError::database(context))?;
        let rows = statement
            .query_map([since.get()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .map_err(StateError::database(context))?;
        rows.collect::<Result<_, _>>().map_err(StateError::database(context))
    }
}

fn summary(connection: &Connection, row: &Row<'_>) -> Result<IntentSummary, StateError> {
    let id: i64 = row.get("id").map_err(StateError::database("reading intents"))?;
    let attempts = attempts(connection, IntentId(id))?;
    Ok(IntentSummary {
        id,
        kind: row.get("kind").map_err(StateError::database("reading intents"))?,
        state: required(row, id, "phase", "phase of an intent")?,
        nonce: attempts.first().map(|attempt| attempt.nonce),
        tx_hashes: attempts.iter().map(|attempt| attempt.hash).collect(),
        reason: row.get("reason").map_err(StateError::database("reading intents"))?,
    })
}

impl TxJournal for StateFile {
    fn unfinished(&self) -> Result<Vec<Intent>, JournalError> {
        unfinished(&self.connection()).map_err(journal_error("reading unfinished intents"))
    }

    fn record_attempt(&self, id: IntentId, attempt: &Attempt) -> Result<(), JournalError> {
        self.transaction("recording a signed transaction", |tx| {
            tx.execute(
                "INSERT INTO attempts (hash, intent, nonce, raw, max_fee, priority_fee, signed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    attempt.hash.to_string(),
                    id.0,
                    attempt.nonce,
                    format!("0x{}", hex::encode(&attempt.raw)),
                    attempt.max_fee.to_string(),
                    attempt.priority_fee.to_string(),
                    attempt.signed_at.get()
                ],
            )
            .map_err(StateError::database("recording a signed transaction"))?;
            set_phase(tx, id, StoredPhase::Sent)
        })
        .map_err(journal_error("recording a signed transaction"))
    }

    fn record_mined(&self, id: IntentId, mined: Option<&Mined>) -> Result<(), JournalError> {
        self.transaction("recording a receipt", |tx| {
            set_mined(tx, id, mined)?;
            set_phase(tx, id, if mined.is_some() { StoredPhase::Mined } else { StoredPhase::Sent })
        })
        .map_err(journal_error("recording a receipt"))
    }

    fn record_outcome(&self, id: IntentId, outcome: &Outcome, now: UnixSeconds) -> Result<(), JournalError> {
        self.transaction("recording an outcome", |tx| finish(tx, id, outcome, now))
            .map_err(journal_error("recording an outcome"))
    }
}

fn journal_error(context: &str) -> impl FnOnce(StateError) -> JournalError {
    let context = context.to_owned();
    move |source| JournalError { context, source: Box::new(source) }
}

fn unfinished(connection: &Connection) -> Result<Vec<Intent>, StateError> {
    let context = "reading unfinished intents";
    let mut statement = connection
        .prepare_cached(
            "SELECT id, call, phase, created_at, mined FROM intents
             WHERE phase IN ('recorded', 'sent', 'mined') ORDER BY id",
        )
        .map_err(StateError::database(context))?;
    let mut rows = statement.query([]).map_err(StateError::database(context))?;
    let mut intents = Vec::new();
    while let Some(row) = rows.next().map_err(StateError::database(context))? {
        intents.push(intent(connection, row)?);
    }
    Ok(intents)
}

fn intent(connection: &Connection, row: &Row<'_>) -> Result<Intent, StateError> {
    let get = StateError::database("reading unfinished intents");
    let (id, call, created_at, mined): (i64, String, u64, Option<String>) =
        (|| Ok((row.get("id")?, row.get("call")?, row.get("created_at")?, row.get("mined")?)))()
            .map_err(get)?;
    let phase = match required(row, id, "phase", "phase of an intent")? {
        StoredPhase::Mined => IntentPhase::Mined(stored_mined(id, mined)?),
        StoredPhase::Sent => IntentPhase::Sent,
        _ => IntentPhase::Recorded,
    };
    Ok(Intent {
        id: IntentId(id),
        call: stored_call(id, call)?,
        created_at: UnixSeconds::new(created_at),
        phase,
        attempts: attempts(connection, IntentId(id))?,
    })
}

fn stored_call(record: i64, json: String) -> Result<ContractCall, StateError> {
    serde_json::from_str(&json).map_err(|_| StateError::Value {
        column: "call",
        record,
        value: json,
        expected: "call",
    })
}

fn stored_mined(record: i64, json: Option<String>) -> Result<Mined, StateError> {
    let json = json.unwrap_or_default();
    let stored: StoredMined = serde_json::from_str(&json).map_err(|_| StateError::Value {
        column: "mined",
        record,
        value: json,
        expected: "receipt",
    })?;
    Ok(stored.into())
}

fn attempts(connection: &Connection, id: IntentId) -> Result<Vec<Attempt>, StateError> {
    let context = "reading signed transactions";
    let mut statement = connection
        .prepare_cached(
            "SELECT hash, nonce, raw, max_fee, priority_fee, signed_at FROM attempts WHERE intent = ?1 ORDER BY rowid",
        )
        .map_err(StateError::database(context))?;
    let mut rows = statement.query([id.0]).map_err(StateError::database(context))?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next().map_err(StateError::database(context))? {
        let raw: String = row.get("raw").map_err(StateError::database(context))?;
        attempts.push(Attempt {
            hash: required(row, id.0, "hash", "transaction hash")?,
            nonce: row.get("nonce").map_err(StateError::database(context))?,
            raw: hex::decode(raw.trim_start_matches("0x")).map_err(|_| StateError::Value {
                column: "raw",
                record: id.0,
                value: raw,
                expected: "signed transaction",
            })?,
            max_fee: required(row, id.0, "max_fee", "amount")?,
            priority_fee: required(row, id.0, "priority_fee", "amount")?,
            signed_at: UnixSeconds::new(row.get("signed_at").map_err(StateError::database(context))?),
        });
    }
    Ok(attempts)
}

fn set_phase(tx: &Connection, id: IntentId, phase: StoredPhase) -> Result<(), StateError> {
    let changed = tx
        .execute("UPDATE intents SET phase = ?2 WHERE id = ?1", params![id.0, phase.as_str()])
        .map_err(StateError::database("changing an intent's phase"))?;
    if changed == 1 { Ok(()) } else { Err(StateError::Missing { what: "intent", id: id.0.to_string() }) }
}

fn set_mined(tx: &Connection, id: IntentId, mined: Option<&Mined>) -> Result<(), StateError> {
    let json =
        mined.map(|mined| serde_json::to_string(&StoredMined::from(mined)).expect("a receipt is plain data"));
    tx.execute("UPDATE intents SET mined = ?2 WHERE id = ?1", params![id.0, json])
        .map(drop)
        .map_err(StateError::database("storing a receipt"))
}

/// Ends an intent and moves its validators, in the caller's transaction.
fn finish(tx: &Connection, id: IntentId, outcome: &Outcome, now: UnixSeconds) -> Result<(), StateError> {
    let (phase, mined, reason) = match outcome {
        Outcome::Succeeded(mined) => (StoredPhase::Succeeded, Some(mined), None),
        Outcome::Reverted { mined, reason } => {
            (StoredPhase::Reverted, Some(mined), reason.as_ref().map(ToString::to_string))
        }
        Outcome::Refused(revert) => (StoredPhase::Refused, None, Some(revert.to_string())),
        Outcome::Withdrawn { why } => (StoredPhase::Refused, None, Some(why.clone())),
        Outcome::Superseded => {
            (StoredPhase::Superseded, None, Some("its account nonce was used elsewhere".to_owned()))
        }
    };
    set_phase(tx, id, phase)?;
    set_mined(tx, id, mined)?;
    tx.execute(
        "UPDATE intents SET finished_at = ?2, reason = ?3 WHERE id = ?1",
        params![id.0, now.get(), reason],
    )
    .map_err(StateError::database("ending an intent"))?;
    let call: String = tx
        .query_row("SELECT call FROM intents WHERE id = ?1", [id.0], |row| row.get(0))
        .map_err(StateError::database("ending an intent"))?;
    let call = stored_call(id.0, call)?;
    move_validators(tx, &call, outcome, now)
}

fn move_validators(
    tx: &Connection,
    call: &ContractCall,
    outcome: &Outcome,
    now: UnixSeconds,
) -> Result<(), StateError> {
    let kind = CallKind::from(call);
    for pubkey in call.pubkeys() {
        let record = by_pubkey(tx, &pubkey)?;
        if let Outcome::Succeeded(mined) = outcome {
            set_transaction(tx, record.id, transaction_column(kind), &mined.hash.to_string())?;
            apply(tx, record.id, Event::CallSucceeded(kind), now)?;
        } else {
            apply(tx, record.id, Event::CallFailed(kind), now)?;
        }
    }
    Ok(())
}

const fn transaction_column(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Deposit => "deposit_tx",
        CallKind::Shares => "shares_tx",
        CallKind::ExitReport => "exit_tx",
        CallKind::Close => "removal_tx",
    }
}
