//! Why a ceremony ended without a key.

use std::{collections::BTreeSet, fmt};

use nexus_primitives::OperatorId;
use nexus_ssv::{CreatedAtError, KeysharesItemError, OperatorPrivateKeyError, PssError, VerifyError};

use crate::{CeremonyFault, Fault};

/// What a workflow should do after a failure. Nothing of a failed ceremony is of use: a new one starts from the
/// beginning and makes another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// The same ceremony may succeed later.
    Retry,
    /// It won't with this operator: choose another one, or have it mend its service.
    ReplaceOperator,
    /// It won't with anybody: the request or this program is at fault.
    GiveUp,
}

/// The rounds of a ceremony, by the message that the initiator sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Round {
    /// Asking for health and versions.
    Health,
    /// The ceremony is opened; operators answer with exchange keys.
    Init,
    /// Exchange keys are handed round; operators answer with deals.
    Exchange,
    /// Deals are handed round; operators answer with their results, 20 s later.
    Deal,
}

/// A round that not all operators completed, with everything that was wrong.
#[derive(Debug)]
pub struct RoundFailed {
    /// Which round.
    pub round: Round,
    /// How many operators took part.
    pub operators: usize,
    /// Who is at fault, ascending by id; at least one.
    pub faults: Vec<CeremonyFault>,
}

/// Why a ceremony ended without a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// Operators are at fault.
    #[error(transparent)]
    Round(#[from] RoundFailed),
    /// The initiator's key can't be made.
    #[error("making the initiator's key")]
    Identity(#[from] OperatorPrivateKeyError),
    /// The initiator can't sign.
    #[error("signing the initiator's message")]
    Sign(#[from] PssError),
    /// The time can't stand in a document.
    #[error("dating the documents")]
    Time(#[from] CreatedAtError),
    /// No version was given for an operator that takes part.
    #[error("no version is known of operator {0}")]
    NoVersion(OperatorId),
    /// The operators' contributions cancel out. By chance it never happens; who arranged it can't be told.
    #[error("the operators' contributions cancel out and make no key")]
    NoKey,
    /// All parts verify, and what they are combined to doesn't.
    #[error("operators' parts verify one by one, but not together")]
    Combination(#[from] CombinationError),
}

/// What doesn't verify though all its parts do: a bug of this program, caught before anything is deposited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CombinationError {
    /// Points that were checked can't be combined.
    #[error("combining the operators' signatures")]
    Parts(#[from] nexus_ssv::CombineError),
    /// The deposit's signature.
    #[error("signature of the deposit")]
    Deposit(#[from] nexus_primitives::bls::BlsError),
    /// The keyshares.
    #[error("keyshares")]
    Keyshares(#[from] VerifyError),
    /// The keyshares' layout.
    #[error("keyshares of the operators")]
    Item(#[from] KeysharesItemError),
}

impl CeremonyError {
    /// Says what a workflow should do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Round(failed) => failed.disposition(),
            Self::NoKey => Disposition::Retry,
            Self::Identity(_) | Self::Sign(_) | Self::Time(_) | Self::NoVersion(_) | Self::Combination(_) => {
                Disposition::GiveUp
            }
        }
    }
}

impl RoundFailed {
    /// Says what a workflow should do about it: the gravest of what the operators' faults call for.
    ///
    /// When all operators decline or fail alike, the request is at fault: others would say the same. Not so for health,
    /// where nothing of the request is told yet. When all complain about all others, the deals came too late: the
    /// network was slow.
    pub fn disposition(&self) -> Disposition {
        let gravest = self.faults.iter().map(|fault| fault.fault.disposition()).max();
        let gravest = gravest.unwrap_or(Disposition::Retry);
        let all = |is: fn(&Fault) -> bool| {
            self.faults.len() == self.operators && self.faults.iter().all(|fault| is(&fault.fault))
        };
        let all_reported = all(|fault| matches!(fault, Fault::Reported(_)));
        let all_refused = self.round != Round::Health && all(|fault| matches!(fault, Fault::Refused(_)));
        if all_reported || (all_refused && gravest != Disposition::Retry) {
            return Disposition::GiveUp;
        }
        if self.complains_all_round() { Disposition::Retry } else { gravest }
    }

    /// Returns the operators to replace, when that is what to do: those whose fault calls for it, those complained
    /// about, and those whose key another one has. Of these last two nobody outside can tell whose fault it is, so both
    /// sides are named.
    pub fn suspects(&self) -> BTreeSet<OperatorId> {
        let mut suspects = BTreeSet::new();
        for CeremonyFault { operator, fault } in &self.faults {
            if fault.disposition() == Disposition::ReplaceOperator {
                suspects.insert(*operator);
            }
            match fault {
                Fault::Complaint { about } => suspects.extend(about),
                Fault::SharedExchangeKey { with } => suspects.extend([*with]),
                _ => {}
            }
        }
        suspects
    }

    fn complains_all_round(&self) -> bool {
        self.faults.len() == self.operators
            && self.faults.iter().all(|fault| match &fault.fault {
                Fault::Complaint { about } => about.len().saturating_add(1) == self.operators,
                _ => false,
            })
    }
}

impl std::error::Error for RoundFailed {}

impl fmt::Display for RoundFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ceremony failed in the {} round: ", self.round)?;
        for (position, fault) in self.faults.iter().enumerate() {
            let separator = if position > 0 { "; " } else { "" };
            write!(f, "{separator}{fault}")?;
            if let Some(cause) = innermost(&fault.fault) {
                write!(f, " ({cause})")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Health => "health",
            Self::Init => "init",
            Self::Exchange => "exchange",
            Self::Deal => "deal",
        })
    }
}

fn innermost(error: &dyn std::error::Error) -> Option<&dyn std::error::Error> {
    std::iter::successors(error.source(), |cause| cause.source()).last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal;

    #[track_caller]
    fn check(round: Round, status: u16, expected: Disposition) {
        let refused = |id| CeremonyFault {
            operator: OperatorId::new(id).unwrap(),
            fault: Fault::Refused(Refusal { status, words: "404 page not found".into() }),
        };
        let failed = RoundFailed { round, operators: 4, faults: (1..=4).map(refused).collect() };
        assert_eq!(failed.disposition(), expected, "{failed}");
    }

    #[test]
    fn what_all_refuse_is_the_requests_fault_once_they_know_the_request() {
        check(Round::Health, 404, Disposition::ReplaceOperator);
        check(Round::Health, 429, Disposition::Retry);
        check(Round::Init, 404, Disposition::GiveUp);
        check(Round::Init, 429, Disposition::Retry);
        check(Round::Exchange, 404, Disposition::GiveUp);
    }
}
