//! The clock of the embedded world.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use nexus_primitives::{Clock, UnixSeconds};

/// Tells the time of the newest slot. Stands still between slots.
#[derive(Debug, Clone)]
pub struct DevnetClock(Arc<AtomicU64>);

impl DevnetClock {
    pub(crate) fn starting_at(time: UnixSeconds) -> Self {
        Self(Arc::new(AtomicU64::new(time.get())))
    }

    pub(crate) fn set(&self, time: UnixSeconds) {
        self.0.store(time.get(), Ordering::SeqCst);
    }
}

impl Clock for DevnetClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.0.load(Ordering::SeqCst))
    }
}
