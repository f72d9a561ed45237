//! Reads events into an [`EventIndex`], window by window, and notices when a node can't be trusted to have them all.

use alloy::{primitives::B256, rpc::types::Log};
use nexus_primitives::{Address, BlockNumber};
use serde_json::{Value, json};

use crate::{
    BlockRef, ChainError,
    event_index::EventIndex,
    log_query::{LogQuery, index_queries},
    node_message::RpcRefusal,
    rpc_endpoint::{RpcCall, RpcEndpoint, RpcReply},
    wire::{WireBlock, quantity},
};

/// How often one call may start over because the chain moved below it.
const MAX_REBUILDS: u32 = 2;

/// Brings `index` up to `to`, at most `window` blocks per query.
///
/// A window that fails is asked for again, shorter when the node says that it is too long; it is never skipped. A
/// window's end must be known to the node in the same batch as its events, because a node that lags behind answers
/// with no events rather than with an error (go-ethereum issue 24078). When the last block read is no longer
/// canonical, the index is built anew.
pub(crate) async fn extend_index(
    index: &mut EventIndex,
    endpoint: &RpcEndpoint,
    to: &BlockRef,
    window: u64,
) -> Result<(), ChainError> {
    let start = index.contracts().start_block;
    if start > to.number {
        return Err(incomplete(format!(
            "history starts at block {start}, after the observed block {}",
            to.number
        )));
    }
    let mut length = window.max(1);
    let mut rebuilds = 0;
    loop {
        if index.cursor.is_some_and(|cursor| {
            cursor.number > to.number || (cursor.number == to.number && cursor.hash != to.hash)
        }) {
            index.reset();
        }
        let from = match index.cursor {
            Some(cursor) if cursor.number == to.number => return Ok(()),
            Some(cursor) => cursor.number.get().saturating_add(1),
            None => start.get(),
        };
        let end = from.saturating_add(length - 1).min(to.number.get());
        match read_window(index, endpoint, from, end).await? {
            Window::TooLong(refusal) if end == from => return Err(endpoint.refused("eth_getLogs", refusal)),
            Window::TooLong(_) => length = ((end - from).div_ceil(2)).max(1),
            Window::Reorganised if rebuilds == MAX_REBUILDS => {
                return Err(incomplete(format!(
                    "blocks up to {end} keep changing while their events are read"
                )));
            }
            Window::Reorganised => {
                rebuilds += 1;
                index.reset();
            }
            Window::Read { last, logs } => {
                if last.number == to.number && last.hash != to.hash {
                    return Err(incomplete(format!(
                        "block {} changed while its events were read",
                        to.number
                    )));
                }
                for log in &logs {
                    index.apply(log)?;
                }
                index.cursor = Some(last);
                length = length.saturating_mul(2).min(window.max(1));
            }
        }
    }
}

enum Window {
    Read { last: BlockRef, logs: Vec<Log> },
    TooLong(RpcRefusal),
    Reorganised,
}

async fn read_window(
    index: &EventIndex,
    endpoint: &RpcEndpoint,
    from: u64,
    end: u64,
) -> Result<Window, ChainError> {
    let mut calls: Vec<_> =
        index_queries(index.contracts()).iter().map(|query| logs_call(query, from, end)).collect();
    let queries = calls.len();
    calls.push(block_call(end));
    calls.extend(index.cursor.map(|cursor| block_call(cursor.number.get())));
    let replies = endpoint.send(&calls).await?;
    let (log_replies, block_replies) = replies.split_at(queries);
    let (log_calls, block_calls) = calls.split_at(queries);

    if let (Some(cursor), Some(call), Some(reply)) = (index.cursor, block_calls.get(1), block_replies.get(1))
    {
        let found: Option<WireBlock> = endpoint.decode(call, reply)?;
        if found.is_none_or(|block| block.to_ref().hash != cursor.hash) {
            return Ok(Window::Reorganised);
        }
    }
    let mut logs = Vec::new();
    for (call, reply) in log_calls.iter().zip(log_replies) {
        match logs_in(endpoint, call, reply)? {
            Ok(found) => logs.extend(found),
            Err(refusal) => return Ok(Window::TooLong(refusal)),
        }
    }
    let last = match (block_calls.first(), block_replies.first()) {
        (Some(call), Some(reply)) => endpoint.decode::<Option<WireBlock>>(call, reply)?,
        _ => None,
    };
    let Some(last) = last.map(|block| block.to_ref()) else {
        return Err(incomplete(format!(
            "{endpoint} doesn't know block {end} yet, so it can't have its events"
        )));
    };
    Ok(Window::Read { last, logs: in_chain_order(logs, from, end)? })
}

/// Reads every log of `query` from block `from` to `to`, in chain order, in windows that shrink as needed.
pub(crate) async fn fetch_logs(
    endpoint: &RpcEndpoint,
    query: &LogQuery,
    from: BlockNumber,
    to: BlockNumber,
    window: u64,
) -> Result<Vec<Log>, ChainError> {
    let (mut from, to, mut length) = (from.get(), to.get(), window.max(1));
    let mut logs = Vec::new();
    while from <= to {
        let end = from.saturating_add(length - 1).min(to);
        let calls = [logs_call(query, from, end), block_call(end)];
        let replies = endpoint.send(&calls).await?;
        let ([logs_call, block_call], [logs_reply, block_reply]) = (&calls, replies.as_slice()) else {
            unreachable!("as many replies as calls");
        };
        match logs_in(endpoint, logs_call, logs_reply)? {
            Ok(_) if endpoint.decode::<Option<WireBlock>>(block_call, block_reply)?.is_none() => {
                return Err(incomplete(format!(
                    "{endpoint} doesn't know block {end} yet, so it can't have its events"
                )));
            }
            Ok(found) => {
                logs.extend(in_chain_order(found, from, end)?);
                from = end.saturating_add(1);
                length = length.saturating_mul(2).min(window.max(1));
            }
            Err(refusal) if end == from => return Err(endpoint.refused("eth_getLogs", refusal)),
            Err(_) => length = (end - from).div_ceil(2).max(1),
        }
    }
    Ok(logs)
}

/// Returns the inner error when a shorter range may succeed.
fn logs_in(
    endpoint: &RpcEndpoint,
    call: &RpcCall,
    reply: &RpcReply,
) -> Result<Result<Vec<Log>, RpcRefusal>, ChainError> {
    match reply {
        Err(refusal) if refusal.is_range_limit() => Ok(Err(refusal.clone())),
        reply => endpoint.decode(call, reply).map(Ok),
    }
}

fn in_chain_order(mut logs: Vec<Log>, from: u64, end: u64) -> Result<Vec<Log>, ChainError> {
    for log in &logs {
        let inside = log.block_number.is_some_and(|number| (from..=end).contains(&number));
        if !inside || log.log_index.is_none() || log.removed {
            return Err(incomplete(format!(
                "a query for blocks {from} to {end} returned an event of block {:?} at index {:?}",
                log.block_number, log.log_index
            )));
        }
    }
    logs.sort_by_key(|log| (log.block_number, log.log_index));
    Ok(logs)
}

fn logs_call(query: &LogQuery, from: u64, end: u64) -> RpcCall {
    let mut topics = vec![json!(query.topics0)];
    topics.extend(query.topic1.map(|topic: B256| json!(topic)));
    let addresses: Vec<String> = query.addresses.iter().map(Address::to_string).collect();
    let filter = json!({
        "address": addresses, "topics": topics, "fromBlock": quantity(from), "toBlock": quantity(end),
    });
    RpcCall::new("eth_getLogs", Value::Array(vec![filter]))
}

fn block_call(number: u64) -> RpcCall {
    RpcCall::new("eth_getBlockByNumber", json!([quantity(number), false]))
}

fn incomplete(what: String) -> ChainError {
    ChainError::IncompleteHistory { what }
}
