//! Nodes that lie, lag, hang, or aren't nodes.

use std::time::Duration;

use axum::{Router, routing::post};
use nexus_chain::{
    BlockAt, BroadcastRoute, CallOutcome, ChainConfig, ChainError, ClusterSnapshot, ConnectError,
    Disposition, NexusChain as _, RpcChain, SendOutcome, TxError, TxNetwork as _, TxSigner as _,
};
use nexus_devnet::deploy::NexusVersion;
use nexus_http::{Endpoint, HttpLimits};
use nexus_primitives::{Address, BlockNumber, ChainId};
use serde_json::json;

use crate::{
    devnet_world::{DevnetWorld, operators},
    pipeline::signer,
};

fn chain_error(error: ConnectError) -> ChainError {
    match error {
        ConnectError::Chain(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn endpoints_that_disagree_are_both_named() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (honest, liar) = (world.front().await, world.front().await);
    let chain = RpcChain::connect(world.config(&[&honest, &liar])).await.unwrap();
    chain.fetch_snapshot(BlockAt::Finalized).await.unwrap();
    chain.fetch_registration(&operators()).await.unwrap();
    liar.intercept(|call| (call["method"] == "eth_getBalance").then(|| json!({ "result": "0x1" })));
    let error = chain.fetch_snapshot(BlockAt::Finalized).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ChainError::Disagreement { .. }), "{text}");
    assert!(
        text.contains(&honest.endpoint.to_string()) && text.contains(&liar.endpoint.to_string()),
        "{text}"
    );
    assert!(text.contains("rollup"), "{text}");
}

#[tokio::test]
async fn an_endpoint_that_fails_is_passed_over() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (broken, healthy) = (world.front().await, world.front().await);
    let config = ChainConfig { quorum: 1, ..world.config(&[&broken, &healthy]) };
    let chain = RpcChain::connect(config).await.unwrap();
    broken.intercept(|_| Some(crate::node_front::error(-32000, "database is closed")));
    assert_eq!(chain.fetch_snapshot(BlockAt::Finalized).await.unwrap().rollups.len(), 1);
    let both = RpcChain::connect(world.config(&[&healthy, &healthy])).await.unwrap();
    healthy.intercept(|_| Some(crate::node_front::error(-32000, "database is closed")));
    assert!(matches!(both.fetch_snapshot(BlockAt::Finalized).await, Err(ChainError::Refused { .. })));
}

#[tokio::test]
async fn another_chain_and_missing_contracts_are_refused_at_once() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let front = world.front().await;
    let config = ChainConfig { chain_id: ChainId::new(1), ..world.config(&[&front]) };
    let error = chain_error(RpcChain::connect(config).await.unwrap_err());
    assert!(
        matches!(error, ChainError::WrongChain { found, .. } if found == ChainId::new(31_337)),
        "{error}"
    );

    let config = ChainConfig { ssv_token: Address::new([1; 20]), ..world.config(&[&front]) };
    let error = chain_error(RpcChain::connect(config).await.unwrap_err());
    assert!(matches!(error, ChainError::Contract { name: "ssv_token", .. }), "{error}");

    // A contract, but another one.
    let config = ChainConfig { nexus: world.config(&[&front]).ssv_token, ..world.config(&[&front]) };
    let error = chain_error(RpcChain::connect(config).await.unwrap_err());
    assert!(matches!(error, ChainError::Contract { name: "nexus", .. }), "{error}");

    let config = ChainConfig { quorum: 2, ..world.config(&[&front]) };
    assert!(matches!(RpcChain::connect(config).await, Err(ConnectError::Quorum { quorum: 2, endpoints: 1 })));
}

#[tokio::test]
async fn a_call_is_only_refused_when_no_endpoint_would_take_it() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (behind, current) = (world.front().await, world.front().await);
    let chain = RpcChain::connect(world.config(&[&behind, &current])).await.unwrap();
    let reverts = |call: &mut serde_json::Value| {
        (call["method"] == "eth_call").then(|| crate::node_front::error(3, "execution reverted"))
    };
    behind.intercept(reverts);
    let (bot, call) = (signer().address(), world.deposit(0, &[1]));
    assert!(matches!(chain.estimate_gas(bot, &call).await, Ok(CallOutcome::Success { .. })));
    current.intercept(reverts);
    assert!(matches!(chain.estimate_gas(bot, &call).await, Ok(CallOutcome::Reverted(_))));
}

#[tokio::test]
async fn the_private_endpoint_alone_sees_what_is_sent_privately() {
    let world = DevnetWorld::new(NexusVersion::Main, 0);
    let (public, private) = (world.front().await, world.front().await);
    let config = ChainConfig { private_endpoint: Some(private.endpoint.clone()), ..world.config(&[&public]) };
    let chain = RpcChain::connect(config).await.unwrap();
    let requests = || (public.take_requests(), private.take_requests());
    requests();
    for (route, expected) in [(BroadcastRoute::PreferPrivate, (0, 1)), (BroadcastRoute::Public, (1, 0))] {
        let outcome = chain.send_raw(&[0xc0], route).await.unwrap();
        assert!(matches!(outcome, SendOutcome::Rejected(_)), "{outcome:?}");
        assert_eq!(requests(), expected);
    }
}

async fn serve(router: Router) -> Endpoint {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    endpoint
}

#[tokio::test]
async fn what_is_no_node_is_unreachable_and_named() {
    let world = DevnetWorld::new(NexusVersion::Main, 0);
    let front = world.front().await;
    let html = Router::new().fallback(|| async { axum::response::Html("<html>welcome</html>") });
    let other_json = Router::new().fallback(post(|| async { axum::Json(json!({ "hello": "world" })) }));
    let hanging = Router::new().fallback(|| async { std::future::pending::<()>().await });
    let endless = Router::new().fallback(|| async { "x".repeat(100_000) });
    for router in [html, other_json, hanging, endless] {
        let endpoint = serve(router).await;
        let limits = HttpLimits {
            total_timeout: Duration::from_millis(500),
            max_body_bytes: 50_000,
            ..HttpLimits::default()
        };
        let config = ChainConfig { endpoints: vec![endpoint.clone()], limits, ..world.config(&[&front]) };
        let error = chain_error(RpcChain::connect(config).await.unwrap_err());
        assert!(error.is_unreachable(), "{error}");
        assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_read_from_before_the_bot_s_own_last_transaction() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (behind, current) = (world.front().await, world.front().await);
    let connect = |quorum| {
        let config = ChainConfig { quorum, ..world.config(&[&behind, &current]) };
        async { RpcChain::connect(config).await.unwrap() }
    };
    let (one, both) = (connect(1).await, connect(2).await);
    let alone = RpcChain::connect(world.config(&[&behind])).await.unwrap();
    world.carry_out(&one, &world.deposit(0, &[1, 2])).await;
    let stale = format!("{:#x}", world.execution.head().number);
    behind.intercept(move |call| {
        if call["method"] == "eth_getBlockByNumber" && call["params"][0] == "latest" {
            call["params"][0] = json!(stale);
        }
        None
    });
    let hash = world.carry_out(&one, &world.shares(0, 1, ClusterSnapshot::NEW)).await;
    let mined = BlockNumber::new(world.execution.head().number);
    let nonce =
        async |chain: &RpcChain| chain.fetch_registration(&operators()).await.unwrap().owner_nonce.get();
    assert_eq!(nonce(&one).await, 0, "the first endpoint doesn't know better");

    for chain in [&one, &both, &alone] {
        assert!(chain.find_receipt(&[hash]).await.unwrap().found.is_some());
    }
    let (bot, call) = (signer().address(), world.shares(0, 2, ClusterSnapshot::NEW));
    assert_eq!(nonce(&one).await, 1, "the second does");
    let outdated = |outcome: &CallOutcome| matches!(outcome, CallOutcome::Reverted(_));
    assert!(outdated(&one.simulate(bot, std::slice::from_ref(&call)).await.unwrap()[0]));
    assert!(outdated(&one.estimate_gas(bot, &call).await.unwrap()));

    let genesis = BlockNumber::new(0);
    for error in [
        alone.fetch_registration(&operators()).await.unwrap_err(),
        alone.simulate(bot, std::slice::from_ref(&call)).await.unwrap_err(),
        alone.estimate_gas(bot, &call).await.unwrap_err(),
        alone.fetch_deposited_pubkeys(genesis).await.unwrap_err(),
        both.fetch_registration(&operators()).await.unwrap_err(),
        both.fetch_deposited_pubkeys(genesis).await.unwrap_err(),
    ] {
        assert!(matches!(error, ChainError::Behind { mined: block, .. } if block == mined), "{error}");
        assert!(error.to_string().contains(&behind.endpoint.to_string()), "{error}");
        assert!(!error.is_unreachable());
        assert_eq!(TxError::from(error).disposition(), Disposition::Retry);
    }
    behind.behave();
    assert_eq!((nonce(&alone).await, nonce(&both).await), (1, 1));
}
