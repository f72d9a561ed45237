//! What a row is given: folders, installed peers, randomness.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::sabotage::Sabotage;

/// Where things are in the working copy.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// `fixtures/`.
    pub(crate) fixtures: PathBuf,
    /// `.interop/`: installed peers, logs, working folders.
    pub(crate) cache: PathBuf,
    /// `docs/interop.md`.
    pub(crate) docs_page: PathBuf,
}

/// One row's surroundings.
pub(crate) struct Stage {
    /// Where things are.
    pub(crate) layout: Layout,
    /// Installed components by name.
    pub(crate) installed: BTreeMap<String, PathBuf>,
    /// A fresh folder of the row's own.
    pub(crate) work: PathBuf,
    /// The seed of everything random.
    pub(crate) seed: u64,
    /// How our side is broken in this run, if it is.
    pub(crate) sabotage: Option<Sabotage>,
}

impl Layout {
    /// Finds the working copy this program was built in.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let root = root.canonicalize().with_context(|| format!("no working copy at {}", root.display()))?;
        Ok(Self {
            fixtures: root.join("fixtures"),
            cache: root.join(".interop"),
            docs_page: root.join("docs/interop.md"),
        })
    }
}

impl Stage {
    /// Returns the folder of an installed component.
    pub(crate) fn component(&self, name: &str) -> anyhow::Result<&Path> {
        let path = self.installed.get(name);
        path.map(PathBuf::as_path).with_context(|| format!("the row does not list component {name:?}"))
    }

    /// Returns a log file for a process of this row.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.layout.cache.join("logs").join(format!("{name}.log"))
    }

    /// Returns a generator that depends on the seed alone.
    pub(crate) fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }

    /// Tells whether our side is to be broken this way.
    pub(crate) fn is_sabotaged(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }
}
