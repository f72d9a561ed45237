//! How long operators may take, round by round.

use std::time::Duration;

/// Deadlines of a ceremony's rounds, each over whole exchanges with all operators at once.
///
/// Operators run on a clock of their own, started by the exchange keys: deals that reach one later than 10 s after that
/// are ignored, and results come 20 s after it, never earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For the health check.
    pub health: Duration,
    /// For opening the ceremony.
    pub init: Duration,
    /// For handing round exchange keys. Must leave time to deliver the deals within the operators' 10 s.
    pub exchange: Duration,
    /// For handing round deals and waiting for the results.
    pub deal: Duration,
    /// For handing out the documents.
    pub results: Duration,
}

/// A deadline with which no ceremony could succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{round} deadline is {} s, expected {expected}", got.as_secs_f64())]
pub struct DeadlineError {
    /// Which deadline.
    pub round: &'static str,
    /// What it is.
    pub got: Duration,
    /// What it could be.
    pub expected: &'static str,
}

/// 10 s for health, 15 s to open, 7 s for exchange keys, 45 s for deals, 30 s for documents.
impl Default for Deadlines {
    fn default() -> Self {
        Self {
            health: Duration::from_secs(10),
            init: Duration::from_secs(15),
            exchange: Duration::from_secs(7),
            deal: Duration::from_secs(45),
            results: Duration::from_secs(30),
        }
    }
}

impl Deadlines {
    /// Checks the deadlines against the operators' own clock.
    pub fn check(&self) -> Result<(), DeadlineError> {
        if self.exchange.is_zero() || self.exchange > Duration::from_secs(8) {
            let expected = "at most 8 s, so that deals arrive within the operators' 10 s";
            return Err(DeadlineError { round: "exchange", got: self.exchange, expected });
        }
        if self.deal < Duration::from_secs(25) {
            let expected = "at least 25 s: operators answer after 20 s";
            return Err(DeadlineError { round: "deal", got: self.deal, expected });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fit_the_operators_clock() {
        assert_eq!(Deadlines::default().check(), Ok(()));
        let late = Deadlines { exchange: Duration::from_secs(9), ..Deadlines::default() };
        assert_eq!(
            late.check().unwrap_err().to_string(),
            "exchange deadline is 9 s, expected at most 8 s, so that deals arrive within the operators' 10 s"
        );
        let hasty = Deadlines { deal: Duration::from_secs(20), ..Deadlines::default() };
        assert_eq!(
            hasty.check().unwrap_err().to_string(),
            "deal deadline is 20 s, expected at least 25 s: operators answer after 20 s"
        );
    }
}
