//! Trying calls out before they are paid for.

use alloy::primitives::{B256, Bytes, U64, keccak256};
use nexus_primitives::{Address, BlockNumber, ValidatorPubkey};
use serde_json::{Value, json};

use crate::{
    CallOutcome, ChainError, ContractCall, Revert, decode_revert, encode_call,
    rpc_endpoint::{RpcCall, RpcEndpoint},
    wire::{WireSimulatedBlock, quantity},
};

/// Storage slot of `mapping(bytes => ValidatorStatus) validators` in both Nexus versions.
const VALIDATORS_SLOT: u8 = 5;

/// Simulates the calls on the state of block `at`, each on the state the previous ones left (`eth_simulateV1`, execution-apis).
///
/// On a node without that method, a single call is tried with `eth_call`, and a deposit followed by registrations of
/// the deposited validators with the deposit's effect on the validators' status put in place by a state override.
/// That checks everything but a change of the bridge's balance, which registrations don't look at.
pub(crate) async fn simulate(
    endpoint: &RpcEndpoint,
    nexus: Address,
    from: Address,
    calls: &[ContractCall],
    at: BlockNumber,
) -> Result<Vec<CallOutcome>, ChainError> {
    let requests: Vec<Value> = calls.iter().map(|call| request(nexus, from, call)).collect();
    let bundle =
        json!([{ "blockStateCalls": [{ "calls": requests }], "validation": false }, quantity(at.get())]);
    let call = RpcCall::new("eth_simulateV1", bundle);
    let reply = endpoint.send_one(&call).await?;
    if let Err(refusal) = &reply
        && refusal.is_missing_method()
    {
        return simulate_one_by_one(endpoint, nexus, from, calls, at)
            .await
            .unwrap_or_else(|| Err(endpoint.refused(call.method, refusal.clone())));
    }
    let blocks: Vec<WireSimulatedBlock> = endpoint.decode(&call, &reply)?;
    let outcomes: Vec<_> = blocks.into_iter().flat_map(|block| block.calls).map(outcome).collect();
    if outcomes.len() == calls.len() {
        Ok(outcomes)
    } else {
        Err(endpoint.unreachable(format!("{} results for {} simulated calls", outcomes.len(), calls.len())))
    }
}

fn outcome(call: crate::wire::WireSimulatedCall) -> CallOutcome {
    if call.status == U64::from(1) {
        return CallOutcome::Success { gas_used: call.gas_used.to() };
    }
    // Where the revert data is differs between nodes: in the result, in the error, or in both.
    let in_error = call.error.and_then(|error| error.data).filter(|data| !data.is_empty());
    CallOutcome::Reverted(decode_revert(&in_error.unwrap_or(call.return_data)))
}

fn request(nexus: Address, from: Address, call: &ContractCall) -> Value {
    let encoded = encode_call(nexus, call);
    json!({ "from": from.to_string(), "to": encoded.to.to_string(), "data": Bytes::from(encoded.data) })
}

/// Returns `None` for a sequence that can't be split into independent calls.
async fn simulate_one_by_one(
    endpoint: &RpcEndpoint,
    nexus: Address,
    from: Address,
    calls: &[ContractCall],
    at: BlockNumber,
) -> Option<Result<Vec<CallOutcome>, ChainError>> {
    let overrides = match calls {
        [_] => vec![json!({})],
        [ContractCall::DepositValidators { deposits, .. }, shares @ ..] => {
            let registers_deposited = |call: &ContractCall| {
                matches!(call, ContractCall::DepositShares { pubkey, .. }
                    if deposits.iter().any(|deposit| deposit.pubkey == *pubkey))
            };
            // A second registration needs the tuple that the first one leaves behind.
            if shares.len() != 1 || !shares.iter().all(registers_deposited) {
                return None;
            }
            vec![json!({}), deposited_override(nexus, &shares.first()?.pubkeys())]
        }
        _ => return None,
    };
    let mut outcomes = Vec::with_capacity(calls.len());
    for (call, overrides) in calls.iter().zip(overrides) {
        match estimate(endpoint, &request(nexus, from, call), overrides, at).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(outcomes))
}

/// Runs a call on the state of block `at` and returns the gas it needs.
pub(crate) async fn estimate_gas(
    endpoint: &RpcEndpoint,
    nexus: Address,
    from: Address,
    call: &ContractCall,
    at: BlockNumber,
) -> Result<CallOutcome, ChainError> {
    estimate(endpoint, &request(nexus, from, call), json!({}), at).await
}

async fn estimate(
    endpoint: &RpcEndpoint,
    request: &Value,
    overrides: Value,
    at: BlockNumber,
) -> Result<CallOutcome, ChainError> {
    let mut params = vec![request.clone(), json!(quantity(at.get()))];
    if overrides != json!({}) {
        params.push(overrides);
    }
    let call = RpcCall::new("eth_call", Value::Array(params.clone()));
    let estimate = RpcCall::new("eth_estimateGas", Value::Array(params));
    let reply = endpoint.send_one(&call).await?;
    if let Err(refusal) = &reply {
        return match refusal.revert() {
            Some(revert) => Ok(CallOutcome::Reverted(revert)),
            None => Err(endpoint.refused(call.method, refusal.clone())),
        };
    }
    let gas_used: U64 = endpoint.request(estimate).await?;
    Ok(CallOutcome::Success { gas_used: gas_used.to() })
}

/// Finds out why a mined call reverted, by running it again on the state before its block. Other transactions of the
/// block may have mattered: `None` when it doesn't revert there.
pub(crate) async fn replay(
    endpoint: &RpcEndpoint,
    nexus: Address,
    from: Address,
    call: &ContractCall,
    parent: B256,
) -> Result<Option<Revert>, ChainError> {
    let at = json!({ "blockHash": parent });
    let call = RpcCall::new("eth_call", json!([request(nexus, from, call), at]));
    Ok(endpoint.send_one(&call).await?.err().and_then(|refusal| refusal.revert()))
}

/// Sets the status of validators to `DEPOSITED` (facts: the mapping's keys are the raw public keys).
fn deposited_override(nexus: Address, pubkeys: &[ValidatorPubkey]) -> Value {
    let deposited = B256::with_last_byte(1);
    let slots: serde_json::Map<String, Value> =
        pubkeys.iter().map(|pubkey| (status_slot(pubkey).to_string(), json!(deposited))).collect();
    json!({ nexus.to_string(): { "stateDiff": slots } })
}

/// Storage slot of a validator's status: `keccak256(key ‖ slot)` (Solidity, "Layout of State Variables in Storage").
fn status_slot(pubkey: &ValidatorPubkey) -> B256 {
    keccak256([pubkey.as_bytes().as_slice(), B256::with_last_byte(VALIDATORS_SLOT).as_slice()].concat())
}
