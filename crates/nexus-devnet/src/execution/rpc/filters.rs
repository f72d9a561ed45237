//! Logs, and filters that remember what they have shown.
//!
//! After a reorganisation a filter goes on from the new head; logs that vanished are not reported as removed.

use std::{collections::HashMap, sync::PoisonError};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{B256, U64},
    rpc::types::{Filter, FilterBlockOption, Log},
};
use serde_json::Value;

use super::{
    params::Params,
    server::{Answer, Node, json},
};
use crate::execution::{RpcError, ledger::Ledger};

/// The filters that clients have installed.
#[derive(Debug, Default)]
pub(super) struct Filters {
    installed: HashMap<u64, Installed>,
    count: u64,
}

#[derive(Debug)]
struct Installed {
    kind: Kind,
    /// The first block not shown yet.
    next: u64,
}

#[derive(Debug, Clone)]
enum Kind {
    Logs(Box<Filter>),
    Blocks,
    PendingTransactions(Vec<B256>),
}

impl Node {
    pub(super) fn filtering(&self, method: &str, params: Params<'_>) -> Answer {
        Some(match method {
            "eth_getLogs" => self.logs(params),
            "eth_newFilter" => {
                params.get::<Filter>(0).and_then(|filter| self.install(Kind::Logs(Box::new(filter))))
            }
            "eth_newBlockFilter" => self.install(Kind::Blocks),
            "eth_newPendingTransactionFilter" => self.install(Kind::PendingTransactions(self.pool_hashes())),
            "eth_getFilterChanges" => self.changes(params),
            "eth_getFilterLogs" => self.filter_logs(params),
            "eth_uninstallFilter" => self.uninstall(params),
            _ => return None,
        })
    }

    fn logs(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let filter = params.get::<Filter>(0)?;
        json(self.chain.with(|ledger| ledger.filter_logs(&filter))?)
    }

    fn install(&self, kind: Kind) -> Result<Value, RpcError> {
        let next = self.chain.head().number + 1;
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        filters.count += 1;
        let id = filters.count;
        filters.installed.insert(id, Installed { kind, next });
        json(U64::from(id))
    }

    fn uninstall(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let id = filter_id(params)?;
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        json(filters.installed.remove(&id).is_some())
    }

    fn changes(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let id = filter_id(params)?;
        let pooled = self.pool_hashes();
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        let installed = filters.installed.get_mut(&id).ok_or_else(unknown_filter)?;
        self.chain.with(|ledger| {
            let head = ledger.head().header.number;
            let from = installed.next.min(head + 1);
            installed.next = head + 1;
            match &mut installed.kind {
                Kind::Blocks => json(new_blocks(ledger, from)),
                Kind::Logs(filter) => json(new_logs(ledger, from, filter)?),
                Kind::PendingTransactions(seen) => {
                    let fresh: Vec<_> = pooled.iter().filter(|hash| !seen.contains(hash)).copied().collect();
                    *seen = pooled;
                    json(fresh)
                }
            }
        })
    }

    fn filter_logs(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let id = filter_id(params)?;
        let filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        match filters.installed.get(&id).map(|installed| &installed.kind) {
            Some(Kind::Logs(filter)) => json(self.chain.with(|ledger| ledger.filter_logs(filter))?),
            _ => Err(unknown_filter()),
        }
    }

    fn pool_hashes(&self) -> Vec<B256> {
        self.chain.with(|ledger| ledger.pool.iter().map(|tx| *tx.tx_hash()).collect())
    }
}

fn filter_id(params: Params<'_>) -> Result<u64, RpcError> {
    params.number(0)?.ok_or_else(|| RpcError::invalid_params("missing value for required argument 0"))
}

fn unknown_filter() -> RpcError {
    RpcError::server("filter not found")
}

fn new_blocks(ledger: &Ledger, from: u64) -> Vec<B256> {
    (from..).map_while(|number| ledger.canonical(number)).map(|block| block.header.hash()).collect()
}

fn new_logs(ledger: &Ledger, from: u64, filter: &Filter) -> Result<Vec<Log>, RpcError> {
    let head = ledger.head().header.number;
    let (first, last) = match filter.block_option {
        FilterBlockOption::AtBlockHash(_) => return Ok(Vec::new()),
        FilterBlockOption::Range { from_block, to_block } => (named(from_block), named(to_block)),
    };
    let (from, to) = (from.max(first.unwrap_or(0)), head.min(last.unwrap_or(head)));
    if from > to { Ok(Vec::new()) } else { ledger.logs_between(from, to, filter) }
}

fn named(tag: Option<BlockNumberOrTag>) -> Option<u64> {
    tag.and_then(|tag| tag.as_number())
}
