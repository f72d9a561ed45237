//! Rollups, code pins and the last tick in the state file.

use std::collections::BTreeMap;

use nexus_primitives::{BasisPoints, CodeHash, RollupAdmin, UnixSeconds};
use rusqlite::{OptionalExtension as _, params};

use super::{StateError, StateFile, validators::required};
use crate::RollupStanding;

/// A contract whose code isn't the accepted one any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePin {
    /// Its name.
    pub contract: String,
    /// Hash of the code that was accepted.
    pub accepted: CodeHash,
    /// Hash of the code that is there now.
    pub found: CodeHash,
}

impl StateFile {
    /// Notes whether a rollup is above its limit. Returns for how many seconds it has been so.
    pub fn note_excess(&self, rollup: RollupAdmin, above: bool, now: UnixSeconds) -> Result<u64, StateError> {
        self.transaction("noting an excess", |tx| {
            let run = || {
                tx.execute("INSERT OR IGNORE INTO rollups (admin) VALUES (?1)", [rollup.to_string()])?;
                tx.query_row(
                    "UPDATE rollups SET excess_since = CASE WHEN ?2 THEN coalesce(excess_since, ?3) END
                     WHERE admin = ?1 RETURNING excess_since",
                    params![rollup.to_string(), above, now.get()],
                    |row| row.get::<_, Option<u64>>(0),
                )
            };
            let since = run().map_err(StateError::database("noting an excess"))?;
            Ok(since.map_or(0, |since| now.seconds_since(UnixSeconds::new(since))))
        })
    }

    /// Forgets since when rollups are above their limits: nobody looked for a while, so nobody knows.
    pub fn forget_excesses(&self) -> Result<(), StateError> {
        self.connection()
            .execute("UPDATE rollups SET excess_since = NULL WHERE excess_since IS NOT NULL", [])
            .map(drop)
            .map_err(StateError::database("forgetting excesses"))
    }

    /// Returns for how many seconds a rollup has been above its limit, as last noted.
    pub fn excess_secs(&self, rollup: RollupAdmin, now: UnixSeconds) -> Result<u64, StateError> {
        let since: Option<Option<u64>> = self
            .connection()
            .query_row("SELECT excess_since FROM rollups WHERE admin = ?1", [rollup.to_string()], |row| {
                row.get(0)
            })
            .optional()
            .map_err(StateError::database("reading an excess"))?;
        Ok(since.flatten().map_or(0, |since| now.seconds_since(UnixSeconds::new(since))))
    }

    /// Returns the limit and locked ETH of a rollup that were accepted last.
    pub fn accepted_standing(&self, rollup: RollupAdmin) -> Result<Option<RollupStanding>, StateError> {
        let context = "reading an accepted position";
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT rowid, accepted_limit, accepted_locked FROM rollups
                 WHERE admin = ?1 AND accepted_limit IS NOT NULL",
            )
            .map_err(StateError::database(context))?;
        let mut rows = statement.query([rollup.to_string()]).map_err(StateError::database(context))?;
        let Some(row) = rows.next().map_err(StateError::database(context))? else { return Ok(None) };
        let (record, limit): (i64, u16) =
            (|| Ok((row.get(0)?, row.get(1)?)))().map_err(StateError::database(context))?;
        let limit = BasisPoints::new(limit).map_err(|_| StateError::Value {
            column: "accepted_limit",
            record,
            value: limit.to_string(),
            expected: "share in basis points",
        })?;
        Ok(Some(RollupStanding { limit, locked: required(row, record, "accepted_locked", "amount")? }))
    }

    /// Accepts a rollup's limit and locked ETH.
    pub fn accept_standing(&self, rollup: RollupAdmin, standing: RollupStanding) -> Result<(), StateError> {
        if self.accepted_standing(rollup)? == Some(standing) {
            return Ok(());
        }
        self.connection()
            .execute(
                "INSERT INTO rollups (admin, accepted_limit, accepted_locked) VALUES (?1, ?2, ?3)
                 ON CONFLICT (admin) DO UPDATE SET accepted_limit = ?2, accepted_locked = ?3",
                params![rollup.to_string(), standing.limit.get(), standing.locked.to_string()],
            )
            .map(drop)
            .map_err(StateError::database("accepting a position"))
    }

    /// Accepts the code of contracts seen for the first time.
    pub fn pin_new_code(&self, found: &BTreeMap<String, CodeHash>) -> Result<(), StateError> {
        self.transaction("pinning code", |tx| {
            for (contract, hash) in found {
                tx.execute(
                    "INSERT OR IGNORE INTO code_pins VALUES (?1, ?2)",
                    params![contract, hash.to_string()],
                )
                .map_err(StateError::database("pinning code"))?;
            }
            Ok(())
        })
    }

    /// Accepts the code that is there now, after a person has looked at it.
    pub fn accept_code(&self, found: &BTreeMap<String, CodeHash>) -> Result<(), StateError> {
        self.transaction("accepting code", |tx| {
            for (contract, hash) in found {
                tx.execute(
                    "INSERT OR REPLACE INTO code_pins VALUES (?1, ?2)",
                    params![contract, hash.to_string()],
                )
                .map_err(StateError::database("accepting code"))?;
            }
            Ok(())
        })
    }

    /// Returns the contracts whose code differs from the accepted one.
    pub fn changed_code(&self, found: &BTreeMap<String, CodeHash>) -> Result<Vec<CodePin>, StateError> {
        let connection = self.connection();
        let mut changed = Vec::new();
        for (contract, hash) in found {
            let accepted = connection
                .query_row("SELECT hash FROM code_pins WHERE contract = ?1", [contract], |row| {
                    Ok(required::<CodeHash>(row, 0, "hash", "code hash"))
                })
                .optional()
                .map_err(StateError::database("reading code pins"))?
                .transpose()?;
            if let Some(accepted) = accepted.filter(|accepted| accepted != hash) {
                changed.push(CodePin { contract: contract.clone(), accepted, found: *hash });
            }
        }
        Ok(changed)
    }

    /// Notes that a tick began.
    pub fn tick_started(&self, now: UnixSeconds) -> Result<(), StateError> {
        self.connection()
            .execute(
                "INSERT INTO ticks (id, started_at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET started_at = ?1",
                [now.get()],
            )
            .map(drop)
            .map_err(StateError::database("noting a tick"))
    }

    /// Notes that a tick went through, with its report (JSON) for `status`.
    pub fn tick_succeeded(&self, now: UnixSeconds, report: &str) -> Result<(), StateError> {
        self.connection()
            .execute(
                "UPDATE ticks SET succeeded_at = ?1, report = ?2 WHERE id = 1",
                params![now.get(), report],
            )
            .map(drop)
            .map_err(StateError::database("noting a tick"))
    }

    /// Returns when the last successful tick ended and its report, if there was one.
    pub fn last_tick(&self) -> Result<Option<(UnixSeconds, String)>, StateError> {
        self.connection()
            .query_row("SELECT succeeded_at, report FROM ticks WHERE succeeded_at IS NOT NULL", [], |row| {
                Ok((UnixSeconds::new(row.get(0)?), row.get(1)?))
            })
            .optional()
            .map_err(StateError::database("reading the last tick"))
    }
}
