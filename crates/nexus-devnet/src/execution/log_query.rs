//! Which logs, of which blocks.

use alloy::{
    eips::BlockId,
    primitives::{Address, B256},
    rpc::types::{Filter, FilterBlockOption, Log},
};

use super::{error::RpcError, ledger::Ledger};

impl Ledger {
    /// Answers `eth_getLogs`.
    pub(super) fn filter_logs(&self, filter: &Filter) -> Result<Vec<Log>, RpcError> {
        match filter.block_option {
            FilterBlockOption::AtBlockHash(hash) => {
                let block =
                    self.block(BlockId::hash(hash)).ok_or_else(|| RpcError::server("unknown block"))?;
                Ok(block.rpc_logs().into_iter().filter(|log| filter.rpc_matches(log)).collect())
            }
            FilterBlockOption::Range { from_block, to_block } => {
                let from = self.number_of(from_block.unwrap_or_default());
                let to = self.number_of(to_block.unwrap_or_default());
                self.logs_between(from, to, filter)
            }
        }
    }

    /// Returns the matching logs of blocks `from..=to`; blocks above the head have none.
    pub(super) fn logs_between(&self, from: u64, to: u64, filter: &Filter) -> Result<Vec<Log>, RpcError> {
        if from > to {
            return Err(RpcError::invalid_params("invalid block range params"));
        }
        let to = to.min(self.head().header.number);
        if let Some(limit) = self.max_log_range
            && to.saturating_sub(from) >= limit
        {
            return Err(RpcError::new(-32005, format!("eth_getLogs is limited to a {limit} block range")));
        }
        let blocks = (from..=to).filter_map(|number| self.canonical(number));
        let candidates = blocks.filter(|block| filter.matches_bloom(block.header.logs_bloom));
        Ok(candidates.flat_map(|block| block.rpc_logs()).filter(|log| matches(filter, log)).collect())
    }
}

/// Returns whether address and topics fit; the range has been seen to by the caller.
fn matches(filter: &Filter, log: &Log) -> bool {
    filter.matches_address(log.address()) && filter.matches_topics(log.topics())
}

/// Builds a filter from plain lists: any of `addresses`, and at each position any of the topics named there.
pub(super) fn filter_of(addresses: &[Address], topics: &[Vec<B256>]) -> Filter {
    let mut filter = Filter::new().address(addresses.to_vec());
    for (position, alternatives) in filter.topics.iter_mut().zip(topics) {
        *position = alternatives.clone().into();
    }
    filter
}
