//! What the compiled bridge contract says to plans, and to this crate's model of it.

use std::cell::RefCell;

use nexus_policy::{Action, Assessment, BridgeState, DepositRefused, PolicySettings, RollupPosition, plan};
use nexus_primitives::{BasisPoints, U256, VALIDATOR_DEPOSIT, Wei};
use proptest::{
    prelude::*,
    test_runner::{TestCaseResult, TestRunner},
};

use crate::{
    bridge_contract::{BridgeContract, MOST_PER_CALL},
    laws::is_within,
    met::Met,
    positions::{bridge, bridge_state, exact_settings, payable_position, settings, share, with_withdrawn},
};

/// Runs a property as often as given, against one deployed contract.
fn for_all<S: Strategy>(
    cases: u32,
    strategy: &S,
    law: impl Fn(&mut BridgeContract, S::Value) -> TestCaseResult,
) {
    let contract = RefCell::new(BridgeContract::deploy());
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(strategy, |value| law(&mut contract.borrow_mut(), value))
        .unwrap_or_else(|error| panic!("{error}"));
}

fn planned(position: &RollupPosition, settings: &PolicySettings) -> u64 {
    match plan(position, settings).unwrap().action {
        Action::Create(count) => count.get(),
        Action::Exit(_) | Action::Hold(_) => 0,
    }
}

/// Deposits `count` validators in calls for `size` of them, and one for the rest.
fn accepted(
    contract: &mut BridgeContract,
    from: BridgeState,
    count: u64,
    size: u64,
    limit: BasisPoints,
) -> TestCaseResult {
    contract.set(from);
    let mut left = count;
    while left > 0 {
        let call = left.min(size);
        contract
            .deposit(call, limit)
            .map_err(|error| TestCaseError::fail(format!("{call} more: {error}")))?;
        left -= call;
    }
    Ok(())
}

#[test]
fn the_contract_accepts_every_planned_deposit() {
    let created = Met::default();
    let cases = (payable_position(), prop_oneof![exact_settings(), settings()], 1..=4_u64);
    for_all(2_500, &cases, |contract, (position, settings, size)| {
        let count = planned(&position, &settings);
        if count == 0 {
            return Ok(());
        }
        created.once_more();
        let from = bridge(&position);
        for size in [count, 1, size] {
            accepted(contract, from, count, size, position.limit)?;
        }
        prop_assert_eq!(contract.state().validator_count, from.validator_count + count);
        Ok(())
    });
    created.at_least(150);
}

#[test]
fn one_more_validator_would_break_the_limit_or_be_refused_by_the_contract() {
    let (above_limit, refused_share, refused_balance) = (Met::default(), Met::default(), Met::default());
    for_all(1_500, &payable_position(), |contract, position| {
        let position = with_withdrawn(&position, position.withdrawn_at_least);
        let count = planned(&position, &PolicySettings::exact());
        let Assessment { locked, staying, .. } = Assessment::of(&position).unwrap();
        accepted(contract, bridge(&position), count, 1, position.limit)?;
        match contract.deposit(1, position.limit) {
            Ok(_) => {
                prop_assert!(!is_within(locked, staying + count + 1, position.limit));
                above_limit.once_more();
            }
            Err(DepositRefused::AboveLimit) => refused_share.once_more(),
            Err(DepositRefused::NoBalance) => refused_balance.once_more(),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
        Ok(())
    });
    above_limit.at_least(100);
    refused_share.at_least(100);
    refused_balance.at_least(25);
}

#[test]
fn the_true_share_is_within_the_limit_after_the_contract_carried_a_plan_out() {
    let created = Met::default();
    for_all(800, &payable_position(), |contract, position| {
        // Without validators that are on their way out, what the contract holds is the whole truth.
        let position = RollupPosition { exiting: 0, creating: 0, ..with_withdrawn(&position, 0) };
        let count = planned(&position, &PolicySettings::exact());
        if count == 0 {
            return Ok(());
        }
        created.once_more();
        accepted(contract, bridge(&position), count, count, position.limit)?;
        let BridgeState { balance, validator_count } = contract.state();
        let staked = VALIDATOR_DEPOSIT.checked_mul(validator_count).unwrap();
        prop_assert!(is_within(balance.checked_add(staked).unwrap(), validator_count, position.limit));
        Ok(())
    });
    created.at_least(25);
}

#[test]
fn the_model_says_what_the_contract_says() {
    let (accepts, refuses_share, refuses_balance) = (Met::default(), Met::default(), Met::default());
    // Limits at random, and those right beside the share that the contract is going to compute.
    let cases = (bridge_state(), 0..=20_u64, share(), prop::option::of(-1..=1_i32));
    for_all(1_500, &cases, |contract, (state, validators, limit, beside)| {
        let limit = beside.and_then(|off| beside_share(state, validators, off)).unwrap_or(limit);
        contract.set(state);
        let expected = state.deposit(validators, limit);
        // The contract divides by zero where nothing is locked and nothing deposited; there is nothing to compare.
        prop_assume!(state.balance.get() > U256::ZERO || state.validator_count + validators > 0);
        prop_assert_eq!(contract.deposit(validators, limit), expected);
        match expected {
            Ok(_) => accepts.once_more(),
            Err(DepositRefused::AboveLimit) => refuses_share.once_more(),
            Err(_) => refuses_balance.once_more(),
        }
        Ok(())
    });
    accepts.at_least(100);
    refuses_share.at_least(100);
    refuses_balance.at_least(25);
}

#[test]
fn the_model_overflows_where_the_contract_does() {
    let mut contract = BridgeContract::deploy();
    let full = BridgeState { balance: Wei::MAX, validator_count: 1 };
    contract.set(full);
    assert_eq!(contract.deposit(1, BasisPoints::FULL), Err(DepositRefused::Overflow));
    assert_eq!(full.deposit(1, BasisPoints::FULL), Err(DepositRefused::Overflow));
}

#[test]
fn the_measured_discrepancy_of_the_contract_is_real() {
    // 500 ETH at 50 %: the true share allows 7; the contract takes 8 one by one, and 15 at once.
    let (mut contract, half) = (BridgeContract::deploy(), BasisPoints::new(5_000).unwrap());
    let bridge = BridgeState { balance: Wei::from_ether(500), validator_count: 0 };
    let position = RollupPosition {
        balance: bridge.balance,
        limit: half,
        validator_count: 0,
        exiting: 0,
        withdrawn_at_least: 0,
        withdrawn_at_most: 0,
        creating: 0,
        excess_for_secs: 0,
        exit_candidates: vec![],
    };
    assert_eq!(planned(&position, &PolicySettings::exact()), 7);
    contract.set(bridge);
    let singly = (0..MOST_PER_CALL).take_while(|_| contract.deposit(1, half).is_ok()).count();
    assert_eq!(singly, 8);
    contract.set(bridge);
    assert_eq!(contract.deposit(16, half), Err(DepositRefused::AboveLimit));
    assert_eq!(contract.deposit(15, half).map(|state| state.validator_count), Ok(15));
}

/// The share the contract computes for a deposit, and a basis point to either side; `None` outside the range.
fn beside_share(state: BridgeState, validators: u64, off: i32) -> Option<BasisPoints> {
    let staked = VALIDATOR_DEPOSIT.get() * U256::from(state.validator_count + validators);
    let share: i32 = (staked * U256::from(10_000)).checked_div(state.balance.get() + staked)?.to();
    BasisPoints::new(u16::try_from(share + off).ok()?).ok()
}
