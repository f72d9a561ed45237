//! Calls, estimates and simulations.

use alloy::{
    primitives::U64,
    rpc::types::{BlockOverrides, TransactionRequest, simulate::SimulatePayload, state::StateOverride},
};
use serde_json::Value;

use super::{
    params::Params,
    server::{Answer, Node, json},
};
use crate::execution::RpcError;

impl Node {
    pub(super) fn execution(&self, method: &str, params: Params<'_>) -> Answer {
        Some(match method {
            "eth_call" => self.call(params),
            "eth_estimateGas" => self.estimate(params),
            "eth_simulateV1" => self.simulate(params),
            _ => return None,
        })
    }

    fn call(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let request = params.get::<TransactionRequest>(0)?;
        let state = params.optional::<StateOverride>(2)?;
        let block = params.optional::<BlockOverrides>(3)?;
        json(self.chain.call(&request, params.block(1)?, state.as_ref(), block.as_ref())?)
    }

    fn estimate(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let request = params.get::<TransactionRequest>(0)?;
        let state = params.optional::<StateOverride>(2)?;
        let block = params.optional::<BlockOverrides>(3)?;
        let gas = self.chain.estimate_gas(&request, params.block(1)?, state.as_ref(), block.as_ref())?;
        json(U64::from(gas))
    }

    fn simulate(&self, params: Params<'_>) -> Result<Value, RpcError> {
        let payload = params.get::<SimulatePayload>(0)?;
        json(self.chain.simulate(&payload, params.block(1)?)?)
    }
}
