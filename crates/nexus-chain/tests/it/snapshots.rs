//! Snapshots of the compiled contracts.

use std::sync::atomic::{AtomicBool, Ordering};

use alloy::primitives::U256;
use alloy_sol_types::SolCall as _;
use nexus_chain::{
    BlockAt, ChainError, ClusterSnapshot, ContractCall, ExitAbi, NexusChain as _, NexusStatus, RpcChain,
    SsvVersion, TxSigner as _,
};
use nexus_devnet::deploy::NexusVersion;
use nexus_primitives::{BasisPoints, BlockNumber, OwnerNonce, Wei};

use crate::{
    devnet_world::{CLUSTER, DevnetWorld, from_alloy, head, operators, pubkey},
    node_front::error,
    pipeline::signer,
};

#[tokio::test]
async fn a_fresh_deployment_is_described_completely() {
    for (version, exit_abi) in
        [(NexusVersion::Main, ExitAbi::Main), (NexusVersion::SsvExits, ExitAbi::SsvExits)]
    {
        let world = DevnetWorld::new(version, 1);
        let (chain, _front) = world.connect().await;
        let snapshot = chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
        assert_eq!(snapshot.deployment.exit_abi, exit_abi);
        assert!(matches!(snapshot.deployment.ssv_version, SsvVersion::V1(_)));
        assert_eq!(snapshot.deployment.off_chain_bot, signer().address());
        for name in [
            "nexus",
            "nexus.implementation",
            "node_operator.implementation",
            "ssv_network.implementation",
            "deposit_contract",
        ] {
            assert!(snapshot.deployment.code_hashes.contains_key(name), "{name}");
        }

        let [rollup] = snapshot.rollups.as_slice() else { panic!("{:?}", snapshot.rollups) };
        assert_eq!((rollup.admin, rollup.name.as_str()), (world.admin(0), "rollup 0"));
        assert_eq!((rollup.cluster, rollup.limit), (CLUSTER, BasisPoints::new(5_000).unwrap()));
        assert_eq!(rollup.operators, Some(operators()));
        assert_eq!(rollup.bridge.address, from_alloy(world.rollups[0].bridge));
        assert_eq!(rollup.bridge.balance, Wei::from_ether(500));
        assert_eq!(rollup.bridge.deposit_contract, from_alloy(world.deployment.deposit_contract));
        assert_eq!(rollup.bridge.nexus, from_alloy(world.deployment.nexus));
        assert_eq!((rollup.bridge.validator_count, rollup.bridge.rewards), (0, Some(Wei::ZERO)));

        assert_eq!(snapshot.operators.len(), 4);
        for operator in snapshot.operators.values() {
            assert!(operator.active && operator.usable_by_nexus);
            assert!(operator.ssv_key.is_some());
            assert_eq!(operator.ssv_key, operator.nexus_key);
            assert!(operator.dkg_endpoint.is_some());
        }
        assert_eq!(snapshot.ssv.liquidation_threshold_blocks, 100_800);
        assert_eq!(snapshot.ssv.minimum_collateral, Wei::from_ether(1));
        assert_eq!(snapshot.ssv.nexus_token_balance, Wei::from_ether(10_000));
        assert!(snapshot.ssv.fee_recipient.is_some());
        assert_eq!((snapshot.bot.balance, snapshot.bot.nonce), (Wei::from_ether(10), 0));
        assert_eq!(snapshot.owner_nonce, OwnerNonce::new(0));
    }
}

#[tokio::test]
async fn a_validator_s_life_shows_in_snapshots() {
    let world = DevnetWorld::new(NexusVersion::SsvExits, 1);
    let (chain, _front) = world.connect().await;
    world.carry_out(&chain, &world.deposit(0, &[1, 2])).await;
    let deposited = head(&chain).await;
    assert_eq!(deposited.rollups[0].bridge.validator_count, 2);
    assert_eq!(deposited.rollups[0].bridge.balance, Wei::from_ether(500 - 64));
    assert!(deposited.validators.iter().all(|validator| validator.status == NexusStatus::Deposited));

    let context = chain.fetch_registration(&operators()).await.unwrap();
    assert_eq!((context.owner_nonce.get(), context.cluster), (0, ClusterSnapshot::NEW));
    assert_eq!(context.settled_balance, Wei::ZERO);
    world.carry_out(&chain, &world.shares(0, 1, context.cluster)).await;
    world.mine();
    let context = chain.fetch_registration(&operators()).await.unwrap();
    assert_eq!((context.owner_nonce.get(), context.cluster.validator_count), (1, 1));
    assert!(context.settled_balance < context.cluster.balance, "a block's fees are due");
    world.carry_out(&chain, &world.shares(0, 2, context.cluster)).await;

    let registered = head(&chain).await;
    assert_eq!(registered.owner_nonce, OwnerNonce::new(2));
    assert_eq!(registered.clusters[&operators()].validator_count, 2);
    assert_eq!(registered.operators.values().map(|operator| operator.validator_count).max(), Some(2));
    let second = registered.validators.iter().find(|validator| validator.pubkey == pubkey(2)).unwrap();
    assert_eq!((second.status, second.ssv.as_ref().unwrap().nonce.get()), (NexusStatus::ShareDeposited, 1));

    let exit =
        ContractCall::ExitThroughSsv { rollup: world.admin(0), pubkey: pubkey(1), operators: operators() };
    world.carry_out(&chain, &exit).await;
    let exiting = head(&chain).await;
    assert_eq!(exiting.validators[0].status, NexusStatus::ValidatorExitSubmitted);
    let known = chain.fetch_deposited_pubkeys(BlockNumber::new(0)).await.unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [pubkey(1), pubkey(2)]);
}

#[tokio::test]
async fn a_snapshot_takes_as_many_requests_for_forty_rollups_as_for_one() {
    let mut requests = vec![];
    for rollups in [1, 40] {
        let world = DevnetWorld::new(NexusVersion::Main, rollups);
        let (chain, front) = world.connect().await;
        front.take_requests();
        let snapshot = chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
        assert_eq!(snapshot.rollups.len(), rollups);
        requests.push(front.take_requests());
        // The second time only new blocks' events are read.
        world.mine();
        world.finalize();
        chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
        requests.push(front.take_requests());
    }
    assert_eq!(requests, [4; 4], "block, events, two batches");
}

#[tokio::test]
async fn a_node_that_takes_small_batches_gives_the_same_snapshot() {
    let world = DevnetWorld::new(NexusVersion::Main, 3);
    let (chain, front) = world.connect().await;
    let whole = chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
    front.limit_batches(10);
    assert_eq!(chain.fetch_snapshot(BlockAt::Finalized).await.unwrap(), whole);
    front.take_requests();
    chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
    assert!(front.take_requests() < 15, "the limit is remembered, not found out each time");
}

#[tokio::test]
async fn event_windows_shrink_until_the_node_answers_and_none_is_skipped() {
    let world = DevnetWorld::new(NexusVersion::Main, 3);
    let (whole, front) = world.connect().await;
    let expected = whole.fetch_snapshot(BlockAt::Finalized).await.unwrap();
    world.execution.set_max_log_range(Some(3));
    let chain = RpcChain::connect(world.config(&[&front])).await.unwrap();
    assert_eq!(chain.fetch_snapshot(BlockAt::Finalized).await.unwrap(), expected);
}

#[tokio::test]
async fn the_views_of_the_network_itself_serve_when_none_are_configured() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let front = world.front().await;
    let config = nexus_chain::ChainConfig { ssv_network_views: None, ..world.config(&[&front]) };
    let chain = RpcChain::connect(config).await.unwrap();
    let snapshot = chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
    assert_eq!(snapshot.ssv.liquidation_threshold_blocks, 100_800);
}

#[tokio::test]
async fn upgrades_of_nexus_and_ssv_are_noticed() {
    let mut world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, _front) = world.connect().await;
    let before = head(&chain).await;
    let execution = world.execution.clone();
    let mine = || {
        execution.mine_block(execution.head().timestamp + 12, &[]);
    };
    world.deployment.change_nexus_version(&world.execution, mine, NexusVersion::SsvExits).unwrap();
    world.deployment.upgrade_ssv_to_v2(&world.execution, mine).unwrap();
    let after = head(&chain).await;
    assert_eq!((before.deployment.exit_abi, after.deployment.exit_abi), (ExitAbi::Main, ExitAbi::SsvExits));
    assert!(!after.deployment.ssv_version.fits_nexus());
    for name in ["nexus.implementation", "ssv_network.implementation"] {
        assert_ne!(before.deployment.code_hashes[name], after.deployment.code_hashes[name]);
    }
    assert_eq!(before.deployment.code_hashes["nexus"], after.deployment.code_hashes["nexus"]);
}

#[tokio::test]
async fn an_upgrade_behind_a_bridge_is_noticed() {
    let world = DevnetWorld::new(NexusVersion::Main, 2);
    let (chain, _front) = world.connect().await;
    let bridge = world.rollups[0].bridge;
    let name = format!("bridge.{}.implementation", from_alloy(bridge));
    let before = head(&chain).await.deployment.code_hashes;
    let (token, views) = (world.deployment.ssv_token, world.deployment.ssv_views);
    let mut seen = vec![before.get(&name).copied()];
    for (slot, implementation) in [(PROXIABLE, views), (ERC_1967, token), (PROXIABLE, token)] {
        for known in [PROXIABLE, ERC_1967] {
            let value = if known == slot { implementation.into_word().into() } else { U256::ZERO };
            world.execution.set_storage(bridge, known.parse().unwrap(), value);
        }
        seen.push(head(&chain).await.deployment.code_hashes.get(&name).copied());
    }
    assert!(seen[1].is_some() && seen[2].is_some() && seen[1] != seen[2], "{seen:?}");
    assert_eq!(seen[2], seen[3], "wherever the proxy keeps it");
    let after = head(&chain).await.deployment.code_hashes;
    let proxy = format!("bridge.{}", from_alloy(bridge));
    assert_eq!(before[&proxy], after[&proxy]);
}

/// `keccak256("PROXIABLE")` (EIP-1822).
const PROXIABLE: &str = "0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7";
/// `keccak256("eip1967.proxy.implementation") - 1` (ERC-1967).
const ERC_1967: &str = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";

#[tokio::test]
async fn missing_events_are_noticed_by_what_the_contracts_count() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, front) = world.connect().await;
    world.carry_out(&chain, &world.deposit(0, &[1])).await;
    front.intercept(|call| {
        if call["method"] == "eth_getLogs" {
            call["params"][0]["topics"][0].as_array_mut()?.retain(|topic| topic != VALIDATOR_SUBMITTED);
        }
        None
    });
    for _ in 0..2 {
        let trouble = head(&chain).await.rollups.remove(0).trouble;
        assert_eq!(trouble.as_deref(), Some("bridge counts 1 validators, its events 0"));
    }
    front.behave();
    assert!(head(&chain).await.rollups[0].trouble.is_some(), "history isn't read again at every look");
    (0..32).for_each(|_| world.mine());
    let healed = head(&chain).await;
    assert_eq!((healed.validators.len(), &healed.rollups[0].trouble), (1, &None), "but after a while");
}

#[tokio::test]
async fn events_that_are_missing_once_are_read_again_before_a_bridge_is_doubted() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, front) = world.connect().await;
    world.carry_out(&chain, &world.deposit(0, &[1])).await;
    let missing = AtomicBool::new(true);
    front.intercept(move |call| {
        if call.to_string().contains(VALIDATOR_SUBMITTED) && missing.swap(false, Ordering::SeqCst) {
            call["params"][0]["topics"][0].as_array_mut()?.retain(|topic| topic != VALIDATOR_SUBMITTED);
        }
        None
    });
    let snapshot = head(&chain).await;
    assert_eq!((snapshot.validators.len(), &snapshot.rollups[0].trouble), (1, &None));
}

#[tokio::test]
async fn missing_registrations_are_an_error() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, front) = world.connect().await;
    world.carry_out(&chain, &world.deposit(0, &[1, 2])).await;
    world.carry_out(&chain, &world.shares(0, 1, ClusterSnapshot::NEW)).await;
    let cluster = chain.fetch_registration(&operators()).await.unwrap().cluster;
    let first = world.execution.head().number;
    world.carry_out(&chain, &world.shares(0, 2, cluster)).await;
    front.intercept(move |call| {
        if call["method"] == "eth_getLogs" {
            call["params"][0]["toBlock"] = serde_json::json!(format!("{first:#x}"));
        }
        None
    });
    let error = chain.fetch_snapshot(BlockAt::Latest { lag: 0 }).await.unwrap_err();
    assert!(matches!(error, ChainError::IncompleteHistory { .. }), "{error}");
    front.behave();
    assert_eq!(
        head(&chain).await.owner_nonce,
        OwnerNonce::new(2),
        "what was read from the liar is forgotten"
    );
}

const VALIDATOR_SUBMITTED: &str = "0xb7abbfc20ad848177398301a969cb076026b7c4a15b063eda34013ad984587c3";

#[tokio::test]
async fn a_node_that_does_not_know_the_block_is_not_asked_for_its_events() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, front) = world.connect().await;
    front.intercept(|call| {
        let by_number = call["method"] == "eth_getBlockByNumber" && call["params"][0] != "finalized";
        by_number.then(|| serde_json::json!({ "result": null }))
    });
    let error = chain.fetch_snapshot(BlockAt::Finalized).await.unwrap_err();
    assert!(matches!(error, ChainError::IncompleteHistory { .. }), "{error}");
    front.intercept(|call| (call["method"] == "eth_getLogs").then(error_of_a_node));
    let error = chain.fetch_snapshot(BlockAt::Finalized).await.unwrap_err();
    assert!(matches!(error, ChainError::Refused { .. }), "{error}");
    front.behave();
    chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
}

fn error_of_a_node() -> serde_json::Value {
    error(-32000, "database is closed")
}

#[tokio::test]
async fn a_reorganisation_below_the_index_rebuilds_it() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, _front) = world.connect().await;
    world.carry_out(&chain, &world.deposit(0, &[1])).await;
    assert_eq!(head(&chain).await.validators.len(), 1);
    world.execution.reorg(1);
    assert_eq!(head(&chain).await.validators.len(), 0, "the deposit left with its block");
}

/// Runs without end, and reverts without data.
const BROKEN_BRIDGES: [&[u8]; 2] = [&[0x5b, 0x5f, 0x56], &[0x5f, 0x5f, 0xfd]];

#[tokio::test]
async fn a_rollup_with_a_broken_bridge_does_not_hide_the_others() {
    for code in BROKEN_BRIDGES {
        let world = DevnetWorld::new(NexusVersion::Main, 2);
        let (chain, _front) = world.connect().await;
        world.carry_out(&chain, &world.deposit(0, &[1])).await;
        world.execution.set_code(world.rollups[0].bridge, code.to_vec().into());
        let snapshot = head(&chain).await;
        let admins: Vec<_> = snapshot.rollups.iter().map(|rollup| rollup.admin).collect();
        assert_eq!(admins, [world.admin(1)]);
        let [left_out] = snapshot.left_out.as_slice() else { panic!("{:?}", snapshot.left_out) };
        assert_eq!((left_out.admin, left_out.name.as_str()), (world.admin(0), "rollup 0"));
        assert_eq!(left_out.operators, Some(operators()));
        assert!(left_out.reason.contains("validatorCount()"), "{}", left_out.reason);
        assert_eq!(snapshot.validators[0].rollup, left_out.admin, "its validators are still there");
    }
}

#[tokio::test]
async fn nodes_may_put_a_broken_bridge_into_other_words() {
    let world = DevnetWorld::new(NexusVersion::Main, 2);
    let (honest, talkative) = (world.front().await, world.front().await);
    let chain = RpcChain::connect(world.config(&[&honest, &talkative])).await.unwrap();
    world.execution.set_code(world.rollups[0].bridge, BROKEN_BRIDGES[0].to_vec().into());
    talkative.intercept(|call| {
        // Only calls of bridges carry a gas limit.
        call["params"][0].get("gas").map(|_| error(-32000, "execution aborted (timeout = 5s)"))
    });
    let error = chain.fetch_snapshot(BlockAt::Latest { lag: 0 }).await.unwrap_err();
    assert!(
        matches!(error, ChainError::Disagreement { .. }),
        "the second rollup's bridge answers one of them"
    );
    world.execution.set_code(world.rollups[1].bridge, BROKEN_BRIDGES[1].to_vec().into());
    assert_eq!(head(&chain).await.left_out.len(), 2);
}

#[tokio::test]
async fn a_bridge_that_miscounts_troubles_its_own_rollup_only() {
    let world = DevnetWorld::new(NexusVersion::Main, 2);
    let (chain, front) = world.connect().await;
    head(&chain).await;
    // PUSH1 5 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN: five is the answer to everything.
    let five = vec![0x60, 5, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3];
    world.execution.set_code(world.rollups[1].bridge, five.into());
    front.take_requests();
    let mut requests = vec![];
    for _ in 0..3 {
        let snapshot = head(&chain).await;
        let trouble = |index: usize| {
            let rollup = snapshot.rollups.iter().find(|rollup| rollup.admin == world.admin(index)).unwrap();
            rollup.trouble.as_deref()
        };
        assert_eq!((trouble(0), trouble(1)), (None, Some("bridge counts 5 validators, its events 0")));
        requests.push(front.take_requests());
        world.mine();
    }
    assert_eq!(requests, [6, 4, 4], "events are read anew once");
}

#[tokio::test]
async fn clusters_are_read_after_ssv_has_moved_on_to_v2() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, _front) = world.connect().await;
    world.carry_out(&chain, &world.deposit(0, &[1])).await;
    world.carry_out(&chain, &world.shares(0, 1, ClusterSnapshot::NEW)).await;
    let execution = world.execution.clone();
    let mine = || {
        execution.mine_block(execution.head().timestamp + 12, &[]);
    };
    world.deployment.upgrade_ssv_to_v2(&execution, mine).unwrap();
    let snapshot = head(&chain).await;
    assert!(matches!(snapshot.deployment.ssv_version, SsvVersion::V2(_)));
    assert_eq!(snapshot.clusters[&operators()].validator_count, 1);
}

alloy_sol_types::sol! {
    struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance; }
    function liquidate(address owner, uint64[] operatorIds, Cluster cluster);
}

#[tokio::test]
async fn a_cluster_that_anyone_liquidated_is_inactive() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, _front) = world.connect().await;
    world.carry_out(&chain, &world.deposit(0, &[1])).await;
    world.carry_out(&chain, &world.shares(0, 1, ClusterSnapshot::NEW)).await;
    let execution = world.execution.clone();
    let mine = || {
        execution.mine_block(execution.head().timestamp + 12, &[]);
    };
    // 0.01 SSV per block: the threshold of 100 800 blocks is more than the 100 SSV the cluster holds.
    let fee = Wei::from_ether_text("0.01").unwrap().get();
    world.deployment.set_network_fee(&execution, mine, fee).unwrap();
    let tuple = head(&chain).await.clusters[&operators()];
    let call = liquidateCall {
        owner: world.deployment.nexus,
        operatorIds: operators().to_u64s(),
        cluster: Cluster {
            validatorCount: tuple.validator_count,
            networkFeeIndex: tuple.network_fee_index,
            index: tuple.index,
            active: tuple.active,
            balance: tuple.balance.get(),
        },
    };
    world.send_as_bot(from_alloy(world.deployment.ssv_network), call.abi_encode()).await;
    let liquidated = head(&chain).await.clusters[&operators()];
    assert_eq!((liquidated.active, liquidated.balance, liquidated.validator_count), (false, Wei::ZERO, 1));
    let context = chain.fetch_registration(&operators()).await.unwrap();
    assert_eq!((context.cluster, context.settled_balance), (liquidated, Wei::ZERO));
}
