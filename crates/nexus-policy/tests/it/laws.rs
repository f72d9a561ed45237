//! The laws that every plan obeys, each a property over random positions.

use nexus_policy::{
    Action, Assessment, BridgeState, ExitCandidate, HoldReason, PolicySettings, RollupPosition, plan,
};
use nexus_primitives::{BasisPoints, U256, VALIDATOR_DEPOSIT, Wei};
use proptest::{prelude::*, test_runner::TestCaseResult};

use crate::positions::{
    bridge, exact_settings, free_position, landed, position, settings, settled_position, share, under_way,
    wild_position, with_withdrawn,
};

pub(crate) fn assess(position: &RollupPosition) -> Assessment {
    Assessment::of(position).unwrap()
}

pub(crate) fn decide(position: &RollupPosition, settings: &PolicySettings) -> Action {
    plan(position, settings).unwrap().action
}

/// `32 ETH · staying ≤ locked · limit`, multiplied out so that nothing is rounded.
pub(crate) fn is_within(locked: Wei, staying: u64, limit: BasisPoints) -> bool {
    let staked = VALIDATOR_DEPOSIT.get() * U256::from(staying);
    staked * U256::from(10_000) <= locked.get() * U256::from(limit.get())
}

/// How many more validators stay after an action, or how many fewer.
pub(crate) fn signed(action: &Action) -> i128 {
    match action {
        Action::Exit(_) => -i128::from(action.validators()),
        Action::Create(_) | Action::Hold(_) => i128::from(action.validators()),
    }
}

/// Deposits `count` validators in calls of the given sizes, the last one cut to fit.
fn deposit_in(mut bridge: BridgeState, count: u64, limit: BasisPoints, sizes: &[u64]) -> TestCaseResult {
    let (mut left, mut sizes) = (count, sizes.iter().cycle());
    while left > 0 {
        let size = left.min(*sizes.next().expect("a cycle over at least one size"));
        bridge = bridge.deposit(size, limit).map_err(|error| TestCaseError::fail(error.to_string()))?;
        left -= size;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn share_never_exceeds_the_limit_after_a_creation(position in position(), settings in settings()) {
        let action = decide(&position, &settings);
        let after = under_way(&position, &action);
        if matches!(action, Action::Create(_)) {
            for withdrawn in [position.withdrawn_at_least, position.withdrawn_at_most] {
                let Assessment { locked, staying, .. } = assess(&with_withdrawn(&after, withdrawn));
                prop_assert!(is_within(locked, staying, position.limit));
            }
        }
    }

    #[test]
    fn share_never_exceeds_the_limit_once_everything_is_carried_out(
        position in free_position(), settings in exact_settings()
    ) {
        let carried_out = landed(&under_way(&position, &decide(&position, &settings)));
        let after = assess(&carried_out);
        prop_assert!(is_within(after.locked, carried_out.validator_count, position.limit));
        prop_assert_eq!(after.locked, assess(&position).locked);
    }

    #[test]
    fn one_more_validator_breaks_the_limit_the_balance_or_the_bridge(position in position()) {
        let Action::Create(count) = decide(&position, &PolicySettings::exact()) else { return Ok(()) };
        let Assessment { locked, staying, .. } = assess(&position);
        let more = count.get() + 1;
        let singles = (0..more).try_fold(bridge(&position), |bridge, _| bridge.deposit(1, position.limit));
        prop_assert!(!is_within(locked, staying + more, position.limit) || singles.is_err());
    }

    #[test]
    fn a_hold_below_the_target_has_the_reason_it_gives(position in position(), settings in settings()) {
        let Assessment { staying, target, .. } = assess(&position);
        let Action::Hold(reason) = decide(&position, &settings) else { return Ok(()) };
        let free = position.balance.saturating_sub(VALIDATOR_DEPOSIT.checked_mul(position.creating).unwrap());
        let broke = free.saturating_sub(settings.reserve) < VALIDATOR_DEPOSIT;
        match reason {
            HoldReason::AtLimit => prop_assert_eq!(staying, target),
            HoldReason::WithinDeadBand => prop_assert!(staying != target && settings.dead_band.get() > 0),
            HoldReason::NoBalance => prop_assert!(staying < target && broke),
            HoldReason::BridgeWouldRefuse => {
                prop_assert!(staying < target && !broke);
                prop_assert!(bridge(&position).deposit(1, position.limit).is_err());
            }
            HoldReason::ExcessTooRecent => {
                prop_assert!(staying > target && position.excess_for_secs < settings.exit_after_secs);
            }
            HoldReason::NoExitCandidates => {
                prop_assert!(staying > target && position.exit_candidates.is_empty());
            }
            HoldReason::CapReached if staying < target => {
                prop_assert_eq!(settings.max_create, 0);
                prop_assert!(bridge(&position).deposit(1, position.limit).is_ok());
            }
            HoldReason::CapReached => prop_assert!(staying > target && settings.max_exit == 0),
            HoldReason::Settling => prop_assert!(position.withdrawn_at_least < position.withdrawn_at_most),
        }
    }

    #[test]
    fn nothing_is_planned_below_zero(position in position(), settings in settings()) {
        let Assessment { staying, target, .. } = assess(&position);
        if let Action::Exit(pubkeys) = decide(&position, &settings) {
            prop_assert!(!pubkeys.is_empty());
            prop_assert!(pubkeys.len() as u64 <= staying - target);
        }
    }

    #[test]
    fn the_bridge_rejects_no_planned_deposit(
        position in position(), settings in settings(), sizes in prop::collection::vec(1..=4_u64, 1..=8)
    ) {
        let Action::Create(count) = decide(&position, &settings) else { return Ok(()) };
        for sizes in [&[count.get()][..], &[1], &sizes] {
            deposit_in(bridge(&position), count.get(), position.limit, sizes)?;
        }
    }

    #[test]
    fn the_bridge_rejects_no_planned_deposit_when_those_in_flight_are_lost(
        position in position(), settings in settings(), sizes in prop::collection::vec(1..=4_u64, 1..=8)
    ) {
        let Action::Create(count) = decide(&position, &settings) else { return Ok(()) };
        let bridge = BridgeState { balance: position.balance, validator_count: position.validator_count };
        for sizes in [&[count.get()][..], &[1], &sizes] {
            deposit_in(bridge, count.get(), position.limit, sizes)?;
        }
    }

    #[test]
    fn planning_again_creates_nothing_more(position in position(), settings in settings()) {
        let settings = PolicySettings { max_create: u64::MAX, ..settings };
        let action = decide(&position, &settings);
        if matches!(action, Action::Create(_)) {
            let sent = under_way(&position, &action);
            prop_assert_eq!(decide(&sent, &settings).validators(), 0);
            // Without what was exiting, which comes back and may be staked again.
            prop_assume!(position.exiting == 0);
            prop_assert_eq!(decide(&landed(&sent), &settings).validators(), 0);
        }
    }

    #[test]
    fn planning_again_exits_nothing_more(position in free_position(), settings in settings()) {
        let settings = PolicySettings { max_exit: u64::MAX, ..settings };
        let action = decide(&position, &settings);
        if matches!(action, Action::Exit(_)) {
            let told = under_way(&position, &action);
            prop_assert_eq!(decide(&told, &settings), Action::Hold(HoldReason::AtLimit));
            prop_assert_eq!(decide(&landed(&told), &settings), Action::Hold(HoldReason::AtLimit));
        }
    }

    #[test]
    fn a_plan_never_calls_for_its_opposite(position in position(), settings in settings()) {
        let action = decide(&position, &settings);
        let next = decide(&under_way(&position, &action), &settings);
        prop_assert!(!matches!(
            (action, next),
            (Action::Create(_), Action::Exit(_)) | (Action::Exit(_), Action::Create(_))
        ));
    }

    #[test]
    fn a_cap_spreads_a_plan_and_never_enlarges_it(position in settled_position(), settings in settings(), cap in 1..=3_u64) {
        let whole = decide(&position, &PolicySettings { max_create: u64::MAX, max_exit: u64::MAX, ..settings });
        prop_assume!(whole.validators() <= 300);
        let capped = PolicySettings { max_create: cap, max_exit: cap, ..settings };
        let (mut position, mut total) = (position, 0);
        while let action @ (Action::Create(_) | Action::Exit(_)) = decide(&position, &capped) {
            total += action.validators();
            position = under_way(&position, &action);
        }
        prop_assert!(total <= whole.validators());
        prop_assert!(total == whole.validators() || settings.dead_band > BasisPoints::ZERO);
    }

    #[test]
    fn caps_are_respected(position in settled_position(), settings in settings(), max in 0..=5_u64) {
        let action = decide(&position, &settings);
        match &action {
            Action::Create(count) => prop_assert!(count.get() <= settings.max_create),
            Action::Exit(pubkeys) => prop_assert!(pubkeys.len() as u64 <= settings.max_exit),
            Action::Hold(_) => {}
        }
        let same = PolicySettings {
            max_create: settings.max_create.min(max), max_exit: settings.max_exit.min(max), ..settings
        };
        prop_assert_eq!(action.capped(max), decide(&position, &same));
    }

    #[test]
    fn the_reserve_is_left_on_the_bridge(position in position(), settings in settings()) {
        let action = decide(&position, &settings);
        if matches!(action, Action::Create(_)) {
            prop_assert!(bridge(&under_way(&position, &action)).balance >= settings.reserve);
        }
    }

    #[test]
    fn a_higher_limit_never_means_fewer_creations_or_more_exits(
        position in settled_position(), settings in settings(), limits in (share(), share())
    ) {
        let at = |limit| decide(&RollupPosition { limit, ..position.clone() }, &settings);
        let (low, high) = (at(limits.0.min(limits.1)), at(limits.0.max(limits.1)));
        prop_assert!(signed(&low) <= signed(&high), "{low:?}, then {high:?}");
    }

    #[test]
    fn nothing_is_planned_inside_the_dead_band(position in position(), settings in settings()) {
        let Assessment { locked, staying, .. } = assess(&position);
        let above_low = !is_within(locked, staying + 1, position.limit.saturating_sub(settings.dead_band));
        let below_high = is_within(locked, staying, position.limit.saturating_add(settings.dead_band));
        let action = decide(&position, &settings);
        if above_low && below_high {
            prop_assert!(matches!(action, Action::Hold(_)), "{action:?}");
        }
    }

    #[test]
    fn outside_the_dead_band_the_plan_is_the_exact_one(position in position(), settings in settings()) {
        let action = decide(&position, &settings);
        if !matches!(action, Action::Hold(_)) {
            let exact = PolicySettings { dead_band: BasisPoints::ZERO, exit_after_secs: 0, ..settings };
            prop_assert_eq!(action, decide(&position, &exact));
        }
    }

    #[test]
    fn exits_wait_until_the_excess_has_lasted(position in position(), settings in settings()) {
        if matches!(decide(&position, &settings), Action::Exit(_)) {
            prop_assert!(position.excess_for_secs >= settings.exit_after_secs);
        }
    }

    #[test]
    fn the_order_of_candidates_changes_nothing(
        (shuffled, position) in position().prop_flat_map(|position| {
            (Just(position.exit_candidates.clone()).prop_shuffle(), Just(position))
        }),
        settings in settings()
    ) {
        let other = RollupPosition { exit_candidates: shuffled, ..position.clone() };
        prop_assert_eq!(plan(&other, &settings), plan(&position, &settings));
    }

    #[test]
    fn exits_are_different_candidates(position in position(), settings in settings()) {
        if let Action::Exit(pubkeys) = decide(&position, &settings) {
            let known = |key| position.exit_candidates.iter().any(|c: &ExitCandidate| c.pubkey == key);
            prop_assert!(pubkeys.iter().all(|key| known(*key)));
            let distinct: std::collections::BTreeSet<_> = pubkeys.iter().collect();
            prop_assert_eq!(distinct.len(), pubkeys.len());
        }
    }

    #[test]
    fn no_amount_panics_or_wraps(position in wild_position(), settings in settings()) {
        let Ok(plan) = plan(&position, &settings) else { return Ok(()) };
        let holding = position.validator_count - position.withdrawn_at_least;
        let expected = VALIDATOR_DEPOSIT.checked_mul(holding).unwrap();
        prop_assert_eq!(plan.assessment.locked, position.balance.checked_add(expected).unwrap());
        prop_assert!(plan.assessment.locked >= position.balance);
    }
}
