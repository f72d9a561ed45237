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
    let known = index.owner.clusters.get(operators).copied();
    let mut batch = ReadBatch::new(block.hash);
    let transactions = batch.transaction_count(config.bot);
    // A liquidated cluster has nothing but what was deposited since; a new one nothing at all.
    let asked = known.filter(|tuple| tuple.active);
    let balance = asked.map(|tuple| batch.call(config.views(), &balance_call(config, operators, &tuple)));
    let readings = batch.send(endpoint).await?;
    let settled_balance = match balance {
        None => known.map_or(Wei::ZERO, |tuple| tuple.balance),
        Some(call) => match readings.returned(call)? {
            Ok(balance) => Wei::new(balance),
            Err(revert) => {
                refuse_stale(operators, &revert)?;
                return Err(ChainError::Contract {
                    name: "ssv_network_views",
                    address: config.views(),
                    problem: format!("getBalance() of cluster {operators}: {revert}"),
                });
            }
        },
    };
    Ok(RegistrationContext {
        block: *block,
        owner_nonce: index.owner.nonce(),
        bot_transactions: readings.read(&transactions)?.to(),
        cluster: known.unwrap_or(ClusterSnapshot::NEW),
        settled_balance,
    })
}
