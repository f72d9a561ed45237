//! What only events tell: which rollups, validators and operators exist, and what Nexus has registered with SSV.
//!
//! Pure: logs go in one after the other, in chain order. Reading them is `log_reader`'s job.

use std::collections::BTreeMap;

use alloy::rpc::types::Log;
use alloy_sol_types::{SolEvent as _, SolType as _, sol_data};
use nexus_primitives::{Address, BlockNumber, ClusterId, OperatorId, RollupAdmin, ValidatorPubkey};

use crate::{
    BlockRef, ChainError,
    alloy_types::from_alloy,
    bindings::{nexus_main as nexus, node_operator, ssv_v1},
    event_log::{decode, pubkey, topic0},
    owner_index::OwnerIndex,
};

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
    /// What Nexus has registered with SSV.
    pub(crate) owner: OwnerIndex,
    pub(crate) operators: BTreeMap<OperatorId, IndexedOperator>,
}

impl EventIndex {
    pub(crate) const fn new(contracts: IndexedContracts) -> Self {
        Self {
            contracts,
            cursor: None,
            names: BTreeMap::new(),
            rollups: BTreeMap::new(),
            validators: BTreeMap::new(),
            owner: OwnerIndex::new(contracts.nexus),
            operators: BTreeMap::new(),
        }
    }

    pub(crate) const fn contracts(&self) -> IndexedContracts {
        self.contracts
    }

    /// Forgets everything: the history it was built from is no longer the chain's.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.contracts);
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
        self.owner.apply(log)
    }

    fn operator(&mut self, id: u64) -> Option<&mut IndexedOperator> {
        OperatorId::new(id).ok().map(|id| self.operators.entry(id).or_default())
    }
}

fn admin(address: alloy::primitives::Address) -> RollupAdmin {
    RollupAdmin::new(from_alloy(address))
}

/// Unwraps the key text from `OperatorAdded.publicKey`: a string, ABI-encoded once more by SSV's own tools
/// (`kat-calldata.json`, `operatorAddedPublicKeyField`), or the text as it is.
fn operator_key_text(bytes: &[u8]) -> Option<String> {
    let wrapped = sol_data::String::abi_decode(bytes).ok().filter(|text| !text.is_empty());
    wrapped.or_else(|| String::from_utf8(bytes.to_vec()).ok())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address as AlloyAddress, U256};

    use super::*;
    use crate::{alloy_types::to_alloy, event_log::log};

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
}
