//! Calls and estimates on any block, with state and block overrides.

use alloy::{
    eips::BlockId,
    primitives::{B256, Bytes, TxKind, U256},
    rpc::types::{BlockOverrides, TransactionRequest, state::AccountOverride, state::StateOverride},
};
use revm::{
    context::TxEnv,
    context_interface::result::{ExecutionResult, InvalidTransaction},
};

use super::{
    chain::ExecutionChain,
    error::CallError,
    evm::{BlockContext, Strictness, execute},
    ledger::{Ledger, Moment},
    pool::MAX_TRANSACTION_GAS,
    state::WorldState,
};

/// The most gas a call gets (geth's `--rpc.gascap`).
pub(super) const CALL_GAS_CAP: u64 = 50_000_000;
/// The gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;

impl ExecutionChain {
    /// Runs a call on a block and returns what it returned (`eth_call`).
    pub fn call(
        &self,
        request: &TransactionRequest,
        at: BlockId,
        state_overrides: Option<&StateOverride>,
        block_overrides: Option<&BlockOverrides>,
    ) -> Result<Bytes, CallError> {
        self.with(|ledger| {
            let stage = Stage::set(ledger, at, state_overrides, block_overrides)?;
            output(stage.run(request, CALL_GAS_CAP)?)
        })
    }

    /// Returns the least gas, to within 1.5 %, with which a transaction succeeds (`eth_estimateGas`).
    pub fn estimate_gas(
        &self,
        request: &TransactionRequest,
        at: BlockId,
        state_overrides: Option<&StateOverride>,
        block_overrides: Option<&BlockOverrides>,
    ) -> Result<u64, CallError> {
        self.with(|ledger| Stage::set(ledger, at, state_overrides, block_overrides)?.estimate(request))
    }
}

/// A state and a block, ready for a call.
struct Stage<'a> {
    ledger: &'a Ledger,
    state: WorldState,
    context: BlockContext,
}

impl<'a> Stage<'a> {
    fn set(
        ledger: &'a Ledger,
        at: BlockId,
        state_overrides: Option<&StateOverride>,
        block_overrides: Option<&BlockOverrides>,
    ) -> Result<Self, CallError> {
        let Moment { block, mut state } = ledger.at(at)?;
        let mut context = ledger.context_of(&block);
        if let Some(overrides) = state_overrides {
            override_state(&mut state, overrides)?;
        }
        if let Some(overrides) = block_overrides {
            override_block(&mut context, overrides);
        }
        Ok(Self { ledger, state, context })
    }

    fn run(&self, request: &TransactionRequest, gas_cap: u64) -> Result<ExecutionResult, CallError> {
        let tx = call_tx_env(request, &self.state, gas_cap)?;
        let (result, _) = execute(self.ledger.view(&self.state), &self.context, tx, Strictness::Call)
            .map_err(CallError::Invalid)?;
        Ok(result)
    }

    fn run_with(&self, request: &TransactionRequest, gas: u64) -> Result<ExecutionResult, CallError> {
        self.run(&TransactionRequest { gas: Some(gas), ..request.clone() }, gas)
    }

    /// Searches as geth does: once with all the gas there is, then by halves.
    fn estimate(&self, request: &TransactionRequest) -> Result<u64, CallError> {
        let mut high = self.allowance(request)?;
        if self.is_transfer(request)
            && matches!(self.run_with(request, TRANSFER_GAS), Ok(ref run) if run.is_success())
        {
            return Ok(TRANSFER_GAS);
        }
        let first = match self.run_with(request, high) {
            Err(CallError::Invalid(reason)) if lacks_gas(&reason) => return Err(CallError::Allowance(high)),
            outcome => outcome?,
        };
        match &first {
            ExecutionResult::Success { .. } => {}
            ExecutionResult::Revert { output, .. } => {
                return Err(CallError::Reverted { data: output.clone() });
            }
            ExecutionResult::Halt { .. } => return Err(CallError::Allowance(high)),
        }
        let mut low = first.tx_gas_used().saturating_sub(1);
        let optimistic = (first.gas().total_gas_spent() + 2_300) * 64 / 63;
        let mut guess = optimistic.min(high.saturating_sub(1)).max(low + 1);
        while low + 1 < high && (high - low) * 1_000 > high * 15 {
            if self.suffices(request, guess)? {
                high = guess;
            } else {
                low = guess;
            }
            guess = low.midpoint(high).min(low.saturating_mul(2));
        }
        Ok(high)
    }

    fn suffices(&self, request: &TransactionRequest, gas: u64) -> Result<bool, CallError> {
        match self.run_with(request, gas) {
            Ok(run) => Ok(run.is_success()),
            Err(CallError::Invalid(reason)) if lacks_gas(&reason) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the gas that block, protocol and the sender's balance allow.
    fn allowance(&self, request: &TransactionRequest) -> Result<u64, CallError> {
        let limit = request.gas.filter(|gas| *gas >= TRANSFER_GAS).unwrap_or(self.context.gas_limit);
        let limit = limit.min(MAX_TRANSACTION_GAS);
        let price = request.max_fee_per_gas.or(request.gas_price).unwrap_or_default();
        if price == 0 {
            return Ok(limit);
        }
        let balance = self.state.balance(request.from.unwrap_or_default());
        let value = request.value.unwrap_or_default();
        let Some(left) = balance.checked_sub(value) else {
            return Err(CallError::Invalid(InvalidTransaction::LackOfFundForMaxFee {
                fee: Box::new(value),
                balance: Box::new(balance),
            }));
        };
        Ok(limit.min(u64::try_from(left / U256::from(price)).unwrap_or(u64::MAX)))
    }

    fn is_transfer(&self, request: &TransactionRequest) -> bool {
        let to = request.to.and_then(|kind| kind.to().copied());
        let no_data = request.input.input().is_none_or(|data| data.is_empty());
        no_data && to.is_some_and(|to| self.state.code(to).is_empty())
    }
}

fn lacks_gas(reason: &InvalidTransaction) -> bool {
    matches!(
        reason,
        InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
            | InvalidTransaction::GasFloorMoreThanGasLimit { .. }
    )
}

fn output(result: ExecutionResult) -> Result<Bytes, CallError> {
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(CallError::Reverted { data: output }),
        ExecutionResult::Halt { reason, .. } => Err(CallError::Halted(reason)),
    }
}

/// Fills in what a call leaves out: gas up to `gas_cap`, the sender's nonce, no price.
pub(super) fn call_tx_env(
    request: &TransactionRequest,
    state: &WorldState,
    gas_cap: u64,
) -> Result<TxEnv, CallError> {
    let dynamic = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
    if dynamic && request.gas_price.is_some() {
        return Err(CallError::MixedFees);
    }
    let caller = request.from.unwrap_or_default();
    let tip = request.max_priority_fee_per_gas.unwrap_or_default();
    let max_fee = request.max_fee_per_gas.or(request.gas_price).unwrap_or(tip);
    let mut tx = TxEnv {
        caller,
        gas_limit: request.gas.unwrap_or(gas_cap).min(gas_cap),
        gas_price: max_fee,
        gas_priority_fee: dynamic.then_some(tip),
        kind: request.to.unwrap_or(TxKind::Create),
        value: request.value.unwrap_or_default(),
        data: request.input.input().cloned().unwrap_or_default(),
        nonce: request.nonce.unwrap_or_else(|| state.nonce(caller)),
        chain_id: request.chain_id,
        access_list: request.access_list.clone().unwrap_or_default(),
        ..TxEnv::default()
    };
    tx.tx_type = match (dynamic, tx.access_list.is_empty()) {
        (true, _) => 2,
        (false, false) => 1,
        (false, true) => 0,
    };
    Ok(tx)
}

pub(super) fn override_state(state: &mut WorldState, overrides: &StateOverride) -> Result<(), CallError> {
    for (address, account) in overrides {
        let AccountOverride { balance, nonce, code, state: whole, state_diff, move_precompile_to } = account;
        if move_precompile_to.is_some() {
            return Err(CallError::MovePrecompile);
        }
        if whole.is_some() && state_diff.is_some() {
            return Err(CallError::BothStateAndDiff(*address));
        }
        if let Some(balance) = balance {
            state.set_balance(*address, *balance);
        }
        if let Some(nonce) = nonce {
            state.set_nonce(*address, *nonce);
        }
        if let Some(code) = code {
            state.set_code(*address, code.clone());
        }
        if whole.is_some() {
            state.clear_storage(*address);
        }
        for (slot, value) in whole.iter().chain(state_diff).flatten() {
            state.set_storage(*address, U256::from_be_bytes(slot.0), U256::from_be_bytes(value.0));
        }
    }
    Ok(())
}

/// Applies what is given; fields without a meaning on this chain (difficulty, blob fee) are taken and ignored.
pub(super) fn override_block(context: &mut BlockContext, overrides: &BlockOverrides) {
    if let Some(number) = overrides.number {
        context.number = u64::try_from(number).unwrap_or(u64::MAX);
    }
    if let Some(time) = overrides.time {
        context.timestamp = time;
    }
    if let Some(gas_limit) = overrides.gas_limit {
        context.gas_limit = gas_limit;
    }
    if let Some(coinbase) = overrides.coinbase {
        context.beneficiary = coinbase;
    }
    if let Some(random) = overrides.random {
        context.prevrandao = B256::from(random);
    }
    if let Some(base_fee) = overrides.base_fee {
        context.base_fee = u64::try_from(base_fee).unwrap_or(u64::MAX);
    }
}
