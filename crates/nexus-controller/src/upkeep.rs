//! What every tick sees to beside the plan: mnemonics, validators nobody recorded, trouble that people must hear of.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use nexus_chain::{IntentPhase, NexusValidator, TxJournal as _};
use nexus_keys::{KeyringError, Provision};
use nexus_primitives::{DerivationIndex, RollupAdmin, UnixSeconds};

use crate::{
    Alert, Controller, Guard, Observation, Scope, TickError, TickReport, ValidatorRecord,
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
            let of_rollup = records.iter().filter(move |record| record.rollup == rollup);
            of_rollup.filter(|record| record.derivation_index.is_none() && !record.stage.is_over()).count()
        };
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
        Ok(observation.chain.rollups.iter().filter_map(|rollup| guard(rollup.admin)).collect())
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
                self.adopt(rollup, &validators, known).await?;
            }
        }
        Ok(())
    }

    async fn adopt(
        &self,
        rollup: RollupAdmin,
        validators: &[&NexusValidator],
        known: usize,
    ) -> Result<(), TickError> {
        let mut missing: BTreeMap<_, _> = validators.iter().map(|v| (v.pubkey, v.status)).collect();
        for index in search_range(known.saturating_add(validators.len())) {
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
            tracing::warn!(validator.pubkey = %pubkey, "validator on Nexus is not of the rollup's mnemonic");
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

fn is_vault_guard(guard: &Guard) -> bool {
    matches!(guard.name, "mnemonic-missing" | "mnemonic-changed" | "vault-failing")
}

/// Whether the rollup ever had a validator, as far as the state file or the contracts know.
fn has_history(observation: &Observation, records: &[ValidatorRecord], rollup: RollupAdmin) -> bool {
    records.iter().any(|record| record.rollup == rollup)
        || observation.chain.validators.iter().any(|validator| validator.rollup == rollup)
}
