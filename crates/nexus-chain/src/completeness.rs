//! Whether events and state tell the same story: a node that leaves events out must not look like an empty network.

use std::collections::BTreeMap;

use nexus_primitives::{Address, BlockNumber, OperatorSet};

use crate::{ChainError, ClusterSnapshot, NexusStatus, NexusValidator, RollupSnapshot};

/// Checks that each bridge counts as many validators as the events say are deposited and not yet closed.
pub(crate) fn check_bridges(
    rollups: &[RollupSnapshot],
    validators: &[NexusValidator],
    start: BlockNumber,
) -> Result<(), ChainError> {
    let mut counted: BTreeMap<Address, (u64, u64)> = BTreeMap::new();
    for rollup in rollups {
        let open =
            validators.iter().filter(|validator| validator.rollup == rollup.admin && is_open(validator));
        let entry = counted.entry(rollup.bridge.address).or_insert((rollup.bridge.validator_count, 0));
        entry.1 += open.count() as u64;
    }
    match counted.into_iter().find(|(_, (on_bridge, in_events))| on_bridge != in_events) {
        None => Ok(()),
        Some((bridge, (on_bridge, in_events))) => Err(ChainError::IncompleteHistory {
            what: format!(
                "bridge {bridge} counts {on_bridge} validators, events since block {start} show {in_events}"
            ),
        }),
    }
}

const fn is_open(validator: &NexusValidator) -> bool {
    !matches!(validator.status, NexusStatus::Inactive | NexusStatus::ValidatorExited)
}

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
    use nexus_primitives::{BasisPoints, ClusterId, RollupAdmin, ValidatorPubkey, Wei};

    use super::*;
    use crate::BridgeSnapshot;

    const ADMIN: RollupAdmin = RollupAdmin::new(Address::new([1; 20]));

    fn rollup(admin: RollupAdmin, validator_count: u64) -> RollupSnapshot {
        RollupSnapshot {
            admin,
            name: String::new(),
            limit: BasisPoints::ZERO,
            cluster: ClusterId::new(1),
            operators: None,
            bridge: BridgeSnapshot {
                address: Address::new([2; 20]),
                balance: Wei::ZERO,
                validator_count,
                rewards: None,
                slashed: Wei::ZERO,
                deposit_contract: Address::ZERO,
                nexus: Address::ZERO,
            },
        }
    }

    fn validator(tag: u8, rollup: RollupAdmin, status: NexusStatus) -> NexusValidator {
        NexusValidator { pubkey: ValidatorPubkey::new([tag; 48]), rollup, status, ssv: None }
    }

    #[test]
    fn a_missing_deposit_event_is_noticed() {
        let validators =
            [validator(1, ADMIN, NexusStatus::Deposited), validator(2, ADMIN, NexusStatus::ValidatorExited)];
        assert!(check_bridges(&[rollup(ADMIN, 1)], &validators, BlockNumber::new(7)).is_ok());
        let error = check_bridges(&[rollup(ADMIN, 2)], &validators, BlockNumber::new(7)).unwrap_err();
        assert!(error.to_string().contains("counts 2 validators, events since block 7 show 1"), "{error}");
    }

    #[test]
    fn rollups_that_share_a_bridge_are_counted_together() {
        let other = RollupAdmin::new(Address::new([9; 20]));
        let validators =
            [validator(1, ADMIN, NexusStatus::Deposited), validator(2, other, NexusStatus::ShareDeposited)];
        let rollups = [rollup(ADMIN, 2), rollup(other, 2)];
        assert!(check_bridges(&rollups, &validators, BlockNumber::new(0)).is_ok());
    }

    #[test]
    fn a_missing_registration_is_noticed() {
        let operators = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
        let tuple = ClusterSnapshot { validator_count: 3, ..ClusterSnapshot::NEW };
        assert!(check_cluster(&operators, &tuple, 3).is_ok());
        assert!(check_cluster(&operators, &tuple, 2).is_err());
    }
}
