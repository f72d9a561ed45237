//! Random positions and settings, and what carrying a plan out does to a position.

use std::ops::RangeInclusive;

use nexus_policy::{Action, BridgeState, ExitCandidate, ExitOrder, PolicySettings, RollupPosition};
use nexus_primitives::{
    BasisPoints, ClusterId, Epoch, U256, VALIDATOR_DEPOSIT, ValidatorIndex, ValidatorPubkey, Wei,
};
use proptest::prelude::*;

/// `count` validators' worth of ETH.
pub(crate) fn validators(count: u64) -> Wei {
    VALIDATOR_DEPOSIT.checked_mul(count).unwrap()
}

/// Shares of the whole, with the ends and the round ones met more often.
pub(crate) fn share() -> impl Strategy<Value = BasisPoints> {
    prop_oneof![
        3 => 0..=10_000_u16,
        1 => prop::sample::select(vec![0, 1, 9_999, 10_000]),
        2 => (0..=20_u16).prop_map(|twentieths| twentieths * 500),
        2 => (1..=20_u16).prop_map(|twentieths| twentieths * 500 - 1),
    ]
    .prop_map(|bps| BasisPoints::new(bps).unwrap())
}

/// Amounts that lie on a boundary, a wei beside it, or anywhere up to a thousand validators.
fn balance() -> impl Strategy<Value = Wei> {
    let near = (0..=200_u64, -2..=2_i8).prop_map(|(count, off)| {
        let off_by = Wei::new(U256::from(off.unsigned_abs()));
        let amount = validators(count);
        if off < 0 { amount.saturating_sub(off_by) } else { amount.checked_add(off_by).unwrap() }
    });
    let ether = (0..=3_000_u64).prop_map(Wei::from_ether);
    let any = (0..=validators(1_000).get().to::<u128>()).prop_map(|wei| Wei::new(U256::from(wei)));
    prop_oneof![near, ether, any]
}

/// Counts as rollups have them, and some as no rollup will ever.
fn count() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..=60_u64, 2 => 0..=5_u64, 1 => 0..=1_000_000_000_000_u64]
}

fn candidate() -> impl Strategy<Value = (u64, u64, u64)> {
    (0..=3_u64, 0..=3_u64, 0..=3_u64)
}

/// Candidates that are different validators, in the order of their indices; narrow ranges make ties common.
fn candidates(number: RangeInclusive<usize>) -> impl Strategy<Value = Vec<ExitCandidate>> {
    prop::collection::vec(candidate(), number).prop_map(|features| {
        let numbered = features.into_iter().zip(0_u64..);
        numbered
            .map(|((activated, missed, cluster), index)| exit_candidate(index, activated, missed, cluster))
            .collect()
    })
}

fn exit_candidate(index: u64, activated: u64, missed_performance: u64, cluster: u64) -> ExitCandidate {
    let mut pubkey = [0; 48];
    // Keys in another order than indices: a tie broken by the key would show.
    pubkey[..8].copy_from_slice(&index.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    ExitCandidate {
        pubkey: ValidatorPubkey::new(pubkey),
        index: ValidatorIndex::new(index),
        activated: Epoch::new(activated),
        missed_performance,
        cluster: ClusterId::new(cluster),
    }
}

/// Bounds on how many validators are withdrawn, in order: none, known exactly, or a payment being observed.
fn withdrawn() -> impl Strategy<Value = (u64, u64)> {
    let narrow = (0..=10_u64, 1..=4_u64).prop_map(|(at_least, more)| (at_least, at_least + more));
    let wide = (0..=60_u64, 0..=60_u64).prop_map(|(at_least, more)| (at_least, at_least + more));
    prop_oneof![Just((0, 0)), (0..=60_u64).prop_map(|exactly| (exactly, exactly)), narrow, wide]
}

/// A position that fits together, with the ETH of the deposits in flight usually there.
pub(crate) fn position() -> impl Strategy<Value = RollupPosition> {
    let counts = (
        count(),
        prop_oneof![Just(0_u64), 0..=60_u64],
        withdrawn(),
        prop_oneof![2 => Just(0_u64), 1 => 0..=20_u64],
    );
    (balance(), share(), counts, 0..=100_u64, candidates(0..=40)).prop_map(
        |(balance, limit, counts, excess_for_secs, mut exit_candidates)| {
            let (validator_count, exiting, (at_least, at_most), creating) = counts;
            let exiting = exiting.min(validator_count);
            exit_candidates.truncate(usize::try_from(validator_count - exiting).unwrap());
            RollupPosition {
                balance,
                limit,
                validator_count,
                exiting,
                withdrawn_at_least: at_least.min(exiting),
                withdrawn_at_most: at_most.min(exiting),
                creating,
                excess_for_secs,
                exit_candidates,
            }
        },
    )
}

/// A position of which it isn't known how many validators are withdrawn.
pub(crate) fn settling_position() -> impl Strategy<Value = RollupPosition> {
    (position(), 0..=8_u64, 1..=4_u64).prop_map(|(position, at_least, more)| {
        let withdrawn_at_most = at_least + more;
        // Exiting ones that the bridge counts besides, so that all else stays as it is.
        RollupPosition {
            validator_count: position.validator_count + withdrawn_at_most,
            exiting: position.exiting + withdrawn_at_most,
            withdrawn_at_least: at_least,
            withdrawn_at_most,
            ..position
        }
    })
}

/// A position of which it is known how many validators are withdrawn.
pub(crate) fn settled_position() -> impl Strategy<Value = RollupPosition> {
    position().prop_map(|position| with_withdrawn(&position, position.withdrawn_at_least))
}

/// The position when exactly so many validators are withdrawn.
pub(crate) fn with_withdrawn(position: &RollupPosition, exactly: u64) -> RollupPosition {
    RollupPosition { withdrawn_at_least: exactly, withdrawn_at_most: exactly, ..position.clone() }
}

/// A position where every validator that stays can exit, and nothing is in flight.
pub(crate) fn free_position() -> impl Strategy<Value = RollupPosition> {
    (balance(), share(), candidates(0..=60), 0..=5_u64, 0..=5_u64).prop_map(
        |(balance, limit, exit_candidates, exiting, withdrawn)| {
            let withdrawn = withdrawn.min(exiting);
            let validator_count = u64::try_from(exit_candidates.len()).unwrap() + exiting;
            RollupPosition {
                balance,
                limit,
                validator_count,
                exiting,
                withdrawn_at_least: withdrawn,
                withdrawn_at_most: withdrawn,
                creating: 0,
                excess_for_secs: 0,
                exit_candidates,
            }
        },
    )
}

/// A bridge of up to thirty validators' worth of ETH, often a wei beside a whole number of them.
pub(crate) fn bridge_state() -> impl Strategy<Value = BridgeState> {
    let balance =
        (0..=30_u64, 0..=31_u64, prop::sample::select(vec![-1_i8, 0, 1])).prop_map(|(count, ether, off)| {
            let amount = validators(count).checked_add(Wei::from_ether(ether)).unwrap();
            match off {
                -1 => amount.saturating_sub(Wei::new(U256::ONE)),
                _ => amount.checked_add(Wei::new(U256::from(off.unsigned_abs()))).unwrap(),
            }
        });
    (balance, 0..=40_u64).prop_map(|(balance, validator_count)| BridgeState { balance, validator_count })
}

/// A position of such a bridge, whose deposits in flight it can pay.
pub(crate) fn payable_position() -> impl Strategy<Value = RollupPosition> {
    let counts = (prop_oneof![Just(0), 0..=40_u64], withdrawn(), prop_oneof![Just(0), 0..=10_u64]);
    (bridge_state(), share(), counts).prop_map(
        |(BridgeState { balance, validator_count }, limit, (exiting, (at_least, at_most), creating))| {
            let exiting = exiting.min(validator_count);
            RollupPosition {
                balance,
                limit,
                validator_count,
                exiting,
                withdrawn_at_least: at_least.min(exiting),
                withdrawn_at_most: at_most.min(exiting),
                creating: creating.min(balance.div_floor(VALIDATOR_DEPOSIT).unwrap().to()),
                excess_for_secs: 0,
                exit_candidates: vec![],
            }
        },
    )
}

/// Anything that the types can hold.
pub(crate) fn wild_position() -> impl Strategy<Value = RollupPosition> {
    let wei = prop_oneof![
        any::<[u64; 4]>(),
        Just([u64::MAX; 4]),
        any::<(u64, u64)>().prop_map(|(a, b)| [a, b, 0, 0])
    ];
    let number = || prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..=100_u64];
    let withdrawn = prop_oneof![Just((0, 0)), (number(), number())];
    (wei, share(), number(), number(), withdrawn, number(), number(), candidates(0..=4)).prop_map(
        |(wei, limit, validator_count, exiting, withdrawn, creating, excess_for_secs, exit_candidates)| {
            RollupPosition {
                balance: Wei::new(U256::from_limbs(wei)),
                limit,
                validator_count,
                exiting,
                withdrawn_at_least: withdrawn.0,
                withdrawn_at_most: withdrawn.1,
                creating,
                excess_for_secs,
                exit_candidates,
            }
        },
    )
}

pub(crate) fn exit_order() -> impl Strategy<Value = ExitOrder> {
    prop::sample::select(ExitOrder::ALL.to_vec())
}

/// Settings of every kind, the exact rule among them.
pub(crate) fn settings() -> impl Strategy<Value = PolicySettings> {
    let cap = || prop_oneof![2 => Just(u64::MAX), 1 => 0..=5_u64];
    let reserve = prop_oneof![1 => Just(Wei::ZERO), 1 => balance()];
    let band = prop_oneof![
        Just(BasisPoints::ZERO),
        (0..=1_000_u16).prop_map(|bps| BasisPoints::new(bps).unwrap()),
        share()
    ];
    let patience = prop_oneof![Just(0), 0..=100_u64];
    (reserve, band, patience, exit_order(), cap(), cap()).prop_map(
        |(reserve, dead_band, exit_after_secs, exit_order, max_create, max_exit)| PolicySettings {
            reserve,
            dead_band,
            exit_after_secs,
            exit_order,
            max_create,
            max_exit,
        },
    )
}

/// The exact rule with any order and reserve.
pub(crate) fn exact_settings() -> impl Strategy<Value = PolicySettings> {
    (exit_order(), prop_oneof![Just(Wei::ZERO), balance()]).prop_map(|(exit_order, reserve)| PolicySettings {
        exit_order,
        reserve,
        ..PolicySettings::exact()
    })
}

/// The position once an action is under way: deposits sent, exits told.
pub(crate) fn under_way(position: &RollupPosition, action: &Action) -> RollupPosition {
    let mut next = position.clone();
    match action {
        Action::Create(count) => next.creating += count.get(),
        Action::Exit(pubkeys) => {
            next.exit_candidates.retain(|candidate| !pubkeys.contains(&candidate.pubkey));
            next.exiting += u64::try_from(pubkeys.len()).unwrap();
        }
        Action::Hold(_) => {}
    }
    next
}

/// The position once everything under way has happened: deposits mined, exited validators paid back and closed.
pub(crate) fn landed(position: &RollupPosition) -> RollupPosition {
    assert_eq!(position.withdrawn_at_least, position.withdrawn_at_most, "or the balance isn't known");
    let paid =
        position.balance.checked_sub(validators(position.creating)).expect("deposits that can be paid");
    RollupPosition {
        balance: paid.checked_add(validators(position.exiting - position.withdrawn_at_least)).unwrap(),
        validator_count: position.validator_count + position.creating - position.exiting,
        exiting: 0,
        withdrawn_at_least: 0,
        withdrawn_at_most: 0,
        creating: 0,
        ..position.clone()
    }
}

/// The bridge once the deposits in flight have landed.
pub(crate) fn bridge(position: &RollupPosition) -> BridgeState {
    BridgeState {
        balance: position
            .balance
            .checked_sub(validators(position.creating))
            .expect("deposits that can be paid"),
        validator_count: position.validator_count + position.creating,
    }
}
