//! From a position to what is to be done about it.

use std::{cmp::Ordering, num::NonZeroU64};

use nexus_primitives::VALIDATOR_DEPOSIT;

use crate::{
    Action, Assessment, HoldReason, PolicySettings, PositionError, RollupPosition, bridge_state,
    locked::{Locked, whole_validators},
};

/// What is to be done for one rollup, and the figures behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How the rollup stands to its limit.
    pub assessment: Assessment,
    /// What is to be done.
    pub action: Action,
}

impl Plan {
    /// Reduces the action to at most `max` validators; see [`Action::capped`].
    pub fn capped(self, max: u64) -> Self {
        Self { action: self.action.capped(max), ..self }
    }
}

/// Plans for one rollup. The crate's documentation lists the rules.
///
/// ```
/// use nexus_policy::{Action, HoldReason, PolicySettings, RollupPosition, plan};
/// use nexus_primitives::{BasisPoints, Wei};
///
/// // The limit falls from 40 % to 20 %: of 500 ETH locked, 3 validators may stay. None can exit yet.
/// let position = RollupPosition {
///     balance: Wei::from_ether(308),
///     limit: BasisPoints::new(2_000)?,
///     validator_count: 6,
///     exiting: 0,
///     withdrawn_at_least: 0,
///     withdrawn_at_most: 0,
///     creating: 0,
///     excess_for_secs: 12,
///     exit_candidates: vec![],
/// };
/// let patient = PolicySettings { exit_after_secs: 3_600, ..PolicySettings::exact() };
/// assert_eq!(plan(&position, &patient)?.action, Action::Hold(HoldReason::ExcessTooRecent));
/// assert_eq!(plan(&position, &PolicySettings::exact())?.action, Action::Hold(HoldReason::NoExitCandidates));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the position contradicts itself or exceeds what ETH there can be; see [`PositionError`].
pub fn plan(position: &RollupPosition, settings: &PolicySettings) -> Result<Plan, PositionError> {
    let assessment = Assessment::of(position)?;
    position.check_candidates()?;
    let action = settled(
        when_withdrawn(position, settings, position.withdrawn_at_least)?,
        when_withdrawn(position, settings, position.withdrawn_at_most)?,
    );
    Ok(Plan { assessment, action })
}

/// Returns the action on which both ends of the range of withdrawn validators agree.
///
/// The ends speak for all that lies between. A withdrawn validator lowers what is locked and nothing else that a plan
/// depends on; with it fall the target and both ends of the dead band, so that creations only shrink and exits only
/// grow. What both ends create or exit, everything between does as well, and between two holds lie only holds.
fn settled(at_least: Action, at_most: Action) -> Action {
    if at_least == at_most { at_least } else { Action::Hold(HoldReason::Settling) }
}

/// Decides for one number of withdrawn validators.
fn when_withdrawn(
    position: &RollupPosition,
    settings: &PolicySettings,
    withdrawn: u64,
) -> Result<Action, PositionError> {
    let locked = Locked::of(position, withdrawn)?;
    let assessment = Assessment::when_withdrawn(position, withdrawn)?;
    Ok(match assessment.staying.cmp(&assessment.target) {
        Ordering::Less => create(position, settings, locked, assessment),
        Ordering::Equal => Action::Hold(HoldReason::AtLimit),
        Ordering::Greater => exit(position, settings, locked, assessment),
    })
}

/// Fewer validators stay than the limit allows: creates what can be paid for and is accepted.
fn create(
    position: &RollupPosition,
    settings: &PolicySettings,
    locked: Locked,
    Assessment { target, staying, .. }: Assessment,
) -> Action {
    if staying >= locked.validators_within(position.limit.saturating_sub(settings.dead_band)) {
        return Action::Hold(HoldReason::WithinDeadBand);
    }
    let missing = target.saturating_sub(staying);
    let affordable = affordable(position, settings);
    let accepted = bridge_state::room(position);
    let count = missing.min(affordable).min(accepted).min(settings.max_create);
    match NonZeroU64::new(count) {
        Some(count) => Action::Create(count),
        None if affordable == 0 => Action::Hold(HoldReason::NoBalance),
        None if accepted == 0 => Action::Hold(HoldReason::BridgeWouldRefuse),
        None => Action::Hold(HoldReason::CapReached),
    }
}

/// Returns how many validators the balance pays for beside the reserve and the deposits in flight.
fn affordable(position: &RollupPosition, settings: &PolicySettings) -> u64 {
    let free = VALIDATOR_DEPOSIT
        .checked_mul(position.creating)
        .ok()
        .and_then(|in_flight| position.balance.checked_sub(in_flight))
        .and_then(|balance| balance.checked_sub(settings.reserve));
    free.map_or(0, whole_validators)
}

/// More validators stay than the limit allows: exits those that can, in the configured order.
fn exit(
    position: &RollupPosition,
    settings: &PolicySettings,
    locked: Locked,
    Assessment { target, staying, .. }: Assessment,
) -> Action {
    if staying <= locked.validators_within(position.limit.saturating_add(settings.dead_band)) {
        return Action::Hold(HoldReason::WithinDeadBand);
    }
    if position.excess_for_secs < settings.exit_after_secs {
        return Action::Hold(HoldReason::ExcessTooRecent);
    }
    if position.exit_candidates.is_empty() {
        return Action::Hold(HoldReason::NoExitCandidates);
    }
    let excess = staying.saturating_sub(target);
    Action::Exit(settings.exit_order.select(&position.exit_candidates, excess)).capped(settings.max_exit)
}
