//! How often a random test met what it is about.

use std::cell::Cell;

/// How often something was met: a law over cases that never occur would hold as well.
#[derive(Default)]
pub(crate) struct Met(Cell<u32>);

impl Met {
    pub(crate) fn once_more(&self) {
        self.0.set(self.0.get() + 1);
    }

    #[track_caller]
    pub(crate) fn at_least(&self, times: u32) {
        assert!(self.0.get() >= times, "met {} times, expected {times} at least", self.0.get());
    }
}
