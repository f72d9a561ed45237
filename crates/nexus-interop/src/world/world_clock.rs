//! The clock of a world whose slots pass when they are told to.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use nexus_primitives::{Clock, UnixSeconds};

/// Shows the time of the newest slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorldClock(Arc<AtomicU64>);

impl WorldClock {
    /// Moves to a slot's time.
    pub(crate) fn set(&self, now: UnixSeconds) {
        self.0.store(now.get(), Ordering::SeqCst);
    }
}

impl Clock for WorldClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.0.load(Ordering::SeqCst))
    }
}
