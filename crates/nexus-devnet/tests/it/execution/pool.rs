use alloy::{
    consensus::TxEip1559,
    eips::BlockId,
    primitives::{TxKind, U256},
    providers::Provider as _,
};
use serde_json::json;

use super::{CHAIN_ID, ETHER, Node};

const GWEI: u128 = 1_000_000_000;

#[track_caller]
fn refused(node: &Node, raw: &[u8], message: &str) {
    let error = node.chain.submit_raw(raw).unwrap_err();
    assert_eq!(error.code, -32000);
    assert!(error.message.starts_with(message), "{error}");
}

#[tokio::test]
async fn a_transaction_is_taken_once() {
    let node = Node::start().await;
    let raw = node.signed(0, 2 * GWEI, 1);
    node.chain.submit_raw(&raw).unwrap();
    refused(&node, &raw, "already known");
    node.mine();
    refused(&node, &raw, "nonce too low: next nonce 1, tx nonce 0");
}

#[tokio::test]
async fn a_replacement_must_raise_both_fees_by_a_tenth() {
    let node = Node::start().await;
    node.chain.submit_raw(&node.signed(0, 2 * GWEI, 100)).unwrap();
    refused(&node, &node.signed(0, 22 * GWEI / 10 - 1, 110), "replacement transaction underpriced");
    refused(&node, &node.signed(0, 22 * GWEI / 10, 109), "replacement transaction underpriced");
    let winner = node.chain.submit_raw(&node.signed(0, 22 * GWEI / 10, 110)).unwrap();
    node.mine();
    assert!(node.chain.receipt(winner).is_some());
    assert_eq!(node.chain.nonce(node.signer.address()), 1);
}

#[tokio::test]
async fn a_fee_below_the_base_fee_waits_until_it_is_not() {
    let node = Node::start().await;
    let hash = node.chain.submit_raw(&node.signed(0, 800_000_000, 1)).unwrap();
    node.mine();
    assert!(node.chain.receipt(hash).is_none());
    let waiting = node.provider.get_transaction_by_hash(hash).await.unwrap().unwrap();
    assert_eq!(waiting.block_number, None);
    node.mine();
    assert_eq!(node.chain.receipt(hash).unwrap().block_number, Some(2));
}

#[tokio::test]
async fn a_gap_in_nonces_waits_and_the_pending_count_stops_at_it() {
    let node = Node::start().await;
    let me = node.signer.address();
    node.chain.submit_raw(&node.signed(0, 2 * GWEI, 1)).unwrap();
    let late = node.chain.submit_raw(&node.signed(2, 2 * GWEI, 1)).unwrap();
    let pending = node.provider.get_transaction_count(me).block_id(BlockId::pending()).await.unwrap();
    assert_eq!(pending, 1);
    node.mine();
    assert!(node.chain.receipt(late).is_none());
    node.chain.submit_raw(&node.signed(1, 2 * GWEI, 1)).unwrap();
    node.mine();
    assert!(node.chain.receipt(late).is_some());
    refused(&node, &node.signed(68, 2 * GWEI, 1), "nonce too high");
}

#[tokio::test]
async fn what_cannot_pay_or_run_is_refused() {
    let node = Node::start().await;
    let base = TxEip1559 {
        chain_id: CHAIN_ID,
        gas_limit: 21_000,
        max_fee_per_gas: 2 * GWEI,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(node.signer.address()),
        ..TxEip1559::default()
    };
    let signed = |change: &dyn Fn(&mut TxEip1559)| {
        let mut tx = base.clone();
        change(&mut tx);
        node.sign(tx)
    };
    let rich = U256::from(1_000) * U256::from(ETHER);
    refused(&node, &signed(&|tx| tx.value = rich), "insufficient funds for gas * price + value");
    refused(
        &node,
        &signed(&|tx| tx.gas_limit = 20_999),
        "intrinsic gas too low: gas 20999, minimum needed 21000",
    );
    refused(&node, &signed(&|tx| tx.input = vec![1; 100].into()), "intrinsic gas too low");
    refused(&node, &signed(&|tx| tx.gas_limit = 70_000_000), "exceeds block gas limit");
    refused(&node, &signed(&|tx| tx.gas_limit = 16_777_217), "transaction gas limit too high");
    refused(
        &node,
        &signed(&|tx| tx.chain_id = 1),
        "invalid sender: invalid chain id for signer: have 1 want 1337",
    );
    refused(&node, &signed(&|tx| tx.max_priority_fee_per_gas = 3 * GWEI), "max priority fee per gas higher");
    refused(&node, &signed(&|tx| tx.max_priority_fee_per_gas = 0), "transaction underpriced");
    refused(&node, &[0x02, 0xc0], "rlp");
    assert_eq!(node.refusal("eth_sendRawTransaction", json!(["0x"])).await.0, -32000);
    assert_eq!(node.chain.pending_count(), 0);
}

#[tokio::test]
async fn the_intrinsic_gas_of_the_pool_is_that_of_the_evm() {
    let node = Node::start().await;
    let data = [0, 0, 1, 2, 3].repeat(10);
    // 21000 + 20 zeros * 4 + 30 others * 16; the floor (EIP-7623) is 21000 + (20 + 30 * 4) * 10 = 22400.
    let tx = |gas_limit| TxEip1559 {
        chain_id: CHAIN_ID,
        gas_limit,
        max_fee_per_gas: 2 * GWEI,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(node.signer.address()),
        input: data.clone().into(),
        ..TxEip1559::default()
    };
    refused(&node, &node.sign(tx(21_559)), "intrinsic gas too low: gas 21559, minimum needed 21560");
    refused(&node, &node.sign(tx(22_399)), "insufficient gas for floor data gas cost");
    let hash = node.chain.submit_raw(&node.sign(tx(22_400))).unwrap();
    node.mine();
    assert_eq!(node.chain.receipt(hash).unwrap().gas_used, 22_400);
}
