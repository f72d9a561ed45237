//! What every tick sees to before it plans: mnemonics, validators nobody recorded, clusters that run dry.

use std::collections::BTreeMap;

use nexus_chain::NexusValidator;
use nexus_keys::{KeyringError, Provision};
use nexus_primitives::{DerivationIndex, RollupAdmin};

use crate::{
    Controller, Guard, Observation, Scope, TickError, ValidatorRecord,
    reconcile::{search_range, unknown_validators},
};

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
                guards.extend(self.missing_mnemonic(rollup.admin).await?);
                continue;
            }
            let mut rng = self.rng.lock().await;
            if self.keyring.ensure(rollup.admin, &mut **rng).await? == Provision::Created {
                tracing::info!(rollup.admin = %rollup.admin, rollup.name = rollup.name, "mnemonic made and sealed");
            }
        }
        Ok(guards)
    }

    async fn missing_mnemonic(&self, rollup: RollupAdmin) -> Result<Option<Guard>, TickError> {
        match self.keyring.derive(rollup, DerivationIndex::new(0)).await {
            Ok(_) => Ok(None),
            Err(KeyringError::Missing { .. }) => Ok(Some(Guard {
                name: "mnemonic-missing",
                scope: Scope::NewWork,
                rollup: Some(rollup),
                message: "the rollup has validators and the vault has no mnemonic for it: restore the vault"
                    .to_owned(),
            })),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes in validators the contracts know and the state file doesn't, finding their derivation indices.
    pub(crate) async fn adopt_unknown(
        &self,
        observation: &Observation,
        guards: &[Guard],
    ) -> Result<(), TickError> {
        let records = self.state.validators()?;
        let keyless =
            |rollup| guards.iter().any(|g| g.name == "mnemonic-missing" && g.rollup == Some(rollup));
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
            let message =
                format!("validator {pubkey} is on Nexus and not derived from the rollup's mnemonic");
            self.alert("key-unknown", Some(rollup), message);
        }
        Ok(())
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

/// Whether the rollup ever had a validator, as far as the state file or the contracts know.
fn has_history(observation: &Observation, records: &[ValidatorRecord], rollup: RollupAdmin) -> bool {
    records.iter().any(|record| record.rollup == rollup)
        || observation.chain.validators.iter().any(|validator| validator.rollup == rollup)
}
