//! The laws about validators whose balance is back on the bridge while the bridge still counts them.

use nexus_policy::{Action, HoldReason, RollupPosition};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    laws::{assess, decide, signed},
    met::Met,
    positions::{bridge, position, settings, settled_position, settling_position, with_withdrawn},
};

const SETTLING: Action = Action::Hold(HoldReason::Settling);

/// The position once the withdrawn validators are closed, and nothing else has happened.
fn closed(position: &RollupPosition) -> RollupPosition {
    let withdrawn = position.withdrawn_at_least;
    RollupPosition {
        validator_count: position.validator_count - withdrawn,
        exiting: position.exiting - withdrawn,
        ..with_withdrawn(position, 0)
    }
}

/// Whether the bridge takes so many deposits one by one, beside those in flight.
fn takes(position: &RollupPosition, count: u64) -> bool {
    (0..count).try_fold(bridge(position), |bridge, _| bridge.deposit(1, position.limit)).is_ok()
}

#[test]
fn withdrawn_validators_weigh_as_closed_ones_but_for_the_check_of_the_bridge() {
    let (same, held_back) = (Met::default(), Met::default());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let cases = (prop_oneof![settled_position(), settling_position()], settings());
    runner
        .run(&cases, |(position, settings)| {
            let open = with_withdrawn(&position, position.withdrawn_at_most);
            let closed = closed(&open);
            prop_assert_eq!(assess(&open), assess(&closed));
            let (now, then) = (decide(&open, &settings), decide(&closed, &settings));
            if now == then {
                same.once_more();
                return Ok(());
            }
            held_back.once_more();
            prop_assert!(
                matches!(now, Action::Create(_) | Action::Hold(HoldReason::BridgeWouldRefuse)),
                "{now:?}"
            );
            prop_assert!(
                matches!(then, Action::Create(_) | Action::Hold(HoldReason::CapReached)),
                "{then:?}"
            );
            prop_assert!(now.validators() <= then.validators());
            prop_assert!(!takes(&open, now.validators() + 1));
            prop_assert!(takes(&closed, now.validators() + 1));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    same.at_least(500);
    held_back.at_least(25);
}

#[test]
fn both_ends_of_the_range_decide_for_all_that_lies_between() {
    let (settling, agreed) = (Met::default(), Met::default());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&(settling_position(), settings()), |(position, settings)| {
            let action = decide(&position, &settings);
            let range = position.withdrawn_at_least..=position.withdrawn_at_most;
            let each: Vec<_> =
                range.map(|withdrawn| decide(&with_withdrawn(&position, withdrawn), &settings)).collect();
            if action == SETTLING {
                settling.once_more();
                prop_assert_ne!(each.first(), each.last());
            } else if action.validators() > 0 {
                agreed.once_more();
                prop_assert!(each.iter().all(|exact| *exact == action), "{each:?}");
            } else {
                prop_assert!(each.iter().all(|exact| exact.validators() == 0), "{each:?}");
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    settling.at_least(25);
    agreed.at_least(25);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_settles_when_the_number_of_withdrawn_is_known(
        position in settled_position(), settings in settings()
    ) {
        prop_assert_ne!(decide(&position, &settings), SETTLING);
    }

    #[test]
    fn a_range_never_creates_or_exits_more_than_either_end(position in settling_position(), settings in settings()) {
        let action = decide(&position, &settings);
        for end in [position.withdrawn_at_least, position.withdrawn_at_most] {
            let exact = decide(&with_withdrawn(&position, end), &settings);
            prop_assert!(signed(&action).max(0) <= signed(&exact).max(0));
            prop_assert!(signed(&action).min(0) >= signed(&exact).min(0));
        }
    }

    #[test]
    fn more_withdrawn_never_means_more_creations_or_fewer_exits(
        position in position(), settings in settings(), withdrawn in (0..=60_u64, 0..=60_u64)
    ) {
        let at = |number: u64| decide(&with_withdrawn(&position, number.min(position.exiting)), &settings);
        let (fewer, more) = (at(withdrawn.0.min(withdrawn.1)), at(withdrawn.0.max(withdrawn.1)));
        prop_assert!(signed(&more) <= signed(&fewer), "{fewer:?}, then {more:?}");
    }
}
