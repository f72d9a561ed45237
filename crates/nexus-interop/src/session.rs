//! One call of the program: installs what rows need and plays them.

use std::{collections::BTreeMap, fs};

use anyhow::Context as _;
use tokio::time::Instant;

use crate::{
    checks::Checks,
    component::Components,
    install::install,
    report::Entry,
    row::Row,
    sabotage::Sabotage,
    stage::{Layout, Stage},
};

/// Check under which a row's own failure is counted.
const COMPLETED: &str = "ran to its end";

/// Everything rows have in common.
pub(crate) struct Session {
    layout: Layout,
    components: Components,
    seed: u64,
    keep: bool,
}

impl Session {
    /// Reads the pinned versions.
    pub(crate) fn open(layout: Layout, seed: u64, keep: bool) -> anyhow::Result<Self> {
        let components = Components::read(&layout.fixtures.join("interop"))?;
        fs::create_dir_all(layout.cache.join("logs"))?;
        Ok(Self { layout, components, seed, keep })
    }

    /// Returns where things are.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns a row's peers with their versions.
    pub(crate) fn peers(&self, row: &dyn Row) -> anyhow::Result<String> {
        let mut peers = Vec::new();
        for name in row.components() {
            peers.extend(self.components.get(name)?.peers.iter().cloned());
        }
        Ok(peers.join(", "))
    }

    /// Plays one row and returns its part of the table.
    pub(crate) async fn play(&self, row: &dyn Row, sabotage: Option<Sabotage>) -> anyhow::Result<Entry> {
        let begun = Instant::now();
        let mut checks = Checks::default();
        let outcome = self.run(row, sabotage, &mut checks).await;
        if let Err(error) = &outcome {
            checks.that(COMPLETED, false, || format!("{error:#}"));
        }
        Ok(Entry {
            row: row.name(),
            promise: row.promise(),
            peers: self.peers(row)?,
            checks,
            seconds: begun.elapsed().as_secs(),
        })
    }

    async fn run(
        &self,
        row: &dyn Row,
        sabotage: Option<Sabotage>,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let mut installed = BTreeMap::new();
        for name in row.components() {
            let component = self.components.get(name)?;
            installed.insert((*name).to_owned(), install(component, &self.layout.cache).await?);
        }
        let work = self.layout.cache.join("work").join(row.name());
        if work.exists() {
            fs::remove_dir_all(&work).with_context(|| format!("clearing {}", work.display()))?;
        }
        fs::create_dir_all(&work)?;
        let stage =
            Stage { layout: self.layout.clone(), installed, work: work.clone(), seed: self.seed, sabotage };
        let outcome = row.run(&stage, checks).await;
        if !self.keep {
            fs::remove_dir_all(&work)?;
        }
        outcome
    }
}
