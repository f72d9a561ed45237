//! New validators: keys, deposits, and the call that spends 32 ETH each.

use std::collections::{BTreeMap, BTreeSet};

use nexus_beacon::StateId;
use nexus_chain::{CallOutcome, ContractCall, RegistrationContext, RollupSnapshot, ValidatorDeposit};
use nexus_keys::{DepositError, DepositMessage, SignedDeposit, ValidatorKey};
use nexus_primitives::{
    BlockNumber, Gwei, OperatorId, OperatorSet, OwnerNonce, RollupAdmin, ValidatorPubkey, Wei,
    WithdrawalCredentials,
};
use nexus_ssv::Operator;

use crate::{
    Alert, Ceremony, Controller, Event, KeySource, Observation, Stage, TickError, ValidatorRecord,
    operator_keys::operators_of,
};

/// Most validators in one deposit call: about 120 000 gas each, well below a block's limit.
const MAX_BATCH: usize = 20;

/// Blocks back from the head in which another's deposit for a fresh key is looked for. Older ones are in the beacon
/// state already.
const DEPOSIT_LOOKBACK_BLOCKS: u64 = 10_000;

/// Nonces that nodes tell apart: they count registrations in 16 bits.
pub(crate) const NODE_NONCES: u64 = 1 << 16;

/// Returns a nonce as nodes count it.
pub(crate) fn node_nonce(nonce: OwnerNonce) -> OwnerNonce {
    OwnerNonce::new(nonce.get() % NODE_NONCES)
}

/// What a tick began for a rollup that wants validators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// Nothing: something is in the way.
    Nothing,
    /// Operators were asked for keys; what they made is deposited by a later tick.
    Ceremonies,
    /// A deposit is recorded.
    Deposit,
}

impl Controller {
    /// Prepares `count` validators for a rollup and records the call that deposits them.
    pub(crate) async fn create(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        count: u64,
    ) -> Result<Created, TickError> {
        let Some(set) = &rollup.operators else { return Ok(Created::Nothing) };
        let waiting = self.waiting_for_shares(observation)?;
        let room = operator_room(observation, set, &waiting);
        if room == 0 {
            let message = format!("operators {set} are full once the validators under way are registered");
            self.alert("operators-full", Some(rollup.admin), message);
            return Ok(Created::Nothing);
        }
        let count = usize::try_from(count).unwrap_or(MAX_BATCH).min(MAX_BATCH).min(room);
        match self.settings.keys.of(rollup.admin) {
            KeySource::Mnemonic => {
                let recorded = self.create_from_mnemonic(observation, rollup, set, count, waiting).await?;
                Ok(if recorded { Created::Deposit } else { Created::Nothing })
            }
            KeySource::Dkg => self.create_in_ceremonies(observation, rollup, set, count).await,
        }
    }

    async fn create_from_mnemonic(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        set: &OperatorSet,
        count: usize,
        waiting: BTreeMap<OperatorSet, usize>,
    ) -> Result<bool, TickError> {
        let records = self.prepare(observation, rollup, count).await?;
        let (records, deposits) = self.verified_deposits(rollup, records)?;
        if deposits.is_empty() {
            return Ok(false);
        }
        let call = ContractCall::DepositValidators { rollup: rollup.admin, deposits };
        if !self.pair_succeeds(observation, set, &call, &records, waiting).await? {
            return Ok(false);
        }
        let id = self.state.record_intent(&call, self.clock.now())?;
        tracing::info!(rollup.admin = %rollup.admin, intent.id = id.0, validators = records.len(), "deposit recorded");
        Ok(true)
    }

    /// Returns `count` validators whose deposits are ready: those left over from before, then new ones.
    async fn prepare(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        count: usize,
    ) -> Result<Vec<ValidatorRecord>, TickError> {
        let mut stock = self.stock(rollup.admin)?;
        while stock.len() < count {
            self.sign_new_deposit(rollup).await?;
            stock = self.stock(rollup.admin)?;
        }
        if !self.all_unused(observation, rollup, &stock).await? {
            return Ok(Vec::new());
        }
        stock.truncate(count);
        Ok(stock)
    }

    /// Returns whether nobody has ever seen the keys of `stock`; deals with those that somebody has.
    pub(crate) async fn all_unused(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        stock: &[ValidatorRecord],
    ) -> Result<bool, TickError> {
        let used = self.used_keys(observation, stock).await?;
        let known: Vec<_> = stock
            .iter()
            .filter(|record| record.pubkey.is_none_or(|pubkey| used.contains(&pubkey)))
            .cloned()
            .collect();
        if !known.is_empty() {
            self.settle_known(observation, rollup, &known).await?;
        }
        Ok(known.is_empty())
    }

    /// Deals with stock that turned out to be deposited: by somebody else, or by this bot before its state file was
    /// lost or replaced. While the deposit isn't final nobody can tell, and nothing is created: what is ours shows on
    /// Nexus then, and is taken over; the rest is given up.
    async fn settle_known(
        &self,
        observation: &Observation,
        rollup: &RollupSnapshot,
        known: &[ValidatorRecord],
    ) -> Result<(), TickError> {
        let after = BlockNumber::new(observation.chain.block.number.get().saturating_add(1));
        let unsettled = self.chain.fetch_deposited_pubkeys(after).await?;
        for record in known {
            if record.pubkey.is_some_and(|pubkey| unsettled.contains(&pubkey)) {
                let message = "a key that was ready has a deposit that isn't in the state file; new validators wait \
                               until it is final";
                self.alert("unknown-deposit", Some(rollup.admin), message.to_owned());
            } else {
                self.discard_known(record)?;
            }
        }
        Ok(())
    }

    fn stock(&self, rollup: RollupAdmin) -> Result<Vec<ValidatorRecord>, TickError> {
        let mut records = self.state.validators()?;
        records.retain(|record| {
            record.rollup == rollup && record.stage == Stage::KeysReady && record.ceremony.is_none()
        });
        Ok(records)
    }

    /// Burns an index, derives its key, signs and stores the deposit. The key is dropped here.
    async fn sign_new_deposit(&self, rollup: &RollupSnapshot) -> Result<(), TickError> {
        let now = self.clock.now();
        let record = self.state.burn_index(rollup.admin, now)?;
        let index = record.derivation_index.expect("burning an index yields one");
        let key = self.keyring.derive(rollup.admin, index).await?;
        let deposit = self.sign_deposit(rollup, &key)?;
        self.state.store_deposit(record.id, &deposit, now)?;
        tracing::info!(rollup.admin = %rollup.admin, validator.pubkey = %deposit.pubkey, key.index = %index, "keys ready");
        Ok(())
    }

    fn sign_deposit(
        &self,
        rollup: &RollupSnapshot,
        key: &ValidatorKey,
    ) -> Result<ValidatorDeposit, TickError> {
        let credentials = WithdrawalCredentials::to_address(rollup.bridge.address);
        let fork = self.settings.genesis_fork_version;
        let signed = SignedDeposit::sign(key, credentials, Gwei::VALIDATOR_DEPOSIT, fork)?;
        Ok(ValidatorDeposit {
            pubkey: signed.pubkey(),
            withdrawal_credentials: credentials,
            signature: *signed.signature(),
            deposit_data_root: signed.deposit_data_root(),
        })
    }

    /// Keys that Nexus, the beacon chain or the deposit contract have seen: none of them may be deposited again.
    async fn used_keys(
        &self,
        observation: &Observation,
        stock: &[ValidatorRecord],
    ) -> Result<BTreeSet<ValidatorPubkey>, TickError> {
        let pubkeys: Vec<_> = stock.iter().filter_map(|record| record.pubkey).collect();
        let mut used: BTreeSet<_> =
            observation.chain.validators.iter().map(|validator| validator.pubkey).collect();
        let known = self.beacon.fetch_validators(StateId::Head, &pubkeys).await?;
        used.extend(known.into_iter().map(|validator| validator.pubkey));
        let pending = self.beacon.fetch_pending_deposits(StateId::Head).await?.unwrap_or_default();
        used.extend(pending.into_iter().map(|deposit| deposit.pubkey));
        let since = observation.head.number.get().saturating_sub(DEPOSIT_LOOKBACK_BLOCKS);
        used.extend(self.chain.fetch_deposited_pubkeys(BlockNumber::new(since)).await?);
        Ok(used)
    }

    fn discard_known(&self, record: &ValidatorRecord) -> Result<(), TickError> {
        self.state.apply(record.id, Event::Discarded, self.clock.now())?;
        let subject = record.pubkey_text();
        let (name, more) = match &record.ceremony {
            None => ("key-already-used", String::new()),
            Some(Ceremony { operators, .. }) => (
                "ceremony-key-used",
                format!(
                    "; somebody knows a key that only operators {operators} together should: change the cluster"
                ),
            ),
        };
        let message = format!(
            "validator {subject} has a deposit that isn't in the state file: its key was given up{more}"
        );
        self.note(Alert { name, rollup: Some(record.rollup), subject, message });
        Ok(())
    }

    /// Verifies stored deposits once more, against this bridge and network: what is sent is checked when it is sent.
    /// One that doesn't verify is given up, so that the others don't wait for it.
    fn verified_deposits(
        &self,
        rollup: &RollupSnapshot,
        records: Vec<ValidatorRecord>,
    ) -> Result<(Vec<ValidatorRecord>, Vec<ValidatorDeposit>), TickError> {
        let mut verified = (Vec::new(), Vec::new());
        for record in records {
            let Some(deposit) = record.deposit.clone() else { continue };
            let message = DepositMessage {
                pubkey: deposit.pubkey,
                withdrawal_credentials: WithdrawalCredentials::to_address(rollup.bridge.address),
                amount: Gwei::VALIDATOR_DEPOSIT,
            };
            let fork = self.settings.genesis_fork_version;
            match SignedDeposit::verify(message, deposit.signature, deposit.deposit_data_root, fork) {
                Ok(signed) => {
                    let withdrawal_credentials = signed.message().withdrawal_credentials;
                    verified.0.push(record);
                    verified.1.push(ValidatorDeposit { withdrawal_credentials, ..deposit });
                }
                Err(error) => self.discard_unverified(&record, &error)?,
            }
        }
        Ok(verified)
    }

    fn discard_unverified(&self, record: &ValidatorRecord, error: &DepositError) -> Result<(), TickError> {
        self.state.apply(record.id, Event::Discarded, self.clock.now())?;
        let subject = record.pubkey_text();
        let message = format!("the stored deposit of validator {subject} was given up: {error}");
        self.note(Alert { name: "deposit-unverified", rollup: Some(record.rollup), subject, message });
        Ok(())
    }

    /// Simulates the deposit and the registration of its first validator as one bundle: a registration that would
    /// fail after the deposit leaves a validator online with nobody running it.
    async fn pair_succeeds(
        &self,
        observation: &Observation,
        set: &OperatorSet,
        deposit: &ContractCall,
        records: &[ValidatorRecord],
        waiting: BTreeMap<OperatorSet, usize>,
    ) -> Result<bool, TickError> {
        let (Some(first), Ok(operators)) = (records.first(), operators_of(&observation.chain, set)) else {
            return Ok(false);
        };
        let context = self.chain.fetch_registration(set).await?;
        if !self.funded(observation, (set, &context), deposit.rollup(), records.len(), waiting).await? {
            return Ok(false);
        }
        let amount = self.funding(observation, set, &context, records.len());
        let shares = self.shares_call(first, &operators, set, &context, amount).await?;
        let outcomes = self.chain.simulate(self.signer, &[deposit.clone(), shares]).await?;
        Ok(self.all_succeed(deposit.rollup(), "deposit-would-fail", &outcomes))
    }

    /// Returns whether Nexus has the SSV tokens that `count` more validators take, beside those that wait already.
    pub(crate) async fn funded(
        &self,
        observation: &Observation,
        (set, context): (&OperatorSet, &RegistrationContext),
        rollup: RollupAdmin,
        count: usize,
        waiting: BTreeMap<OperatorSet, usize>,
    ) -> Result<bool, TickError> {
        let mut new = waiting;
        *new.entry(set.clone()).or_default() += count;
        let needed = self.funding_of_all(observation, &new, (set, context)).await?;
        let held = observation.chain.ssv.nexus_token_balance;
        if needed <= held {
            return Ok(true);
        }
        let message = format!(
            "registering {} more validators takes {} SSV, Nexus holds {}: send it SSV tokens",
            new.values().sum::<usize>(),
            needed.to_ether_text(),
            held.to_ether_text()
        );
        self.alert("ssv-funds-short", Some(rollup), message);
        Ok(false)
    }

    /// Validators of any rollup that have or will have a deposit and aren't registered at the observed block, by the
    /// operators that are to run them: their registrations come first.
    pub(crate) fn waiting_for_shares(
        &self,
        observation: &Observation,
    ) -> Result<BTreeMap<OperatorSet, usize>, TickError> {
        let registered: BTreeSet<_> = observation
            .chain
            .validators
            .iter()
            .filter(|validator| validator.ssv.is_some())
            .map(|validator| validator.pubkey)
            .collect();
        let mut waiting = BTreeMap::new();
        for record in self.state.validators()? {
            let deposited = (Stage::DepositSent..=Stage::Active).contains(&record.stage);
            if !deposited || record.pubkey.is_some_and(|pubkey| registered.contains(&pubkey)) {
                continue;
            }
            let made = record.ceremony.as_ref().map(|ceremony| &ceremony.operators);
            if let Some(set) = made.or(observation.operators_of_rollup(record.rollup)) {
                *waiting.entry(set.clone()).or_default() += 1;
            }
        }
        Ok(waiting)
    }

    /// What registering so many validators takes from Nexus' SSV tokens, over all clusters. One cluster's context is
    /// at hand already.
    async fn funding_of_all(
        &self,
        observation: &Observation,
        new: &BTreeMap<OperatorSet, usize>,
        (known, at_hand): (&OperatorSet, &RegistrationContext),
    ) -> Result<Wei, TickError> {
        let mut needed = Wei::ZERO;
        for (set, count) in new {
            let context = if set == known { *at_hand } else { self.chain.fetch_registration(set).await? };
            let amount = self.funding(observation, set, &context, *count);
            needed = needed.checked_add(amount).unwrap_or(Wei::MAX);
        }
        Ok(needed)
    }

    /// Returns whether every call of a bundle would succeed; alerts about the first that wouldn't.
    pub(crate) fn all_succeed(
        &self,
        rollup: RollupAdmin,
        name: &'static str,
        outcomes: &[CallOutcome],
    ) -> bool {
        let refused = outcomes.iter().find_map(|outcome| match outcome {
            CallOutcome::Reverted(revert) => Some(revert),
            CallOutcome::Success { .. } => None,
        });
        match refused {
            Some(revert) => {
                self.alert(name, Some(rollup), format!("simulated before sending and refused: {revert}"));
                false
            }
            None => !outcomes.is_empty(),
        }
    }

    /// Builds the call that registers a validator, with keyshares signed for the context's nonce.
    pub(crate) async fn shares_call(
        &self,
        record: &ValidatorRecord,
        operators: &[Operator],
        set: &OperatorSet,
        context: &RegistrationContext,
        amount: Wei,
    ) -> Result<ContractCall, TickError> {
        let key = self.key_of(record).await?;
        let registration =
            nexus_ssv::Registration { owner: self.settings.nexus, nonce: node_nonce(context.owner_nonce) };
        let mut rng = self.rng.lock().await;
        let keyshares = nexus_ssv::split(&key, operators, registration, &mut **rng)?;
        Ok(ContractCall::DepositShares {
            rollup: record.rollup,
            pubkey: key.pubkey(),
            operators: set.clone(),
            shares_data: keyshares.shares_data().encode(),
            amount,
            cluster: context.cluster,
        })
    }
}

/// How many more validators a set of operators can take once those that wait for their registration have it.
fn operator_room(
    observation: &Observation,
    set: &OperatorSet,
    waiting: &BTreeMap<OperatorSet, usize>,
) -> usize {
    let limit = observation.chain.ssv.validators_per_operator;
    let room = |id: &OperatorId| {
        let running = observation.chain.operators.get(id).map_or(limit, |operator| operator.validator_count);
        let coming: usize =
            waiting.iter().filter(|(set, _)| set.ids().contains(id)).map(|(_, count)| count).sum();
        usize::try_from(limit.saturating_sub(running)).unwrap_or(usize::MAX).saturating_sub(coming)
    };
    set.ids().iter().map(room).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{observation, operators};

    #[test]
    fn an_operator_takes_no_more_than_its_limit_with_those_under_way() {
        let mut world = observation(500);
        world.chain.ssv.validators_per_operator = 500;
        let room = |world: &Observation, waiting: usize| {
            operator_room(world, &operators(), &BTreeMap::from([(operators(), waiting)]))
        };
        assert_eq!(room(&world, 0), 500);
        world.chain.operators.get_mut(&operators().ids()[2]).unwrap().validator_count = 497;
        assert_eq!((room(&world, 0), room(&world, 2), room(&world, 9)), (3, 1, 0));
    }
}
