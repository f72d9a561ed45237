//! Plans over a small world.

use std::num::NonZeroU64;

use nexus_beacon::ValidatorStatus;
use nexus_primitives::{BasisPoints, UnixSeconds};

use super::*;
use crate::{
    Stage,
    testing::{add, observation, pubkey, record, rollup, settings},
};

const FREE: Allowance = Allowance { deposits: 10, exits: 4 };

static NO_EXCESS: BTreeMap<RollupAdmin, u64> = BTreeMap::new();
static NONE_STALLED: BTreeSet<RollupAdmin> = BTreeSet::new();

fn inputs(records: &[ValidatorRecord], guards: Vec<Guard>, allowance: Allowance) -> PlanInputs<'_> {
    PlanInputs { records, guards, allowance, excess_secs: &NO_EXCESS, stalled: &NONE_STALLED }
}

fn decide(observation: &Observation, records: &[ValidatorRecord], allowance: Allowance) -> RollupPlan {
    plan_world(observation, &settings(), inputs(records, Vec::new(), allowance)).rollups.remove(0)
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
        assert_eq!(decide(&observation(500), &sent, FREE).action(), ("hold", Some("at-limit")), "{stage}");
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
    let mut records: Vec<_> =
        (1..=6).map(|byte| add(&mut world, byte, Stage::Active, ValidatorStatus::ActiveOngoing)).collect();
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
    let mut records: Vec<_> =
        (1..=4).map(|byte| add(&mut world, byte, Stage::Active, ValidatorStatus::ActiveOngoing)).collect();
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
        let guard = if scope == Scope::Deposits { Guard { rollup: Some(rollup()), ..guard } } else { guard };
        let sent = [record(1, Stage::DepositSent)];
        let inputs = inputs(&sent, vec![guard], FREE);
        plan_world(&world, &settings(), inputs).objection_to_deposits(rollup())
    };
    assert_eq!(objection(4_000, Scope::NewWork), None, "another rollup's guard");
    assert_eq!(objection(4_000, Scope::Deposits).as_deref(), Some("guard g holds deposits"));
    assert_eq!(objection(0, Scope::NewWork).as_deref(), Some("more validators stay than the limit allows"));
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
    let inputs = inputs(&[], Vec::new(), FREE);
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
        let inputs = inputs(&records, guards, FREE);
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
    let inputs = inputs(&[], Vec::new(), FREE);
    let plans = plan_world(&world, &settings(), inputs).rollups;
    assert_eq!((&plans[0].decision, &plans[1].decision), (&create(6), &create(4)));
}
