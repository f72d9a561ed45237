//! Positions that moved too far to be believed without a person.

use nexus_chain::RollupSnapshot;
use nexus_primitives::{BasisPoints, RollupAdmin, VALIDATOR_DEPOSIT, Wei, WeiOverflow};

use crate::{Guard, Observation, Scope, Settings, StateError, StateFile, settings::Jumps};

/// A rollup's limit and locked ETH, as they were accepted or as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupStanding {
    /// Staking limit.
    pub limit: BasisPoints,
    /// ETH on the bridge and 32 for each validator it counts.
    pub locked: Wei,
}

impl RollupStanding {
    /// Reads the standing from a snapshot.
    pub fn of(rollup: &RollupSnapshot) -> Result<Self, WeiOverflow> {
        let staked = VALIDATOR_DEPOSIT.checked_mul(rollup.bridge.validator_count)?;
        Ok(Self { limit: rollup.limit, locked: rollup.bridge.balance.checked_add(staked)? })
    }

    /// Returns what moved further than allowed, for people.
    fn jump_to(self, now: Self, jumps: &Jumps) -> Option<(&'static str, String)> {
        let limit = self.limit.get().abs_diff(now.limit.get());
        if jumps.limit.is_some_and(|allowed| limit > allowed.get()) {
            return Some((
                "limit-jump",
                format!("the staking limit went from {} to {}", self.limit, now.limit),
            ));
        }
        let locked = now.locked.saturating_sub(self.locked).max(self.locked.saturating_sub(now.locked));
        jumps.locked.is_some_and(|allowed| locked > allowed).then(|| {
            let (from, to) = (self.locked.to_ether_text(), now.locked.to_ether_text());
            ("balance-jump", format!("the locked ETH went from {from} to {to}"))
        })
    }
}

/// Returns a guard for every rollup that moved too far from what was accepted. Writes nothing.
pub(crate) fn jump_guards(
    state: &StateFile,
    observation: &Observation,
    settings: &Settings,
) -> Result<Vec<Guard>, StateError> {
    let mut guards = Vec::new();
    for rollup in &observation.chain.rollups {
        let (Some(accepted), Ok(now)) = (state.accepted_standing(rollup.admin)?, RollupStanding::of(rollup))
        else {
            continue;
        };
        guards.extend(accepted.jump_to(now, &settings.rails.jumps).map(|(name, what)| Guard {
            name,
            scope: Scope::NewWork,
            rollup: Some(rollup.admin),
            message: format!("{what}; if that is right: `nexus-bot state confirm --rollup {}`", rollup.admin),
        }));
    }
    Ok(guards)
}

/// Accepts the standing of every rollup that no jump guard holds: the next jump is measured from there.
pub(crate) fn accept_standings(
    state: &StateFile,
    observation: &Observation,
    guards: &[Guard],
) -> Result<(), StateError> {
    let held = |rollup: RollupAdmin| {
        guards.iter().any(|g| g.rollup == Some(rollup) && matches!(g.name, "limit-jump" | "balance-jump"))
    };
    for rollup in observation.chain.rollups.iter().filter(|rollup| !held(rollup.admin)) {
        if let Ok(now) = RollupStanding::of(rollup) {
            state.accept_standing(rollup.admin, now)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use nexus_primitives::ChainId;

    use super::*;
    use crate::{
        StateIdentity,
        testing::{NEXUS, observation, rollup, settings},
    };

    #[test]
    fn a_jump_holds_its_rollup_until_it_is_confirmed() {
        let state = StateFile::in_memory(StateIdentity { chain_id: ChainId::new(1), nexus: NEXUS }).unwrap();
        let mut settings = settings();
        settings.rails.jumps =
            Jumps { limit: Some(BasisPoints::new(500).unwrap()), locked: Some(Wei::from_ether(100)) };
        let tick = |balance, bps| {
            let mut world = observation(balance);
            world.chain.rollups[0].limit = BasisPoints::new(bps).unwrap();
            let guards = jump_guards(&state, &world, &settings).unwrap();
            accept_standings(&state, &world, &guards).unwrap();
            guards.into_iter().map(|guard| guard.name).collect::<Vec<_>>()
        };
        assert!(tick(500, 4_000).is_empty(), "the first sight is accepted");
        assert!(tick(590, 4_400).is_empty());
        assert!(tick(680, 4_800).is_empty(), "measured from the last accepted one");
        assert_eq!(tick(680, 2_000), ["limit-jump"]);
        assert_eq!(tick(500, 4_800), ["balance-jump"]);
        assert_eq!(tick(500, 4_800), ["balance-jump"], "it stays until confirmed");
        let confirmed =
            RollupStanding { limit: BasisPoints::new(4_800).unwrap(), locked: Wei::from_ether(500) };
        state.accept_standing(rollup(), confirmed).unwrap();
        assert!(tick(500, 4_800).is_empty());
    }
}
