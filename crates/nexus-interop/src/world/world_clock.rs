//! Clocks: of a world whose slots pass when they are told to, and of one that doesn't wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
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

/// The machine's own time, which real nodes go by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this harness is a composition root, and nodes go by the system's clock"
    )]
    fn now(&self) -> UnixSeconds {
        let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        UnixSeconds::new(passed.map_or(0, |passed| passed.as_secs()))
    }
}
