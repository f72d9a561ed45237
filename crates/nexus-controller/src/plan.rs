//! From an observation to what is to be done, for every rollup: pure.

use std::collections::{BTreeMap, BTreeSet};

use nexus_chain::{BlockAt, BlockRef, RollupSnapshot};
use nexus_policy::{Action, Assessment, HoldReason, Plan, RollupPosition, plan};
use nexus_primitives::RollupAdmin;

use crate::{
    Guard, KeySource, Observation, Settings, ValidatorRecord,
    guard::{Scope, holds},
    position::position,
    settings::Allowance,
};

/// What is to be done for one rollup, and why.
#[derive(Debug, Clone)]
pub struct RollupPlan {
    /// The rollup as observed.
    pub rollup: RollupSnapshot,
    /// How its new keys are made.
    pub keys: KeySource,
    /// What the policy was asked.
    pub position: RollupPosition,
    /// Its figures.
    pub assessment: Assessment,
    /// What to do, after the guards.
    pub decision: Decision,
}

/// What is to be done for a rollup after the guards had their say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// What the policy decided.
    Do(Action),
    /// The policy wanted to act and a guard holds it back.
    Held {
        /// What the policy wanted.
        wanted: Action,
        /// The guard.
        guard: &'static str,
    },
}

/// Plans for every rollup at one moment.
#[derive(Debug, Clone)]
pub struct WorldPlan {
    /// The block it was made at.
    pub block: BlockRef,
    /// Which block that was meant to be.
    pub observed_at: BlockAt,
    /// One plan per rollup, ordered by admin.
    pub rollups: Vec<RollupPlan>,
    /// The guards that are down.
    pub guards: Vec<Guard>,
}

/// What a plan takes beside the observation and the settings.
pub struct PlanInputs<'a> {
    /// What the state file knows.
    pub records: &'a [ValidatorRecord],
    /// The guards that are down.
    pub guards: Vec<Guard>,
    /// What is left of the caps.
    pub allowance: Allowance,
    /// For how many seconds a rollup has been above its limit.
    pub excess_secs: &'a BTreeMap<RollupAdmin, u64>,
    /// Rollups whose creations came to nothing a tick ago: they take their part of the caps last.
    pub stalled: &'a BTreeSet<RollupAdmin>,
}

/// Plans for every rollup. Each takes its part of the caps, in order of admins but the stalled ones last. A rollup
/// whose position contradicts itself gets no plan but a guard that says so; the others go on.
pub fn plan_world(observation: &Observation, settings: &Settings, inputs: PlanInputs<'_>) -> WorldPlan {
    let PlanInputs { records, mut guards, mut allowance, excess_secs, stalled } = inputs;
    let mut order: Vec<_> = observation.chain.rollups.iter().collect();
    order.sort_by_key(|rollup| (stalled.contains(&rollup.admin), rollup.admin));
    let mut rollups = Vec::with_capacity(order.len());
    for rollup in order {
        let excess = excess_secs.get(&rollup.admin).copied().unwrap_or_default();
        let keys = settings.keys.of(rollup.admin);
        let position = position(observation, rollup, records, keys, excess);
        match plan(&position, &settings.policy_for(rollup.admin, allowance)) {
            Ok(Plan { assessment, action }) => {
                let decision = guarded(action, &guards, rollup.admin);
                take(&mut allowance, &decision);
                rollups.push(RollupPlan { rollup: rollup.clone(), keys, position, assessment, decision });
            }
            Err(contradiction) => guards.push(Guard {
                name: "position-contradicts",
                scope: Scope::NewWork,
                rollup: Some(rollup.admin),
                message: format!("no plan can be made: {contradiction}"),
            }),
        }
    }
    rollups.sort_by_key(|planned| planned.rollup.admin);
    WorldPlan { block: observation.chain.block, observed_at: settings.observe_at, rollups, guards }
}

fn guarded(action: Action, guards: &[Guard], rollup: RollupAdmin) -> Decision {
    let scope = match action {
        Action::Create(_) => Scope::Deposits,
        Action::Exit(_) => Scope::NewWork,
        Action::Hold(_) => return Decision::Do(action),
    };
    let concerned = |guard: &&Guard| holds(std::slice::from_ref(*guard), scope, rollup);
    match guards.iter().find(concerned) {
        Some(guard) => Decision::Held { wanted: action, guard: guard.name },
        None => Decision::Do(action),
    }
}

fn take(allowance: &mut Allowance, decision: &Decision) {
    let Decision::Do(action) = decision else { return };
    match action {
        Action::Create(_) => allowance.deposits = allowance.deposits.saturating_sub(action.validators()),
        Action::Exit(_) => allowance.exits = allowance.exits.saturating_sub(action.validators()),
        Action::Hold(_) => {}
    }
}

impl WorldPlan {
    /// Returns how many exits that were chosen and not signed aren't wanted any more: all of them when a guard holds
    /// new exits, otherwise as many as the limit leaves room for again.
    pub fn surplus_exits(&self, rollup: RollupAdmin) -> usize {
        if holds(&self.guards, Scope::NewWork, rollup) {
            return usize::MAX;
        }
        let planned = self.rollups.iter().find(|planned| planned.rollup.admin == rollup);
        let room = planned
            .map_or(u64::MAX, |planned| planned.assessment.target.saturating_sub(planned.assessment.staying));
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Returns why a rollup's deposits aren't wanted now, if they aren't: a guard holds them, or too many validators
    /// stay as it is.
    pub fn objection_to_deposits(&self, rollup: RollupAdmin) -> Option<String> {
        let holding = |guard: &&Guard| holds(std::slice::from_ref(*guard), Scope::Deposits, rollup);
        if let Some(guard) = self.guards.iter().find(holding) {
            return Some(format!("guard {} holds deposits", guard.name));
        }
        match self.rollups.iter().find(|planned| planned.rollup.admin == rollup) {
            Some(planned) if planned.is_above() => {
                Some("more validators stay than the limit allows".to_owned())
            }
            Some(_) => None,
            None => Some("the rollup isn't registered any more".to_owned()),
        }
    }
}

impl RollupPlan {
    /// Returns the decision as `plan --json` names it: kind, and a reason when nothing is done.
    pub fn action(&self) -> (&'static str, Option<&'static str>) {
        match &self.decision {
            Decision::Do(Action::Create(_)) => ("create", None),
            Decision::Do(Action::Exit(_)) => ("exit", None),
            Decision::Do(Action::Hold(reason)) => ("hold", Some(HoldReason::as_str(*reason))),
            Decision::Held { guard, .. } => ("hold", Some(guard)),
        }
    }

    /// Returns whether more validators stay than the limit allows.
    pub fn is_above(&self) -> bool {
        self.assessment.staying > self.assessment.target
    }
}

#[cfg(test)]
mod tests;
