//! What every tick sees to beside the plan: mnemonics, validators nobody recorded, trouble that people must hear of.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use nexus_chain::{IntentPhase, NexusValidator, TxJournal as _};
use nexus_dkg::CeremonyDocuments;
use nexus_keys::{KeyringError, Provision};
use nexus_primitives::{DerivationIndex, OwnerNonce, RollupAdmin, UnixSeconds, ValidatorPubkey};

use crate::{
    Alert, Ceremony, CeremonyMaterial, Controller, Guard, KeySource, Observation, Scope, TickError,
    TickReport, ValidatorRecord,
    ceremony::deposit_of,
    create::NODE_NONCES,
    reconcile::{search_range, unknown_validators},
    tick_error::with_causes,
};

/// Seconds a transaction may stay unmined before a person is told.
const UNMINED_ALERT_SECS: u64 = 1_800;
/// Ticks that may fail in a row before a person is told.
const FAILED_TICKS_ALERT: u32 = 3;

impl Controller {
    /// Makes and seals a mnemonic for every rollup that has none and never had a validator. Returns a guard for each
    /// rollup whose mnemonic is gone: a new one in its place would hide the loss.
    pub(crate) async fn provision_mnemonics(
        &self,
        observation: &Observation,
    ) -> Result<Vec<Guard>, TickError> {
        let records = self.state.validators()?;
        let mut guards = Vec::new();
        for rollup in &observation.chain.rollups {
            if self.settings.keys.of(rollup.admin) == KeySource::Dkg {
                // Validators of before are still the mnemonic's.
                if records.iter().any(|record| record.rollup == rollup.admin && is_of_mnemonic(record)) {
                    guards.extend(self.mnemonic_guard(&records, rollup.admin).await);
                }
                continue;
            }
            if has_history(observation, &records, rollup.admin) {
                guards.extend(self.mnemonic_guard(&records, rollup.admin).await);
                continue;
            }
            let provided = {
                let mut rng = self.rng.lock().await;
                self.keyring.ensure(rollup.admin, &mut **rng).await
            };
            match provided {
                Ok(Provision::Existing) => {}
                Ok(Provision::Created) => {
                    tracing::info!(rollup.admin = %rollup.admin, rollup.name = rollup.name, "mnemonic made and sealed");
                }
                Err(error) => guards.push(vault_guard(rollup.admin, &error)),
            }
        }
        Ok(guards)
    }

    /// Holds a rollup whose mnemonic is gone, can't be opened, or isn't the one its validators were made from.
    async fn mnemonic_guard(&self, records: &[ValidatorRecord], rollup: RollupAdmin) -> Option<Guard> {
        let of_rollup = records.iter().filter(|record| record.rollup == rollup);
        let mut made = of_rollup.filter_map(|record| Some((record.derivation_index?, record.pubkey?)));
        let made = made.next_back();
        let index = made.map_or(DerivationIndex::new(0), |(index, _)| index);
        match self.keyring.derive(rollup, index).await {
            Err(error) => Some(vault_guard(rollup, &error)),
            Ok(key) => made.filter(|(_, pubkey)| key.pubkey() != *pubkey).map(|(index, pubkey)| Guard {
                name: "mnemonic-changed",
                scope: Scope::NewWork,
                rollup: Some(rollup),
                message: format!(
                    "the vault's mnemonic yields {} at index {index}, the state file has {pubkey}: restore the vault",
                    key.pubkey()
                ),
            }),
        }
    }

    /// Holds deposits of rollups with validators that aren't of their mnemonic: it may be the wrong one.
    pub(crate) fn unknown_key_guards(&self, observation: &Observation) -> Result<Vec<Guard>, TickError> {
        let records = self.state.validators()?;
        let unknown = |rollup: RollupAdmin| {
            let keys = self.settings.keys.of(rollup);
            let of_rollup = records.iter().filter(move |record| record.rollup == rollup);
            of_rollup.filter(|record| record.is_foreign(keys) && !record.stage.is_over()).count()
        };
        let lost = |record: &&ValidatorRecord| record.lacks_documents(self.settings.keys.of(record.rollup));
        // Whatever is registered before it may take its nonce: nothing new begins for anybody.
        let missing = records.iter().find(lost).map(|record| Guard {
            name: "ceremony-documents-missing",
            scope: Scope::Deposits,
            rollup: None,
            message: format!(
                "validator {0} is deposited, and the documents of its ceremony are neither in the state file nor in the \
                 vault: restore the vault's ceremonies, or give it up with `nexus-bot state give-up {0}`",
                record.pubkey_text()
            ),
        });
        let guard = |rollup: RollupAdmin| {
            let count = unknown(rollup);
            (count > 0).then(|| Guard {
                name: "key-unknown",
                scope: Scope::Deposits,
                rollup: Some(rollup),
                message: format!(
                    "{count} of its validators are not of the vault's mnemonic: is it the right one?"
                ),
            })
        };
        let unknown = observation.chain.rollups.iter().filter_map(|rollup| guard(rollup.admin));
        Ok(missing.into_iter().chain(unknown).collect())
    }

    /// Takes in validators the contracts know and the state file doesn't, finding their derivation indices.
    pub(crate) async fn adopt_unknown(
        &self,
        observation: &Observation,
        guards: &[Guard],
    ) -> Result<(), TickError> {
        let records = self.state.validators()?;
        let keyless = |rollup| guards.iter().any(|g| is_vault_guard(g) && g.rollup == Some(rollup));
        for (rollup, validators) in unknown_validators(observation, &records) {
            if !keyless(rollup) {
                let known = records.iter().filter(|record| record.rollup == rollup).count();
                let adopted = self.adopt(rollup, &validators, known, observation.chain.owner_nonce).await;
                self.tolerate(rollup, adopted)?;
            }
        }
        for record in
            records.iter().filter(|record| record.lacks_documents(self.settings.keys.of(record.rollup)))
        {
            let found = self.find_documents(record, observation.chain.owner_nonce).await;
            self.tolerate(record.rollup, found)?;
        }
        Ok(())
    }

    /// Looks once more for the documents of a deposited validator: a vault may be restored later than a state file.
    async fn find_documents(
        &self,
        record: &ValidatorRecord,
        registered: OwnerNonce,
    ) -> Result<(), TickError> {
        let Some(pubkey) = record.pubkey else { return Ok(()) };
        let archived = self.archive.fetch(&pubkey).await?;
        if let Some(material) = archived.and_then(|documents| read_archived(documents, registered)) {
            self.state.attach_ceremony(&material)?;
            tracing::warn!(validator.pubkey = %pubkey, "documents of a ceremony found in the vault");
        }
        Ok(())
    }

    async fn adopt(
        &self,
        rollup: RollupAdmin,
        validators: &[&NexusValidator],
        known: usize,
        registered: OwnerNonce,
    ) -> Result<(), TickError> {
        let mut missing: BTreeMap<_, _> = validators.iter().map(|v| (v.pubkey, v.status)).collect();
        for validator in validators {
            let archived = self.archive.fetch(&validator.pubkey).await?;
            let Some(material) = archived.and_then(|documents| read_archived(documents, registered)) else {
                continue;
            };
            self.state.adopt_ceremony(rollup, &material, validator.status, self.clock.now())?;
            missing.remove(&validator.pubkey);
            tracing::warn!(validator.pubkey = %validator.pubkey, "validator adopted with its ceremony's documents");
        }
        // A rollup whose keys operators make may have no mnemonic at all.
        let has_mnemonic = match self.keyring.derive(rollup, DerivationIndex::new(0)).await {
            Err(KeyringError::Missing { .. }) if self.settings.keys.of(rollup) == KeySource::Dkg => false,
            derived => derived.map(|_| true)?,
        };
        let indices = search_range(known.saturating_add(validators.len()));
        for index in indices.filter(|_| has_mnemonic) {
            if missing.is_empty() {
                break;
            }
            let pubkey = self.keyring.derive(rollup, index).await?.pubkey();
            if let Some(status) = missing.remove(&pubkey) {
                self.state.adopt(rollup, pubkey, Some(index), status, self.clock.now())?;
                tracing::warn!(validator.pubkey = %pubkey, key.index = %index, "validator adopted from the chain");
            }
        }
        for (pubkey, status) in missing {
            self.state.adopt(rollup, pubkey, None, status, self.clock.now())?;
            tracing::warn!(
                validator.pubkey = %pubkey,
                "validator on Nexus is neither of the rollup's mnemonic nor of an archived ceremony"
            );
        }
        Ok(())
    }

    /// Alerts about every guard that is down: each waits for somebody.
    pub(crate) fn tell_guards(&self, guards: &[Guard]) {
        for guard in guards {
            self.alert(guard.name, guard.rollup, guard.message.clone());
        }
    }

    /// Alerts about transactions that failed in this tick, wait for lower fees, or stay unmined.
    pub(crate) fn watch_transactions(&self, since: UnixSeconds) -> Result<(), TickError> {
        for (id, kind, reason) in self.state.failed_intents(since)? {
            let message = format!("transaction {id} ({kind}) had no effect: {reason}");
            self.note(Alert { name: "transaction-failed", rollup: None, subject: id.to_string(), message });
        }
        if let Some(reason) = self.transactions.waits_for() {
            self.alert("fees-above-ceiling", None, reason);
        }
        for intent in self.state.unfinished()?.iter().filter(|intent| intent.phase == IntentPhase::Sent) {
            let sent = intent.attempts.first().map_or(intent.created_at, |attempt| attempt.signed_at);
            if self.clock.now().seconds_since(sent) > UNMINED_ALERT_SECS {
                let kind = intent.call.kind();
                let message = format!(
                    "transaction {} ({kind}) was sent and isn't mined after half an hour",
                    intent.id.0
                );
                let subject = intent.id.0.to_string();
                self.note(Alert {
                    name: "transaction-unmined",
                    rollup: Some(intent.call.rollup()),
                    subject,
                    message,
                });
            }
        }
        Ok(())
    }

    /// Alerts when ticks keep failing: then nothing at all is done.
    pub(crate) fn watch_failures(&self, result: Result<&TickReport, &TickError>) {
        let Err(error) = result else {
            self.failed_ticks.store(0, Ordering::Relaxed);
            return;
        };
        let failed = self.failed_ticks.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failed >= FAILED_TICKS_ALERT {
            self.alert("tick-failing", None, with_causes(error));
        }
    }

    /// Alerts when block rewards would go to the Nexus contract, which can't pass them on.
    pub(crate) fn watch_fee_recipient(&self, observation: &Observation) {
        if observation.chain.ssv.fee_recipient.is_none() && !observation.chain.rollups.is_empty() {
            let message = "no fee recipient is set for Nexus on SSV: execution rewards of its validators would be \
                           stuck; its owner must call changeExecutionFeeAddress";
            self.alert("fee-recipient-unset", None, message.to_owned());
        }
    }
}

/// A rollup whose keys can't be had: only that rollup waits.
fn vault_guard(rollup: RollupAdmin, error: &KeyringError) -> Guard {
    let (name, message) = match error {
        KeyringError::Missing { .. } => (
            "mnemonic-missing",
            "the rollup has validators and the vault has no mnemonic for it: restore the vault".to_owned(),
        ),
        error => ("vault-failing", with_causes(error)),
    };
    Guard { name, scope: Scope::NewWork, rollup: Some(rollup), message }
}

/// Reads archived documents again; what they say of the nonce, nodes count in 16 bits.
fn read_archived(documents: CeremonyDocuments, registered: OwnerNonce) -> Option<CeremonyMaterial> {
    let checked = match documents.check() {
        Ok(checked) => checked,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "archived documents don't hold");
            return None;
        }
    };
    let deposit = deposit_of(&checked.deposit)?;
    let keyshares = checked.keyshares.keyshares();
    let ceremony = Ceremony {
        owner_nonce: full_nonce(keyshares.registration().nonce, registered),
        operators: keyshares.operators().clone(),
    };
    Some(CeremonyMaterial { deposit, ceremony, documents })
}

fn is_of_mnemonic(record: &ValidatorRecord) -> bool {
    record.derivation_index.is_some() && !record.stage.is_over()
}

/// Returns the nonce that nodes know by its last 16 bits: the one nearest to how many registrations there are.
fn full_nonce(node: OwnerNonce, registered: OwnerNonce) -> OwnerNonce {
    let turns = registered.get() / NODE_NONCES;
    let candidates = [turns.saturating_sub(1), turns, turns.saturating_add(1)]
        .map(|turn| turn.saturating_mul(NODE_NONCES).saturating_add(node.get()));
    let nearest = candidates.into_iter().min_by_key(|nonce| nonce.abs_diff(registered.get()));
    OwnerNonce::new(nearest.unwrap_or(node.get()))
}

fn is_vault_guard(guard: &Guard) -> bool {
    matches!(guard.name, "mnemonic-missing" | "mnemonic-changed" | "vault-failing")
}

/// Whether the rollup ever had a validator that may be of its mnemonic, as far as the state file or the contracts know.
fn has_history(observation: &Observation, records: &[ValidatorRecord], rollup: RollupAdmin) -> bool {
    let from_ceremony = |pubkey: &ValidatorPubkey| {
        records.iter().any(|record| record.pubkey.as_ref() == Some(pubkey) && record.ceremony.is_some())
    };
    let on_nexus = &observation.chain.validators;
    records.iter().any(|record| record.rollup == rollup && record.ceremony.is_none())
        || on_nexus.iter().any(|found| found.rollup == rollup && !from_ceremony(&found.pubkey))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_of_16_bits_is_the_one_nearest_to_the_registrations() {
        let check = |node, registered, expected| {
            assert_eq!(full_nonce(OwnerNonce::new(node), OwnerNonce::new(registered)).get(), expected);
        };
        check(7, 5, 7);
        check(65_535, 3, 65_535);
        check(65_535, 65_540, 65_535);
        check(2, 65_535, 65_538);
        check(7, 3 * 65_536 + 9, 3 * 65_536 + 7);
    }
}
