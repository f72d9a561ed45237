//! Which validators exit first.

use std::{cmp::Reverse, error::Error, fmt, str::FromStr};

use nexus_primitives::ValidatorPubkey;

use crate::ExitCandidate;

/// The order in which candidates exit. Ties are broken by the validator's index, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitOrder {
    /// The highest [`missed_performance`](ExitCandidate::missed_performance) first.
    WorstPerforming,
    /// The earliest activation first.
    Oldest,
    /// The latest activation first.
    Newest,
    /// The lowest cluster id first, so that one cluster empties, and stops costing fees, before the next is touched.
    ByCluster,
}

/// A text names no exit order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownExitOrder(
    /// What was given.
    pub String,
);

impl ExitOrder {
    /// Every order there is.
    pub const ALL: [Self; 4] = [Self::WorstPerforming, Self::Oldest, Self::Newest, Self::ByCluster];

    /// Returns the stable name used in configuration files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorstPerforming => "worst-performing",
            Self::Oldest => "oldest",
            Self::Newest => "newest",
            Self::ByCluster => "by-cluster",
        }
    }

    /// Returns the keys of the first `count` candidates in this order.
    pub(crate) fn select(self, candidates: &[ExitCandidate], count: u64) -> Vec<ValidatorPubkey> {
        let mut sorted: Vec<_> = candidates.iter().collect();
        match self {
            Self::WorstPerforming => sorted.sort_by_key(|c| (Reverse(c.missed_performance), c.index)),
            Self::Oldest => sorted.sort_by_key(|c| (c.activated, c.index)),
            Self::Newest => sorted.sort_by_key(|c| (Reverse(c.activated), c.index)),
            Self::ByCluster => sorted.sort_by_key(|c| (c.cluster, c.index)),
        }
        sorted.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        sorted.into_iter().map(|candidate| candidate.pubkey).collect()
    }
}

impl fmt::Display for ExitOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ExitOrder {
    type Err = UnknownExitOrder;

    fn from_str(text: &str) -> Result<Self, UnknownExitOrder> {
        let named = Self::ALL.into_iter().find(|order| order.as_str() == text);
        named.ok_or_else(|| UnknownExitOrder(text.to_owned()))
    }
}

impl fmt::Display for UnknownExitOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ExitOrder::ALL.map(ExitOrder::as_str).join(", ");
        write!(f, "unknown exit order {:?}, expected one of {names}", self.0)
    }
}

impl Error for UnknownExitOrder {}

#[cfg(test)]
mod tests {
    use nexus_primitives::{ClusterId, Epoch, ValidatorIndex};

    use super::*;

    /// Keys in the opposite order of indices: a tie broken by the key would show.
    fn key(index: u8) -> ValidatorPubkey {
        ValidatorPubkey::new([u8::MAX - index; 48])
    }

    fn candidate(index: u8, activated: u64, missed_performance: u64, cluster: u64) -> ExitCandidate {
        ExitCandidate {
            pubkey: key(index),
            index: ValidatorIndex::new(index.into()),
            activated: Epoch::new(activated),
            missed_performance,
            cluster: ClusterId::new(cluster),
        }
    }

    #[track_caller]
    fn check(order: ExitOrder, count: u64, expected: &[u8]) {
        let candidates =
            [candidate(6, 10, 0, 1), candidate(4, 30, 7, 2), candidate(1, 10, 0, 2), candidate(3, 20, 7, 1)];
        let keys: Vec<_> = expected.iter().copied().map(key).collect();
        assert_eq!(order.select(&candidates, count), keys);
    }

    #[test]
    fn each_order_puts_its_own_first_and_the_lower_index_before_its_equal() {
        check(ExitOrder::WorstPerforming, 4, &[3, 4, 1, 6]);
        check(ExitOrder::Oldest, 4, &[1, 6, 3, 4]);
        check(ExitOrder::Newest, 4, &[4, 3, 1, 6]);
        check(ExitOrder::ByCluster, 4, &[3, 6, 1, 4]);
    }

    #[test]
    fn no_more_than_asked_for_are_selected() {
        check(ExitOrder::Oldest, 2, &[1, 6]);
        check(ExitOrder::Oldest, u64::MAX, &[1, 6, 3, 4]);
    }

    #[test]
    fn names_round_trip_and_a_wrong_one_lists_the_right_ones() {
        for order in ExitOrder::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert_eq!(
            "random".parse::<ExitOrder>().unwrap_err().to_string(),
            "unknown exit order \"random\", expected one of worst-performing, oldest, newest, by-cluster"
        );
    }
}
