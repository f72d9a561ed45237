//! Whether events and state tell the same story: a node that leaves events out must not look like an empty network.

use nexus_primitives::OperatorSet;

use crate::{ChainError, ClusterSnapshot};

/// Checks that a cluster's tuple counts as many validators as were registered with its operators.
pub(crate) fn check_cluster(
    operators: &OperatorSet,
    tuple: &ClusterSnapshot,
    registered: usize,
) -> Result<(), ChainError> {
    if u32::try_from(registered) == Ok(tuple.validator_count) {
        return Ok(());
    }
    Err(ChainError::IncompleteHistory {
        what: format!(
            "SSV cluster {operators} counts {} validators, events show {registered}",
            tuple.validator_count
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_registration_is_noticed() {
        let operators = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
        let tuple = ClusterSnapshot { validator_count: 3, ..ClusterSnapshot::NEW };
        assert!(check_cluster(&operators, &tuple, 3).is_ok());
        assert!(check_cluster(&operators, &tuple, 2).is_err());
    }
}
