//! A log as the event that it is.

use alloy::{primitives::B256, rpc::types::Log};
use alloy_sol_types::SolEvent;
use nexus_primitives::{OperatorSet, ValidatorPubkey};

use crate::{ChainError, alloy_types::from_alloy};

pub(crate) fn topic0(log: &Log) -> B256 {
    log.topics().first().copied().unwrap_or_default()
}

pub(crate) fn decode<E: SolEvent>(log: &Log) -> Result<E, ChainError> {
    E::decode_log(&log.inner).map(|event| event.data).map_err(|error| incomplete(log, error.to_string()))
}

pub(crate) fn pubkey(bytes: &[u8], log: &Log) -> Result<ValidatorPubkey, ChainError> {
    ValidatorPubkey::from_slice(bytes).map_err(|error| incomplete(log, error.to_string()))
}

pub(crate) fn operator_set(ids: Vec<u64>, log: &Log) -> Result<OperatorSet, ChainError> {
    OperatorSet::try_from(ids).map_err(|error| incomplete(log, error.to_string()))
}

fn incomplete(log: &Log, problem: String) -> ChainError {
    let (emitter, topic, block) = (from_alloy(log.inner.address), topic0(log), log.block_number.unwrap_or(0));
    ChainError::IncompleteHistory { what: format!("event {topic} of {emitter} in block {block}: {problem}") }
}

/// Builds a log as a node gives it.
#[cfg(test)]
pub(crate) fn log(emitter: nexus_primitives::Address, event: &impl SolEvent) -> Log {
    let address = crate::alloy_types::to_alloy(emitter);
    let inner = alloy::primitives::Log { address, data: event.encode_log_data() };
    Log { inner, ..Log::default() }
}
