//! What a tick was allowed, saw and did.

use nexus_chain::PipelineProgress;

use crate::{Decision, Guard, Scope, TickError, WorldPlan, tick_error::with_causes};

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
    /// Whether the plan's own actions were begun; false while calls of before, or ceremonies, had to go first.
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

/// The first error of a tick, while its other steps go on.
#[derive(Default)]
pub(crate) struct FirstError(Option<TickError>);

impl FirstError {
    pub(crate) fn note<T, E: Into<TickError>>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let error = error.into();
                match &self.0 {
                    None => self.0 = Some(error),
                    Some(_) => {
                        tracing::warn!(error = with_causes(&error), "another step of this tick failed");
                    }
                }
                None
            }
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn or<T>(self, value: T) -> Result<T, TickError> {
        self.0.map_or(Ok(value), Err)
    }
}
