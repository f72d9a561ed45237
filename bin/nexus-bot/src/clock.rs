//! The system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use nexus_primitives::{Clock, UnixSeconds};

/// The one clock that reads the operating system's.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        #[expect(clippy::disallowed_methods, reason = "this is the implementation everything else is given")]
        let now = SystemTime::now();
        UnixSeconds::new(now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}
