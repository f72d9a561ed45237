//! From an observation to what is to be done, for every rollup: pure.

use std::collections::{BTreeMap, BTreeSet};

use nexus_beacon::{ValidatorStatus, check_eligibility};
use nexus_chain::{BlockAt, BlockRef, NexusStatus, NexusValidator, RollupSnapshot};
use nexus_policy::{Action, Assessment, ExitCandidate, HoldReason, Plan, RollupPosition, plan};
use nexus_primitives::{RollupAdmin, UnixSeconds, ValidatorPubkey};

use crate::{
    Guard, Observation, Settings, Stage, ValidatorRecord,
    guard::{Scope, holds},
    settings::Allowance,
};

/// What is to be done for one rollup, and why.
#[derive(Debug, Clone)]
pub struct RollupPlan {
    /// The rollup as observed.
    pub rollup: RollupSnapshot,
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
        let position = position(observation, rollup, records, excess);
        match plan(&position, &settings.policy_for(rollup.admin, allowance)) {
            Ok(Plan { assessment, action }) => {
                let decision = guarded(action, &guards, rollup.admin);
                take(&mut allowance, &decision);
                rollups.push(RollupPlan { rollup: rollup.clone(), position, assessment, decision });
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

/// Returns where a rollup stands, from what both layers and the state file say.
fn position(
    observation: &Observation,
    rollup: &RollupSnapshot,
    records: &[ValidatorRecord],
    excess_for_secs: u64,
) -> RollupPosition {
    let own: BTreeMap<_, _> = records
        .iter()
        .filter(|record| record.rollup == rollup.admin)
        .filter_map(|record| Some((record.pubkey?, record.stage)))
        .collect();
    let foreign: BTreeSet<_> = records
        .iter()
        .filter(|record| record.derivation_index.is_none())
        .filter_map(|record| record.pubkey)
        .collect();
    let counted: Vec<_> = observation.chain.validators.iter().filter(|v| counts(v, rollup.admin)).collect();
    let leaving = |validator: &&&NexusValidator| is_leaving(observation, validator, &own);
    let paid = paid_before(observation.chain.block.timestamp, records);
    let withdrawn = |validator: &&&NexusValidator| is_withdrawn(observation, validator, &own);
    RollupPosition {
        balance: rollup.bridge.balance,
        limit: rollup.limit,
        validator_count: rollup.bridge.validator_count,
        exiting: as_count(counted.iter().filter(leaving).count()),
        withdrawn_at_least: as_count(counted.iter().filter(|v| paid.contains(&v.pubkey)).count()),
        withdrawn_at_most: as_count(counted.iter().filter(withdrawn).count()),
        creating: as_count(unseen_deposits(observation, &own)),
        excess_for_secs,
        exit_candidates: counted
            .iter()
            .filter(|validator| own.get(&validator.pubkey) == Some(&Stage::Active))
            .filter(|validator| !foreign.contains(&validator.pubkey) && !leaving(validator))
            .filter_map(|validator| candidate(observation, rollup, validator))
            .collect(),
    }
}

/// Whether the bridge counts the validator: deposited and not closed.
fn counts(validator: &NexusValidator, rollup: RollupAdmin) -> bool {
    validator.rollup == rollup
        && !matches!(validator.status, NexusStatus::Inactive | NexusStatus::ValidatorExited)
}

fn is_leaving(
    observation: &Observation,
    validator: &NexusValidator,
    own: &BTreeMap<ValidatorPubkey, Stage>,
) -> bool {
    validator.status == NexusStatus::ValidatorExitSubmitted
        || own.get(&validator.pubkey).is_some_and(|stage| stage.is_leaving() || *stage == Stage::Closed)
        || observation.validators.get(&validator.pubkey).is_some_and(|beacon| beacon.exit_epoch.is_some())
}

/// Returns the validators whose balance is on the bridge at the observed block for certain: that they were paid had
/// been noted when the block was made.
///
/// How long ago it was noted says nothing: the block may be older than the beacon state by any time, as when the
/// execution node learns late what is final, or is asked for `safe` while the beacon chain is read at its head.
fn paid_before(block: UnixSeconds, records: &[ValidatorRecord]) -> BTreeSet<ValidatorPubkey> {
    let noted = records.iter().filter(|record| has_been_paid(record.stage) && record.updated_at <= block);
    noted.filter_map(|record| record.pubkey).collect()
}

/// Whether the validator's balance is on the bridge at the observed block perhaps: the bot or the beacon chain, which
/// was read after the contracts, knows that it was paid.
fn is_withdrawn(
    observation: &Observation,
    validator: &NexusValidator,
    own: &BTreeMap<ValidatorPubkey, Stage>,
) -> bool {
    let known = own.get(&validator.pubkey).is_some_and(|stage| has_been_paid(*stage));
    let beacon = observation.validators.get(&validator.pubkey);
    known || beacon.is_some_and(|beacon| beacon.status == ValidatorStatus::WithdrawalDone)
}

fn has_been_paid(stage: Stage) -> bool {
    stage >= Stage::Withdrawn && stage != Stage::Abandoned
}

/// Deposits that may have been spent and that the contracts don't show at the observed block. Whatever the state file
/// has learnt since, what the snapshot doesn't count must be added to it.
fn unseen_deposits(observation: &Observation, own: &BTreeMap<ValidatorPubkey, Stage>) -> usize {
    let seen = |pubkey: &ValidatorPubkey| {
        observation.chain.validators.binary_search_by(|validator| validator.pubkey.cmp(pubkey)).is_ok()
    };
    own.iter()
        .filter(|(pubkey, stage)| **stage >= Stage::DepositSent && !stage.is_over() && !seen(pubkey))
        .count()
}

fn candidate(
    observation: &Observation,
    rollup: &RollupSnapshot,
    validator: &NexusValidator,
) -> Option<ExitCandidate> {
    let beacon = observation.validators.get(&validator.pubkey)?;
    let eligible = check_eligibility(
        beacon,
        observation.current_epoch(),
        &observation.spec,
        &observation.partial_withdrawals,
    );
    eligible.ok().and(beacon.activation_epoch).map(|activated| ExitCandidate {
        pubkey: validator.pubkey,
        index: beacon.index,
        activated,
        // What it has earned less than others is the one figure every beacon node gives.
        missed_performance: u64::MAX - beacon.balance.get(),
        cluster: rollup.cluster,
    })
}

fn as_count(count: usize) -> u64 {
    u64::try_from(count).expect("a usize fits 64 bits")
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
mod tests {
    use std::num::NonZeroU64;

    use nexus_primitives::BasisPoints;

    use super::*;
    use crate::testing::{add, observation, pubkey, record, rollup, settings};

    const FREE: Allowance = Allowance { deposits: 10, exits: 4 };

    fn decide(observation: &Observation, records: &[ValidatorRecord], allowance: Allowance) -> RollupPlan {
        let inputs = PlanInputs {
            records,
            guards: Vec::new(),
            allowance,
            excess_secs: &BTreeMap::new(),
            stalled: &BTreeSet::new(),
        };
        plan_world(observation, &settings(), inputs).rollups.remove(0)
    }

    fn create(count: u64) -> Decision {
        Decision::Do(Action::Create(NonZeroU64::new(count).unwrap()))
    }

    fn limit(observation: &mut Observation, bps: u16) {
        observation.chain.rollups[0].limit = BasisPoints::new(bps).unwrap();
    }

    #[test]
    fn missing_validators_are_created() {
        assert_eq!(decide(&observation(500), &[], FREE).decision, create(6));
        let capped = Allowance { deposits: 2, ..FREE };
        assert_eq!(decide(&observation(500), &[], capped).decision, create(2));
    }

    #[test]
    fn a_deposit_under_way_is_not_ordered_again() {
        let sent: Vec<_> = (1..=6).map(|byte| record(byte, Stage::DepositSent)).collect();
        let planned = decide(&observation(500), &sent, FREE);
        assert_eq!(planned.position.creating, 6);
        assert_eq!(planned.decision, Decision::Do(Action::Hold(HoldReason::AtLimit)));
    }

    #[test]
    fn a_deposit_that_became_final_after_the_snapshot_is_not_ordered_again() {
        for stage in [Stage::Deposited, Stage::SharesSent, Stage::Registered] {
            let sent: Vec<_> = (1..=6).map(|byte| record(byte, stage)).collect();
            assert_eq!(
                decide(&observation(500), &sent, FREE).action(),
                ("hold", Some("at-limit")),
                "{stage}"
            );
        }
    }

    #[test]
    fn a_validator_whose_key_is_not_in_the_vault_is_no_candidate() {
        let mut world = observation(0);
        limit(&mut world, 0);
        let mut records = [add(&mut world, 1, Stage::Active, ValidatorStatus::ActiveOngoing)];
        records[0].derivation_index = None;
        assert_eq!(decide(&world, &records, FREE).action(), ("hold", Some("no-exit-candidates")));
    }

    #[test]
    fn keys_that_are_ready_are_stock_and_not_under_way() {
        assert_eq!(decide(&observation(500), &[record(1, Stage::KeysReady)], FREE).decision, create(6));
    }

    #[test]
    fn an_exit_under_way_is_not_ordered_again() {
        let mut world = observation(308);
        let mut records: Vec<_> = (1..=6)
            .map(|byte| add(&mut world, byte, Stage::Active, ValidatorStatus::ActiveOngoing))
            .collect();
        limit(&mut world, 2_000);
        let first = decide(&world, &records, FREE);
        assert!(matches!(&first.decision, Decision::Do(Action::Exit(keys)) if keys.len() == 3));
        // Chosen only: nothing is signed, and still they count as leaving.
        records.iter_mut().take(3).for_each(|record| record.stage = Stage::ExitPlanned);
        let second = decide(&world, &records, FREE);
        assert_eq!((second.position.exiting, second.action()), (3, ("hold", Some("at-limit"))));
    }

    #[test]
    fn an_exit_that_only_the_beacon_chain_knows_counts_as_well() {
        let mut world = observation(500);
        let records = [add(&mut world, 1, Stage::Active, ValidatorStatus::ActiveExiting)];
        let planned = decide(&world, &records, FREE);
        assert_eq!(planned.position.exiting, 1);
        assert!(planned.position.exit_candidates.is_empty());
    }

    #[test]
    fn a_balance_that_came_back_is_not_counted_twice() {
        let mut world = observation(500);
        let records = [add(&mut world, 1, Stage::Withdrawn, ValidatorStatus::WithdrawalDone)];
        world.chain.block.timestamp = records[0].updated_at;
        let planned = decide(&world, &records, FREE);
        assert_eq!((planned.position.withdrawn_at_least, planned.position.withdrawn_at_most), (1, 1));
        assert_eq!(planned.assessment.locked, nexus_primitives::Wei::from_ether(500));
    }

    #[test]
    fn a_block_older_than_the_news_of_a_payment_proves_nothing() {
        let mut world = observation(180);
        let mut records: Vec<_> = (1..=4)
            .map(|byte| add(&mut world, byte, Stage::Active, ValidatorStatus::ActiveOngoing))
            .collect();
        records.push(add(&mut world, 5, Stage::RemovalSent, ValidatorStatus::WithdrawalDone));
        let noted = records[4].updated_at;
        world.chain.block.timestamp = UnixSeconds::new(noted.get() - 1);
        let planned = decide(&world, &records, FREE);
        assert_eq!((planned.position.withdrawn_at_least, planned.position.withdrawn_at_most), (0, 1));
        // 4 may stay if the 32 ETH are still to come, 3 if they are among the 180: nobody leaves for that.
        assert_eq!(planned.action(), ("hold", Some("settling")));
        world.chain.block.timestamp = noted;
        assert_eq!(decide(&world, &records, FREE).action().0, "exit");
    }

    #[test]
    fn a_key_given_up_that_shows_on_nexus_counts_as_staying() {
        let mut world = observation(500);
        let records = [add(&mut world, 1, Stage::Active, ValidatorStatus::ActiveOngoing)]
            .map(|record| ValidatorRecord { stage: Stage::Abandoned, ..record });
        let planned = decide(&world, &records, FREE);
        assert_eq!((planned.position.exiting, planned.position.withdrawn_at_least), (0, 0));
        assert_eq!(planned.assessment.staying, 1);
    }

    #[test]
    fn nothing_hangs_on_a_withdrawal_that_is_just_being_paid() {
        let action = |balance| {
            let mut world = observation(balance);
            let mut records: Vec<_> = (1..=4)
                .map(|byte| add(&mut world, byte, Stage::Active, ValidatorStatus::ActiveOngoing))
                .collect();
            records.push(add(&mut world, 5, Stage::ExitInformed, ValidatorStatus::WithdrawalDone));
            let planned = decide(&world, &records, FREE);
            assert_eq!((planned.position.withdrawn_at_least, planned.position.withdrawn_at_most), (0, 1));
            planned.action()
        };
        // 192 ETH: 4 validators may stay whether the 32 ETH are among them or still to come.
        assert_eq!(action(192), ("hold", Some("at-limit")));
        // 180 ETH: 4 may stay if the 32 ETH are still to come, 3 if they are among them.
        assert_eq!(action(180), ("hold", Some("settling")));
    }

    #[test]
    fn only_active_validators_of_ours_that_may_leave_are_candidates() {
        let mut world = observation(0);
        limit(&mut world, 0);
        let records = [
            add(&mut world, 1, Stage::Active, ValidatorStatus::ActiveOngoing),
            add(&mut world, 2, Stage::Registered, ValidatorStatus::PendingQueued),
            add(&mut world, 3, Stage::Active, ValidatorStatus::ActiveOngoing),
        ];
        world.validators.get_mut(&pubkey(3)).unwrap().activation_epoch = Some(world.current_epoch());
        let planned = decide(&world, &records, FREE);
        assert_eq!(planned.decision, Decision::Do(Action::Exit(vec![pubkey(1)])));
    }

    #[test]
    fn a_guard_holds_what_the_policy_wants_and_is_named() {
        let guard = Guard { name: "paused", scope: Scope::Everything, rollup: None, message: String::new() };
        let inputs = PlanInputs {
            records: &[],
            guards: vec![guard],
            allowance: FREE,
            excess_secs: &BTreeMap::from([(rollup(), 5)]),
            stalled: &BTreeSet::new(),
        };
        let planned = plan_world(&observation(500), &settings(), inputs).rollups.remove(0);
        assert_eq!(planned.position.excess_for_secs, 5);
        assert_eq!(planned.action(), ("hold", Some("paused")));
    }

    #[test]
    fn recorded_deposits_are_objected_to_when_held_or_too_many() {
        let objection = |bps, scope| {
            let mut world = observation(500);
            limit(&mut world, bps);
            let guard = Guard {
                name: "g",
                scope,
                rollup: Some(RollupAdmin::new(nexus_primitives::Address::ZERO)),
                message: String::new(),
            };
            let guard =
                if scope == Scope::Deposits { Guard { rollup: Some(rollup()), ..guard } } else { guard };
            let sent = [record(1, Stage::DepositSent)];
            let inputs = PlanInputs {
                records: &sent,
                guards: vec![guard],
                allowance: FREE,
                excess_secs: &BTreeMap::new(),
                stalled: &BTreeSet::new(),
            };
            plan_world(&world, &settings(), inputs).objection_to_deposits(rollup())
        };
        assert_eq!(objection(4_000, Scope::NewWork), None, "another rollup's guard");
        assert_eq!(objection(4_000, Scope::Deposits).as_deref(), Some("guard g holds deposits"));
        assert_eq!(
            objection(0, Scope::NewWork).as_deref(),
            Some("more validators stay than the limit allows")
        );
    }

    #[test]
    fn a_rollup_that_is_stuck_does_not_starve_the_others() {
        let mut world = observation(500);
        let mut second = world.chain.rollups[0].clone();
        second.admin = RollupAdmin::new(nexus_primitives::Address::new([8; 20]));
        world.chain.rollups.push(second);
        let inputs = PlanInputs {
            records: &[],
            guards: Vec::new(),
            allowance: FREE,
            excess_secs: &BTreeMap::new(),
            stalled: &BTreeSet::from([rollup()]),
        };
        let plans = plan_world(&world, &settings(), inputs).rollups;
        assert_eq!((&plans[0].decision, &plans[1].decision), (&create(4), &create(6)));
    }

    #[test]
    fn a_contradictory_position_holds_its_rollup_and_no_other() {
        let mut world = observation(500);
        let mut second = world.chain.rollups[0].clone();
        second.admin = RollupAdmin::new(nexus_primitives::Address::new([8; 20]));
        world.chain.rollups.push(second);
        add(&mut world, 1, Stage::ExitInformed, ValidatorStatus::ActiveExiting);
        world.chain.rollups[0].bridge.validator_count = 0;
        let inputs = PlanInputs {
            records: &[],
            guards: Vec::new(),
            allowance: FREE,
            excess_secs: &BTreeMap::new(),
            stalled: &BTreeSet::new(),
        };
        let plan = plan_world(&world, &settings(), inputs);
        assert_eq!((plan.rollups.len(), &plan.rollups[0].decision), (1, &create(6)));
        assert_eq!((plan.guards[0].name, plan.guards[0].rollup), ("position-contradicts", Some(rollup())));
    }

    #[test]
    fn exits_chosen_for_a_plan_that_changed_are_surplus() {
        let surplus = |bps, guards| {
            let mut world = observation(308);
            let records: Vec<_> = (1..=6)
                .map(|byte| {
                    let stage = if byte <= 3 { Stage::ExitPlanned } else { Stage::Active };
                    add(&mut world, byte, stage, ValidatorStatus::ActiveOngoing)
                })
                .collect();
            limit(&mut world, bps);
            let inputs = PlanInputs {
                records: &records,
                guards,
                allowance: FREE,
                excess_secs: &BTreeMap::new(),
                stalled: &BTreeSet::new(),
            };
            plan_world(&world, &settings(), inputs).surplus_exits(rollup())
        };
        assert_eq!(surplus(2_000, Vec::new()), 0, "still wanted");
        assert_eq!(surplus(3_000, Vec::new()), 1, "one may stay after all");
        let guard = Guard { name: "g", scope: Scope::NewWork, rollup: None, message: String::new() };
        assert_eq!(surplus(2_000, vec![guard]), usize::MAX);
    }

    #[test]
    fn two_rollups_share_one_allowance() {
        let mut world = observation(500);
        let mut second = world.chain.rollups[0].clone();
        second.admin = RollupAdmin::new(nexus_primitives::Address::new([8; 20]));
        world.chain.rollups.push(second);
        let inputs = PlanInputs {
            records: &[],
            guards: Vec::new(),
            allowance: FREE,
            excess_secs: &BTreeMap::new(),
            stalled: &BTreeSet::new(),
        };
        let plans = plan_world(&world, &settings(), inputs).rollups;
        assert_eq!((&plans[0].decision, &plans[1].decision), (&create(6), &create(4)));
    }
}
