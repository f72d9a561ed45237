//! How long an operator takes its time.

use std::time::Duration;

/// The two phases of a key generation, which start when an operator has everybody's exchange keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phases {
    /// Deals are opened at the end of the first phase and the result is told at the end of the second, never earlier.
    Clocked(Duration),
    /// Everything is answered as soon as all deals are there.
    Prompt {
        /// How long deals are waited for.
        deadline: Duration,
    },
}

impl Phases {
    /// As `ssv-dkg` has it: 10 s and 10 s.
    pub const OFFICIAL: Self = Self::Clocked(Duration::from_secs(10));

    /// When deals that were begun at `start` come too late.
    pub(super) fn deals_end(self, start: Duration) -> Duration {
        match self {
            Self::Clocked(length) => start.saturating_add(length),
            Self::Prompt { deadline } => start.saturating_add(deadline),
        }
    }

    /// When the operator complains about deals that came at `now`.
    pub(super) fn complaint_due(self, start: Duration, now: Duration) -> Duration {
        match self {
            Self::Clocked(_) => self.deals_end(start).max(now),
            Self::Prompt { .. } => now,
        }
    }

    /// When the operator tells its result of deals that came at `now`.
    pub(super) fn result_due(self, start: Duration, now: Duration) -> Duration {
        match self {
            Self::Clocked(length) => self.deals_end(start).saturating_add(length).max(now),
            Self::Prompt { .. } => now,
        }
    }
}

/// Without waiting; deals may take 10 s, as everywhere.
impl Default for Phases {
    fn default() -> Self {
        Self::Prompt { deadline: Duration::from_secs(10) }
    }
}
