//! What a registration needs, read at the head.

use nexus_primitives::{OperatorSet, Wei};

use crate::{
    BlockRef, ChainConfig, ChainError, ClusterSnapshot, RegistrationContext,
    event_index::EventIndex,
    read_batch::ReadBatch,
    rpc_endpoint::RpcEndpoint,
    ssv_reader::{balance_call, refuse_stale},
};

/// Reads the nonce and the cluster tuple from `index`, which must hold the events up to `block`, and asks SSV what
/// the balance would be if it were settled there.
pub(crate) async fn read_registration(
    endpoint: &RpcEndpoint,
    config: &ChainConfig,
    index: &EventIndex,
    block: &BlockRef,
    operators: &OperatorSet,
) -> Result<RegistrationContext, ChainError> {
    let cluster = index.owner.clusters.get(operators).copied();
    let settled_balance = match cluster {
        // A liquidated cluster has nothing but what was deposited since; a new one nothing at all.
        None => Wei::ZERO,
        Some(tuple) if !tuple.active => tuple.balance,
        Some(tuple) => settled(endpoint, config, block, operators, &tuple).await?,
    };
    let cluster = cluster.unwrap_or(ClusterSnapshot::NEW);
    Ok(RegistrationContext { block: *block, owner_nonce: index.owner.nonce(), cluster, settled_balance })
}

async fn settled(
    endpoint: &RpcEndpoint,
    config: &ChainConfig,
    block: &BlockRef,
    operators: &OperatorSet,
    tuple: &ClusterSnapshot,
) -> Result<Wei, ChainError> {
    let mut batch = ReadBatch::new(block.hash);
    let call = batch.call(config.views(), &balance_call(config, operators, tuple));
    match batch.send(endpoint).await?.returned(call)? {
        Ok(balance) => Ok(Wei::new(balance)),
        Err(revert) => {
            refuse_stale(operators, &revert)?;
            Err(ChainError::Contract {
                name: "ssv_network_views",
                address: config.views(),
                problem: format!("getBalance() of cluster {operators}: {revert}"),
            })
        }
    }
}
