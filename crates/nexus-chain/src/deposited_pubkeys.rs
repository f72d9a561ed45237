//! The public keys that were ever deposited, by anyone.

use std::collections::BTreeSet;

use alloy_sol_types::SolEvent as _;
use nexus_primitives::{BlockNumber, ValidatorPubkey};

use crate::{
    ChainConfig, ChainError, bindings::deposit_contract::DepositEvent, log_query::LogQuery,
    log_reader::fetch_logs, node::Node,
};

/// Reads the deposit contract's events from `since` to `head`. Keys of a wrong length are left out: no validator
/// has one.
pub(crate) async fn read_deposited_pubkeys(
    node: &Node,
    config: &ChainConfig,
    since: BlockNumber,
    head: BlockNumber,
) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
    let query = LogQuery {
        addresses: vec![config.deposit_contract],
        topics0: vec![DepositEvent::SIGNATURE_HASH],
        topic1: None,
    };
    let logs = fetch_logs(&node.rpc, &query, since, head, config.log_window).await?;
    let mut pubkeys = BTreeSet::new();
    for log in &logs {
        let event = DepositEvent::decode_log(&log.inner).map_err(|error| ChainError::IncompleteHistory {
            what: format!("a deposit event of block {:?}: {error}", log.block_number),
        })?;
        pubkeys.extend(ValidatorPubkey::from_slice(&event.pubkey));
    }
    Ok(pubkeys)
}
