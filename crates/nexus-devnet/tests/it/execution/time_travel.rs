use alloy::{
    eips::{BlockId, RpcBlockHash},
    primitives::{Address, B256, U256},
    providers::Provider as _,
};
use serde_json::json;

use super::{ETHER, GENESIS_TIME, Node, to, word};

#[tokio::test]
async fn a_reorg_drops_blocks_and_their_transactions_for_good() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let lost = node.execute(to(register).input(word(5).into())).await;
    let old_head = node.mine();

    let head = node.chain.reorg(2);
    assert_eq!(head.number, 1);
    assert!(node.provider.get_transaction_receipt(lost.transaction_hash).await.unwrap().is_none());
    assert!(node.provider.get_transaction_by_hash(lost.transaction_hash).await.unwrap().is_none());
    assert_eq!(node.provider.call(to(register)).await.unwrap(), word(0));
    assert_eq!(node.chain.nonce(node.signer.address()), 1);
    node.mine();
    let new_head = node.mine();
    assert_eq!(new_head.number, old_head.number);
    assert_eq!(new_head.timestamp, old_head.timestamp);
    assert_ne!(new_head.hash, old_head.hash);
    assert!(node.chain.receipt(lost.transaction_hash).is_none());
}

#[tokio::test]
async fn a_dropped_block_is_readable_by_hash_unless_it_must_be_canonical() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let lost = node.execute(to(register).input(word(5).into())).await.block_hash.unwrap();
    node.chain.reorg(1);
    let by = |require| BlockId::Hash(RpcBlockHash { block_hash: lost, require_canonical: require });
    assert_eq!(node.provider.call(to(register)).block(by(None)).await.unwrap(), word(5));
    let refused = node.provider.call(to(register)).block(by(Some(true))).await.unwrap_err();
    assert!(refused.to_string().contains("hash is not currently canonical"), "{refused}");
    let unknown = json!([{"to": register}, {"blockHash": B256::repeat_byte(9), "requireCanonical": true}]);
    assert_eq!(node.refusal("eth_call", unknown).await, (-32000, "header for hash not found".to_owned()));
}

#[tokio::test]
async fn a_snapshot_brings_everything_back_once() {
    let node = Node::start().await;
    let before = node.ask("evm_snapshot", json!([])).await.unwrap();
    let after = node.ask("evm_snapshot", json!([])).await.unwrap();
    let friend = Address::repeat_byte(3);
    node.execute(to(friend).value(U256::from(ETHER))).await;

    assert_eq!(node.ask("evm_revert", json!([before])).await.unwrap(), json!(true));
    assert_eq!(node.provider.get_block_number().await.unwrap(), 0);
    assert_eq!(node.provider.get_balance(friend).await.unwrap(), U256::ZERO);
    assert_eq!(node.ask("evm_revert", json!([before])).await.unwrap(), json!(false));
    assert_eq!(node.ask("evm_revert", json!([after])).await.unwrap(), json!(false));
}

#[tokio::test]
async fn time_moves_when_told_to() {
    let node = Node::start().await;
    node.ask("evm_increaseTime", json!([3_600])).await.unwrap();
    node.ask("evm_mine", json!([])).await.unwrap();
    assert_eq!(node.chain.head().timestamp, GENESIS_TIME + 3_612);
    node.ask("anvil_mine", json!(["0x5"])).await.unwrap();
    assert_eq!((node.chain.head().number, node.chain.head().timestamp), (6, GENESIS_TIME + 3_672));
    node.ask("anvil_mine", json!([2, 100])).await.unwrap();
    assert_eq!((node.chain.head().number, node.chain.head().timestamp), (8, GENESIS_TIME + 3_872));
    let stuck = node.chain.mine_block(0, &[]);
    assert_eq!(stuck.timestamp, GENESIS_TIME + 3_873);
}

#[tokio::test]
async fn cheats_change_the_head() {
    let node = Node::start().await;
    let account = Address::repeat_byte(4);
    node.ask("anvil_setBalance", json!([account, "0x64"])).await.unwrap();
    node.ask("anvil_setCode", json!([account, "0x5f545f5260205ff3"])).await.unwrap();
    node.ask("anvil_setStorageAt", json!([account, "0x0", format!("{}", B256::from(U256::from(9)))]))
        .await
        .unwrap();
    assert_eq!(node.provider.get_balance(account).await.unwrap(), U256::from(100));
    assert_eq!(node.provider.call(to(account)).await.unwrap(), word(9));
    node.mine();
    assert_eq!(node.provider.call(to(account)).await.unwrap(), word(9));
}

#[tokio::test]
async fn a_reorg_is_also_a_method() {
    let node = Node::start().await;
    node.mine();
    node.ask("devnet_reorg", json!([1])).await.unwrap();
    assert_eq!(node.provider.get_block_number().await.unwrap(), 0);
}
