//! Wall-clock time as an argument.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// Takes the seconds.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns how many seconds have passed since `earlier`; zero when it lies ahead.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where the time comes from: the system's clock in production, a hand-moved one in tests.
pub trait Clock: Send + Sync {
    /// Returns the present time.
    fn now(&self) -> UnixSeconds;
}

const _: Option<&dyn Clock> = None;
