//! Ceremonies in the state file: documents of those that succeeded, and how often operators failed.

use nexus_chain::NexusStatus;
use nexus_dkg::CeremonyDocuments;
use nexus_primitives::{OperatorSet, RollupAdmin, UnixSeconds, ValidatorPubkey};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    StateError, StateFile,
    validators::{adopt, store_deposit},
};
use crate::{CeremonyFailure, RecordId, Stage, validator_record::CeremonyMaterial};

impl StateFile {
    /// Records validators whose documents are archived: their keys are ready. All of them, or none.
    pub fn store_ceremonies(
        &self,
        rollup: RollupAdmin,
        validators: &[CeremonyMaterial],
        now: UnixSeconds,
    ) -> Result<(), StateError> {
        let context = "storing ceremonies";
        self.transaction(context, |tx| {
            for material in validators {
                let insert = || {
                    tx.execute("INSERT OR IGNORE INTO rollups (admin) VALUES (?1)", [rollup.to_string()])?;
                    tx.execute(
                        "INSERT INTO validators (rollup, stage, updated_at) VALUES (?1, ?2, ?3)",
                        params![rollup.to_string(), Stage::Planned.as_str(), now.get()],
                    )
                };
                insert().map_err(StateError::database(context))?;
                let id = RecordId(tx.last_insert_rowid());
                insert_documents(tx, material)?;
                store_deposit(tx, id, &material.deposit, now)?;
            }
            Ok(())
        })
    }

    /// Takes in a validator that the contracts know and this file doesn't, with its archived documents.
    pub fn adopt_ceremony(
        &self,
        rollup: RollupAdmin,
        material: &CeremonyMaterial,
        status: NexusStatus,
        now: UnixSeconds,
    ) -> Result<(), StateError> {
        self.transaction("adopting a validator", |tx| {
            insert_documents(tx, material)?;
            adopt(tx, rollup, material.deposit.pubkey, None, status, now).map(drop)
        })
    }

    /// Gives a validator that is here already the documents that were found later.
    pub fn attach_ceremony(&self, material: &CeremonyMaterial) -> Result<(), StateError> {
        self.transaction("attaching a ceremony", |tx| insert_documents(tx, material))
    }

    /// Notes that a deposited validator won't be registered any more. Returns `false` when there is no such validator.
    pub fn give_up_registration(
        &self,
        pubkey: &ValidatorPubkey,
        now: UnixSeconds,
    ) -> Result<bool, StateError> {
        let context = "giving a registration up";
        let connection = self.connection();
        let noted = connection.execute(
            "INSERT OR IGNORE INTO given_up SELECT pubkey, ?2 FROM validators WHERE pubkey = ?1 AND stage = ?3",
            params![pubkey.to_string(), now.get(), Stage::Deposited.as_str()],
        );
        noted.map(|rows| rows > 0).map_err(StateError::database(context))
    }

    /// Returns the documents of a validator that was made in a ceremony.
    pub fn ceremony_documents(&self, pubkey: &ValidatorPubkey) -> Result<CeremonyDocuments, StateError> {
        self.connection()
            .query_row(
                "SELECT deposit_data, keyshares, proofs FROM ceremonies WHERE pubkey = ?1",
                [pubkey.to_string()],
                |row| {
                    Ok(CeremonyDocuments {
                        deposit_data: row.get(0)?,
                        keyshares: row.get(1)?,
                        proofs: row.get(2)?,
                    })
                },
            )
            .optional()
            .map_err(StateError::database("reading a ceremony"))?
            .ok_or_else(|| StateError::Missing { what: "ceremony", id: pubkey.to_string() })
    }

    /// Notes that a ceremony among these operators failed.
    pub fn note_ceremony_failure(
        &self,
        operators: &OperatorSet,
        reason: &str,
        now: UnixSeconds,
    ) -> Result<(), StateError> {
        self.connection()
            .execute(
                "INSERT INTO ceremony_failures (operators, failures, failed_at, reason) VALUES (?1, 1, ?2, ?3)
                 ON CONFLICT (operators) DO UPDATE SET failures = failures + 1, failed_at = ?2, reason = ?3",
                params![operators.to_string(), now.get(), reason],
            )
            .map(drop)
            .map_err(StateError::database("noting a failed ceremony"))
    }

    /// Forgets the failures of operators that made keys.
    pub fn forget_ceremony_failures(&self, operators: &OperatorSet) -> Result<(), StateError> {
        self.connection()
            .execute("DELETE FROM ceremony_failures WHERE operators = ?1", [operators.to_string()])
            .map(drop)
            .map_err(StateError::database("forgetting failed ceremonies"))
    }

    /// Returns how ceremonies among these operators failed last, if the last one did.
    pub fn ceremony_failure(&self, operators: &OperatorSet) -> Result<Option<CeremonyFailure>, StateError> {
        self.connection()
            .query_row(
                "SELECT failures, failed_at, reason FROM ceremony_failures WHERE operators = ?1",
                [operators.to_string()],
                |row| {
                    Ok(CeremonyFailure {
                        failures: row.get(0)?,
                        failed_at: UnixSeconds::new(row.get(1)?),
                        reason: row.get(2)?,
                    })
                },
            )
            .optional()
            .map_err(StateError::database("reading failed ceremonies"))
    }
}

/// Stores documents; the same ones once more, when a validator is adopted that was given up here, are no news.
fn insert_documents(tx: &Connection, material: &CeremonyMaterial) -> Result<(), StateError> {
    let CeremonyMaterial { deposit, ceremony, documents } = material;
    tx.execute(
        "INSERT OR IGNORE INTO ceremonies (pubkey, owner_nonce, operators, deposit_data, keyshares, proofs)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            deposit.pubkey.to_string(),
            ceremony.owner_nonce.get(),
            ceremony.operators.to_string(),
            documents.deposit_data,
            documents.keyshares,
            documents.proofs
        ],
    )
    .map(drop)
    .map_err(StateError::database("storing a ceremony"))
}
