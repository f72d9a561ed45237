//! What only events tell: which rollups and validators exist, SSV's cluster tuples, the registration nonce.
//!
//! Pure: logs go in one after the other, in chain order. Reading them is `log_reader`'s job.

use std::collections::BTreeMap;

use alloy::{primitives::B256, rpc::types::Log};
use alloy_sol_types::{SolEvent, SolType as _, sol_data};
use nexus_primitives::{
    Address, BlockNumber, ClusterId, OperatorId, OperatorSet, OwnerNonce, RollupAdmin, ValidatorPubkey, Wei,
};

use crate::{
    BlockRef, ChainError, ClusterSnapshot, SsvRegistration,
    alloy_types::from_alloy,
    bindings::{nexus_main as nexus, node_operator, ssv_v1, ssv_v2},
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
/// Where events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexedContracts {
    pub(crate) nexus: Address,
    pub(crate) node_operator: Address,
    pub(crate) ssv_network: Address,
    pub(crate) start_block: BlockNumber,
}

/// A rollup as its registration described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexedRollup {
    pub(crate) bridge: Address,
    pub(crate) cluster: ClusterId,
}

/// An operator as it was announced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct IndexedOperator {
    pub(crate) ssv_key: Option<String>,
    pub(crate) nexus_key: Option<String>,
    pub(crate) dkg_endpoint: Option<String>,
}

/// Everything learnt from events up to one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventIndex {
    contracts: IndexedContracts,
    /// The last block whose events are in; `None` before the first.
    pub(crate) cursor: Option<BlockRef>,
    pub(crate) names: BTreeMap<RollupAdmin, String>,
    pub(crate) rollups: BTreeMap<RollupAdmin, IndexedRollup>,
    pub(crate) validators: BTreeMap<ValidatorPubkey, RollupAdmin>,
    pub(crate) registrations: BTreeMap<ValidatorPubkey, SsvRegistration>,
    pub(crate) clusters: BTreeMap<OperatorSet, ClusterSnapshot>,
    pub(crate) operators: BTreeMap<OperatorId, IndexedOperator>,
    pub(crate) fee_recipient: Option<Address>,
    added: u64,
}

impl EventIndex {
    pub(crate) const fn new(contracts: IndexedContracts) -> Self {
        Self {
            contracts,
            cursor: None,
            names: BTreeMap::new(),
            rollups: BTreeMap::new(),
            validators: BTreeMap::new(),
            registrations: BTreeMap::new(),
            clusters: BTreeMap::new(),
            operators: BTreeMap::new(),
            fee_recipient: None,
            added: 0,
        }
    }

    pub(crate) const fn contracts(&self) -> IndexedContracts {
        self.contracts
    }

    /// Forgets everything: the history it was built from is no longer the chain's.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.contracts);
    }

    /// Returns the nonce that the owner's next registration must be signed for.
    pub(crate) const fn owner_nonce(&self) -> OwnerNonce {
        OwnerNonce::new(self.added)
    }

    /// Returns the validators registered right now with exactly these operators.
    pub(crate) fn registered_with(&self, operators: &OperatorSet) -> usize {
        self.registrations.values().filter(|registration| registration.operators == *operators).count()
    }

    /// Takes in one event. Logs must come in chain order; those of other contracts are ignored.
    pub(crate) fn apply(&mut self, log: &Log) -> Result<(), ChainError> {
        let emitter = from_alloy(log.inner.address);
        if emitter == self.contracts.ssv_network {
            self.apply_ssv(log)
        } else if emitter == self.contracts.nexus {
            self.apply_nexus(log)
        } else if emitter == self.contracts.node_operator {
            self.apply_node_operator(log)
        } else {
            Ok(())
        }
    }

    fn apply_nexus(&mut self, log: &Log) -> Result<(), ChainError> {
        match topic0(log) {
            nexus::RollupWhitelisted::SIGNATURE_HASH => {
                let event = decode::<nexus::RollupWhitelisted>(log)?;
                self.names.insert(admin(event.rollupAddress), event.name);
            }
            nexus::RollupRegistered::SIGNATURE_HASH => {
                let event = decode::<nexus::RollupRegistered>(log)?;
                let bridge = from_alloy(event.withdrawalAddress);
                let cluster = ClusterId::new(event.operatorCluster);
                self.rollups.insert(admin(event.rollupAdmin), IndexedRollup { bridge, cluster });
            }
            nexus::RollupOperatorClusterChanged::SIGNATURE_HASH => {
                let event = decode::<nexus::RollupOperatorClusterChanged>(log)?;
                if let Some(rollup) = self.rollups.get_mut(&admin(event.rollup_admin)) {
                    rollup.cluster = ClusterId::new(event.operatorCluster);
                }
            }
            nexus::ValidatorSubmitted::SIGNATURE_HASH => {
                let event = decode::<nexus::ValidatorSubmitted>(log)?;
                self.validators.insert(pubkey(&event.pubKey, log)?, admin(event.rolupAdmin));
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_node_operator(&mut self, log: &Log) -> Result<(), ChainError> {
        match topic0(log) {
            node_operator::SSVOperatorRegistered::SIGNATURE_HASH => {
                let event = decode::<node_operator::SSVOperatorRegistered>(log)?;
                // An id outside 64 bits or zero is no operator of SSV: nothing can refer to it.
                if let Some(operator) = u64::try_from(event.operatorId).ok().and_then(|id| self.operator(id))
                {
                    operator.nexus_key = Some(event.pubKey);
                    operator.dkg_endpoint = Some(event.ip_address);
                }
            }
            node_operator::SSVOperatorUpdated::SIGNATURE_HASH => {
                let event = decode::<node_operator::SSVOperatorUpdated>(log)?;
                if let Some(operator) = self.operator(event._operator_id) {
                    operator.dkg_endpoint = Some(event._ip_address);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_ssv(&mut self, log: &Log) -> Result<(), ChainError> {
        if topic0(log) == ssv_v1::OperatorAdded::SIGNATURE_HASH {
            let event = decode::<ssv_v1::OperatorAdded>(log)?;
            if let Some(operator) = self.operator(event.operatorId) {
                operator.ssv_key = operator_key_text(&event.publicKey);
            }
            return Ok(());
        }
        if log.topics().get(1).is_none_or(|owner| owner[12..] != *self.contracts.nexus.as_bytes()) {
            return Ok(());
        }
        self.apply_own_cluster(log)
    }

    fn apply_own_cluster(&mut self, log: &Log) -> Result<(), ChainError> {
        match topic0(log) {
            ssv_v1::ValidatorAdded::SIGNATURE_HASH => {
                let event = decode::<ssv_v1::ValidatorAdded>(log)?;
                let (operators, pubkey) =
                    (operator_set(event.operatorIds, log)?, pubkey(&event.publicKey, log)?);
                let registration =
                    SsvRegistration { operators: operators.clone(), nonce: self.owner_nonce() };
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
                self.fee_recipient = (recipient != self.contracts.nexus).then_some(recipient);
            }
            _ => {}
        }
        Ok(())
    }

    fn operator(&mut self, id: u64) -> Option<&mut IndexedOperator> {
        OperatorId::new(id).ok().map(|id| self.operators.entry(id).or_default())
    }
}

fn topic0(log: &Log) -> B256 {
    log.topics().first().copied().unwrap_or_default()
}

fn decode<E: SolEvent>(log: &Log) -> Result<E, ChainError> {
    E::decode_log(&log.inner).map(|event| event.data).map_err(|error| incomplete(log, error.to_string()))
}

fn admin(address: alloy::primitives::Address) -> RollupAdmin {
    RollupAdmin::new(from_alloy(address))
}

fn pubkey(bytes: &[u8], log: &Log) -> Result<ValidatorPubkey, ChainError> {
    ValidatorPubkey::from_slice(bytes).map_err(|error| incomplete(log, error.to_string()))
}

fn operator_set(ids: Vec<u64>, log: &Log) -> Result<OperatorSet, ChainError> {
    OperatorSet::try_from(ids).map_err(|error| incomplete(log, error.to_string()))
}

fn incomplete(log: &Log, problem: String) -> ChainError {
    let (emitter, topic, block) = (from_alloy(log.inner.address), topic0(log), log.block_number.unwrap_or(0));
    ChainError::IncompleteHistory { what: format!("event {topic} of {emitter} in block {block}: {problem}") }
}

/// Unwraps the key text from `OperatorAdded.publicKey`: a string, ABI-encoded once more by SSV's own tools
/// (`kat-calldata.json`, `operatorAddedPublicKeyField`), or the text as it is.
fn operator_key_text(bytes: &[u8]) -> Option<String> {
    let wrapped = sol_data::String::abi_decode(bytes).ok().filter(|text| !text.is_empty());
    wrapped.or_else(|| String::from_utf8(bytes.to_vec()).ok())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address as AlloyAddress, Bytes, LogData, U256};

    use super::*;
    use crate::alloy_types::to_alloy;

    const NEXUS: Address = Address::new([0x4e; 20]);
    const NODE_OPERATOR: Address = Address::new([0x0e; 20]);
    const SSV: Address = Address::new([0x55; 20]);
    const ADMIN: Address = Address::new([0xad; 20]);

    fn index() -> EventIndex {
        EventIndex::new(IndexedContracts {
            nexus: NEXUS,
            node_operator: NODE_OPERATOR,
            ssv_network: SSV,
            start_block: BlockNumber::new(0),
        })
    }

    fn log(emitter: Address, event: &impl SolEvent) -> Log {
        raw_log(emitter, event.encode_log_data())
    }

    fn raw_log(emitter: Address, data: LogData) -> Log {
        Log { inner: alloy::primitives::Log { address: to_alloy(emitter), data }, ..Log::default() }
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
    fn a_rollup_is_found_by_its_events() {
        let mut index = index();
        let rollup = RollupAdmin::new(ADMIN);
        let whitelisted = nexus::RollupWhitelisted { name: "alpha".into(), rollupAddress: to_alloy(ADMIN) };
        let registered = nexus::RollupRegistered {
            rollupAdmin: to_alloy(ADMIN),
            withdrawalAddress: AlloyAddress::repeat_byte(0xb1),
            stakingLimit: 4_000,
            operatorCluster: 1,
            nexusFee: U256::from(1_000),
        };
        let moved = nexus::RollupOperatorClusterChanged { rollup_admin: to_alloy(ADMIN), operatorCluster: 2 };
        index.apply(&log(NEXUS, &whitelisted)).unwrap();
        index.apply(&log(NEXUS, &registered)).unwrap();
        index.apply(&log(NEXUS, &moved)).unwrap();
        // The same event from elsewhere means nothing.
        let elsewhere = nexus::RollupRegistered { operatorCluster: 9, ..registered };
        index.apply(&log(SSV, &elsewhere)).unwrap();
        let expected = IndexedRollup { bridge: Address::new([0xb1; 20]), cluster: ClusterId::new(2) };
        assert_eq!(index.rollups.get(&rollup), Some(&expected));
        assert_eq!(index.names.get(&rollup).map(String::as_str), Some("alpha"));
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

        assert_eq!(index.owner_nonce(), OwnerNonce::new(3));
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
    fn operator_keys_come_unwrapped_from_both_registers() {
        let vectors: serde_json::Value = serde_json::from_str(
            &std::fs::read_to_string(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../fixtures/keyshares/generated/kat-calldata.json"
            ))
            .unwrap(),
        )
        .unwrap();
        let field = &vectors["operatorAddedPublicKeyField"];
        let text = field["operatorKeyBase64"].as_str().unwrap();
        let wrapped = hex::decode(field["abiEncoded"].as_str().unwrap().trim_start_matches("0x")).unwrap();
        let mut index = index();
        for (id, bytes) in [(1, wrapped), (2, text.as_bytes().to_vec())] {
            let (owner, fee) = (AlloyAddress::ZERO, U256::ZERO);
            let event = ssv_v1::OperatorAdded { operatorId: id, owner, publicKey: bytes.into(), fee };
            index.apply(&log(SSV, &event)).unwrap();
            let id = OperatorId::new(id).unwrap();
            assert_eq!(index.operators[&id].ssv_key.as_deref(), Some(text));
        }
        let registered = node_operator::SSVOperatorRegistered {
            name: "one".into(),
            operatorId: U256::from(1),
            pubKey: text.into(),
            ip_address: "https://one.example".into(),
        };
        let updated =
            node_operator::SSVOperatorUpdated { _operator_id: 1, _ip_address: "https://uno.example".into() };
        index.apply(&log(NODE_OPERATOR, &registered)).unwrap();
        index.apply(&log(NODE_OPERATOR, &updated)).unwrap();
        let operator = &index.operators[&OperatorId::new(1).unwrap()];
        assert_eq!(operator.nexus_key.as_deref(), Some(text));
        assert_eq!(operator.dkg_endpoint.as_deref(), Some("https://uno.example"));
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
        assert_eq!(index.owner_nonce(), OwnerNonce::new(0));
    }
}
