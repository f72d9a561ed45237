//! Watching that no SSV cluster runs dry: a liquidated one stops its validators, and Nexus can't revive it.

use std::sync::{Mutex, PoisonError};

use nexus_chain::runway_blocks;
use nexus_primitives::{OperatorSet, UnixSeconds};

use crate::{Alert, Controller, Observation, TickError, register::cluster_costs};

/// Seconds between two looks: balances fall slowly, and each look asks the node once per cluster.
const LOOK_EVERY_SECS: u64 = 600;

/// What the last look found; told again each tick until the next, so that it counts as the same trouble.
#[derive(Default)]
pub(crate) struct RunwayWatch(Mutex<Look>);

#[derive(Default)]
struct Look {
    at: Option<UnixSeconds>,
    alerts: Vec<Alert>,
}

impl RunwayWatch {
    fn is_due(&self, now: UnixSeconds) -> bool {
        self.look().at.is_none_or(|at| now.seconds_since(at) >= LOOK_EVERY_SECS)
    }

    fn look(&self) -> std::sync::MutexGuard<'_, Look> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controller {
    /// Alerts about clusters that can be liquidated before long.
    pub(crate) async fn watch_runway(&self, observation: &Observation) -> Result<(), TickError> {
        let now = self.clock.now();
        if self.runway.is_due(now) {
            let alerts = self.short_runways(observation).await?;
            *self.runway.look() = Look { at: Some(now), alerts };
        }
        let alerts = self.runway.look().alerts.clone();
        for alert in alerts {
            self.note(alert);
        }
        Ok(())
    }

    async fn short_runways(&self, observation: &Observation) -> Result<Vec<Alert>, TickError> {
        let mut alerts = Vec::new();
        // Another version keeps other books; `ssv-version` is what has to be told then.
        if !observation.chain.deployment.ssv_version.fits_nexus() {
            return Ok(alerts);
        }
        let in_use = observation.chain.clusters.iter().filter(|(_, cluster)| cluster.validator_count > 0);
        for (set, cluster) in in_use {
            let settled = self.chain.fetch_registration(set).await?.settled_balance;
            let runway = runway_blocks(settled, &cluster_costs(observation, set), cluster.validator_count);
            let short = runway.filter(|blocks| *blocks < self.settings.ssv_alert_blocks);
            alerts.extend(short.map(|blocks| self.short_runway(set, blocks)));
        }
        Ok(alerts)
    }

    fn short_runway(&self, set: &OperatorSet, blocks: u64) -> Alert {
        let days = blocks / 7_200;
        let message = format!(
            "the SSV cluster of operators {set} can be liquidated in less than {} days: deposit SSV tokens for owner {}",
            days + 1,
            self.settings.nexus
        );
        Alert { name: "ssv-runway-short", rollup: None, subject: set.to_string(), message }
    }
}
