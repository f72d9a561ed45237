//! What SSV's events tell of one owner of validators: its registrations, its clusters' tuples, its nonce.

use std::collections::BTreeMap;

use alloy::rpc::types::Log;
use alloy_sol_types::SolEvent as _;
use nexus_primitives::{Address, OperatorSet, OwnerNonce, ValidatorPubkey, Wei};

use crate::{
    ChainError, ClusterSnapshot, SsvRegistration,
    alloy_types::from_alloy,
    bindings::{ssv_v1, ssv_v2},
    event_log::{decode, operator_set, pubkey, topic0},
};

/// The contract versions' tuples are different types of the same shape.
macro_rules! tuple {
    ($cluster:expr) => {
        ClusterSnapshot {
            validator_count: $cluster.validatorCount,
            network_fee_index: $cluster.networkFeeIndex,
            index: $cluster.index,
            active: $cluster.active,
            balance: Wei::new($cluster.balance),
        }
    };
}

/// An owner's past on the SSV network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnerIndex {
    owner: Address,
    pub(crate) registrations: BTreeMap<ValidatorPubkey, SsvRegistration>,
    pub(crate) clusters: BTreeMap<OperatorSet, ClusterSnapshot>,
    pub(crate) fee_recipient: Option<Address>,
    added: u64,
}

impl OwnerIndex {
    pub(crate) const fn new(owner: Address) -> Self {
        Self {
            owner,
            registrations: BTreeMap::new(),
            clusters: BTreeMap::new(),
            fee_recipient: None,
            added: 0,
        }
    }

    /// Returns the nonce that the owner's next registration must be signed for.
    pub(crate) const fn nonce(&self) -> OwnerNonce {
        OwnerNonce::new(self.added)
    }

    /// Returns the validators registered right now with exactly these operators.
    pub(crate) fn registered_with(&self, operators: &OperatorSet) -> usize {
        self.registrations.values().filter(|registration| registration.operators == *operators).count()
    }

    /// Takes in one event of the SSV network. Those of other owners are ignored.
    pub(crate) fn apply(&mut self, log: &Log) -> Result<(), ChainError> {
        if log.topics().get(1).is_none_or(|owner| owner[12..] != *self.owner.as_bytes()) {
            return Ok(());
        }
        self.apply_own(log)
    }

    fn apply_own(&mut self, log: &Log) -> Result<(), ChainError> {
        match topic0(log) {
            ssv_v1::ValidatorAdded::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::ValidatorAdded>(log)?;
                let (operators, pubkey) =
                    (operator_set(event.operatorIds, log)?, pubkey(&event.publicKey, log)?);
                let registration = SsvRegistration { operators: operators.clone(), nonce: self.nonce() };
                // Counted whether or not SSV's nodes accept the shares: they count it, too.
                self.added = self.added.saturating_add(1);
                self.registrations.insert(pubkey, registration);
                self.clusters.insert(operators, tuple!(event.cluster));
            }
            ssv_v1::ValidatorRemoved::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::ValidatorRemoved>(log)?;
                self.registrations.remove(&pubkey(&event.publicKey, log)?);
                self.clusters.insert(operator_set(event.operatorIds, log)?, tuple!(event.cluster));
            }
            ssv_v1::ClusterDeposited::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::ClusterDeposited>(log)?;
                self.clusters.insert(operator_set(event.operatorIds, log)?, tuple!(event.cluster));
            }
            ssv_v1::ClusterWithdrawn::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::ClusterWithdrawn>(log)?;
                self.clusters.insert(operator_set(event.operatorIds, log)?, tuple!(event.cluster));
            }
            ssv_v1::ClusterLiquidated::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::ClusterLiquidated>(log)?;
                self.clusters.insert(operator_set(event.operatorIds, log)?, tuple!(event.cluster));
            }
            ssv_v1::ClusterReactivated::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::ClusterReactivated>(log)?;
                self.clusters.insert(operator_set(event.operatorIds, log)?, tuple!(event.cluster));
            }
            ssv_v2::ClusterMigratedToETH::SIGNATURE_HASH => {
                let event = decode::<ssv_v2::ClusterMigratedToETH>(log)?;
                self.clusters.insert(operator_set(event.operatorIds, log)?, tuple!(event.cluster));
            }
            ssv_v2::ClusterBalanceUpdated::SIGNATURE_HASH => {
                let event = decode::<ssv_v2::ClusterBalanceUpdated>(log)?;
                self.clusters.insert(operator_set(event.operatorIds, log)?, tuple!(event.cluster));
            }
            ssv_v1::FeeRecipientAddressUpdated::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::FeeRecipientAddressUpdated>(log)?;
                let recipient = from_alloy(event.recipientAddress);
                self.fee_recipient = (recipient != self.owner).then_some(recipient);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, U256};

    use super::*;
    use crate::{alloy_types::to_alloy, event_log::log};

    const NEXUS: Address = Address::new([0x4e; 20]);
    const SSV: Address = Address::new([0x55; 20]);
    const ADMIN: Address = Address::new([0xad; 20]);

    fn index() -> OwnerIndex {
        OwnerIndex::new(NEXUS)
    }

    fn key(tag: u8) -> Bytes {
        Bytes::from(vec![tag; 48])
    }

    fn tuple(count: u32, balance: u64) -> ssv_v1::Cluster {
        ssv_v1::Cluster {
            validatorCount: count,
            networkFeeIndex: 7,
            index: 9,
            active: true,
            balance: U256::from(balance),
        }
    }

    fn added(owner: Address, tag: u8, ids: Vec<u64>, cluster: ssv_v1::Cluster) -> Log {
        let owner = to_alloy(owner);
        let (public_key, shares) = (key(tag), Bytes::new());
        log(SSV, &ssv_v1::ValidatorAdded { owner, operatorIds: ids, publicKey: public_key, shares, cluster })
    }

    #[test]
    fn the_nonce_counts_every_registration_of_the_owner_and_no_other() {
        let mut index = index();
        let four = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
        index.apply(&added(NEXUS, 1, vec![1, 2, 3, 4], tuple(1, 10))).unwrap();
        index.apply(&added(ADMIN, 2, vec![1, 2, 3, 4], tuple(9, 90))).unwrap();
        index.apply(&added(NEXUS, 3, vec![1, 2, 3, 4], tuple(2, 20))).unwrap();
        let removed = ssv_v1::ValidatorRemoved {
            owner: to_alloy(NEXUS),
            operatorIds: vec![1, 2, 3, 4],
            publicKey: key(1),
            cluster: tuple(1, 15),
        };
        index.apply(&log(SSV, &removed)).unwrap();
        index.apply(&added(NEXUS, 1, vec![4, 3, 2, 1, 7, 6, 5], tuple(1, 30))).unwrap();

        assert_eq!(index.nonce(), OwnerNonce::new(3));
        assert_eq!(index.clusters[&four].balance, Wei::new(U256::from(15)));
        assert_eq!(index.registered_with(&four), 1);
        let again = &index.registrations[&ValidatorPubkey::new([1; 48])];
        assert_eq!((again.operators.len(), again.nonce), (7, OwnerNonce::new(2)));
    }

    #[test]
    fn third_parties_change_the_tuple() {
        let mut index = index();
        let four = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
        let owner = to_alloy(NEXUS);
        let ids = vec![1, 2, 3, 4];
        index.apply(&added(NEXUS, 1, ids.clone(), tuple(1, 10))).unwrap();
        let value = U256::from(5);
        let deposited =
            ssv_v1::ClusterDeposited { owner, operatorIds: ids.clone(), value, cluster: tuple(1, 15) };
        index.apply(&log(SSV, &deposited)).unwrap();
        assert_eq!(index.clusters[&four].balance, Wei::new(U256::from(15)));
        let cluster = ssv_v2::Cluster {
            validatorCount: 1,
            networkFeeIndex: 0,
            index: 0,
            active: false,
            balance: U256::ZERO,
        };
        let updated = ssv_v2::ClusterBalanceUpdated {
            owner,
            operatorIds: ids,
            blockNum: 12,
            effectiveBalance: 64,
            cluster,
        };
        index.apply(&log(SSV, &updated)).unwrap();
        assert!(!index.clusters[&four].active);
    }

    #[test]
    fn an_own_fee_recipient_is_none() {
        let mut index = index();
        let owner = to_alloy(NEXUS);
        for (recipient, expected) in [(ADMIN, Some(ADMIN)), (NEXUS, None)] {
            let recipient = to_alloy(recipient);
            let event = ssv_v1::FeeRecipientAddressUpdated { owner, recipientAddress: recipient };
            index.apply(&log(SSV, &event)).unwrap();
            assert_eq!(index.fee_recipient, expected);
        }
    }

    #[test]
    fn a_damaged_event_is_an_error_not_a_gap() {
        let mut index = index();
        let mut damaged = added(NEXUS, 1, vec![1, 2, 3, 4], tuple(1, 10));
        damaged.inner.data.data = damaged.inner.data.data.slice(..64);
        assert!(matches!(index.apply(&damaged), Err(ChainError::IncompleteHistory { .. })));
        let odd = added(NEXUS, 1, vec![1, 2, 3], tuple(1, 10));
        assert!(matches!(index.apply(&odd), Err(ChainError::IncompleteHistory { .. })));
        assert_eq!(index.nonce(), OwnerNonce::new(0));
    }
}
