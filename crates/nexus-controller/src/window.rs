//! The window: while validators from ceremonies wait for their registrations, Nexus registers nobody else. Their
//! keyshares are good for one nonce each, and nobody can make others.

use nexus_chain::ChainSnapshot;

use crate::{Stage, ValidatorRecord};

/// Why a deposited validator can't be given to its operators any more, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranded {
    /// Another registration of Nexus had its nonce.
    NoncePassed,
    /// SSV doesn't know one of its operators any more.
    OperatorRemoved,
    /// A person said so.
    GivenUp,
}

impl Stranded {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoncePassed => "its keyshares are for a registration that another validator had",
            Self::OperatorRemoved => "one of its operators was removed from SSV",
            Self::GivenUp => "its registration was given up",
        }
    }
}

/// Returns the validators of the window, ascending by nonce: from ceremonies, 32 ETH spent or perhaps spent, not
/// registered for certain. Nobody waits for those that are stranded.
pub(crate) fn window<'a>(records: &'a [ValidatorRecord], chain: &ChainSnapshot) -> Vec<&'a ValidatorRecord> {
    let mut open: Vec<_> = records
        .iter()
        .filter(|record| (Stage::DepositSent..=Stage::SharesSent).contains(&record.stage))
        .filter(|record| record.ceremony.is_some())
        .filter(|record| record.stage == Stage::SharesSent || stranded(record, chain).is_none())
        .collect();
    open.sort_by_key(|record| record.ceremony.as_ref().map(|ceremony| ceremony.owner_nonce));
    open
}

/// Returns why a deposited validator from a ceremony can't be registered any more, as the observed block says.
pub(crate) fn stranded(record: &ValidatorRecord, chain: &ChainSnapshot) -> Option<Stranded> {
    if record.given_up {
        return Some(Stranded::GivenUp);
    }
    let ceremony = record.ceremony.as_ref()?;
    if ceremony.owner_nonce < chain.owner_nonce {
        return Some(Stranded::NoncePassed);
    }
    let is_removed = |id| chain.operators.get(id).is_some_and(|operator| !operator.active);
    ceremony.operators.ids().iter().any(is_removed).then_some(Stranded::OperatorRemoved)
}

/// Returns whether a deposit from ceremonies may open a window: nothing that takes a nonce is under way.
pub(crate) fn may_open(records: &[ValidatorRecord], chain: &ChainSnapshot) -> bool {
    let takes_nonce =
        |record: &ValidatorRecord| matches!(record.stage, Stage::DepositSent | Stage::SharesSent);
    window(records, chain).is_empty() && !records.iter().any(takes_nonce)
}

#[cfg(test)]
mod tests {
    use nexus_primitives::OwnerNonce;

    use super::*;
    use crate::Ceremony;
    use crate::testing::{observation, operators, record};

    fn made(byte: u8, nonce: u64, stage: Stage) -> ValidatorRecord {
        let ceremony = Ceremony { owner_nonce: OwnerNonce::new(nonce), operators: operators() };
        ValidatorRecord { ceremony: Some(ceremony), derivation_index: None, ..record(byte, stage) }
    }

    /// Numbers of the records in the window after `registered` final registrations.
    #[track_caller]
    fn check(records: &[ValidatorRecord], registered: u64, expected: &[i64]) {
        let mut world = observation(500);
        world.chain.owner_nonce = OwnerNonce::new(registered);
        let window: Vec<_> = window(records, &world.chain).iter().map(|record| record.id.0).collect();
        assert_eq!(window, expected);
    }

    #[test]
    fn a_window_is_open_from_the_deposit_to_the_last_final_registration() {
        for (stage, expected) in [
            (Stage::KeysReady, [].as_slice()),
            (Stage::DepositSent, &[1]),
            (Stage::Deposited, &[1]),
            (Stage::SharesSent, &[1]),
            (Stage::Registered, &[]),
        ] {
            check(&[made(1, 7, stage)], 7, expected);
        }
        check(&[record(1, Stage::Deposited)], 7, &[]);
    }

    #[test]
    fn the_window_goes_by_nonces() {
        let records =
            [made(1, 9, Stage::Deposited), made(2, 8, Stage::SharesSent), made(3, 10, Stage::Deposited)];
        check(&records, 8, &[2, 1, 3]);
    }

    #[test]
    fn nobody_waits_for_the_stranded() {
        check(&[made(1, 7, Stage::Deposited), made(2, 8, Stage::Deposited)], 8, &[2]);
        // Its own registration is what took the nonce.
        check(&[made(1, 7, Stage::SharesSent)], 8, &[1]);

        let mut world = observation(500);
        world.chain.operators.get_mut(&operators().ids()[1]).unwrap().active = false;
        let records = [made(1, 7, Stage::Deposited)];
        assert!(window(&records, &world.chain).is_empty());
        assert_eq!(stranded(&records[0], &world.chain), Some(Stranded::OperatorRemoved));
        let given_up = ValidatorRecord { given_up: true, ..made(1, 9, Stage::Deposited) };
        assert!(window(&[given_up], &observation(500).chain).is_empty());
    }

    #[test]
    fn whatever_takes_a_nonce_keeps_a_window_from_opening() {
        let world = observation(500);
        let open = |record| may_open(&[record], &world.chain);
        assert!(open(record(1, Stage::KeysReady)) && open(made(1, 7, Stage::KeysReady)));
        assert!(!open(record(1, Stage::DepositSent)) && !open(record(1, Stage::SharesSent)));
        // Registering it was tried before: it can't be, and mustn't keep everybody waiting.
        assert!(open(record(1, Stage::Deposited)));
        assert!(!open(made(1, 7, Stage::Deposited)) && open(record(1, Stage::Active)));
    }
}
