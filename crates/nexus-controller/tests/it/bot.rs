//! A bot over the embedded world, made of the parts the binary uses.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use nexus_chain::{KeystoreSigner, RpcChain, TxPipeline, TxSigner as _};
use nexus_controller::{
    Alert, AlertSink, Controller, Mandate, Parts, Settings, Stage, StateFile, StateIdentity, TickError,
    TickReport, ValidatorRecord,
};
use nexus_primitives::RollupAdmin;
use rand::SeedableRng as _;

use crate::{
    faults::{Hook, is_crash},
    hooked::Hooked,
    scene::{Scene, pipeline},
};

/// A bot that was started; dropping it is the crash.
pub(crate) struct Bot {
    pub(crate) controller: Arc<Controller>,
    pub(crate) state: Arc<StateFile>,
}

/// Every alert that was raised.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Alert>>);

#[async_trait]
impl AlertSink for Heard {
    async fn raise(&self, alert: &Alert) {
        self.0.lock().unwrap().push(alert.clone());
    }
}

impl Heard {
    /// What was said under this name.
    pub(crate) fn messages(&self, name: &str) -> Vec<String> {
        let alerts = self.0.lock().unwrap();
        alerts.iter().filter(|alert| alert.name == name).map(|alert| alert.message.clone()).collect()
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().iter().map(|alert| alert.name).collect()
    }
}

impl Bot {
    /// Starts a bot on the scene's files.
    pub(crate) async fn start(
        scene: &Scene,
        settings: Settings,
        signer: Arc<KeystoreSigner>,
        hook: &Hook,
    ) -> Self {
        let identity = StateIdentity { chain_id: settings.chain_id, nexus: settings.nexus };
        let state = Arc::new(StateFile::open(&scene.files.state, identity).unwrap());
        let rpc = Arc::new(RpcChain::connect(scene.chain_config(&settings, signer.address())).await.unwrap());
        let chain = Arc::new(hooked(rpc, hook));
        let transactions = TxPipeline::new(
            pipeline(),
            chain.clone(),
            Arc::new(hooked(signer.clone(), hook)),
            Arc::new(hooked(state.clone(), hook)),
        );
        let controller = Controller::new(Parts {
            chain,
            beacon: Arc::new(hooked(scene.beacon(), hook)),
            transactions: Arc::new(transactions),
            keyring: Arc::new(scene.keyring(hook)),
            ceremonies: Arc::new(hooked(scene.ceremonies(), hook)),
            archive: Arc::new(hooked(scene.archive(), hook)),
            state: state.clone(),
            alerts: scene.alerts.clone(),
            clock: Arc::new(hooked(scene.devnet.clock(), hook)),
            rng: Box::new(rand::rngs::StdRng::seed_from_u64(1)),
            signer: signer.address(),
            settings,
        });
        Self { controller: Arc::new(controller), state }
    }

    /// One tick, with what it saw.
    pub(crate) async fn tick(&self) -> Result<TickReport, TickError> {
        self.controller.tick(Mandate::Plan).await
    }

    /// One tick that a hook may cut short: `None` is a crash.
    pub(crate) async fn tick_or_crash(&self) -> Option<TickReport> {
        let controller = Arc::clone(&self.controller);
        match tokio::spawn(async move { controller.tick(Mandate::Plan).await }).await {
            Ok(result) => Some(result.unwrap_or_else(|error| panic!("{}", chain_of(&error)))),
            Err(error) => {
                let payload = error.into_panic();
                if is_crash(&*payload) { None } else { std::panic::resume_unwind(payload) }
            }
        }
    }

    /// Lets slots pass and ticks in each, until the bot dies of its hook.
    pub(crate) async fn live_until_it_dies(&self, scene: &Scene) {
        for _ in 0..100 {
            if self.tick_or_crash().await.is_none() {
                return;
            }
            scene.devnet.advance_slots(1);
        }
        panic!("it lives: {:?}, {:?}", self.stages(), self.state.intents(5));
    }

    /// Lets slots pass and ticks in each, until exactly these stages are reached and nothing is under way.
    pub(crate) async fn live_until(&self, scene: &Scene, wanted: &[(Stage, usize)], slots: usize) {
        let all = wanted.iter().map(|(_, count)| count).sum::<usize>();
        self.live_while(scene, slots, |bot, report| {
            let reached = wanted.iter().all(|(stage, count)| bot.count(*stage) == *count);
            !(report.is_settled() && reached && all == bot.stages().len())
        })
        .await;
    }

    /// Lets slots pass and ticks in each, for as long as `goes_on` says.
    pub(crate) async fn live_while(
        &self,
        scene: &Scene,
        slots: usize,
        goes_on: impl Fn(&Self, &TickReport) -> bool,
    ) {
        for _ in 0..slots {
            scene.devnet.advance_slots(1);
            let report = self.tick().await.unwrap_or_else(|error| panic!("{}", chain_of(&error)));
            if !goes_on(self, &report) {
                return;
            }
        }
        let alerts = scene.alerts.names();
        panic!(
            "not reached within {slots} slots: {:?}, {:?}, {alerts:?}",
            self.stages(),
            self.state.intents(5)
        );
    }

    /// Lets this many slots pass, and ticks in each.
    pub(crate) async fn live(&self, scene: &Scene, slots: usize) {
        for _ in 0..slots {
            scene.devnet.advance_slots(1);
            self.tick().await.unwrap_or_else(|error| panic!("{}", chain_of(&error)));
        }
    }

    pub(crate) fn records(&self) -> Vec<ValidatorRecord> {
        self.state.validators().unwrap()
    }

    pub(crate) fn records_of(&self, rollup: RollupAdmin) -> Vec<ValidatorRecord> {
        self.records().into_iter().filter(|record| record.rollup == rollup).collect()
    }

    pub(crate) fn stages(&self) -> Vec<Stage> {
        self.records().into_iter().map(|record| record.stage).collect()
    }

    pub(crate) fn count(&self, stage: Stage) -> usize {
        self.stages().into_iter().filter(|found| *found == stage).count()
    }
}

fn hooked<T>(inner: T, hook: &Hook) -> Hooked<T> {
    Hooked { inner, hook: Arc::clone(hook) }
}

/// What a report says is to be done, rollup by rollup: kind, and the reason when nothing is.
pub(crate) fn actions(report: &TickReport) -> Vec<(&'static str, Option<&'static str>)> {
    report.plan.rollups.iter().map(nexus_controller::RollupPlan::action).collect()
}

/// The names of the guards that are down.
pub(crate) fn guards_down(report: &TickReport) -> Vec<&'static str> {
    report.plan.guards.iter().map(|guard| guard.name).collect()
}

/// An error and its causes on one line.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}
