//! Registration with SSV: one at a time, signed for the nonce that holds at the head.

use nexus_chain::{
    ClusterCosts, ContractCall, IntentPhase, RegistrationContext, TxJournal as _, registration_amount,
};
use nexus_primitives::{OperatorSet, ValidatorPubkey, Wei};

use crate::{
    Controller, Observation, Stage, TickError, ValidatorRecord, create::node_nonce,
    operator_keys::operators_of,
};

impl Controller {
    /// Records the registration of the first deposited validator that can be registered. Returns whether it did.
    ///
    /// A deposited validator without operators leaks from the moment it activates: this comes before everything else.
    pub(crate) async fn register_next(&self, observation: &Observation) -> Result<bool, TickError> {
        for record in self.state.validators()?.iter().filter(|record| record.stage == Stage::Deposited) {
            let registered = self.register(observation, record).await;
            if self.tolerate(record.rollup, registered)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn register(&self, observation: &Observation, record: &ValidatorRecord) -> Result<bool, TickError> {
        let version = &observation.chain.deployment.ssv_version;
        if !version.fits_nexus() {
            let message = format!(
                "validator {} is deposited, and the SSV network is at {}: Nexus can't register it; it leaks once it \
                 is active",
                record.pubkey.map(|pubkey| pubkey.to_string()).unwrap_or_default(),
                version.as_str()
            );
            self.alert("registration-held", Some(record.rollup), message);
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
        let context = self.chain.fetch_registration(&set).await?;
        if context.owner_nonce.get() < self.registrations_made(observation)? {
            // The node that answered hasn't seen our own last registration yet: its nonce is stale.
            tracing::info!(nonce = %context.owner_nonce, "registration waits for the execution node to catch up");
            return Ok(false);
        }
        let amount = self.funding(observation, &set, &context, 1);
        let call = self.shares_call(record, &operators, &set, &context, amount).await?;
        let outcomes = self.chain.simulate(self.signer, std::slice::from_ref(&call)).await?;
        if !self.all_succeed(record.rollup, "registration-would-fail", &outcomes) {
            return Ok(false);
        }
        self.state.store_shares_nonce(record.id, node_nonce(context.owner_nonce))?;
        let id = self.state.record_intent(&call, self.clock.now())?;
        let pubkey = record.pubkey.map(|pubkey| pubkey.to_string()).unwrap_or_default();
        tracing::info!(
            validator.pubkey = %pubkey, nonce = %context.owner_nonce, intent.id = id.0, "registration recorded"
        );
        Ok(true)
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
