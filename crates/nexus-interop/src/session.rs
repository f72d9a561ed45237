//! One call of the program: installs what rows need and plays them.

use std::{
    collections::BTreeMap,
    fs,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use futures::FutureExt as _;
use tokio::{
    sync::{Mutex, OnceCell},
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    checks::Checks,
    component::{Components, Manager},
    install::install,
    pace::Pace,
    report::{Entry, Report},
    row::Row,
    sabotage::Sabotage,
    stage::{Layout, Stage},
};

/// Check under which a row's own failure is counted.
const COMPLETED: &str = "ran to its end";
/// How long a row may take, installation included.
const ROW_LIMIT: Duration = Duration::from_mins(40);

/// Everything rows have in common.
pub(crate) struct Session {
    layout: Layout,
    components: Components,
    /// Folders of components, by name, from when the first row asks for one.
    installed: BTreeMap<String, OnceCell<PathBuf>>,
    /// Held while a compiler keeps the machine busy.
    compiling: Mutex<()>,
    seed: u64,
    keep: bool,
}

impl Session {
    /// Reads the pinned versions.
    pub(crate) fn open(layout: Layout, seed: u64, keep: bool) -> anyhow::Result<Self> {
        let components = Components::read(&layout.fixtures.join("interop"))?;
        fs::create_dir_all(layout.cache.join("logs"))?;
        let installed = components.names().map(|name| (name.to_owned(), OnceCell::new())).collect();
        Ok(Self { layout, components, installed, compiling: Mutex::new(()), seed, keep })
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

    /// Returns a component's folder; the first row to ask has it installed.
    async fn component(&self, name: &str) -> anyhow::Result<&Path> {
        let component = self.components.get(name)?;
        let folder = self.installed.get(name).context("there is a place for every component")?;
        let install = || async {
            let _turn = match component.manager {
                Manager::Go => Some(self.compiling.lock().await),
                Manager::Npm | Manager::Pip => None,
            };
            install(component, &self.layout.cache).await
        };
        folder.get_or_try_init(install).await.map(PathBuf::as_path)
    }

    /// Plays rows, telling of each when it ends: those that wait for time to pass all at once, each from when its own
    /// peers are installed, the others one after the other beside them.
    pub(crate) async fn play_all(self: Arc<Self>, rows: Vec<Box<dyn Row>>) -> anyhow::Result<Report> {
        let order: Vec<_> = rows.iter().map(|row| row.name()).collect();
        let (waiting, stepped): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.pace() == Pace::RealTime);
        let mut playing = JoinSet::new();
        for rows in waiting.into_iter().map(|row| vec![row]).chain([stepped]) {
            let session = Arc::clone(&self);
            playing.spawn(async move { session.play_in_turn(rows).await });
        }
        let mut entries = Vec::new();
        while let Some(played) = playing.join_next().await {
            entries.extend(played.context("a row panicked")??);
        }
        entries.sort_by_key(|entry| order.iter().position(|name| *name == entry.row));
        Ok(Report::of(entries))
    }

    async fn play_in_turn(&self, rows: Vec<Box<dyn Row>>) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for row in rows {
            let entry = self.play(row.as_ref(), None).await?;
            println!("{}", entry.live_line());
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Plays one row and returns its part of the table.
    pub(crate) async fn play(&self, row: &dyn Row, sabotage: Option<Sabotage>) -> anyhow::Result<Entry> {
        let begun = Instant::now();
        let mut checks = Checks::default();
        let outcome = self.run_bounded(row, sabotage, &mut checks).await;
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

    /// Runs a row so that a panic, a peer that hangs, or checks that were never made are its own failure and nobody
    /// else's.
    async fn run_bounded(
        &self,
        row: &dyn Row,
        sabotage: Option<Sabotage>,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let running = AssertUnwindSafe(self.run(row, sabotage, checks)).catch_unwind();
        let ended = timeout(ROW_LIMIT, running).await.with_context(|| format!("not within {ROW_LIMIT:?}"))?;
        ended.map_err(|_| anyhow!("panicked, as told above"))??;
        ensure!(checks.passed() + checks.failed() > 0, "nothing was checked");
        Ok(())
    }

    async fn run(
        &self,
        row: &dyn Row,
        sabotage: Option<Sabotage>,
        checks: &mut Checks,
    ) -> anyhow::Result<()> {
        let mut installed = BTreeMap::new();
        for name in row.components() {
            installed.insert((*name).to_owned(), self.component(name).await?.to_owned());
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
