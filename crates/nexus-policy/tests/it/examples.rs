//! Single positions with known answers: the demo's story, the edges, and what is refused.

use std::num::NonZeroU64;

use nexus_policy::{Action, ExitCandidate, HoldReason, PolicySettings, PositionError, RollupPosition, plan};
use nexus_primitives::{BasisPoints, ClusterId, Epoch, U256, ValidatorIndex, ValidatorPubkey, Wei};

fn rollup(balance_eth: u64, limit_bps: u16, validator_count: u64) -> RollupPosition {
    RollupPosition {
        balance: Wei::from_ether(balance_eth),
        limit: BasisPoints::new(limit_bps).unwrap(),
        validator_count,
        exiting: 0,
        withdrawn_at_least: 0,
        withdrawn_at_most: 0,
        creating: 0,
        excess_for_secs: 0,
        exit_candidates: (0..validator_count.min(8)).map(candidate).collect(),
    }
}

fn candidate(number: u64) -> ExitCandidate {
    ExitCandidate {
        pubkey: ValidatorPubkey::new([u8::try_from(number).unwrap(); 48]),
        index: ValidatorIndex::new(number),
        activated: Epoch::new(10),
        missed_performance: 0,
        cluster: ClusterId::new(1),
    }
}

fn create(count: u64) -> Action {
    Action::Create(NonZeroU64::new(count).unwrap())
}

fn exit_first(count: u64) -> Action {
    Action::Exit((0..count).map(|number| candidate(number).pubkey).collect())
}

#[track_caller]
fn check(position: &RollupPosition, settings: &PolicySettings, expected: Action) {
    assert_eq!(plan(position, settings).unwrap().action, expected);
}

#[test]
fn the_story_of_a_rollup() {
    let exact = PolicySettings::exact();
    check(&rollup(0, 4_000, 0), &exact, Action::Hold(HoldReason::AtLimit));
    check(&rollup(500, 4_000, 0), &exact, create(6));
    let staked = plan(&rollup(308, 4_000, 6), &exact).unwrap();
    assert_eq!(staked.assessment.staked_bps.to_string(), "38.40 %");
    assert_eq!(staked.action, Action::Hold(HoldReason::AtLimit));
    check(&rollup(308, 2_000, 6), &exact, exit_first(3));
    check(&rollup(404, 2_000, 3), &exact, Action::Hold(HoldReason::AtLimit));
    check(&rollup(254, 2_000, 3), &exact, exit_first(1));
}

#[test]
fn one_wei_decides_at_the_boundary() {
    let exact = PolicySettings::exact();
    let boundary = rollup(80, 4_000, 0);
    check(&boundary, &exact, create(1));
    let short = RollupPosition { balance: boundary.balance.saturating_sub(Wei::new(U256::ONE)), ..boundary };
    check(&short, &exact, Action::Hold(HoldReason::AtLimit));
}

#[test]
fn the_ends_of_the_limit_stake_everything_or_nothing() {
    let exact = PolicySettings::exact();
    check(&rollup(64, 10_000, 5), &exact, create(2));
    check(&rollup(500, 0, 0), &exact, Action::Hold(HoldReason::AtLimit));
    check(&rollup(500, 0, 2), &exact, exit_first(2));
}

#[test]
fn deposits_in_flight_are_not_planned_again() {
    let exact = PolicySettings::exact();
    check(&RollupPosition { creating: 4, ..rollup(500, 4_000, 0) }, &exact, create(2));
    check(
        &RollupPosition { creating: 6, ..rollup(500, 4_000, 0) },
        &exact,
        Action::Hold(HoldReason::AtLimit),
    );
}

#[test]
fn deposits_in_flight_that_can_not_be_paid_any_more_are_no_reason_to_fail() {
    let short = RollupPosition { creating: 3, ..rollup(64, 10_000, 0) };
    let plan = plan(&short, &PolicySettings::exact()).unwrap();
    assert_eq!(plan.assessment.staked_bps, BasisPoints::FULL);
    assert_eq!(plan.action, Action::Hold(HoldReason::NoExitCandidates));
}

#[test]
fn the_bridge_counts_exiting_validators_and_holds_creations_back() {
    // 5 stay where 10 may, but the bridge still counts 15 of them: 15 · 32 / (500 + 32) is above 50 %.
    let position = RollupPosition { exiting: 10, exit_candidates: vec![], ..rollup(200, 5_000, 15) };
    check(&position, &PolicySettings::exact(), Action::Hold(HoldReason::BridgeWouldRefuse));
}

#[test]
fn the_bridge_refuses_a_share_that_reaches_the_next_basis_point() {
    // The eighth: 8 · 32 / (480 + 32) is 50 % sharp, one hundredth of a percent above the limit.
    let position = RollupPosition { exiting: 7, exit_candidates: vec![], ..rollup(256, 4_999, 7) };
    check(&position, &PolicySettings::exact(), Action::Hold(HoldReason::BridgeWouldRefuse));
    check(
        &RollupPosition { limit: BasisPoints::new(5_000).unwrap(), ..position },
        &PolicySettings::exact(),
        create(1),
    );
}

/// A rollup with so many validators told to exit, and at least and at most so many of them withdrawn.
fn withdrawing(rollup: RollupPosition, exiting: u64, withdrawn: (u64, u64)) -> RollupPosition {
    let (withdrawn_at_least, withdrawn_at_most) = withdrawn;
    RollupPosition { exiting, withdrawn_at_least, withdrawn_at_most, exit_candidates: vec![], ..rollup }
}

#[test]
fn a_balance_that_came_back_is_not_counted_twice() {
    // 500 ETH, and 3 validators of which nothing is left but their number: not 596 ETH.
    let position = withdrawing(rollup(500, 4_000, 3), 3, (3, 3));
    let plan = plan(&position, &PolicySettings::exact()).unwrap();
    assert_eq!(plan.assessment.locked, Wei::from_ether(500));
    assert_eq!((plan.assessment.target, plan.assessment.staying), (6, 0));
    // 7 · 32 / (596 + 32) is 35.6 % for the bridge, 8 · 32 / 628 is 40.7 %: it takes 4 until the 3 are closed.
    assert_eq!(plan.action, create(4));
    check(&rollup(500, 4_000, 0), &PolicySettings::exact(), create(6));
}

#[test]
fn a_withdrawal_being_paid_holds_what_depends_on_it() {
    let settling = || Action::Hold(HoldReason::Settling);
    let exact = PolicySettings::exact();
    // 100 ETH make 2 validators at 80 %, and 132 ETH make 3.
    let one_exits = |balance, withdrawn| withdrawing(rollup(balance, 8_000, 1), 1, withdrawn);
    check(&one_exits(100, (0, 0)), &exact, create(3));
    check(&one_exits(100, (0, 1)), &exact, settling());
    let figures = plan(&one_exits(100, (0, 1)), &exact).unwrap().assessment;
    assert_eq!((figures.locked, figures.target), (Wei::from_ether(132), 3), "with what is certain");
    check(&one_exits(100, (1, 1)), &exact, create(2));
    // 80 ETH make 2, and so do 112 ETH.
    check(&one_exits(80, (0, 1)), &exact, create(2));
    // 308 ETH and 6 validators besides: 3 too many of 500 ETH at 20 %, and 3 of 532 ETH.
    let leaving = withdrawing(rollup(308, 2_000, 7), 1, (0, 1));
    let candidates = RollupPosition { exit_candidates: (0..6).map(candidate).collect(), ..leaving };
    check(&candidates, &exact, exit_first(3));
    let limit = BasisPoints::new(1_900).unwrap();
    check(&RollupPosition { limit, ..candidates }, &exact, settling());
}

#[test]
fn reserve_and_caps_hold_creations_back() {
    let exact = PolicySettings::exact();
    let position = rollup(500, 4_000, 0);
    let with_reserve = |ether| PolicySettings { reserve: Wei::from_ether(ether), ..exact };
    check(&position, &with_reserve(400), create(3));
    check(&position, &with_reserve(469), Action::Hold(HoldReason::NoBalance));
    check(&position, &PolicySettings { max_create: 2, ..exact }, create(2));
    check(&position, &PolicySettings { max_create: 0, ..exact }, Action::Hold(HoldReason::CapReached));
}

#[test]
fn caps_and_missing_candidates_hold_exits_back() {
    let exact = PolicySettings::exact();
    let position = rollup(308, 2_000, 6);
    check(&position, &PolicySettings { max_exit: 2, ..exact }, exit_first(2));
    check(&position, &PolicySettings { max_exit: 0, ..exact }, Action::Hold(HoldReason::CapReached));
    let none = RollupPosition { exit_candidates: vec![], ..position };
    check(&none, &exact, Action::Hold(HoldReason::NoExitCandidates));
}

#[test]
fn an_excess_must_last_before_validators_exit() {
    let patient = PolicySettings { exit_after_secs: 60, ..PolicySettings::exact() };
    let since = |secs| RollupPosition { excess_for_secs: secs, ..rollup(308, 2_000, 6) };
    check(&since(59), &patient, Action::Hold(HoldReason::ExcessTooRecent));
    check(&since(60), &patient, exit_first(3));
}

#[test]
fn the_dead_band_tolerates_a_balance_that_hovers() {
    let band = PolicySettings { dead_band: BasisPoints::new(100).unwrap(), ..PolicySettings::exact() };
    let hold = || Action::Hold(HoldReason::WithinDeadBand);
    // One validator is worth it from 80 ETH at 40 %, from 82.05… ETH at 39 %, until 78.04… ETH at 41 %.
    check(&rollup(81, 4_000, 0), &band, hold());
    check(&rollup(83, 4_000, 0), &band, create(1));
    check(&rollup(79 - 32, 4_000, 1), &band, hold());
    check(&rollup(78 - 32, 4_000, 1), &band, exit_first(1));
}

#[test]
fn contradictions_are_refused_by_name() {
    let refused = |position: &RollupPosition| plan(position, &PolicySettings::exact()).unwrap_err();
    let base = rollup(100, 4_000, 2);

    let error = refused(&RollupPosition { exiting: 3, ..base.clone() });
    assert_eq!(error, PositionError::ExitingAboveCount { exiting: 3, validator_count: 2 });
    assert_eq!(error.to_string(), "3 validators are exiting, the bridge counts 2");

    for (withdrawn_at_least, withdrawn_at_most) in [(1, 0), (0, 2), (2, 2)] {
        let counts = RollupPosition { exiting: 1, withdrawn_at_least, withdrawn_at_most, ..base.clone() };
        let (exiting, error) = (counts.exiting, refused(&counts));
        assert_eq!(
            error,
            PositionError::WithdrawnOutOfOrder { withdrawn_at_least, withdrawn_at_most, exiting }
        );
    }
    let error = refused(&RollupPosition { exiting: 1, withdrawn_at_most: 2, ..base.clone() });
    assert_eq!(
        error.to_string(),
        "withdrawn are at least 0 and at most 2 validators, expected bounds in order and no more than the 1 exiting"
    );

    let error = refused(&RollupPosition { creating: u64::MAX, ..base.clone() });
    assert_eq!(error, PositionError::TooManyValidators { validator_count: 2, creating: u64::MAX });

    let error = refused(&RollupPosition { balance: Wei::MAX, ..base.clone() });
    assert_eq!(error, PositionError::LockedOutOfRange { balance: Wei::MAX, validator_count: 2 });

    let error = refused(&RollupPosition { exiting: 1, ..base.clone() });
    assert_eq!(error, PositionError::CandidatesAboveCount { candidates: 2, remaining: 1 });

    let same_key = ExitCandidate { index: ValidatorIndex::new(7), ..candidate(1) };
    let same_index = ExitCandidate { pubkey: ValidatorPubkey::new([7; 48]), ..candidate(1) };
    for second in [same_key, same_index] {
        let error = refused(&RollupPosition { exit_candidates: vec![candidate(1), second], ..base.clone() });
        assert_eq!(error, PositionError::DuplicateCandidate { pubkey: second.pubkey, index: second.index });
    }
}

#[test]
fn the_largest_amount_that_can_be_planned_for_is_planned_for() {
    // 2^64 · 32 ETH - 1 wei: one wei more would make a count that doesn't fit.
    let most = (U256::from(u64::MAX) + U256::ONE) * Wei::from_ether(32).get() - U256::ONE;
    let position = RollupPosition { balance: Wei::new(most), ..rollup(0, 10_000, 0) };
    check(&position, &PolicySettings::exact(), create(u64::MAX));
    let beyond = RollupPosition { balance: Wei::new(most + U256::ONE), ..position };
    assert!(matches!(plan(&beyond, &PolicySettings::exact()), Err(PositionError::LockedOutOfRange { .. })));
}
