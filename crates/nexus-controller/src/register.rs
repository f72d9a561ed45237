//! Registration with SSV: one at a time, signed for the nonce that holds at the head.

use nexus_chain::{
    ClusterCosts, ContractCall, IntentPhase, RegistrationContext, TxJournal as _, registration_amount,
};
use nexus_primitives::{OperatorSet, ValidatorPubkey, Wei};

use crate::{
    Controller, Observation, Stage, TickError, ValidatorRecord, ceremony::shares_call_of, create::node_nonce,
    operator_keys::operators_of, window::window,
};

impl Controller {
    /// Records the registration of the first deposited validator that can be registered. Returns whether it did.
    ///
    /// A deposited validator without operators leaks from the moment it activates: this comes before everything else.
    pub(crate) async fn register_next(&self, observation: &Observation) -> Result<bool, TickError> {
        let records = self.state.validators()?;
        let deposited = |record: &&ValidatorRecord| record.stage == Stage::Deposited;
        let of_window = window(&records, &observation.chain);
        if !of_window.is_empty() {
            // Ceremonies' validators in the order of their nonces, and nobody else before they all are registered.
            let next =
                of_window.into_iter().find(|record| record.stage != Stage::SharesSent).filter(deposited);
            let Some(next) = next else { return Ok(false) };
            let registered = self.register_from_ceremony(observation, next).await;
            return Ok(self.tolerate(next.rollup, registered)? == Some(true));
        }
        if records.iter().any(|record| record.lacks_documents(self.settings.keys.of(record.rollup))) {
            // Its nonce may be the next one: its documents may be found yet, or a person gives it up.
            return Ok(false);
        }
        let registrable = |record: &&ValidatorRecord| record.ceremony.is_none() && !record.given_up;
        for record in records.iter().filter(deposited).filter(registrable) {
            let registered = self.register(observation, record).await;
            if self.tolerate(record.rollup, registered)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn register(&self, observation: &Observation, record: &ValidatorRecord) -> Result<bool, TickError> {
        if !self.ssv_takes_registrations(observation, record) {
            return Ok(false);
        }
        let Some(set) = self.operator_set(observation, record) else { return Ok(false) };
        let operators = match operators_of(&observation.chain, &set) {
            Ok(operators) => operators,
            Err(problem) => {
                self.alert("registration-held", Some(record.rollup), problem.to_string());
                return Ok(false);
            }
        };
        let Some(context) = self.next_registration(observation, &set).await? else { return Ok(false) };
        let amount = self.funding(observation, &set, &context, 1);
        let call = self.shares_call(record, &operators, &set, &context, amount).await?;
        self.record_registration(record, &context, &call).await
    }

    /// Returns what holds at the head for the next registration with these operators; `None` while the node that
    /// answers hasn't seen our own last one, so that its nonce is stale.
    pub(crate) async fn next_registration(
        &self,
        observation: &Observation,
        set: &OperatorSet,
    ) -> Result<Option<RegistrationContext>, TickError> {
        let context = self.chain.fetch_registration(set).await?;
        let is_stale = context.owner_nonce.get() < self.registrations_made(observation)?;
        if is_stale {
            tracing::info!(nonce = %context.owner_nonce, "waiting for the execution node to catch up");
        }
        Ok((!is_stale).then_some(context))
    }

    /// Records the registration of a validator with the keyshares its ceremony made, which are good for one nonce only.
    async fn register_from_ceremony(
        &self,
        observation: &Observation,
        record: &ValidatorRecord,
    ) -> Result<bool, TickError> {
        let Some((pubkey, ceremony)) = record.pubkey.zip(record.ceremony.as_ref()) else { return Ok(false) };
        if !self.ssv_takes_registrations(observation, record) {
            return Ok(false);
        }
        // The operators of the ceremony, whatever the rollup's cluster is now.
        let set = &ceremony.operators;
        let context = self.chain.fetch_registration(set).await?;
        if context.owner_nonce != ceremony.owner_nonce {
            // Ahead: somebody else used the bot's key, which may still be undone. Behind: the one before it is missing.
            if context.owner_nonce > ceremony.owner_nonce {
                let message = format!(
                    "validator {pubkey} is deposited and its keyshares are for nonce {}, but nonce {} is next: \
                     somebody else registers for Nexus",
                    ceremony.owner_nonce, context.owner_nonce
                );
                self.alert("ceremony-nonce-passed", Some(record.rollup), message);
            } else {
                let message = format!(
                    "validator {pubkey} is deposited and its keyshares are for nonce {}, but nonce {} is next: whose is it?",
                    ceremony.owner_nonce, context.owner_nonce
                );
                self.alert("ceremony-nonce-ahead", Some(record.rollup), message);
            }
            return Ok(false);
        }
        let checked = self.state.ceremony_documents(&pubkey)?.check();
        let checked = checked.map_err(|source| TickError::Documents { pubkey, source })?;
        let amount = self.funding(observation, set, &context, 1);
        let call = shares_call_of(record, &checked, &context, amount);
        self.record_registration(record, &context, &call).await
    }

    async fn record_registration(
        &self,
        record: &ValidatorRecord,
        context: &RegistrationContext,
        call: &ContractCall,
    ) -> Result<bool, TickError> {
        let outcomes = self.chain.simulate(self.signer, std::slice::from_ref(call)).await?;
        if !self.all_succeed(record.rollup, "registration-would-fail", &outcomes) {
            return Ok(false);
        }
        self.state.store_shares_nonce(record.id, node_nonce(context.owner_nonce))?;
        let id = self.state.record_intent(call, self.clock.now())?;
        let pubkey = record.pubkey_text();
        tracing::info!(
            validator.pubkey = %pubkey, nonce = %context.owner_nonce, intent.id = id.0, "registration recorded"
        );
        Ok(true)
    }

    fn ssv_takes_registrations(&self, observation: &Observation, record: &ValidatorRecord) -> bool {
        let version = &observation.chain.deployment.ssv_version;
        if !version.fits_nexus() {
            let message = format!(
                "validator {} is deposited, and the SSV network is at {}: Nexus can't register it; it leaks once it \
                 is active",
                record.pubkey_text(),
                version.as_str()
            );
            self.alert("registration-held", Some(record.rollup), message);
        }
        version.fits_nexus()
    }

    /// Returns why keyshares that were recorded earlier can't be sent now, if they can't: the contract takes them for
    /// any nonce, the operators only for the one that is next.
    pub(crate) async fn objection_to_shares(
        &self,
        observation: &Observation,
        pubkey: &ValidatorPubkey,
        operators: &OperatorSet,
    ) -> Result<Option<String>, TickError> {
        let version = &observation.chain.deployment.ssv_version;
        if !version.fits_nexus() {
            return Ok(Some(format!("the SSV network is at {}", version.as_str())));
        }
        let next = node_nonce(self.chain.fetch_registration(operators).await?.owner_nonce);
        let records = self.state.validators()?;
        let signed = records.iter().find(|record| record.pubkey.as_ref() == Some(pubkey));
        let fits = signed.and_then(|record| record.shares_nonce) == Some(next);
        Ok((!fits).then(|| format!("its keyshares are signed for another nonce than {next}, which is next")))
    }

    /// Registrations that Nexus has made for certain: those of the snapshot, and our own mined after it.
    fn registrations_made(&self, observation: &Observation) -> Result<u64, TickError> {
        let in_snapshot = |pubkey: &ValidatorPubkey| {
            observation.chain.validators.iter().any(|v| v.pubkey == *pubkey && v.ssv.is_some())
        };
        let mined_since = self
            .state
            .unfinished()?
            .iter()
            .filter(|intent| matches!(&intent.phase, IntentPhase::Mined(mined) if mined.succeeded))
            .filter(|intent| {
                matches!(&intent.call, ContractCall::DepositShares { pubkey, .. } if !in_snapshot(pubkey))
            })
            .count();
        let mined_since = u64::try_from(mined_since).expect("a usize fits 64 bits");
        Ok(observation.chain.owner_nonce.get().saturating_add(mined_since))
    }

    /// The operators of the rollup's cluster now.
    fn operator_set(&self, observation: &Observation, record: &ValidatorRecord) -> Option<OperatorSet> {
        let operators = observation.operators_of_rollup(record.rollup);
        if operators.is_none() {
            let message = "its cluster is no set of 4, 7, 10 or 13 operators".to_owned();
            self.alert("registration-held", Some(record.rollup), message);
        }
        operators.cloned()
    }

    /// Returns the SSV-wei that `new` more validators need on top of what the cluster holds.
    pub(crate) fn funding(
        &self,
        observation: &Observation,
        set: &OperatorSet,
        context: &RegistrationContext,
        new: usize,
    ) -> Wei {
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        let validators = context.cluster.validator_count.saturating_add(new);
        let costs = cluster_costs(observation, set);
        registration_amount(context.settled_balance, &costs, validators, self.settings.ssv_runway_blocks)
    }
}

/// What a cluster costs, from the fees of its operators and of the network.
pub(crate) fn cluster_costs(observation: &Observation, set: &OperatorSet) -> ClusterCosts {
    let fees =
        set.ids().iter().filter_map(|id| observation.chain.operators.get(id)).map(|operator| operator.fee);
    ClusterCosts::new(fees, &observation.chain.ssv)
}
