//! What a plan takes from the state file and the pause file.

use std::collections::{BTreeMap, BTreeSet};

use nexus_primitives::{RollupAdmin, UnixSeconds};

use crate::{Guard, Observation, PlanInputs, Settings, Stage, StateError, StateFile, ValidatorRecord};

const DAY_SECS: u64 = 86_400;

/// Owned form of [`PlanInputs`], read from the state file.
pub struct StoredPlanInputs<'a> {
    records: &'a [ValidatorRecord],
    guards: Vec<Guard>,
    allowance: crate::settings::Allowance,
    excess_secs: BTreeMap<RollupAdmin, u64>,
    pub(crate) stalled: BTreeSet<RollupAdmin>,
}

impl StoredPlanInputs<'_> {
    /// Borrows them for [`crate::plan_world`].
    pub fn as_ref(&self) -> PlanInputs<'_> {
        PlanInputs {
            records: self.records,
            guards: self.guards.clone(),
            allowance: self.allowance,
            excess_secs: &self.excess_secs,
            stalled: &self.stalled,
        }
    }
}

/// Gathers what a plan takes from the state file. Writes nothing: `plan` uses it beside a running bot.
pub fn plan_inputs<'a>(
    state: &StateFile,
    settings: &Settings,
    observation: &Observation,
    records: &'a [ValidatorRecord],
    guards: Vec<Guard>,
    now: UnixSeconds,
) -> Result<StoredPlanInputs<'a>, StateError> {
    let yesterday = UnixSeconds::new(now.get().saturating_sub(DAY_SECS));
    let deposits = state.entered_since(Stage::DepositSent, yesterday)?;
    let exits = state.entered_since(Stage::ExitPlanned, yesterday)?;
    let mut excess_secs = BTreeMap::new();
    for rollup in &observation.chain.rollups {
        excess_secs.insert(rollup.admin, state.excess_secs(rollup.admin, now)?);
    }
    Ok(StoredPlanInputs {
        records,
        guards,
        allowance: settings.caps.allowance(deposits, exits),
        excess_secs,
        stalled: BTreeSet::new(),
    })
}

/// Returns the text of the pause file, when there is one.
pub fn pause_reason(settings: &Settings) -> Option<String> {
    let path = &settings.rails.pause_file;
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        // A pause file that can't be read is a pause all the same.
        Err(error) => Some(format!("{} can't be read: {error}", path.display())),
    }
}
