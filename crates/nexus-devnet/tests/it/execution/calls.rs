use alloy::{
    eips::BlockId,
    primitives::{Address, B256, Bytes, U256, bytes},
    providers::Provider as _,
    rpc::types::{BlockOverrides, state::AccountOverride, state::StateOverride},
};
use serde_json::json;

use super::{ETHER, Node, REGISTER, to, word};

#[tokio::test]
async fn a_call_returns_data_and_changes_nothing() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    node.execute(to(register).input(word(5).into())).await;
    assert_eq!(node.provider.call(to(register).input(word(9).into())).await.unwrap(), word(5));
    assert_eq!(node.provider.call(to(register)).await.unwrap(), word(5));
    assert_eq!(node.provider.call(to(register)).block(BlockId::number(1)).await.unwrap(), word(0));
}

#[tokio::test]
async fn a_revert_has_code_3_and_its_data() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    for outcome in [
        node.provider.call(to(register).input(word(0).into())).await.map(drop),
        node.provider.estimate_gas(to(register).input(word(0).into())).await.map(drop),
    ] {
        let error = outcome.unwrap_err();
        let payload = error.as_error_resp().unwrap();
        assert_eq!((payload.code, payload.message.as_ref()), (3, "execution reverted"));
        assert_eq!(payload.as_revert_data(), Some(bytes!("deadbeef")));
    }
}

#[tokio::test]
async fn a_mined_revert_has_status_zero_and_no_logs() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let receipt = node.execute(to(register).input(word(0).into()).gas_limit(100_000)).await;
    assert!(!receipt.status());
    assert!(receipt.logs().is_empty());
}

#[tokio::test]
async fn state_overrides_stand_in_for_code_balance_and_slots() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let runtime = Bytes::copy_from_slice(&REGISTER[9..]);
    let elsewhere = Address::repeat_byte(0x77);
    let slot = |value: u64| [(B256::ZERO, B256::from(U256::from(value)))];
    let mut overrides = StateOverride::default();
    overrides.insert(register, AccountOverride::default().with_state_diff(slot(11)));
    overrides.insert(elsewhere, AccountOverride::default().with_code(runtime).with_state(slot(12)));

    let answer = |address| node.provider.call(to(address)).overrides(overrides.clone()).into_future();
    assert_eq!(answer(register).await.unwrap(), word(11));
    assert_eq!(answer(elsewhere).await.unwrap(), word(12));
    assert_eq!(node.provider.call(to(register)).await.unwrap(), word(0));

    let poor = Address::repeat_byte(0x01);
    let transfer = to(elsewhere).from(poor).value(U256::from(ETHER));
    let refused = node.provider.call(transfer.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("insufficient funds"), "{refused}");
    let rich = AccountOverride::default().with_balance(U256::from(ETHER));
    let rich: StateOverride = [(poor, rich)].into_iter().collect();
    assert!(node.provider.call(transfer).overrides(rich).await.is_ok());
}

#[tokio::test]
async fn block_overrides_reach_the_contract() {
    let node = Node::start().await;
    // NUMBER and TIMESTAMP, each as a word.
    let clock = Address::repeat_byte(0x55);
    node.chain.set_code(clock, bytes!("435f524260205260405ff3"));
    let overrides = BlockOverrides::default().with_number(U256::from(77)).with_time(1_800_000_000);
    let seen = node.provider.call(to(clock)).with_block_overrides(overrides).await.unwrap();
    assert_eq!(seen, [word(77), word(1_800_000_000)].concat());
}

#[tokio::test]
async fn a_call_may_come_from_a_contract() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    assert_eq!(node.provider.call(to(register).from(register)).await.unwrap(), word(0));
}

#[tokio::test]
async fn an_estimate_is_enough_and_not_much_more() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let request = to(register).from(node.signer.address()).input(word(5).into());
    let estimate = node.provider.estimate_gas(request.clone()).await.unwrap();
    let used = node.execute(request.gas_limit(estimate)).await;
    assert!(used.status());
    assert!(
        estimate >= used.gas_used && estimate * 100 <= used.gas_used * 105,
        "{estimate} {}",
        used.gas_used
    );
    assert_eq!(node.provider.estimate_gas(to(Address::repeat_byte(0x99))).await.unwrap(), 21_000);
}

#[tokio::test]
async fn solidity_reasons_are_spelled_out() {
    let node = Node::start().await;
    // REVERT with Error("no"): copies the tail of its own code.
    let refuser = Address::repeat_byte(0x44);
    let mut code = bytes!("6064600b5f3960645ffd00").to_vec();
    code.extend(bytes!("08c379a0"));
    code.extend(word(32));
    code.extend(word(2));
    code.extend(b"no");
    code.extend([0; 30]);
    node.chain.set_code(refuser, code.into());
    let refusal = node.refusal("eth_call", json!([{"to": refuser}, "latest"])).await;
    assert_eq!(refusal, (3, "execution reverted: no".to_owned()));
}
