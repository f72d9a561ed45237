//! The loop: observe, plan, guard, act.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use nexus_beacon::BeaconNode;
use nexus_chain::{
    BlockAt, ContractCall, IntentPhase, NexusChain, Outcome, PipelineProgress, TxError, TxJournal as _,
    TxPipeline,
};
use nexus_dkg::{CeremonyArchive, CeremonyClient};
use nexus_keys::{MnemonicKeyring, ValidatorKey};
use nexus_policy::Action;
use nexus_primitives::{Address, Clock, RollupAdmin, UnixSeconds};
use rand_core::CryptoRng;

use crate::{
    Alert, AlertSink, Decision, Guard, GuardContext, Mandate, Observation, Observer, RollupPlan, Settings,
    Stage, StateError, StateFile, TickError, TickReport, ValidatorRecord, WorldPlan,
    alert::AlertBook,
    create::Created,
    guard::{Scope, guards},
    jump::{accept_standings, jump_guards},
    pause_reason, plan_inputs, plan_world,
    reconcile::reconcile,
    runway::RunwayWatch,
    tick_error::with_causes,
    tick_report::FirstError,
    window::window,
};

/// Seconds between two ticks after which an excess is taken for a new one.
const LONGEST_BLINK_SECS: u64 = 900;

/// What brings recorded calls onto the chain.
#[async_trait]
pub trait Transactions: Send + Sync {
    /// Takes every unfinished intent one step on: sends, sends again, replaces, confirms.
    async fn advance(&self, now: UnixSeconds) -> Result<PipelineProgress, TxError>;

    /// Returns what keeps the next call from being signed, for people, when it is the price of gas.
    fn waits_for(&self) -> Option<String>;
}

const _: Option<&dyn Transactions> = None;

#[async_trait]
impl Transactions for TxPipeline {
    async fn advance(&self, now: UnixSeconds) -> Result<PipelineProgress, TxError> {
        Self::advance(self, now).await
    }

    fn waits_for(&self) -> Option<String> {
        let hold = self.fee_hold()?;
        Some(format!(
            "transaction {} waits: the base fee is {} wei per gas, the ceiling {}",
            hold.intent.0, hold.base_fee, hold.ceiling
        ))
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
    /// Operators that make keys together.
    pub ceremonies: Arc<dyn CeremonyClient>,
    /// Where what they made outlives this machine.
    pub archive: Arc<dyn CeremonyArchive>,
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
    pub(crate) ceremonies: Arc<dyn CeremonyClient>,
    pub(crate) archive: Arc<dyn CeremonyArchive>,
    pub(crate) state: Arc<StateFile>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: tokio::sync::Mutex<Box<dyn CryptoRng + Send>>,
    pub(crate) signer: Address,
    pub(crate) settings: Settings,
    pub(crate) transactions: Arc<dyn Transactions>,
    alerts: Arc<dyn AlertSink>,
    book: AlertBook,
    observer: Observer,
    /// Ticks that failed in a row.
    pub(crate) failed_ticks: AtomicU32,
    /// The newest block a plan was made at: the world doesn't go back behind finality.
    newest_block: AtomicU64,
    /// Rollups whose creations came to nothing the last time, or opened a window: the others come first.
    stalled: Mutex<BTreeSet<RollupAdmin>>,
    pub(crate) runway: RunwayWatch,
}

impl Controller {
    /// Puts a controller together.
    pub fn new(parts: Parts) -> Self {
        let observer = Observer::new(Arc::clone(&parts.chain), Arc::clone(&parts.beacon), &parts.settings);
        Self {
            chain: parts.chain,
            beacon: parts.beacon,
            keyring: parts.keyring,
            ceremonies: parts.ceremonies,
            archive: parts.archive,
            state: parts.state,
            clock: parts.clock,
            rng: tokio::sync::Mutex::new(parts.rng),
            signer: parts.signer,
            settings: parts.settings,
            transactions: parts.transactions,
            alerts: parts.alerts,
            book: AlertBook::default(),
            observer,
            failed_ticks: AtomicU32::new(0),
            newest_block: AtomicU64::new(0),
            stalled: Mutex::default(),
            runway: RunwayWatch::default(),
        }
    }

    /// Looks at the world once and does what there is to do. Never blocks until something is mined: a later tick
    /// finds it.
    pub async fn tick(&self, mandate: Mandate) -> Result<TickReport, TickError> {
        let started = self.clock.now();
        self.forget_old_excesses(started)?;
        self.state.tick_started(started)?;
        let result = self.run_tick(mandate).await;
        self.watch_transactions(started)?;
        self.watch_failures(result.as_ref());
        for alert in self.book.take_new(result.is_ok()) {
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
        guards.extend(self.unknown_key_guards(&observation)?);
        // Planned before the records are lifted: a withdrawal counts for certain from the tick after it was seen.
        let records = self.state.validators()?;
        let plan = self.plan(&observation, &records, guards)?;
        let mut steps = self.withdraw_unsigned(&observation, &plan).await?;
        self.tell_guards(&plan.guards);
        let mut trouble = FirstError::default();
        if may_send {
            let advanced = self.transactions.advance(self.clock.now()).await;
            steps += trouble.note(advanced).map_or(0, |progress| progress.finished);
        }
        steps += self.reconcile(&observation)?;
        self.watch_fee_recipient(&observation);
        self.watch_ceremonies(&observation, &plan)?;
        self.watch_asked_exits(&observation)?;
        trouble.note(self.watch_runway(&observation).await);
        let mut report = TickReport { plan, progress: PipelineProgress::default(), steps, began: false };
        if may_send {
            self.act(&observation, &mut report, mandate, &mut trouble).await?;
        }
        trouble.or(report)
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
                ContractCall::DepositValidators { rollup, .. } => match plan.objection_to_deposits(*rollup) {
                    None => self.objection_to_window(observation, &intent.call).await?,
                    objection => objection,
                },
                ContractCall::DepositShares { pubkey, operators, .. } => {
                    self.objection_to_shares(observation, pubkey, operators).await?
                }
                ContractCall::ExitThroughSsv { rollup, pubkey, operators }
                    if self.asks_for_exit(pubkey)? =>
                {
                    match plan.surplus_exits(*rollup) {
                        0 => self.objection_to_exit_call(observation, pubkey, operators).await?,
                        _ => Some("the plan has no exit for it any more".to_owned()),
                    }
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

    /// Takes each validator one step on, what leaks first. Trouble with one step doesn't keep the others from being
    /// taken: an exit needs no gas, and a registration no beacon node.
    async fn act(
        &self,
        observation: &Observation,
        report: &mut TickReport,
        mandate: Mandate,
        trouble: &mut FirstError,
    ) -> Result<(), TickError> {
        report.steps += self.unchoose_surplus(&report.plan)?;
        if mandate == Mandate::Plan {
            report.steps += self.begin_exits(&report.plan)?;
        }
        let driven = self.drive_exits(observation).await;
        report.steps += trouble.note(driven).unwrap_or_default();
        // While a recorded call isn't mined no other is prepared: each must see what the one before it left.
        if trouble.is_none() && self.state.unmined_intents()? == 0 {
            let recorded = self.record_next(observation).await;
            let recorded = trouble.note(recorded).unwrap_or_default();
            report.steps += usize::from(recorded);
            if !recorded && mandate == Mandate::Plan && trouble.is_none() {
                report.began = true;
                trouble.note(self.begin_creations(observation, report).await);
            }
        }
        if let Some(progress) = trouble.note(self.transactions.advance(self.clock.now()).await) {
            report.progress = progress;
            report.steps += progress.finished;
        }
        Ok(())
    }

    /// Records the next call that finishes something. Returns whether there was one.
    async fn record_next(&self, observation: &Observation) -> Result<bool, TickError> {
        Ok(self.register_next(observation).await?
            || self.ask_for_exits(observation).await?
            || self.report_exits(observation).await?
            || self.close_next(observation).await?)
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

    async fn begin_creations(
        &self,
        observation: &Observation,
        report: &mut TickReport,
    ) -> Result<(), TickError> {
        let is_open =
            || Ok::<_, StateError>(!window(&self.state.validators()?, &observation.chain).is_empty());
        if is_open()? {
            // What is deposited now would wait for its registration.
            return Ok(());
        }
        let mut stalled = self.stalled().clone();
        for planned in self.in_turn(&report.plan)? {
            let Decision::Do(Action::Create(count)) = &planned.decision else { continue };
            let admin = planned.rollup.admin;
            let created = self.create(observation, &planned.rollup, count.get()).await;
            let created = self.tolerate(admin, created)?.unwrap_or(Created::Nothing);
            report.steps += usize::from(created != Created::Nothing);
            let has_window = is_open()?;
            if created == Created::Nothing || has_window {
                stalled.insert(admin);
            } else {
                stalled.remove(&admin);
            }
            // Ceremonies take a while, and a window keeps everybody else waiting.
            if has_window || created == Created::Ceremonies {
                // The keys are there for a deposit that is planned again.
                report.began = created != Created::Ceremonies;
                break;
            }
        }
        *self.stalled() = stalled;
        Ok(())
    }

    fn stalled(&self) -> MutexGuard<'_, BTreeSet<RollupAdmin>> {
        self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the rollups in the order in which they are created for: first whose keys are ready and good for one nonce
    /// only, last who had its turn or got nowhere.
    fn in_turn<'a>(&self, plan: &'a WorldPlan) -> Result<Vec<&'a RollupPlan>, TickError> {
        let records = self.state.validators()?;
        let stalled = self.stalled().clone();
        let is_ready = |admin: RollupAdmin| {
            records.iter().any(|record| {
                record.rollup == admin && record.stage == Stage::KeysReady && record.ceremony.is_some()
            })
        };
        let mut rollups: Vec<_> = plan.rollups.iter().collect();
        rollups.sort_by_key(|planned| {
            let admin = planned.rollup.admin;
            (!is_ready(admin), stalled.contains(&admin), admin)
        });
        Ok(rollups)
    }

    /// Turns trouble of a single validator into an alert, so that the others don't wait for it; `None` then.
    pub(crate) fn tolerate<T>(
        &self,
        rollup: RollupAdmin,
        result: Result<T, TickError>,
    ) -> Result<Option<T>, TickError> {
        match result {
            Err(error) if error.is_local() => {
                let message = with_causes(&error);
                self.note(Alert {
                    name: "validator-stuck",
                    rollup: Some(rollup),
                    subject: message.clone(),
                    message,
                });
                Ok(None)
            }
            other => other.map(Some),
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
        guards.extend(self.went_back(observation));
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
        let mut inputs = plan_inputs(&self.state, &self.settings, observation, records, guards, now)?;
        inputs.stalled.clone_from(&self.stalled());
        let plan = plan_world(observation, &self.settings, inputs.as_ref());
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

    /// A finalized block can't be older than one seen before: some endpoint is stuck.
    fn went_back(&self, observation: &Observation) -> Option<Guard> {
        let number = observation.chain.block.number.get();
        let newest = self.newest_block.fetch_max(number, Ordering::Relaxed);
        (number < newest && self.settings.observe_at == BlockAt::Finalized).then(|| Guard {
            name: "snapshot-went-back",
            scope: Scope::Everything,
            rollup: None,
            message: format!(
                "the finalized block is {number}, it was {newest} before: is an execution node stuck?"
            ),
        })
    }

    /// After a time without looking nobody knows how long an excess has lasted.
    fn forget_old_excesses(&self, now: UnixSeconds) -> Result<(), StateError> {
        match self.state.last_tick()? {
            Some((at, _)) if now.seconds_since(at) > LONGEST_BLINK_SECS => self.state.forget_excesses(),
            _ => Ok(()),
        }
    }

    /// Notes something a person should look at; delivered at the end of the tick, once until it goes away.
    pub(crate) fn alert(&self, name: &'static str, rollup: Option<RollupAdmin>, message: String) {
        self.note(Alert { name, rollup, subject: String::new(), message });
    }

    /// Notes something of which a rollup may have several at a time.
    pub(crate) fn note(&self, alert: Alert) {
        self.book.note(alert);
    }
}
