use alloy::{
    consensus::{BlockHeader as _, Transaction as _, proofs::calculate_transaction_root},
    eips::{BlockId, BlockNumberOrTag},
    network::{ReceiptResponse as _, TransactionResponse as _},
    primitives::{Address, B256, U256, keccak256},
    providers::Provider as _,
    rpc::types::{Filter, Transaction},
};
use nexus_devnet::execution::Withdrawal;
use serde_json::{Value, json};

use super::{CHAIN_ID, ETHER, GENESIS_TIME, Node, to, word};

#[tokio::test]
async fn a_transfer_moves_ether_and_leaves_a_receipt() {
    let node = Node::start().await;
    let friend = Address::repeat_byte(0xaa);
    let receipt = node.execute(to(friend).value(U256::from(ETHER))).await;

    assert!(receipt.status());
    assert_eq!(receipt.gas_used, 21_000);
    assert_eq!(node.provider.get_balance(friend).await.unwrap(), U256::from(ETHER));
    let fee = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
    let left = node.provider.get_balance(node.signer.address()).await.unwrap();
    assert_eq!(left, U256::from(999) * U256::from(ETHER) - fee);
    let found = node.provider.get_transaction_by_hash(receipt.transaction_hash).await.unwrap().unwrap();
    assert_eq!(found.block_number, Some(1));
    assert_eq!(found.inner.signer(), node.signer.address());
    assert_eq!(found.effective_gas_price, Some(receipt.effective_gas_price));
}

#[tokio::test]
async fn a_header_hashes_to_its_hash_and_commits_to_its_body() {
    let node = Node::start().await;
    node.deploy_register().await;
    let block = node.provider.get_block_by_number(1.into()).full().await.unwrap().unwrap();

    assert_eq!(block.header.inner.hash_slow(), block.header.hash);
    assert_eq!(block.header.parent_hash(), node.chain.block(0).unwrap().hash);
    assert_eq!(block.header.timestamp(), GENESIS_TIME + 12);
    let first = block.transactions.as_transactions().unwrap()[0].clone();
    let bodies = [first.inner.inner().clone()];
    assert_eq!(calculate_transaction_root(&bodies), block.header.transactions_root());
    let encoded = block.clone().map_transactions(Transaction::into_inner).into_consensus();
    assert_eq!(block.header.size, Some(U256::from(alloy::rlp::encode(&encoded).len())));
    assert_eq!(first.chain_id(), Some(CHAIN_ID));
    let hashes = node.provider.get_block_by_hash(block.header.hash).await.unwrap().unwrap();
    assert_eq!(hashes.transactions.hashes().collect::<Vec<_>>(), [first.tx_hash()]);
    let receipts = node.provider.get_block_receipts(BlockId::number(1)).await.unwrap().unwrap();
    assert_eq!(receipts[0].transaction_hash(), first.tx_hash());
    assert!(node.provider.get_block_by_number(9.into()).await.unwrap().is_none());
}

/// The root of a trie with one account, worked out by hand: leaf = rlp([path, rlp([nonce, balance, …])]).
#[tokio::test]
async fn the_state_root_is_that_of_a_merkle_patricia_trie() {
    let node = Node::start().await;
    let block = node.provider.get_block_by_number(0.into()).await.unwrap().unwrap();
    let balance = (U256::from(1_000) * U256::from(ETHER)).to_be_bytes_trimmed_vec();
    let empty_trie = keccak256([0x80]);
    let mut account = vec![0x80, 0x80 + u8::try_from(balance.len()).unwrap()];
    account.extend(&balance);
    account.push(0xa0);
    account.extend(empty_trie);
    account.push(0xa0);
    account.extend(keccak256([]));
    let mut value = vec![0xf8, u8::try_from(account.len()).unwrap()];
    value.extend(account);
    let mut leaf = vec![0xa1, 0x20];
    leaf.extend(keccak256(node.signer.address()));
    leaf.extend([0xb8, u8::try_from(value.len()).unwrap()]);
    leaf.extend(value);
    let mut node_rlp = vec![0xf8, u8::try_from(leaf.len()).unwrap()];
    node_rlp.extend(leaf);
    assert_eq!(block.header.state_root(), keccak256(node_rlp));
}

#[tokio::test]
async fn withdrawals_are_credited_and_committed_to() {
    let node = Node::start().await;
    let bridge = Address::repeat_byte(0xbb);
    let withdrawal =
        Withdrawal { index: 4, validator_index: 9, address: bridge, amount_gwei: 32_000_000_000 };
    node.chain.mine_block(GENESIS_TIME + 12, &[withdrawal]);

    assert_eq!(node.provider.get_balance(bridge).await.unwrap(), U256::from(32) * U256::from(ETHER));
    let block = node.provider.get_block_by_number(1.into()).await.unwrap().unwrap();
    let listed = block.withdrawals.unwrap();
    assert_eq!((listed[0].index, listed[0].validator_index, listed[0].amount), (4, 9, 32_000_000_000));
    let root = alloy::consensus::proofs::calculate_withdrawals_root(&listed);
    assert_eq!(block.header.withdrawals_root(), Some(root));
}

#[tokio::test]
async fn past_states_are_read_by_number_tag_and_hash() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let written = node.execute(to(register).input(word(5).into())).await;
    node.execute(to(register).input(word(6).into())).await;
    node.chain.set_finality(2, 1);

    let slot = |id: BlockId| node.provider.get_storage_at(register, U256::ZERO).block_id(id).into_future();
    assert_eq!(slot(BlockId::latest()).await.unwrap(), U256::from(6));
    assert_eq!(slot(BlockId::safe()).await.unwrap(), U256::from(5));
    assert_eq!(slot(BlockId::finalized()).await.unwrap(), U256::ZERO);
    assert_eq!(slot(BlockId::number(2)).await.unwrap(), U256::from(5));
    assert_eq!(slot(BlockId::hash(written.block_hash.unwrap())).await.unwrap(), U256::from(5));
    assert!(node.provider.get_code_at(register).block_id(BlockId::earliest()).await.unwrap().is_empty());
    assert_eq!(
        node.provider.get_transaction_count(node.signer.address()).block_id(2.into()).await.unwrap(),
        2
    );
    let finalized = node.provider.get_block_by_number(BlockNumberOrTag::Finalized).await.unwrap().unwrap();
    assert_eq!(finalized.header.number(), 1);
    let beyond = node.refusal("eth_getBalance", json!([register, "0x99"])).await;
    assert_eq!(beyond, (-32000, "header not found".to_owned()));
}

#[tokio::test]
async fn logs_are_found_by_range_hash_address_and_topic() {
    let node = Node::start_with(|genesis| genesis.max_log_range = Some(10)).await;
    let register = node.deploy_register().await;
    let other = node.deploy_register().await;
    for value in [5, 6, 7] {
        node.execute(to(register).input(word(value).into())).await;
    }
    let elsewhere = node.execute(to(other).input(word(7).into())).await;
    let topic = |value: u64| B256::from(U256::from(value));
    let count = async |filter: Filter| node.provider.get_logs(&filter).await.unwrap().len();

    let all = Filter::new().from_block(0).to_block(BlockNumberOrTag::Latest);
    assert_eq!(count(all.clone()).await, 4);
    assert_eq!(count(all.clone().address(register)).await, 3);
    assert_eq!(count(all.clone().address(vec![register, other]).event_signature(topic(7))).await, 2);
    assert_eq!(count(all.clone().event_signature(vec![topic(5), topic(6)])).await, 2);
    assert_eq!(count(all.topic1(topic(5))).await, 0);
    assert_eq!(count(Filter::new().from_block(4).to_block(5)).await, 2);
    let by_hash = Filter::new().at_block_hash(elsewhere.block_hash.unwrap());
    let found = node.provider.get_logs(&by_hash).await.unwrap();
    assert_eq!((found.len(), found[0].address()), (1, other));
    assert_eq!(found[0].transaction_hash, Some(elsewhere.transaction_hash));
    assert_eq!(elsewhere.logs(), found);

    for _ in 0..10 {
        node.mine();
    }
    let wide = node.refusal("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "latest"}])).await;
    assert_eq!(wide, (-32005, "eth_getLogs is limited to a 10 block range".to_owned()));
    let backwards = node.refusal("eth_getLogs", json!([{"fromBlock": "0x3", "toBlock": "0x1"}])).await;
    assert_eq!(backwards.0, -32602);
}

#[tokio::test]
async fn filters_show_each_thing_once() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let blocks = node.provider.new_block_filter().await.unwrap();
    let logs = node.provider.new_filter(&Filter::new().address(register)).await.unwrap();
    let receipt = node.execute(to(register).input(word(5).into())).await;

    let seen: Vec<B256> = node.provider.get_filter_changes(blocks).await.unwrap();
    assert_eq!(seen, [receipt.block_hash.unwrap()]);
    let seen: Vec<alloy::rpc::types::Log> = node.provider.get_filter_changes(logs).await.unwrap();
    assert_eq!(seen, receipt.logs());
    assert_eq!(node.provider.get_filter_changes::<B256>(blocks).await.unwrap(), Vec::<B256>::new());
    assert!(node.provider.uninstall_filter(blocks).await.unwrap());
    assert_eq!(
        node.refusal("eth_getFilterChanges", json!([blocks])).await,
        (-32000, "filter not found".to_owned())
    );
}

#[tokio::test]
async fn the_base_fee_follows_eip_1559() {
    let node = Node::start().await;
    node.mine();
    node.mine();
    let history = node.provider.get_fee_history(2, BlockNumberOrTag::Latest, &[50.0]).await.unwrap();
    assert_eq!(history.oldest_block, 1);
    assert_eq!(history.base_fee_per_gas, [875_000_000, 765_625_000, 669_921_875]);
    assert_eq!(history.gas_used_ratio, [0.0, 0.0]);
    assert_eq!(history.reward, Some(vec![vec![0], vec![0]]));
    assert_eq!(node.provider.get_gas_price().await.unwrap(), 1_669_921_875);
}

#[tokio::test]
async fn a_fee_history_shows_the_tips_that_were_paid() {
    let node = Node::start().await;
    for (nonce, tip) in [(0, 3), (1, 2)] {
        node.chain.submit_raw(&node.signed(nonce, 2_000_000_000, tip)).unwrap();
    }
    node.mine();
    let percentiles = [0.0, 50.0, 100.0];
    let history = node.provider.get_fee_history(1, BlockNumberOrTag::Latest, &percentiles).await.unwrap();
    assert_eq!(history.reward, Some(vec![vec![2, 2, 3]]));
}

#[tokio::test]
async fn identity_is_what_tools_expect() {
    let node = Node::start().await;
    assert_eq!(node.provider.get_chain_id().await.unwrap(), CHAIN_ID);
    assert_eq!(node.ask("net_version", json!([])).await.unwrap(), json!("1337"));
    assert_eq!(node.ask("eth_syncing", json!([])).await.unwrap(), json!(false));
    assert_eq!(node.ask("eth_accounts", Value::Null).await.unwrap(), json!([]));
    assert!(node.provider.get_client_version().await.unwrap().starts_with("nexus-devnet/"));
    assert_eq!(node.refusal("eth_nope", json!([])).await.0, -32601);
    assert_eq!(node.refusal("eth_getBalance", json!([])).await.0, -32602);
    assert_eq!(node.refusal("eth_getBalance", json!(["0x12"])).await.0, -32602);
}

#[tokio::test]
async fn a_batch_over_http_is_answered_as_one() {
    let node = Node::start().await;
    let body = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_chainId"},
    ]);
    let answer: Value =
        reqwest::Client::new().post(&node.url).json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer[0]["result"], json!("0x0"));
    assert_eq!(answer[1]["result"], json!("0x539"));

    let broken = reqwest::Client::new().post(&node.url).body("{").send().await.unwrap();
    assert_eq!(broken.status(), 200);
    assert_eq!(broken.json::<Value>().await.unwrap()["error"]["code"], json!(-32700));
}

#[tokio::test]
async fn the_pending_block_is_what_would_be_mined_now() {
    let node = Node::start().await;
    let register = node.deploy_register().await;
    let sent = node.provider.send_transaction(to(register).input(word(5).into())).await.unwrap();
    let pending = node.provider.get_block_by_number(BlockNumberOrTag::Pending).await.unwrap().unwrap();
    assert_eq!(pending.header.number(), 2);
    assert_eq!(pending.transactions.hashes().collect::<Vec<_>>(), [*sent.tx_hash()]);
    assert_eq!(node.provider.call(to(register)).block(BlockId::pending()).await.unwrap(), word(5));
    assert_eq!(node.provider.call(to(register)).block(BlockId::latest()).await.unwrap(), word(0));
    let mined = node.mine();
    assert_eq!(mined.hash, pending.header.hash);
}

#[tokio::test]
async fn a_page_in_a_browser_may_ask() {
    let node = Node::start().await;
    let client = reqwest::Client::new();
    let preflight = client.request(reqwest::Method::OPTIONS, &node.url).send().await.unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
}
