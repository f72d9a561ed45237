//! The loop: observe, plan, guard, act.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use nexus_beacon::BeaconNode;
use nexus_chain::{
    ContractCall, IntentPhase, NexusChain, Outcome, PipelineProgress, TxError, TxJournal as _, TxPipeline,
};
use nexus_keys::{MnemonicKeyring, ValidatorKey};
use nexus_policy::Action;
use nexus_primitives::{Address, Clock, RollupAdmin, UnixSeconds};
use rand_core::CryptoRng;

use crate::{
    Alert, AlertSink, Decision, Guard, GuardContext, Observation, Observer, PlanInputs, Settings, Stage,
    StateError, StateFile, TickError, ValidatorRecord, WorldPlan,
    alert::AlertBook,
    guard::{Scope, guards},
    jump::{accept_standings, jump_guards},
    plan_world,
    reconcile::reconcile,
    runway::RunwayWatch,
};

const DAY_SECS: u64 = 86_400;

/// What brings recorded calls onto the chain.
#[async_trait]
pub trait Transactions: Send + Sync {
    /// Takes every unfinished intent one step on: sends, sends again, replaces, confirms.
    async fn advance(&self, now: UnixSeconds) -> Result<PipelineProgress, TxError>;
}

const _: Option<&dyn Transactions> = None;

#[async_trait]
impl Transactions for TxPipeline {
    async fn advance(&self, now: UnixSeconds) -> Result<PipelineProgress, TxError> {
        Self::advance(self, now).await
    }
}

/// What a controller is made of; `bin/nexus-bot` fills it in.
pub struct Parts {
    /// The execution layer.
    pub chain: Arc<dyn NexusChain>,
    /// The consensus layer.
    pub beacon: Arc<dyn BeaconNode>,
    /// The way of recorded calls onto the chain.
    pub transactions: Arc<dyn Transactions>,
    /// Mnemonics and the keys derived from them.
    pub keyring: Arc<MnemonicKeyring>,
    /// The state file, which is also the transactions' journal.
    pub state: Arc<StateFile>,
    /// Where alerts go.
    pub alerts: Arc<dyn AlertSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub rng: Box<dyn CryptoRng + Send>,
    /// The account that signs.
    pub signer: Address,
    /// What the operator chose.
    pub settings: Settings,
}

/// Keeps every rollup at its limit.
pub struct Controller {
    pub(crate) chain: Arc<dyn NexusChain>,
    pub(crate) beacon: Arc<dyn BeaconNode>,
    pub(crate) keyring: Arc<MnemonicKeyring>,
    pub(crate) state: Arc<StateFile>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: tokio::sync::Mutex<Box<dyn CryptoRng + Send>>,
    pub(crate) signer: Address,
    pub(crate) settings: Settings,
    transactions: Arc<dyn Transactions>,
    alerts: Arc<dyn AlertSink>,
    book: AlertBook,
    observer: Observer,
    pub(crate) runway: RunwayWatch,
}

/// What a tick may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mandate {
    /// Whatever the plan says.
    Plan,
    /// Nothing new: only what is under way goes on.
    Finish,
}

/// What a tick saw and did.
#[derive(Debug, Clone)]
pub struct TickReport {
    /// The plan, with the guards that were down.
    pub plan: WorldPlan,
    /// Transactions still under way.
    pub progress: PipelineProgress,
    /// Steps taken: validators moved, calls recorded, exits sent, transactions finished.
    pub steps: usize,
    /// Whether the plan's own actions were begun; false while calls of before had to go first.
    pub began: bool,
}

impl TickReport {
    /// Returns whether nothing is under way but what the outside world has to do.
    pub fn is_settled(&self) -> bool {
        self.steps == 0 && self.progress.is_idle()
    }

    /// Returns the guards that hold something back that the plan wants.
    pub fn holding(&self) -> Vec<&Guard> {
        let held: Vec<_> = self
            .plan
            .rollups
            .iter()
            .filter_map(|plan| match &plan.decision {
                Decision::Held { guard, .. } => Some(*guard),
                Decision::Do(_) => None,
            })
            .collect();
        let everything = |guard: &&Guard| guard.scope == Scope::Everything;
        self.plan.guards.iter().filter(|guard| everything(guard) || held.contains(&guard.name)).collect()
    }
}

impl Controller {
    /// Puts a controller together.
    pub fn new(parts: Parts) -> Self {
        let observer = Observer::new(Arc::clone(&parts.chain), Arc::clone(&parts.beacon), &parts.settings);
        Self {
            chain: parts.chain,
            beacon: parts.beacon,
            keyring: parts.keyring,
            state: parts.state,
            clock: parts.clock,
            rng: tokio::sync::Mutex::new(parts.rng),
            signer: parts.signer,
            settings: parts.settings,
            transactions: parts.transactions,
            alerts: parts.alerts,
            book: AlertBook::default(),
            observer,
            runway: RunwayWatch::default(),
        }
    }

    /// Looks at the world once and does what there is to do. Never blocks until something is mined: a later tick
    /// finds it.
    pub async fn tick(&self, mandate: Mandate) -> Result<TickReport, TickError> {
        self.state.tick_started(self.clock.now())?;
        let result = self.run_tick(mandate).await;
        for alert in self.book.take_new() {
            self.alerts.raise(&alert).await;
        }
        let report = result?;
        let json = serde_json::to_string(&report.plan.report()).expect("a report is plain data");
        self.state.tick_succeeded(self.clock.now(), &json)?;
        Ok(report)
    }

    async fn run_tick(&self, mandate: Mandate) -> Result<TickReport, TickError> {
        let observation = self.observer.observe().await?;
        let mut guards = self.guards(&observation)?;
        let may_send = !guards.iter().any(|guard| guard.scope == Scope::Everything);
        guards.extend(self.provision_mnemonics(&observation).await?);
        self.adopt_unknown(&observation, &guards).await?;
        // Planned before the records are lifted: a withdrawal counts for certain from the tick after it was seen.
        let records = self.state.validators()?;
        let plan = self.plan(&observation, &records, guards)?;
        let mut steps = self.withdraw_unsigned(&observation, &plan).await?;
        if may_send {
            steps += self.transactions.advance(self.clock.now()).await?.finished;
        }
        steps += self.reconcile(&observation)?;
        self.watch_fee_recipient(&observation);
        self.watch_runway(&observation).await?;
        if !may_send {
            let progress = PipelineProgress::default();
            return Ok(TickReport { plan, progress, steps, began: false });
        }
        let (acted, began) = self.act(&observation, &plan, mandate).await?;
        let progress = self.transactions.advance(self.clock.now()).await?;
        Ok(TickReport { plan, progress, steps: steps + acted + progress.finished, began })
    }

    /// Takes back calls that were recorded and not signed and that don't fit any more: a crash, or fees above the
    /// ceiling, may have kept them for long.
    async fn withdraw_unsigned(
        &self,
        observation: &Observation,
        plan: &WorldPlan,
    ) -> Result<usize, TickError> {
        let mut withdrawn = 0;
        for intent in self.state.unfinished()? {
            if intent.phase != IntentPhase::Recorded || !intent.attempts.is_empty() {
                continue;
            }
            let objection = match &intent.call {
                ContractCall::DepositValidators { rollup, .. } => plan.objection_to_deposits(*rollup),
                ContractCall::DepositShares { pubkey, operators, .. } => {
                    self.objection_to_shares(observation, pubkey, operators).await?
                }
                ContractCall::ReportExits { .. }
                | ContractCall::ExitThroughSsv { .. }
                | ContractCall::CloseValidator { .. } => None,
            };
            if let Some(why) = objection {
                let kind = intent.call.kind();
                tracing::warn!(intent.id = intent.id.0, kind, why, "call withdrawn before it was signed");
                self.state.record_outcome(intent.id, &Outcome::Withdrawn { why }, self.clock.now())?;
                withdrawn += 1;
            }
        }
        Ok(withdrawn)
    }

    fn reconcile(&self, observation: &Observation) -> Result<usize, TickError> {
        let mut alerts = Vec::new();
        let moved = reconcile(&self.state, observation, self.clock.now(), &mut alerts)?;
        for alert in alerts {
            self.book.note(alert);
        }
        Ok(moved)
    }

    /// Takes each validator one step on, what leaks first. Returns the steps, and whether the plan's own were begun.
    async fn act(
        &self,
        observation: &Observation,
        plan: &WorldPlan,
        mandate: Mandate,
    ) -> Result<(usize, bool), TickError> {
        let mut steps = 0;
        if mandate == Mandate::Plan {
            steps += self.begin_exits(plan)?;
        }
        steps += self.drive_exits(observation).await?;
        // While a recorded call isn't mined no other is prepared: each must see what the one before it left.
        if self.state.unmined_intents()? > 0 {
            return Ok((steps, false));
        }
        let recorded = self.register_next(observation).await?
            || self.report_exits(observation).await?
            || self.close_next(observation).await?;
        if recorded || mandate == Mandate::Finish {
            return Ok((steps + usize::from(recorded), false));
        }
        Ok((steps + self.begin_creations(observation, plan).await?, true))
    }

    fn begin_exits(&self, plan: &WorldPlan) -> Result<usize, TickError> {
        let mut steps = 0;
        for rollup in &plan.rollups {
            if let Decision::Do(Action::Exit(pubkeys)) = &rollup.decision {
                steps += self.choose_exits(pubkeys)?;
            }
        }
        Ok(steps)
    }

    async fn begin_creations(&self, observation: &Observation, plan: &WorldPlan) -> Result<usize, TickError> {
        let mut steps = 0;
        for planned in &plan.rollups {
            let Decision::Do(Action::Create(count)) = &planned.decision else { continue };
            let created = self.create(observation, &planned.rollup, count.get()).await;
            steps += usize::from(self.tolerate(planned.rollup.admin, created)?);
        }
        Ok(steps)
    }

    /// Turns trouble of a single validator into an alert, so that the others don't wait for it.
    pub(crate) fn tolerate(
        &self,
        rollup: RollupAdmin,
        result: Result<bool, TickError>,
    ) -> Result<bool, TickError> {
        match result {
            Err(error) if error.is_local() => {
                let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                let message = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
                self.alert("validator-stuck", Some(rollup), message);
                Ok(false)
            }
            other => other,
        }
    }

    fn guards(&self, observation: &Observation) -> Result<Vec<Guard>, TickError> {
        let code = &observation.chain.deployment.code_hashes;
        self.state.pin_new_code(code)?;
        let context = GuardContext {
            now: self.clock.now(),
            signer: self.signer,
            paused: pause_reason(&self.settings),
            changed_code: self.state.changed_code(code)?,
        };
        let mut guards = guards(observation, &context, &self.settings);
        guards.extend(jump_guards(&self.state, observation, &self.settings)?);
        accept_standings(&self.state, observation, &guards)?;
        Ok(guards)
    }

    fn plan(
        &self,
        observation: &Observation,
        records: &[ValidatorRecord],
        guards: Vec<Guard>,
    ) -> Result<WorldPlan, TickError> {
        let now = self.clock.now();
        let inputs = plan_inputs(&self.state, &self.settings, observation, records, guards, now)?;
        let plan = plan_world(observation, &self.settings, inputs.as_ref())?;
        for planned in &plan.rollups {
            self.state.note_excess(planned.rollup.admin, planned.is_above(), now)?;
        }
        Ok(plan)
    }

    /// Recreates a validator's key, and refuses one that isn't the recorded one.
    pub(crate) async fn key_of(&self, record: &ValidatorRecord) -> Result<ValidatorKey, TickError> {
        let (rollup, recorded) = (record.rollup, record.pubkey.expect("only planned validators have no key"));
        let index = record.derivation_index.ok_or(TickError::ForeignKey { rollup, pubkey: recorded })?;
        let key = self.keyring.derive(rollup, index).await?;
        let derived = key.pubkey();
        if derived != recorded {
            return Err(TickError::OtherMnemonic { rollup, index: index.get(), derived, recorded });
        }
        Ok(key)
    }

    /// Notes something a person should look at; delivered at the end of the tick, once until it changes.
    pub(crate) fn alert(&self, name: &'static str, rollup: Option<RollupAdmin>, message: String) {
        self.book.note(Alert { name, rollup, message });
    }
}

/// Returns the text of the pause file, when there is one.
pub fn pause_reason(settings: &Settings) -> Option<String> {
    let path = &settings.rails.pause_file;
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        // A pause file that can't be read is a pause all the same.
        Err(error) => Some(format!("{} can't be read: {error}", path.display())),
    }
}

/// Owned form of [`PlanInputs`], read from the state file.
pub struct StoredPlanInputs<'a> {
    records: &'a [ValidatorRecord],
    guards: Vec<Guard>,
    allowance: crate::settings::Allowance,
    excess_secs: BTreeMap<RollupAdmin, u64>,
}

impl StoredPlanInputs<'_> {
    /// Borrows them for [`plan_world`].
    pub fn as_ref(&self) -> PlanInputs<'_> {
        PlanInputs {
            records: self.records,
            guards: self.guards.clone(),
            allowance: self.allowance,
            excess_secs: &self.excess_secs,
        }
    }
}

/// Gathers what a plan takes from the state file. Writes nothing: `plan` uses it beside a running bot.
pub fn plan_inputs<'a>(
    state: &StateFile,
    settings: &Settings,
    observation: &Observation,
    records: &'a [ValidatorRecord],
    guards: Vec<Guard>,
    now: UnixSeconds,
) -> Result<StoredPlanInputs<'a>, StateError> {
    let yesterday = UnixSeconds::new(now.get().saturating_sub(DAY_SECS));
    let deposits = state.entered_since(Stage::DepositSent, yesterday)?;
    let exits = state.entered_since(Stage::ExitPlanned, yesterday)?;
    let mut excess_secs = BTreeMap::new();
    for rollup in &observation.chain.rollups {
        excess_secs.insert(rollup.admin, state.excess_secs(rollup.admin, now)?);
    }
    Ok(StoredPlanInputs { records, guards, allowance: settings.caps.allowance(deposits, exits), excess_secs })
}
