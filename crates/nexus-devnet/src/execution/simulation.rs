//! Bundles of calls that see each other's effects (`eth_simulateV1`).

use alloy::{
    consensus::{Header, Sealed, SignableTransaction as _, TxEip1559, TxEnvelope, transaction::Recovered},
    eips::BlockId,
    primitives::{B256, Signature, TxKind, U256},
    rpc::types::{
        BlockOverrides, Log, TransactionRequest,
        simulate::{
            MAX_SIMULATE_BLOCKS, SimBlock, SimCallResult, SimulateError, SimulatePayload, SimulatedBlock,
        },
    },
};
use revm::context_interface::result::ExecutionResult;

use super::{
    block::MinedBlock,
    call::{CALL_GAS_CAP, call_tx_env, override_block, override_state},
    chain::ExecutionChain,
    error::{CallError, halt_text},
    evm::{BlockContext, Strictness, execute},
    ledger::{Ledger, Moment, SLOT_SECONDS},
    mining::Assembly,
    state::WorldState,
};

impl ExecutionChain {
    /// Simulates blocks of calls on top of a block; each call sees what the ones before it did.
    ///
    /// A call that reverts or halts is a result with `status` 0. With `validation` the calls must be possible
    /// transactions (nonce, fees, balance).
    ///
    /// # Errors
    /// When the request as a whole makes no sense, or a call couldn't even begin.
    pub fn simulate(&self, payload: &SimulatePayload, at: BlockId) -> Result<Vec<SimulatedBlock>, CallError> {
        if u64::try_from(payload.block_state_calls.len()).is_ok_and(|count| count > MAX_SIMULATE_BLOCKS) {
            return Err(CallError::TooManyBlocks);
        }
        self.with(|ledger| {
            let Moment { block, state } = ledger.at(at)?;
            let ancestors = usize::try_from(block.header.number).map_or(usize::MAX, |number| number + 1);
            let hashes = ledger.hashes().iter().take(ancestors).copied().collect();
            let parent = block.as_ref().clone();
            let mut simulation = Simulation { ledger, parent, hashes, state, payload };
            payload.block_state_calls.iter().map(|block| simulation.block(block)).collect()
        })
    }
}

struct Simulation<'a> {
    ledger: &'a Ledger,
    parent: MinedBlock,
    /// Hash of each ancestor, by number; simulated ones included.
    hashes: Vec<B256>,
    state: WorldState,
    payload: &'a SimulatePayload,
}

impl Simulation<'_> {
    fn block(&mut self, request: &SimBlock) -> Result<SimulatedBlock, CallError> {
        if let Some(overrides) = &request.state_overrides {
            override_state(&mut self.state, overrides)?;
        }
        let context = self.context(request.block_overrides.as_ref())?;
        let mut assembly = Assembly::new(context, self.state.clone(), &self.hashes);
        let results = request.calls.iter().map(|call| self.call(&mut assembly, call));
        let mut calls = results.collect::<Result<Vec<_>, _>>()?;
        let (block, state) =
            assembly.seal(self.parent.header.hash(), Vec::new(), self.ledger.deposit_contract);
        place_logs(&mut calls, &block);
        let inner = block.rpc_block(self.payload.return_full_transactions);
        self.hashes.resize(usize::try_from(block.header.number).unwrap_or(usize::MAX), B256::ZERO);
        self.hashes.push(block.header.hash());
        (self.parent, self.state) = (block, state);
        Ok(SimulatedBlock { inner, calls })
    }

    fn context(&self, overrides: Option<&BlockOverrides>) -> Result<BlockContext, CallError> {
        let parent: &Sealed<Header> = &self.parent.header;
        let mut context = self.ledger.next_context(&self.parent, parent.timestamp + SLOT_SECONDS);
        if !self.payload.validation {
            context.base_fee = 0;
        }
        if let Some(overrides) = overrides {
            override_block(&mut context, overrides);
        }
        ascending("number", parent.number, context.number)?;
        if context.number - parent.number > MAX_SIMULATE_BLOCKS {
            return Err(CallError::TooManyBlocks);
        }
        ascending("timestamp", parent.timestamp, context.timestamp)?;
        Ok(context)
    }

    fn call(
        &self,
        assembly: &mut Assembly<'_>,
        request: &TransactionRequest,
    ) -> Result<SimCallResult, CallError> {
        let strictness = if self.payload.validation { Strictness::Transaction } else { Strictness::Call };
        let gas_cap = assembly.gas_left().min(CALL_GAS_CAP);
        let mut tx = call_tx_env(request, &assembly.state, gas_cap)?;
        tx.chain_id = tx.chain_id.filter(|_| self.payload.validation);
        let stand_in = unsigned(request, self.ledger.chain_id, tx.nonce, tx.gas_limit);
        let (result, changes) =
            execute(assembly.view(), &assembly.context, tx, strictness).map_err(CallError::Invalid)?;
        assembly.state.commit(changes);
        let answer = call_result(&result);
        assembly.include(stand_in, result);
        Ok(answer)
    }
}

fn ascending(field: &'static str, parent: u64, given: u64) -> Result<(), CallError> {
    if given > parent { Ok(()) } else { Err(CallError::NotAscending { field, parent, given }) }
}

fn call_result(result: &ExecutionResult) -> SimCallResult {
    let error = match result {
        ExecutionResult::Success { .. } => None,
        ExecutionResult::Revert { output, .. } => {
            let message = CallError::Reverted { data: output.clone() }.to_string();
            let code = SimulateError::EXECUTION_REVERTED_CODE;
            Some(SimulateError { code, message, data: Some(output.clone()) })
        }
        ExecutionResult::Halt { reason, .. } => Some(SimulateError {
            code: SimulateError::VM_EXECUTION_ERROR_CODE,
            message: halt_text(reason),
            data: None,
        }),
    };
    SimCallResult {
        return_data: result.output().cloned().unwrap_or_default(),
        logs: Vec::new(),
        gas_used: result.tx_gas_used(),
        max_used_gas: Some(result.gas().total_gas_spent().max(result.gas().floor_gas())),
        status: result.is_success(),
        error,
    }
}

/// Gives each call its logs, once the block that they belong to has a hash.
fn place_logs(calls: &mut [SimCallResult], block: &MinedBlock) {
    for (index, call) in calls.iter_mut().enumerate() {
        let index = u64::try_from(index).ok();
        let own = |log: &Log| log.transaction_index == index;
        call.logs = block.rpc_logs().into_iter().filter(own).collect();
    }
}

/// Returns the transaction that stands for a call in the simulated block; it has no valid signature.
fn unsigned(
    request: &TransactionRequest,
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
) -> Recovered<TxEnvelope> {
    let tx = TxEip1559 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas: request.max_fee_per_gas.or(request.gas_price).unwrap_or_default(),
        max_priority_fee_per_gas: request.max_priority_fee_per_gas.unwrap_or_default(),
        to: request.to.unwrap_or(TxKind::Create),
        value: request.value.unwrap_or_default(),
        access_list: request.access_list.clone().unwrap_or_default(),
        input: request.input.input().cloned().unwrap_or_default(),
    };
    let no_signature = Signature::new(U256::ZERO, U256::ZERO, false);
    Recovered::new_unchecked(tx.into_signed(no_signature).into(), request.from.unwrap_or_default())
}
