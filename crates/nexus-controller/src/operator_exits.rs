//! Exits that only a validator's operators can sign: Nexus has SSV ask them, once for ever, or a person does.

use nexus_beacon::{StateId, check_eligibility};
use nexus_chain::{ContractCall, ExitAbi};
use nexus_primitives::{Epoch, OperatorSet, ValidatorPubkey};

use crate::{Alert, Controller, Event, Observation, Stage, TickError, ValidatorRecord};

/// Epochs in which the operators' exit must be set once Nexus' call is final; it takes them a few slots.
const OVERDUE_EPOCHS: u64 = 4;

impl Controller {
    /// Records the call by which Nexus has SSV's operators sign an exit, for the first chosen validator that will leave
    /// by it. Returns whether it did.
    pub(crate) async fn ask_for_exits(&self, observation: &Observation) -> Result<bool, TickError> {
        if observation.chain.deployment.exit_abi == ExitAbi::Main {
            return Ok(false);
        }
        for record in self.state.validators()?.iter().filter(|record| is_for_operators(record)) {
            let asked = self.ask_for_exit(observation, record).await;
            if self.tolerate(record.rollup, asked)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn ask_for_exit(
        &self,
        observation: &Observation,
        record: &ValidatorRecord,
    ) -> Result<bool, TickError> {
        let Some((pubkey, operators)) = self.registered(observation, record) else { return Ok(false) };
        if let Some(why) = self.objection_to_exit_call(observation, &pubkey, &operators).await? {
            let message = format!(
                "validator {pubkey} is to leave, and Nexus can have its operators {operators} sign that only once: {why}"
            );
            self.note(Alert {
                name: "exit-held",
                rollup: Some(record.rollup),
                subject: pubkey.to_string(),
                message,
            });
            return Ok(false);
        }
        let call = ContractCall::ExitThroughSsv { rollup: record.rollup, pubkey, operators };
        self.record_if_it_succeeds(&call, "exit-call-would-fail").await
    }

    /// Returns why the operators mustn't be asked for an exit now, if they mustn't: a call that they don't act on can't
    /// be made again. What they drop is an exit of a validator that may not leave, and what they miss is any while too
    /// few of them are up.
    pub(crate) async fn objection_to_exit_call(
        &self,
        observation: &Observation,
        pubkey: &ValidatorPubkey,
        operators: &OperatorSet,
    ) -> Result<Option<String>, TickError> {
        let fits = observation.chain.deployment.ssv_version.fits_nexus();
        let at_head = if fits { Some(self.chain.fetch_registration(operators).await?.cluster) } else { None };
        let cluster = at_head.or(observation.chain.clusters.get(operators).copied());
        if cluster.is_some_and(|cluster| !cluster.active) {
            return Ok(Some("their SSV cluster is liquidated, and they don't act for it".to_owned()));
        }
        let spec = &observation.spec;
        let epoch = self.beacon.fetch_head().await?.slot.epoch(spec.slots_per_epoch);
        let at_head = self.beacon.fetch_validators(StateId::Head, &[*pubkey]).await?.pop();
        let Some(validator) = at_head else {
            return Ok(Some("the beacon chain doesn't know it".to_owned()));
        };
        if let Err(why) = check_eligibility(&validator, epoch, spec, &observation.partial_withdrawals) {
            return Ok(Some(why.to_string()));
        }
        let before = Epoch::new(epoch.get().saturating_sub(1));
        Ok(match self.beacon.fetch_liveness(before, &[validator.index]).await? {
            None => Some("no beacon node tells which validators are live: see its settings".to_owned()),
            Some(live) if live.contains(&validator.index) => None,
            Some(_) => Some(format!("it wasn't live in epoch {before}, so too few of them are up")),
        })
    }

    /// Returns whether a recorded call about this validator asks for its exit, rather than reporting one that is set.
    pub(crate) fn asks_for_exit(&self, pubkey: &ValidatorPubkey) -> Result<bool, TickError> {
        let asks = |record: &ValidatorRecord| {
            record.stage == Stage::ExitCallSent && record.pubkey.as_ref() == Some(pubkey)
        };
        Ok(self.state.validators()?.iter().any(asks))
    }

    /// Lets the validator stay when it can't leave after all; alerts where nobody but a person can ask its operators.
    /// Returns whether the validator moved.
    pub(crate) fn watch_operators_exit(
        &self,
        observation: &Observation,
        record: &ValidatorRecord,
        may_leave: bool,
    ) -> Result<bool, TickError> {
        if !may_leave {
            self.state.apply(record.id, Event::ExitUnchosen, self.clock.now())?;
            return Ok(true);
        }
        if observation.chain.deployment.exit_abi == ExitAbi::Main {
            let operators = record.ceremony.as_ref().map(|ceremony| format!(" {}", ceremony.operators));
            let subject = record.pubkey_text();
            let message = format!(
                "validator {subject} is to leave, and this version of Nexus can't have operators sign that: ask its \
                 operators{} to exit it; the bot follows it and reports it",
                operators.unwrap_or_default()
            );
            self.note(Alert { name: "exit-needs-operators", rollup: Some(record.rollup), subject, message });
        }
        Ok(false)
    }

    /// Alerts about exits that operators were asked for and the beacon chain doesn't have: Nexus can't ask again.
    pub(crate) fn watch_asked_exits(&self, observation: &Observation) -> Result<(), TickError> {
        let spec = &observation.spec;
        let patience =
            OVERDUE_EPOCHS.saturating_mul(spec.slots_per_epoch).saturating_mul(spec.seconds_per_slot);
        let now = self.clock.now();
        for record in self.state.validators()?.iter().filter(|record| record.stage == Stage::ExitInformed) {
            let Some(pubkey) = record.pubkey else { continue };
            let stays = observation.validators.get(&pubkey).is_some_and(|seen| seen.exit_epoch.is_none());
            if stays && now.seconds_since(record.updated_at) > patience {
                let message = format!(
                    "Nexus had the operators of validator {pubkey} sign its exit, and the beacon chain has none: ask \
                     them to exit it, as Nexus can't ask again"
                );
                self.note(Alert {
                    name: "exit-not-signed",
                    rollup: Some(record.rollup),
                    subject: pubkey.to_string(),
                    message,
                });
            }
        }
        Ok(())
    }
}

/// Whether the validator was chosen to leave and only its operators can sign for it.
pub(crate) fn is_for_operators(record: &ValidatorRecord) -> bool {
    record.stage == Stage::ExitPlanned && record.derivation_index.is_none()
}
