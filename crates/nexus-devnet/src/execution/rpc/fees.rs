//! What gas costs, and has cost.

use alloy::{
    consensus::Transaction as _,
    eips::BlockNumberOrTag,
    primitives::{U64, U128},
    rpc::types::FeeHistory,
};
use serde_json::Value;

use super::{
    params::Params,
    server::{Answer, Node, json},
};
use crate::execution::{RpcError, block::MinedBlock, ledger::Ledger, mining::next_base_fee};

/// What is suggested as a tip: 1 gwei.
const SUGGESTED_TIP: u64 = 1_000_000_000;
/// The most blocks one answer covers, and the most percentiles (geth's limits).
const MAX_BLOCKS: u64 = 1_024;
const MAX_PERCENTILES: usize = 100;

impl Node {
    pub(super) fn fees(&self, method: &str, params: Params<'_>) -> Answer {
        Some(match method {
            "eth_gasPrice" => json(U64::from(self.chain.next_base_fee().saturating_add(SUGGESTED_TIP))),
            "eth_maxPriorityFeePerGas" => json(U64::from(SUGGESTED_TIP)),
            "eth_blobBaseFee" => json(U128::from(1)),
            "eth_feeHistory" => self.fee_history(params),
            _ => return None,
        })
    }

    fn fee_history(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let count = params
            .number(0)?
            .ok_or_else(|| RpcError::invalid_params("missing value for required argument 0"))?;
        let newest = params.get::<BlockNumberOrTag>(1)?;
        let percentiles = params.optional::<Vec<f64>>(2)?.unwrap_or_default();
        check_percentiles(&percentiles)?;
        self.chain.with(|ledger| {
            let (head, newest) = (ledger.head().header.number, ledger.number_of(newest));
            if newest > head {
                let text = format!("request beyond head block: requested {newest}, head {head}");
                return Err(RpcError::server(text));
            }
            let count = count.min(MAX_BLOCKS).min(newest + 1);
            json(history(ledger, newest + 1 - count, newest, &percentiles, count))
        })
    }
}

fn check_percentiles(percentiles: &[f64]) -> Result<(), RpcError> {
    let ascending = percentiles.windows(2).all(|pair| pair[0] <= pair[1]);
    let within = percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile));
    if percentiles.len() > MAX_PERCENTILES || !ascending || !within {
        return Err(RpcError::server("invalid reward percentile"));
    }
    Ok(())
}

fn history(ledger: &Ledger, oldest: u64, newest: u64, percentiles: &[f64], count: u64) -> FeeHistory {
    if count == 0 {
        return FeeHistory::default();
    }
    let blocks: Vec<_> = (oldest..=newest).filter_map(|number| ledger.canonical(number)).collect();
    let following = blocks.last().map(|block| u128::from(next_base_fee(block.header())));
    let base_fees = blocks.iter().map(|block| u128::from(block.base_fee())).chain(following);
    let base_fee_per_gas: Vec<_> = base_fees.collect();
    FeeHistory {
        base_fee_per_blob_gas: vec![1; base_fee_per_gas.len()],
        base_fee_per_gas,
        gas_used_ratio: blocks.iter().map(|block| used_ratio(block)).collect(),
        blob_gas_used_ratio: vec![0.0; blocks.len()],
        oldest_block: oldest,
        reward: (!percentiles.is_empty())
            .then(|| blocks.iter().map(|block| rewards(block, percentiles)).collect()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for display; gas stays far below 2^52")]
fn used_ratio(block: &MinedBlock) -> f64 {
    block.header.gas_used as f64 / block.header.gas_limit as f64
}

/// Returns the tips paid at the given percentiles of the block's gas, transactions ordered by tip.
fn rewards(block: &MinedBlock, percentiles: &[f64]) -> Vec<u128> {
    let tip = |index: usize| {
        let transaction = block.transactions.get(index)?;
        transaction.effective_tip_per_gas(block.base_fee())
    };
    let mut paid: Vec<(u128, u64)> = (block.receipts.iter().enumerate())
        .map(|(index, receipt)| (tip(index).unwrap_or_default(), receipt.gas_used))
        .collect();
    paid.sort_unstable();
    percentiles.iter().map(|percentile| tip_at(&paid, block.header.gas_used, *percentile)).collect()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the block's gas, which is below 2^52, by a percentile within 0 and 100"
)]
fn tip_at(paid: &[(u128, u64)], gas_used: u64, percentile: f64) -> u128 {
    let threshold = (gas_used as f64 * percentile / 100.0) as u64;
    let mut sum = 0;
    let reached = paid.iter().find(|(_, gas)| {
        sum += gas;
        sum >= threshold
    });
    reached.or(paid.last()).map_or(0, |(tip, _)| *tip)
}
