//! What a plan asks for.

use std::num::NonZeroU64;

use nexus_primitives::ValidatorPubkey;

use crate::HoldReason;

/// What is to be done for a rollup. One thing at a time: never a creation and an exit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Create this many validators.
    Create(NonZeroU64),
    /// Exit these validators, the first of them first. Never empty in a plan.
    Exit(Vec<ValidatorPubkey>),
    /// Do nothing, for this reason.
    Hold(HoldReason),
}

impl Action {
    /// Returns how many validators are created or exit.
    pub fn validators(&self) -> u64 {
        match self {
            Self::Create(count) => count.get(),
            Self::Exit(pubkeys) => u64::try_from(pubkeys.len()).unwrap_or(u64::MAX),
            Self::Hold(_) => 0,
        }
    }

    /// Reduces the action to at most `max` validators, and to [`HoldReason::CapReached`] when none is left.
    ///
    /// For guards, which may only shrink a plan: the exits that remain are the first ones, and a hold keeps its reason.
    pub fn capped(self, max: u64) -> Self {
        match self {
            Self::Create(count) => match NonZeroU64::new(count.get().min(max)) {
                Some(count) => Self::Create(count),
                None => Self::Hold(HoldReason::CapReached),
            },
            Self::Exit(_) if max == 0 => Self::Hold(HoldReason::CapReached),
            Self::Exit(mut pubkeys) => {
                pubkeys.truncate(usize::try_from(max).unwrap_or(usize::MAX));
                Self::Exit(pubkeys)
            }
            hold @ Self::Hold(_) => hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_shrinks_and_never_grows() {
        let create = Action::Create(NonZeroU64::new(5).unwrap());
        assert_eq!(create.clone().capped(9), create);
        assert_eq!(create.clone().capped(2).validators(), 2);
        assert_eq!(create.capped(0), Action::Hold(HoldReason::CapReached));
    }

    #[test]
    fn capped_exits_are_the_first_ones() {
        let keys: Vec<_> = (0..3).map(|byte| ValidatorPubkey::new([byte; 48])).collect();
        let exit = Action::Exit(keys.clone());
        assert_eq!(exit.validators(), 3);
        assert_eq!(exit.clone().capped(2), Action::Exit(keys[..2].to_vec()));
        assert_eq!(exit.clone().capped(u64::MAX), exit);
        assert_eq!(exit.capped(0), Action::Hold(HoldReason::CapReached));
    }

    #[test]
    fn a_hold_keeps_its_reason() {
        let hold = Action::Hold(HoldReason::NoBalance);
        assert_eq!(hold.clone().capped(0), hold);
    }
}
