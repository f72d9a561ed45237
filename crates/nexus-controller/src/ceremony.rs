//! New validators whose keys the operators make: ceremonies, what they leave, and the call that spends 32 ETH each.

use futures::future::join_all;
use nexus_chain::{ContractCall, RegistrationContext, RollupSnapshot, ValidatorDeposit};
use nexus_dkg::{
    BulkSize, CeremonyDeposit, CeremonyDocuments, CeremonyError, CeremonyOutput, CeremonyRequest,
    CeremonyTerms, CheckedValidator, Credentials, Disposition, Network, StoredOutput, run_ceremonies,
};
use nexus_policy::Action;
use nexus_primitives::{
    Gwei, OperatorSet, OwnerNonce, UnixSeconds, ValidatorPubkey, Wei, WithdrawalCredentials,
};
use nexus_ssv::{Operator, Registration};

use crate::{
    Alert, Ceremony, CeremonyFailure, CeremonyMaterial, Controller, Decision, Event, KeySource, Observation,
    Stage, TickError, ValidatorRecord, WorldPlan,
    create::{Created, NODE_NONCES, node_nonce},
    operator_keys::{dkg_operators_of, operators_of},
    tick_error::with_causes,
    window::{may_open, stranded, window},
};

/// Ceremonies at a time; each takes every operator some 20 s, of which it waits nearly all.
const AT_ONCE: usize = 10;
/// Seconds until operators that failed once are asked again; doubled with every further failure.
const FIRST_RETRY_SECS: u64 = 60;
/// Most seconds until they are asked again.
const LAST_RETRY_SECS: u64 = 3_600;

impl CeremonyFailure {
    /// Returns when the operators may be asked again: later with every failure, so that those who never answer, or
    /// name a fault of their choice, aren't asked for ever and ever.
    pub(crate) fn next_try(&self) -> UnixSeconds {
        let doublings = self.failures.saturating_sub(1).min(16);
        let wait = FIRST_RETRY_SECS.saturating_mul(1 << doublings).min(LAST_RETRY_SECS);
        UnixSeconds::new(self.failed_at.get().saturating_add(wait))
    }
}

impl Controller {
    /// Prepares up to `count` validators in ceremonies and records the call that deposits them: the window opens.
    pub(crate) async fn create_in_ceremonies(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        set: &OperatorSet,
        count: usize,
    ) -> Result<Created, TickError> {
        if !may_open(&self.state.validators()?, &observation.chain) {
            return Ok(Created::Nothing);
        }
        // A set that can't be given shares has its guard.
        let Ok(operators) = operators_of(&observation.chain, set) else { return Ok(Created::Nothing) };
        let Some(context) = self.next_registration(observation, set).await? else {
            return Ok(Created::Nothing);
        };
        if let Some(why) = self.unknown_transactions(observation, &context)? {
            self.alert("ceremonies-held", Some(rollup.admin), why);
            return Ok(Created::Nothing);
        }
        let mut made = self.usable_stock(rollup, &operators, context.owner_nonce)?;
        if made.is_empty() {
            // They take a while: what comes out is deposited by a tick that has looked at the world anew.
            let held = self.hold_ceremonies(observation, rollup, set, context.owner_nonce, count).await?;
            return Ok(if held { Created::Ceremonies } else { Created::Nothing });
        }
        made.truncate(count);
        let records: Vec<_> = made.iter().map(|(record, _)| record.clone()).collect();
        if !self.all_unused(observation, rollup, &records).await? {
            return Ok(Created::Nothing);
        }
        let deposits = made.iter().filter_map(|(record, _)| record.deposit.clone()).collect();
        let call = ContractCall::DepositValidators { rollup: rollup.admin, deposits };
        if !self.window_succeeds(observation, set, &context, &call, &made).await? {
            return Ok(Created::Nothing);
        }
        let id = self.state.record_intent(&call, self.clock.now())?;
        tracing::info!(rollup.admin = %rollup.admin, intent.id = id.0, validators = records.len(), "deposit recorded");
        Ok(Created::Deposit)
    }

    /// Returns why no window may be open, when the bot's account made transactions since the observed block that the
    /// state file doesn't know: it was lost or restored, and a deposit with the same nonces may be under way.
    fn unknown_transactions(
        &self,
        observation: &Observation,
        context: &RegistrationContext,
    ) -> Result<Option<String>, TickError> {
        let ours = self.state.mined_after(observation.chain.block.number)?;
        let known = observation.chain.bot.nonce.saturating_add(ours);
        Ok((context.bot_transactions > known).then(|| {
            let unknown = context.bot_transactions.saturating_sub(known);
            format!("{unknown} transactions of the bot's account aren't final and not in the state file: waiting for them")
        }))
    }

    /// Returns the validators that ceremonies have made and that can be registered next, ascending by nonce. What can't
    /// is given up: nobody can make other keyshares for its key.
    fn usable_stock(
        &self,
        rollup: &RollupSnapshot,
        operators: &[Operator],
        next: OwnerNonce,
    ) -> Result<Vec<(ValidatorRecord, CheckedValidator)>, TickError> {
        let mut stock = self.state.validators()?;
        stock.retain(|record| {
            record.rollup == rollup.admin && record.stage == Stage::KeysReady && record.ceremony.is_some()
        });
        stock.sort_by_key(|record| record.ceremony.as_ref().map(|ceremony| ceremony.owner_nonce));
        let mut usable = Vec::with_capacity(stock.len());
        for record in stock {
            let due = u64::try_from(usable.len()).ok().and_then(|made| next.checked_add(made));
            match self.usable(&record, rollup, operators, due)? {
                Ok(checked) => usable.push((record, checked)),
                Err(why) => {
                    tracing::warn!(
                        validator.pubkey = record.pubkey_text(),
                        why,
                        "ceremony given up before its deposit"
                    );
                    self.state.apply(record.id, Event::Discarded, self.clock.now())?;
                }
            }
        }
        Ok(usable)
    }

    /// Checks stored documents once more, and that they are for this registration of this rollup's next validator.
    fn usable(
        &self,
        record: &ValidatorRecord,
        rollup: &RollupSnapshot,
        operators: &[Operator],
        due: Option<OwnerNonce>,
    ) -> Result<Result<CheckedValidator, String>, TickError> {
        let Some((pubkey, ceremony)) = record.pubkey.zip(record.ceremony.as_ref()) else {
            return Ok(Err("it isn't from a ceremony".to_owned()));
        };
        if due != Some(ceremony.owner_nonce) {
            let due = due.map(|due| due.to_string()).unwrap_or_default();
            return Ok(Err(format!("it was made for nonce {}, the next is {due}", ceremony.owner_nonce)));
        }
        let checked = match self.state.ceremony_documents(&pubkey)?.check() {
            Ok(checked) => checked,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let credentials = WithdrawalCredentials::to_address(rollup.bridge.address);
        let is_ours = checked.operators() == operators
            && checked.registration() == self.registration(ceremony.owner_nonce)
            && checked.deposit.credentials() == Credentials::from(credentials)
            && checked.deposit.amount() == Gwei::VALIDATOR_DEPOSIT
            && checked.deposit.network().fork_version() == self.settings.genesis_fork_version
            && deposit_of(&checked.deposit) == record.deposit;
        if is_ours {
            return Ok(Ok(checked));
        }
        Ok(Err("the rollup has other operators, another bridge or another network now".to_owned()))
    }

    fn registration(&self, nonce: OwnerNonce) -> Registration {
        Registration::new(self.settings.nexus, node_nonce(nonce))
    }

    /// Holds up to `count` ceremonies for consecutive nonces, and stores what comes out where a crash, or the loss of
    /// this machine, can't take it. Returns whether operators were asked.
    async fn hold_ceremonies(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        set: &OperatorSet,
        next: OwnerNonce,
        count: usize,
    ) -> Result<bool, TickError> {
        let now = self.clock.now();
        if let Some(failure) = self.state.ceremony_failure(set)?.filter(|failure| failure.next_try() > now) {
            self.ceremony_alert(rollup, set, &failure);
            return Ok(false);
        }
        let request = match self.request(observation, rollup, set, next) {
            Ok(request) => request,
            Err(reason) => return self.ceremony_failed(rollup, set, &reason).map(|()| false),
        };
        // Node nonces begin anew; the ceremonies after that are the next window's.
        let until_wrap = NODE_NONCES.saturating_sub(node_nonce(next).get());
        let count = u64::try_from(count).unwrap_or(u64::MAX).min(until_wrap);
        let size = BulkSize::new(count, AT_ONCE).expect("a deposit call has a few validators");
        tracing::info!(rollup.admin = %rollup.admin, operators = %set, nonce = %next, count, "ceremonies begin");
        let report = run_ceremonies(self.ceremonies.as_ref(), &request, size).await;
        let failure = report
            .failure()
            .map(|(nonce, error)| format!("for nonce {nonce}: {}{}", with_causes(error), advice(error)));
        let stored = self.keep(rollup, set, next, report.into_usable()).await?;
        let told = match (&stored, failure) {
            (Err(reason), _) => self.ceremony_failed(rollup, set, reason),
            (Ok(_), Some(reason)) => self.ceremony_failed(rollup, set, &reason),
            (Ok(_), None) => self.state.forget_ceremony_failures(set).map_err(TickError::from),
        };
        told?;
        self.tell_operators(&request, &stored.unwrap_or_default()).await;
        Ok(true)
    }

    /// Stores outputs in the archive, then in the state file; why the archive took nothing, when it didn't.
    async fn keep(
        &self,
        rollup: &RollupSnapshot,
        set: &OperatorSet,
        next: OwnerNonce,
        outputs: Vec<CeremonyOutput>,
    ) -> Result<Result<Vec<StoredOutput>, String>, TickError> {
        if outputs.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let materials = materials(set, next, &outputs);
        let stored = match self.archive.store(outputs).await {
            Ok(stored) => stored,
            Err(error) => return Ok(Err(format!("they can't be kept: {}", with_causes(&error)))),
        };
        self.state.store_ceremonies(rollup.admin, &materials, self.clock.now())?;
        Ok(Ok(stored))
    }

    fn request(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        set: &OperatorSet,
        next: OwnerNonce,
    ) -> Result<CeremonyRequest, String> {
        let network =
            Network::try_from(self.settings.genesis_fork_version).map_err(|error| error.to_string())?;
        let allow_loopback = self.settings.allow_loopback_operators;
        let operators =
            dkg_operators_of(&observation.chain, set, allow_loopback).map_err(|error| with_causes(&error))?;
        let terms = CeremonyTerms {
            credentials: WithdrawalCredentials::to_address(rollup.bridge.address).into(),
            amount: Gwei::VALIDATOR_DEPOSIT,
            network,
            registration: self.registration(next),
        };
        CeremonyRequest::new(&operators, terms).map_err(|error| with_causes(&error))
    }

    /// Hands the documents out. Best effort: the validators are as good without.
    async fn tell_operators(&self, request: &CeremonyRequest, stored: &[StoredOutput]) {
        for output in stored.iter().map(StoredOutput::output) {
            tracing::info!(validator.pubkey = %output.pubkey(), nonce = %output.nonce(), "keys ready");
        }
        let told = stored.iter().map(|output| self.ceremonies.post_results(request.operators(), output));
        for fault in join_all(told).await.into_iter().flatten() {
            tracing::warn!(%fault, "operator didn't take the documents");
        }
    }

    /// Alerts about operators that make no keys, and about validators that ceremonies left without operators.
    pub(crate) fn watch_ceremonies(
        &self,
        observation: &Observation,
        plan: &WorldPlan,
    ) -> Result<(), TickError> {
        self.tell_stranded(observation, &self.state.validators()?);
        for planned in plan.rollups.iter().filter(|planned| planned.keys == KeySource::Dkg) {
            let (rollup, wants) =
                (&planned.rollup, matches!(&planned.decision, Decision::Do(Action::Create(_))));
            let Some(set) = rollup.operators.as_ref().filter(|_| wants) else { continue };
            if let Some(failure) = self.state.ceremony_failure(set)? {
                self.ceremony_alert(rollup, set, &failure);
            }
        }
        Ok(())
    }

    /// Alerts about deposited validators that no operators can be given any more: 32 ETH each that only they, asked by
    /// hand, can bring back.
    fn tell_stranded(&self, observation: &Observation, records: &[ValidatorRecord]) {
        for record in records.iter().filter(|record| record.stage == Stage::Deposited) {
            let Some(why) = stranded(record, &observation.chain) else { continue };
            let exits =
                |pubkey| observation.validators.get(&pubkey).is_some_and(|seen| seen.exit_epoch.is_some());
            if record.pubkey.is_some_and(exits) {
                continue;
            }
            let subject = record.pubkey_text();
            let operators = record.ceremony.as_ref().map(|ceremony| format!(" {}", ceremony.operators));
            let message = format!(
                "validator {subject} is deposited and can't be registered: {}; operators{} hold its shares and have \
                 to exit it together",
                why.as_str(),
                operators.unwrap_or_default()
            );
            self.note(Alert { name: "validator-stranded", rollup: Some(record.rollup), subject, message });
        }
    }

    fn ceremony_failed(
        &self,
        rollup: &RollupSnapshot,
        set: &OperatorSet,
        reason: &str,
    ) -> Result<(), TickError> {
        self.state.note_ceremony_failure(set, reason, self.clock.now())?;
        if let Some(failure) = self.state.ceremony_failure(set)? {
            self.ceremony_alert(rollup, set, &failure);
        }
        Ok(())
    }

    fn ceremony_alert(&self, rollup: &RollupSnapshot, set: &OperatorSet, failure: &CeremonyFailure) {
        let message = format!(
            "no keys from operators {set}, {} in a row; tried again in {} s: {}",
            failure.failures,
            failure.next_try().seconds_since(self.clock.now()),
            failure.reason
        );
        self.note(Alert {
            name: "ceremony-failed",
            rollup: Some(rollup.admin),
            subject: set.to_string(),
            message,
        });
    }

    /// Simulates the deposit with each registration that is to follow it. What adds up over them is computed: SSV tokens
    /// here, the operators' room before.
    async fn window_succeeds(
        &self,
        observation: &Observation,
        set: &OperatorSet,
        context: &RegistrationContext,
        deposit: &ContractCall,
        made: &[(ValidatorRecord, CheckedValidator)],
    ) -> Result<bool, TickError> {
        let waiting = self.waiting_for_shares(observation)?;
        if !self.funded(observation, (set, context), deposit.rollup(), made.len(), waiting).await? {
            return Ok(false);
        }
        let amount = self.funding(observation, set, context, made.len());
        for (record, checked) in made {
            let shares = shares_call_of(record, checked, context, amount);
            let outcomes = self.chain.simulate(self.signer, &[deposit.clone(), shares]).await?;
            if !self.all_succeed(deposit.rollup(), "deposit-would-fail", &outcomes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns why a deposit of validators from ceremonies that was recorded earlier can't be sent any more, if it
    /// can't: then it mustn't, as nobody can make other keyshares.
    pub(crate) async fn objection_to_window(
        &self,
        observation: &Observation,
        call: &ContractCall,
    ) -> Result<Option<String>, TickError> {
        let ContractCall::DepositValidators { rollup, deposits } = call else { return Ok(None) };
        let records = self.state.validators()?;
        let made = |pubkey: ValidatorPubkey| {
            records.iter().find(|record| record.pubkey == Some(pubkey))?.ceremony.as_ref()
        };
        let Some(first) = deposits.first().and_then(|deposit| made(deposit.pubkey)) else { return Ok(None) };
        if observation.operators_of_rollup(*rollup) != Some(&first.operators) {
            return Ok(Some(format!(
                "its keys are of operators {}, which aren't the rollup's any more",
                first.operators
            )));
        }
        let in_call =
            |record: &&ValidatorRecord| deposits.iter().any(|deposit| record.pubkey == Some(deposit.pubkey));
        if window(&records, &observation.chain).iter().any(|record| !in_call(record)) {
            return Ok(Some("other validators from ceremonies wait for their registrations".to_owned()));
        }
        let context = self.chain.fetch_registration(&first.operators).await?;
        if context.owner_nonce != first.owner_nonce {
            let next = context.owner_nonce;
            return Ok(Some(format!(
                "its keyshares are for nonce {}, the next is {next}",
                first.owner_nonce
            )));
        }
        self.unknown_transactions(observation, &context)
    }
}

/// Returns what the bot keeps of ceremonies for consecutive nonces.
fn materials(set: &OperatorSet, next: OwnerNonce, outputs: &[CeremonyOutput]) -> Vec<CeremonyMaterial> {
    let nonces = (0..).map_while(|offset| next.checked_add(offset));
    let material = |(output, owner_nonce): (&CeremonyOutput, OwnerNonce)| CeremonyMaterial {
        deposit: deposit_of(output.deposit()).expect("credentials with 0x01 were asked for"),
        ceremony: Ceremony { owner_nonce, operators: set.clone() },
        documents: CeremonyDocuments::from(output),
    };
    outputs.iter().zip(nonces).map(material).collect()
}

/// Returns a ceremony's deposit as it is called for; `None` for a compounding validator.
pub(crate) fn deposit_of(deposit: &CeremonyDeposit) -> Option<ValidatorDeposit> {
    let Credentials::Execution(withdrawal_credentials) = deposit.credentials() else { return None };
    Some(ValidatorDeposit {
        pubkey: deposit.pubkey(),
        withdrawal_credentials,
        signature: *deposit.signature(),
        deposit_data_root: deposit.deposit_data_root(),
    })
}

/// Returns the call that registers a validator with the keyshares and the operators of its ceremony.
pub(crate) fn shares_call_of(
    record: &ValidatorRecord,
    checked: &CheckedValidator,
    context: &RegistrationContext,
    amount: Wei,
) -> ContractCall {
    let keyshares = checked.keyshares.keyshares();
    ContractCall::DepositShares {
        rollup: record.rollup,
        pubkey: checked.pubkey(),
        operators: keyshares.operators().clone(),
        shares_data: keyshares.shares_data().encode(),
        amount,
        cluster: context.cluster,
    }
}

/// Says what a person should do about a failed ceremony, if it won't go away by itself.
fn advice(error: &CeremonyError) -> String {
    match (error, error.disposition()) {
        (CeremonyError::Round(failed), Disposition::ReplaceOperator) => {
            let suspects: Vec<_> = failed.suspects().iter().map(ToString::to_string).collect();
            format!("; have operator {} mend its service, or change the cluster", suspects.join(" or "))
        }
        (_, Disposition::GiveUp) => "; the request itself is at fault".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_that_fail_again_are_asked_later_and_later() {
        let waits = |failures: u32| {
            let failure =
                CeremonyFailure { failures, failed_at: UnixSeconds::new(1_000), reason: String::new() };
            failure.next_try().get() - 1_000
        };
        let expected = [60, 120, 240, 480, 960, 1_920, 3_600, 3_600];
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 1_000].map(waits), expected);
    }
}
