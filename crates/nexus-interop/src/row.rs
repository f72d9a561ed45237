//! A row of the closing table.

use async_trait::async_trait;

use crate::{checks::Checks, pace::Pace, sabotage::Sabotage, stage::Stage};

/// One peer, or one family of peers, and everything that is checked against it.
#[async_trait]
pub(crate) trait Row: Send + Sync {
    /// Returns the name on the command line and in the table.
    fn name(&self) -> &'static str;

    /// Returns what the row proves, in a few words.
    fn promise(&self) -> &'static str;

    /// Returns the components of `versions.toml` that must be installed.
    fn components(&self) -> &'static [&'static str];

    /// Returns whether the row waits for time to pass.
    fn pace(&self) -> Pace {
        Pace::Stepped
    }

    /// Returns the checks that must turn red when our side is broken this way; none when it isn't used here.
    fn red_under(&self, _sabotage: Sabotage) -> &'static [&'static str] {
        &[]
    }

    /// Runs the checks. An error is a check that could not be made, and turns the row red like one that failed.
    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()>;
}

const _: Option<&dyn Row> = None;
