//! The served world: JSON-RPC controls, configuration directory, pace, shutdown.

use std::time::Duration;

use nexus_devnet::{ConfigDirError, Devnet, DevnetConfig, Pace, StartError};
use nexus_primitives::{Address, RollupAdmin, UnixSeconds, Wei};
use serde_json::{Value, json};

async fn start() -> Devnet {
    Devnet::start(DevnetConfig::fast(UnixSeconds::new(1_700_000_000))).await.unwrap()
}

async fn ask(devnet: &Devnet, method: &str, params: Value) -> Result<Value, String> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let answer = reqwest::Client::new().post(devnet.rpc_url()).json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    match answer.get("error") {
        Some(error) => Err(error["message"].as_str().unwrap().to_owned()),
        None => Ok(answer["result"].clone()),
    }
}

async fn beacon(devnet: &Devnet, path: &str) -> Value {
    let url = format!("{}{path}", devnet.beacon_url());
    let body: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    body["data"].clone()
}

async fn block_number(devnet: &Devnet) -> u64 {
    let number = ask(devnet, "eth_blockNumber", json!([])).await.unwrap();
    u64::from_str_radix(number.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test]
async fn rollup_is_driven_by_hand() {
    let devnet = start().await;
    let rollup = ask(&devnet, "devnet_registerRollup", json!(["alpha", 4000])).await.unwrap();
    let admin: Address = rollup["admin"].as_str().unwrap().parse().unwrap();
    let bridge: Address = rollup["bridge"].as_str().unwrap().parse().unwrap();
    let hundred = format!("0x{:x}", Wei::from_ether(100).get());
    assert_eq!(ask(&devnet, "devnet_bridgeIn", json!([admin, hundred])).await, Ok(Value::Null));
    assert_eq!(devnet.balance(bridge), Wei::from_ether(100));
    let half = format!("{}", Wei::from_ether(50));
    assert_eq!(ask(&devnet, "devnet_bridgeOut", json!([admin, half])).await, Ok(Value::Null));
    assert_eq!(devnet.balance(bridge), Wei::from_ether(50));
    assert_eq!(ask(&devnet, "devnet_setStakingLimit", json!([admin, 2_000])).await, Ok(Value::Null));
    let stored = devnet.rollup_on_chain(RollupAdmin::new(admin)).unwrap().unwrap();
    assert_eq!(stored.limit.get(), 2_000);

    let too_much = ask(&devnet, "devnet_bridgeOut", json!([admin, hundred])).await.unwrap_err();
    assert!(too_much.contains("bridging out failed on chain"), "{too_much}");
    let stranger = ask(&devnet, "devnet_bridgeIn", json!([Address::ZERO, "0x1"])).await.unwrap_err();
    assert!(stranger.contains("no rollup has the admin"), "{stranger}");
    for params in [json!([]), json!(["x", 1]), json!([admin, 10_001]), json!([admin, -1])] {
        let error = ask(&devnet, "devnet_setStakingLimit", params.clone()).await.unwrap_err();
        assert!(error.contains("expected"), "{params}: {error}");
    }
    assert!(ask(&devnet, "devnet_noSuchThing", json!([])).await.unwrap_err().contains("does not exist"));
}

#[tokio::test]
async fn time_moves_both_chains() {
    let devnet = start().await;
    let before = block_number(&devnet).await;
    ask(&devnet, "devnet_advanceSlots", json!([3])).await.unwrap();
    ask(&devnet, "devnet_advanceEpochs", json!(["0x2"])).await.unwrap();
    ask(&devnet, "evm_mine", json!([])).await.unwrap();
    ask(&devnet, "evm_increaseTime", json!([25])).await.unwrap();
    let after = block_number(&devnet).await;
    // 3 slots, 2 epochs of 8, one block, 25 seconds in whole slots of 12.
    assert_eq!(after, before + 3 + 16 + 1 + 3);
    assert_eq!(beacon(&devnet, "/eth/v1/node/syncing").await["head_slot"], after.to_string());
    assert!(ask(&devnet, "devnet_advanceSlots", json!([100_001])).await.unwrap_err().contains("at most"));
}

#[tokio::test]
async fn finality_stall_and_node_health_are_switched() {
    let devnet = start().await;
    let final_block = devnet.final_block();
    ask(&devnet, "devnet_setFinalityStall", json!([true])).await.unwrap();
    ask(&devnet, "devnet_advanceEpochs", json!([3])).await.unwrap();
    let tagged = ask(&devnet, "eth_getBlockByNumber", json!(["finalized", false])).await.unwrap();
    assert_eq!(tagged["number"], format!("0x{final_block:x}"));
    ask(&devnet, "devnet_setFinalityStall", json!([false])).await.unwrap();
    ask(&devnet, "devnet_advanceEpochs", json!([1])).await.unwrap();
    assert!(devnet.final_block() > final_block);
    ask(&devnet, "devnet_setSyncing", json!([true])).await.unwrap();
    ask(&devnet, "devnet_setOptimistic", json!([true])).await.unwrap();
    let syncing = beacon(&devnet, "/eth/v1/node/syncing").await;
    assert_eq!((&syncing["is_syncing"], &syncing["is_optimistic"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn snapshots_and_reorganisations_reach_the_beacon_chain() {
    let devnet = start().await;
    let id = ask(&devnet, "evm_snapshot", json!([])).await.unwrap();
    let header = beacon(&devnet, "/eth/v1/beacon/headers/head").await;
    ask(&devnet, "devnet_advanceSlots", json!([2])).await.unwrap();
    assert_eq!(ask(&devnet, "evm_revert", json!([id])).await, Ok(json!(true)));
    assert_eq!(beacon(&devnet, "/eth/v1/beacon/headers/head").await, header);

    let hash = ask(&devnet, "devnet_reorg", json!([2])).await.unwrap();
    let replaced = beacon(&devnet, "/eth/v1/beacon/headers/head").await;
    assert_eq!(replaced["header"]["message"]["slot"], header["header"]["message"]["slot"]);
    assert_ne!(replaced["root"], header["root"]);
    let head = ask(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
    assert_eq!(head["hash"], hash);
    assert!(
        ask(&devnet, "devnet_reorg", json!([1_000])).await.unwrap_err().contains("can't become the head")
    );
}

#[tokio::test]
async fn info_names_everything() {
    let devnet = start().await;
    ask(&devnet, "devnet_registerRollup", json!(["alpha", 1_000, 5])).await.unwrap();
    let info = ask(&devnet, "devnet_info", json!([])).await.unwrap();
    assert_eq!(info["rpc_url"], devnet.rpc_url());
    assert_eq!(info["beacon_url"], devnet.beacon_url());
    assert_eq!(info["contracts"]["nexus_version"], "ssv_exits");
    assert_eq!(info["rollups"][0]["name"], "alpha");
    let labels: Vec<_> =
        info["accounts"].as_array().unwrap().iter().map(|account| &account["label"]).collect();
    assert!(labels.contains(&&json!("bot")) && labels.contains(&&json!("rollup-admin alpha")), "{labels:?}");
    assert_eq!(info["head"]["block_number"], block_number(&devnet).await);
    ask(&devnet, "devnet_setNexusVersion", json!(["main"])).await.unwrap();
    let info = ask(&devnet, "devnet_info", json!([])).await.unwrap();
    assert_eq!(info["contracts"]["nexus_version"], "main");
}

#[tokio::test]
async fn configuration_names_this_world() {
    let devnet = start().await;
    let root = tempfile::tempdir().unwrap();
    let paths = devnet.write_config(root.path()).unwrap();
    let text = std::fs::read_to_string(&paths.config).unwrap();
    let config: toml::Table = text.parse().unwrap();
    assert_eq!(config["execution"]["endpoints"][0].as_str(), Some(devnet.rpc_url()));
    assert_eq!(config["beacon"]["endpoints"][0].as_str(), Some(devnet.beacon_url()));
    let nexus: Address = config["contracts"]["nexus"].as_str().unwrap().parse().unwrap();
    assert_eq!(nexus.as_bytes(), devnet.deployment().nexus.as_slice());
    let genesis = beacon(&devnet, "/eth/v1/beacon/genesis").await;
    assert_eq!(config["network"]["genesis_fork_version"].as_str(), genesis["genesis_fork_version"].as_str());
    let nowhere = root.path().join("salt").join("below a file");
    assert!(matches!(devnet.write_config(&nowhere), Err(ConfigDirError::Io { .. })));
}

#[tokio::test]
async fn slots_pass_by_themselves_when_told_to() {
    let pace = Pace::Interval(Duration::from_millis(5));
    let config = DevnetConfig { pace, ..DevnetConfig::fast(UnixSeconds::new(1_700_000_000)) };
    let devnet = Devnet::start(config).await.unwrap();
    let first = devnet.slot();
    while devnet.slot().get() < first.get() + 3 {
        tokio::task::yield_now().await;
    }
    let world = devnet.world();
    devnet.shutdown().await;
    let stopped = world.slot();
    assert_eq!(world.advance_slots(1).number, stopped.get() + 1);
}

#[tokio::test]
async fn servers_stop_and_free_their_ports() {
    let devnet = start().await;
    let (rpc, address) =
        (devnet.rpc_url().to_owned(), devnet.rpc_url().trim_start_matches("http://").to_owned());
    let taken = DevnetConfig {
        listen_beacon: address.parse().unwrap(),
        ..DevnetConfig::fast(UnixSeconds::new(1_700_000_000))
    };
    assert!(matches!(Devnet::start(taken).await, Err(StartError::Listen { .. })));
    devnet.shutdown().await;
    assert!(reqwest::get(rpc).await.is_err());
    assert!(tokio::net::TcpListener::bind(address).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn questions_and_steps_do_not_wait_for_each_other_for_ever() {
    let devnet = start().await;
    let (asking, stepping) = (devnet.world(), devnet.world());
    let asked = tokio::task::spawn_blocking(move || {
        (0..300).map(|_| asking.info()).filter(|_| asking.offline_validators().is_empty()).count()
    });
    let stepped = tokio::task::spawn_blocking(move || stepping.advance_slots(300));
    let both = tokio::time::timeout(Duration::from_mins(1), async { (asked.await, stepped.await) });
    let (asked, _) = both.await.expect("no deadlock");
    assert_eq!(asked.unwrap(), 300);
}
