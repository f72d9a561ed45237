//! The operators that run a validator together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{OperatorId, ZeroOperatorId};

/// The operators of an SSV cluster: 4, 7, 10 or 13 different ids in ascending order.
///
/// The sizes are 3f + 1, the only ones the SSV contracts accept (`InvalidOperatorIdsLength` otherwise).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct OperatorSet(Vec<OperatorId>);

/// How many operators must act together: 2f + 1 of 3f + 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(usize);

/// Why a list of ids isn't an operator set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorSetError {
    /// Another number of operators than SSV accepts.
    #[error("{0} operators: a cluster has 4, 7, 10 or 13")]
    Size(usize),
    /// The same operator twice.
    #[error("operator {0} appears twice")]
    Duplicate(OperatorId),
    /// Zero among the ids.
    #[error(transparent)]
    Zero(#[from] ZeroOperatorId),
}

impl OperatorSet {
    /// The sizes that SSV accepts.
    pub const SIZES: [usize; 4] = [4, 7, 10, 13];

    /// Sorts the ids and checks size and uniqueness.
    pub fn new(ids: impl IntoIterator<Item = OperatorId>) -> Result<Self, OperatorSetError> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(OperatorSetError::Duplicate(pair[0]));
        }
        if Self::SIZES.contains(&ids.len()) { Ok(Self(ids)) } else { Err(OperatorSetError::Size(ids.len())) }
    }

    /// Returns the ids, ascending.
    pub fn ids(&self) -> &[OperatorId] {
        &self.0
    }

    /// Returns the ids as plain numbers, ascending, as contracts take them.
    pub fn to_u64s(&self) -> Vec<u64> {
        self.0.iter().map(|id| id.get()).collect()
    }

    /// Returns the number of operators, `n`.
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `n - (n - 1) / 3`: 3, 5, 7 or 9.
    pub fn threshold(&self) -> Threshold {
        Threshold(self.0.len() - (self.0.len() - 1) / 3)
    }
}

impl Threshold {
    /// Returns the number of operators.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<Vec<u64>> for OperatorSet {
    type Error = OperatorSetError;

    fn try_from(ids: Vec<u64>) -> Result<Self, OperatorSetError> {
        Self::new(ids.into_iter().map(OperatorId::new).collect::<Result<Vec<_>, _>>()?)
    }
}

impl From<OperatorSet> for Vec<u64> {
    fn from(set: OperatorSet) -> Self {
        set.to_u64s()
    }
}

impl fmt::Display for OperatorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&ids.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_thresholds_are_those_of_ssv() {
        for (n, t) in [(4, 3), (7, 5), (10, 7), (13, 9)] {
            let set = OperatorSet::try_from((1..=n).rev().collect::<Vec<u64>>()).unwrap();
            assert_eq!(set.threshold().get(), t);
            assert_eq!(set.to_u64s(), (1..=n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn lists_that_are_no_cluster_are_refused() {
        assert_eq!(OperatorSet::try_from(vec![1, 2, 3]), Err(OperatorSetError::Size(3)));
        assert!(matches!(OperatorSet::try_from(vec![1, 2, 2, 3]), Err(OperatorSetError::Duplicate(_))));
        assert_eq!(OperatorSet::try_from(vec![0, 1, 2, 3]), Err(OperatorSetError::Zero(ZeroOperatorId)));
    }
}
