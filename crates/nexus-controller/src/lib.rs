//! Observe, plan, act: the validator life cycle, the state file and the guards.
//!
//! [`Controller::tick`] looks at the world as it is, plans, lets the guards shrink the plan, and takes each validator
//! one step on. It is level-triggered: what a tick doesn't finish, or a crash interrupts, a later one finds and goes
//! on with. [`Stage`] is the life of a validator, one total function of what happens to it; [`StateFile`] keeps what
//! no chain knows, on disk before anything is sent.
//!
//! What this crate never does: talk to a node or a vault itself (it is given trait objects), decide a number (that is
//! `nexus-policy`), sign or broadcast before the intent is on disk, store or log a secret.
//!
//! ```
//! use nexus_controller::{BeaconPhase, CallKind, Event, Stage};
//!
//! let stage = Stage::KeysReady.next(Event::CallRecorded(CallKind::Deposit))?;
//! assert_eq!(stage, Stage::DepositSent);
//! // The chain is the truth: what it shows lifts a validator, and nothing pulls it back.
//! let seen = Stage::Active.next(Event::SeenOnBeacon(BeaconPhase::Exiting))?;
//! assert_eq!(seen, Stage::Exiting);
//! assert!(seen.next(Event::ExitChosen).is_err());
//! # Ok::<(), nexus_controller::IllegalTransition>(())
//! ```
#![forbid(unsafe_code)]

mod alert;
mod ceremony;
mod controller;
mod create;
mod guard;
mod jump;
mod leave;
mod observation;
mod operator_exits;
mod operator_keys;
mod plan;
mod plan_inputs;
mod position;
mod reconcile;
mod register;
mod report;
mod runway;
mod settings;
mod stage;
mod state;
#[cfg(test)]
mod testing;
mod tick_error;
mod tick_report;
mod upkeep;
mod validator_record;
mod window;

pub use alert::{Alert, AlertSink};
pub use controller::{Controller, Parts, Transactions};
pub use guard::{Guard, GuardContext, Scope, guards};
pub use jump::RollupStanding;
pub use observation::{Observation, ObserveError, Observer};
pub use operator_keys::{DkgOperatorsError, OperatorKeysError, dkg_operators_of, operators_of};
pub use plan::{Decision, PlanInputs, RollupPlan, WorldPlan, plan_world};
pub use plan_inputs::{StoredPlanInputs, pause_reason, plan_inputs};
pub use report::{ActionReport, Observed, PlanReport, RollupReport, StatusReport, ValidatorReport, dry_run};
pub use settings::{Allowance, Caps, Jumps, KeySource, KeySources, Rails, Settings};
pub use stage::{BeaconPhase, CallKind, Event, IllegalTransition, Stage, UnknownStage};
pub use state::{CodePin, IntentSummary, StateError, StateFile, StateIdentity, StoredPhase};
pub use tick_error::TickError;
pub use tick_report::{Mandate, TickReport};
pub use validator_record::{Ceremony, CeremonyFailure, CeremonyMaterial, RecordId, ValidatorRecord};
