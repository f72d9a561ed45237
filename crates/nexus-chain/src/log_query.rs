//! What to ask `eth_getLogs` for.

use alloy::primitives::B256;
use alloy_sol_types::SolEvent as _;
use nexus_primitives::Address;

use crate::{
    bindings::{nexus_main, node_operator, ssv_v1, ssv_v2},
    event_index::IndexedContracts,
};

/// A query of `eth_getLogs`: addresses, first topics, and the second topic where events are filtered by owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogQuery {
    pub(crate) addresses: Vec<Address>,
    pub(crate) topics0: Vec<B256>,
    pub(crate) topic1: Option<B256>,
}

/// Returns the queries that find every event [`EventIndex::apply`](crate::event_index::EventIndex::apply) understands.
pub(crate) fn index_queries(contracts: IndexedContracts) -> [LogQuery; 3] {
    let IndexedContracts { nexus, node_operator, ssv_network, .. } = contracts;
    let owner = B256::left_padding_from(nexus.as_bytes());
    [
        LogQuery {
            addresses: vec![nexus, node_operator],
            topics0: vec![
                nexus_main::RollupWhitelisted::SIGNATURE_HASH,
                nexus_main::RollupRegistered::SIGNATURE_HASH,
                nexus_main::RollupOperatorClusterChanged::SIGNATURE_HASH,
                nexus_main::ValidatorSubmitted::SIGNATURE_HASH,
                node_operator::SSVOperatorRegistered::SIGNATURE_HASH,
                node_operator::SSVOperatorUpdated::SIGNATURE_HASH,
            ],
            topic1: None,
        },
        LogQuery {
            addresses: vec![ssv_network],
            topics0: vec![
                ssv_v1::ValidatorAdded::SIGNATURE_HASH,
                ssv_v1::ValidatorRemoved::SIGNATURE_HASH,
                ssv_v1::ClusterDeposited::SIGNATURE_HASH,
                ssv_v1::ClusterWithdrawn::SIGNATURE_HASH,
                ssv_v1::ClusterLiquidated::SIGNATURE_HASH,
                ssv_v1::ClusterReactivated::SIGNATURE_HASH,
                ssv_v2::ClusterMigratedToETH::SIGNATURE_HASH,
                ssv_v2::ClusterBalanceUpdated::SIGNATURE_HASH,
                ssv_v1::FeeRecipientAddressUpdated::SIGNATURE_HASH,
            ],
            topic1: Some(owner),
        },
        LogQuery {
            addresses: vec![ssv_network],
            topics0: vec![ssv_v1::OperatorAdded::SIGNATURE_HASH],
            topic1: None,
        },
    ]
}
