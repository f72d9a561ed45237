//! Leaving: exits signed, broadcast until the beacon chain has them, reported, and closed once paid.

use std::collections::BTreeMap;

use nexus_beacon::{
    BeaconValidator, ExitSubmission, SignedVoluntaryExit, StateId, UnverifiedVoluntaryExit, VoluntaryExit,
    check_eligibility,
};
use nexus_chain::{CallOutcome, ClusterSnapshot, ContractCall, ExitAbi, NexusValidator};
use nexus_primitives::{OperatorSet, RollupAdmin, VALIDATOR_DEPOSIT, ValidatorPubkey};

use crate::{Controller, Event, Observation, Stage, TickError, ValidatorRecord, WorldPlan};

/// Most validators in one report: well below the size of a transaction that nodes pass on (128 KiB).
const MAX_REPORT: usize = 100;

impl Controller {
    /// Marks validators as chosen to leave. Returns how many were.
    pub(crate) fn choose_exits(&self, pubkeys: &[ValidatorPubkey]) -> Result<usize, TickError> {
        let mut chosen = 0;
        for record in self.state.validators()? {
            if record.stage == Stage::Active && record.pubkey.is_some_and(|pubkey| pubkeys.contains(&pubkey))
            {
                self.state.apply(record.id, Event::ExitChosen, self.clock.now())?;
                chosen += 1;
            }
        }
        Ok(chosen)
    }

    /// Signs exits that were chosen, and sends every signed one again until its exit epoch is set. Returns how many
    /// validators moved.
    pub(crate) async fn drive_exits(&self, observation: &Observation) -> Result<usize, TickError> {
        let mut moved = 0;
        let mut records = self.state.validators()?;
        records.retain(|record| {
            matches!(record.stage, Stage::ExitPlanned | Stage::ExitSigned | Stage::ExitBroadcast)
        });
        let pubkeys: Vec<_> = records.iter().filter_map(|record| record.pubkey).collect();
        let at_head = self.beacon.fetch_validators(StateId::Head, &pubkeys).await?;
        for (record, pubkey) in records.iter().filter_map(|record| Some((record, record.pubkey?))) {
            let validator = at_head.iter().find(|validator| validator.pubkey == pubkey);
            let driven = match record.stage {
                Stage::ExitPlanned if record.derivation_index.is_none() => {
                    let may_leave = validator.is_some_and(|validator| may_leave(observation, validator));
                    self.watch_operators_exit(observation, record, may_leave)
                }
                Stage::ExitPlanned => self.sign_exit(observation, record, pubkey, validator).await,
                // Set at the head: finality will show it, or a reorganisation will take it away again.
                _ if validator.is_some_and(|validator| validator.exit_epoch.is_some()) => Ok(false),
                _ => self.send_stored_exit(observation, record, pubkey).await,
            };
            moved += usize::from(self.tolerate(record.rollup, driven)? == Some(true));
        }
        Ok(moved)
    }

    /// Lets validators stay that were chosen to leave and not signed for, when the plan changed since: a crash or a
    /// failing node may have come between.
    pub(crate) fn unchoose_surplus(&self, plan: &WorldPlan) -> Result<usize, TickError> {
        let mut surplus = BTreeMap::new();
        let mut moved = 0;
        for record in self.state.validators()?.iter().filter(|record| record.stage == Stage::ExitPlanned) {
            let left = surplus.entry(record.rollup).or_insert_with(|| plan.surplus_exits(record.rollup));
            if *left > 0 {
                *left -= 1;
                moved += 1;
                self.state.apply(record.id, Event::ExitUnchosen, self.clock.now())?;
            }
        }
        Ok(moved)
    }

    /// Signs one exit, or lets the validator stay when it can't leave after all.
    async fn sign_exit(
        &self,
        observation: &Observation,
        record: &ValidatorRecord,
        pubkey: ValidatorPubkey,
        at_head: Option<&BeaconValidator>,
    ) -> Result<bool, TickError> {
        let (epoch, spec) = (observation.current_epoch(), &observation.spec);
        let Some(validator) = at_head.filter(|validator| may_leave(observation, validator)) else {
            self.state.apply(record.id, Event::ExitUnchosen, self.clock.now())?;
            return Ok(true);
        };
        let message = VoluntaryExit { epoch, validator_index: validator.index };
        let signature = self.key_of(record).await?.sign(&message.signing_root(spec))?;
        let exit = SignedVoluntaryExit::assemble(message, signature, &pubkey, spec)?;
        let json = serde_json::to_string(&exit).expect("a signed exit is plain data");
        self.state.store_exit(record.id, &json, self.clock.now())?;
        tracing::info!(validator.pubkey = %pubkey, %epoch, "exit signed");
        self.submit_exit(record, &exit).await?;
        Ok(true)
    }

    async fn send_stored_exit(
        &self,
        observation: &Observation,
        record: &ValidatorRecord,
        pubkey: ValidatorPubkey,
    ) -> Result<bool, TickError> {
        let json = record.signed_exit.as_deref().unwrap_or_default();
        let stored: UnverifiedVoluntaryExit =
            serde_json::from_str(json).map_err(|source| TickError::StoredExit { pubkey, source })?;
        let exit = stored.verify(&pubkey, &observation.spec)?;
        self.submit_exit(record, &exit).await
    }

    /// Sends an exit to every beacon node. A node's yes is not an exit: only the beacon chain's exit epoch is.
    async fn submit_exit(
        &self,
        record: &ValidatorRecord,
        exit: &SignedVoluntaryExit,
    ) -> Result<bool, TickError> {
        let submission: ExitSubmission = self.beacon.submit_exit(exit).await?;
        if !submission.is_held() {
            self.alert(
                "exit-refused",
                Some(record.rollup),
                format!("no beacon node took the exit: {submission}"),
            );
            return Ok(false);
        }
        Ok(self.state.apply(record.id, Event::ExitAccepted, self.clock.now())?.is_some())
    }

    /// Records the report of exits the beacon chain has set. Returns whether it did.
    pub(crate) async fn report_exits(&self, observation: &Observation) -> Result<bool, TickError> {
        let mut exiting = self.state.validators()?;
        exiting.retain(|record| record.stage == Stage::Exiting);
        for call in self.report_calls(observation, &exiting) {
            if self.record_if_it_succeeds(&call, "exit-report-would-fail").await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The calls that may report exits, best first: all of a rollup together where the contract takes a list, and
    /// one by one, so that a validator that can't be reported doesn't keep the others waiting.
    fn report_calls(&self, observation: &Observation, exiting: &[ValidatorRecord]) -> Vec<ContractCall> {
        if observation.chain.deployment.exit_abi == ExitAbi::SsvExits {
            let call = |record: &ValidatorRecord| {
                let (pubkey, operators) = self.registered(observation, record)?;
                Some(ContractCall::ExitThroughSsv { rollup: record.rollup, pubkey, operators })
            };
            return exiting.iter().filter_map(call).collect();
        }
        let mut by_rollup = BTreeMap::<RollupAdmin, Vec<ValidatorPubkey>>::new();
        for (rollup, pubkey) in exiting.iter().filter_map(|record| Some((record.rollup, record.pubkey?))) {
            by_rollup.entry(rollup).or_default().push(pubkey);
        }
        let report = |rollup, pubkeys| ContractCall::ReportExits { rollup, pubkeys };
        let together = by_rollup
            .iter()
            .flat_map(|(rollup, keys)| keys.chunks(MAX_REPORT).map(|chunk| report(*rollup, chunk.to_vec())));
        let several = by_rollup.iter().filter(|(_, pubkeys)| pubkeys.len() > 1);
        let singly = several.flat_map(|(rollup, keys)| keys.iter().map(|key| report(*rollup, vec![*key])));
        together.chain(singly).collect()
    }

    /// Records the call that closes the first withdrawn validator that can be closed. Returns whether it did.
    pub(crate) async fn close_next(&self, observation: &Observation) -> Result<bool, TickError> {
        for record in self.state.validators()?.iter().filter(|record| record.stage == Stage::Withdrawn) {
            let Some((pubkey, operators)) = self.registered(observation, record) else { continue };
            let Some(cluster) = self.cluster_now(observation, &operators).await? else { continue };
            let call = ContractCall::CloseValidator { rollup: record.rollup, pubkey, operators, cluster };
            if self.closes(observation, &call).await? {
                let id = self.state.record_intent(&call, self.clock.now())?;
                tracing::info!(validator.pubkey = %pubkey, intent.id = id.0, "closing recorded");
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the tuple of a cluster. A version of SSV that this bot can't register with may not answer for what an
    /// earlier one left; then the observed tuple must do, and the simulation says whether it does.
    async fn cluster_now(
        &self,
        observation: &Observation,
        operators: &OperatorSet,
    ) -> Result<Option<ClusterSnapshot>, TickError> {
        if observation.chain.deployment.ssv_version.fits_nexus() {
            return Ok(Some(self.chain.fetch_registration(operators).await?.cluster));
        }
        Ok(observation.chain.clusters.get(operators).copied())
    }

    /// Whether closing would succeed; the bridge refuses while less than 32 ETH came back, and says so poorly.
    async fn closes(&self, observation: &Observation, call: &ContractCall) -> Result<bool, TickError> {
        let outcomes = self.chain.simulate(self.signer, std::slice::from_ref(call)).await?;
        match outcomes.first() {
            Some(CallOutcome::Reverted(revert))
                if revert.is("ValidatorNotExited") || is_underflow(revert) =>
            {
                self.alert(
                    "withdrawal-short",
                    Some(call.rollup()),
                    missing_rewards(observation, call.rollup()),
                );
                Ok(false)
            }
            _ => Ok(self.all_succeed(call.rollup(), "closing-would-fail", &outcomes)),
        }
    }

    /// The key and operators a validator is registered with at SSV.
    pub(crate) fn registered(
        &self,
        observation: &Observation,
        record: &ValidatorRecord,
    ) -> Option<(ValidatorPubkey, OperatorSet)> {
        let pubkey = record.pubkey?;
        let validator: Option<&NexusValidator> =
            observation.chain.validators.iter().find(|validator| validator.pubkey == pubkey);
        let registration = validator.and_then(|validator| validator.ssv.as_ref());
        if registration.is_none() {
            let message =
                format!("validator {pubkey} isn't registered with SSV, so Nexus can't report or close it");
            self.alert("not-registered", Some(record.rollup), message);
        }
        Some((pubkey, registration?.operators.clone()))
    }

    pub(crate) async fn record_if_it_succeeds(
        &self,
        call: &ContractCall,
        alert: &'static str,
    ) -> Result<bool, TickError> {
        let outcomes = self.chain.simulate(self.signer, std::slice::from_ref(call)).await?;
        if !self.all_succeed(call.rollup(), alert, &outcomes) {
            return Ok(false);
        }
        let id = self.state.record_intent(call, self.clock.now())?;
        tracing::info!(call.kind = call.kind(), intent.id = id.0, "call recorded");
        Ok(true)
    }
}

/// Whether an exit would be processed now.
fn may_leave(observation: &Observation, validator: &BeaconValidator) -> bool {
    let (epoch, spec) = (observation.current_epoch(), &observation.spec);
    check_eligibility(validator, epoch, spec, &observation.partial_withdrawals).is_ok()
}

/// A bridge with a net loss fails in its own subtraction (Solidity panic 0x11).
fn is_underflow(revert: &nexus_chain::Revert) -> bool {
    matches!(revert, nexus_chain::Revert::Panic(0x11))
}

fn missing_rewards(observation: &Observation, rollup: RollupAdmin) -> String {
    let rewards = observation
        .chain
        .rollups
        .iter()
        .find(|snapshot| snapshot.admin == rollup)
        .and_then(|snapshot| snapshot.bridge.rewards);
    match rewards {
        Some(rewards) => format!(
            "the bridge counts {} ETH of returned balance and rewards, closing a validator takes 32: {} ETH are \
             missing (slashed or penalised validators return less)",
            rewards.to_ether_text(),
            VALIDATOR_DEPOSIT.saturating_sub(rewards).to_ether_text()
        ),
        None => {
            "the bridge has a net loss and refuses to close validators until ETH is sent to it".to_owned()
        }
    }
}
