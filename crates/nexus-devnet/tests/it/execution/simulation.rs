use alloy::{
    eips::BlockId,
    primitives::{Address, TxKind, U256, bytes},
    providers::Provider as _,
    rpc::types::{
        TransactionRequest,
        simulate::{SimBlock, SimulatePayload},
        state::{AccountOverride, StateOverride},
    },
};
use serde_json::json;

use super::{ETHER, Node, REGISTER, to, word};

fn bundle(calls: impl IntoIterator<Item = TransactionRequest>) -> SimBlock {
    SimBlock::default().extend_calls(calls)
}

#[tokio::test]
async fn a_later_call_sees_what_an_earlier_one_did() {
    let node = Node::start().await;
    let me = node.signer.address();
    let register = me.create(0);
    let calls = [
        TransactionRequest { to: Some(TxKind::Create), ..Default::default() }.from(me).input(REGISTER.into()),
        to(register).from(me).input(word(5).into()),
        to(register).from(me).input(word(0).into()),
        to(register).from(me).input(word(6).into()),
    ];
    let payload = SimulatePayload::default().extend(bundle(calls)).extend(bundle([to(register).from(me)]));
    let blocks = node.provider.simulate(&payload).await.unwrap();

    let calls = &blocks[0].calls;
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(calls[3].return_data, word(5));
    assert_eq!((calls[3].logs[0].log_index, calls[3].logs[0].address()), (Some(1), register));
    assert_eq!(calls[3].logs[0].block_hash, Some(blocks[0].inner.header.hash));
    let error = calls[2].error.as_ref().unwrap();
    assert_eq!((error.code, error.message.as_str()), (3, "execution reverted"));
    assert_eq!(error.data, Some(bytes!("deadbeef")));
    assert!(calls[1].gas_used > 21_000);
    assert_eq!(blocks[1].calls[0].return_data, word(6));
    assert_eq!(blocks[1].inner.header.number, 2);
    assert_eq!(blocks[1].inner.header.parent_hash, blocks[0].inner.header.hash);
    assert_eq!(node.chain.head().number, 0);
    assert!(node.chain.code(register).is_empty());
}

#[tokio::test]
async fn overrides_come_before_the_calls() {
    let node = Node::start().await;
    let poor = Address::repeat_byte(1);
    let rich = AccountOverride::default().with_balance(U256::from(ETHER));
    let overrides: StateOverride = [(poor, rich)].into_iter().collect();
    let transfer = to(Address::repeat_byte(2)).from(poor).value(U256::from(ETHER));
    let payload =
        SimulatePayload::default().extend(bundle([transfer.clone()]).with_state_overrides(overrides));
    assert!(node.provider.simulate(&payload).await.unwrap()[0].calls[0].status);

    let without = SimulatePayload::default().extend(bundle([transfer]));
    let error = node.provider.simulate(&without).await.unwrap_err();
    assert!(error.to_string().contains("insufficient funds"), "{error}");
}

#[tokio::test]
async fn validation_asks_for_a_possible_transaction() {
    let node = Node::start().await;
    let request = to(Address::repeat_byte(2)).from(node.signer.address()).nonce(3);
    let lax = SimulatePayload::default().extend(bundle([request.clone()]));
    assert!(node.provider.simulate(&lax).await.is_ok());
    assert!(node.provider.simulate(&lax.with_validation()).await.is_err());
}

#[tokio::test]
async fn a_simulation_starts_from_the_block_it_names() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    node.execute(to(register).input(word(5).into())).await;
    let payload = SimulatePayload::default().extend(bundle([to(register)]));
    let at_first = node.provider.simulate(&payload).block_id(BlockId::number(1)).await.unwrap();
    assert_eq!(at_first[0].calls[0].return_data, word(0));
    assert_eq!(at_first[0].inner.header.number, 2);
}

#[tokio::test]
async fn blocks_must_follow_each_other() {
    let node = Node::start().await;
    node.mine();
    let payload = json!({"blockStateCalls": [{"blockOverrides": {"number": "0x1"}, "calls": []}]});
    assert_eq!(node.refusal("eth_simulateV1", json!([payload, "latest"])).await.0, -38020);
    let far = json!({"blockStateCalls": [{"blockOverrides": {"number": "0xffffffffffff"}, "calls": []}]});
    assert_eq!(node.refusal("eth_simulateV1", json!([far, "latest"])).await.0, -38026);
}

#[tokio::test]
async fn simulated_blocks_are_ancestors_of_those_after_them() {
    let node = Node::start().await;
    // BLOCKHASH of the word in the call.
    let hasher = Address::repeat_byte(0x66);
    node.chain.set_code(hasher, bytes!("5f35405f5260205ff3"));
    let ask = |number| bundle([to(hasher).input(word(number).into())]);
    let payload = SimulatePayload::default().extend(ask(0)).extend(ask(1)).extend(ask(9));
    let blocks = node.provider.simulate(&payload).await.unwrap();
    assert_eq!(blocks[0].calls[0].return_data, node.chain.block(0).unwrap().hash.to_vec());
    assert_eq!(blocks[1].calls[0].return_data, blocks[0].inner.header.hash.to_vec());
    assert_eq!(blocks[2].calls[0].return_data, word(0));
}
