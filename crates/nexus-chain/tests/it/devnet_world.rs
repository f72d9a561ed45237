//! The compiled contracts on the embedded execution layer, behind real HTTP.

use std::sync::Arc;

use alloy::primitives as alloy_primitives;
use nexus_chain::{
    BlockAt, ChainConfig, ChainSnapshot, ContractCall, NexusChain as _, RpcChain, TxNetwork as _,
    TxSigner as _, UnsignedTx, ValidatorDeposit, encode_call,
};
use nexus_devnet::{
    deploy::{DeployConfig, Deployment, DevnetAccounts, NexusVersion, RollupConfig, RollupHandle},
    execution::{
        ExecutionChain, GenesisConfig,
        rpc::{SelfMining, router},
    },
};
use nexus_primitives::{
    Address, BasisPoints, BlockNumber, BlsSignature, ChainId, ClusterId, OperatorSet, RollupAdmin, Root,
    TxHash, ValidatorPubkey, Wei, WithdrawalCredentials,
};

use crate::{node_front::NodeFront, pipeline::signer};

pub(crate) const CHAIN_ID: u64 = 31_337;

/// A deployment with the test signer as its bot.
pub(crate) struct DevnetWorld {
    pub(crate) execution: Arc<ExecutionChain>,
    pub(crate) deployment: Deployment,
    pub(crate) rollups: Vec<RollupHandle>,
}

impl DevnetWorld {
    pub(crate) fn new(version: NexusVersion, rollups: usize) -> Self {
        Self::with_start(version, rollups, 1_700_000_000)
    }

    pub(crate) fn with_start(version: NexusVersion, rollups: usize, timestamp: u64) -> Self {
        let accounts = DevnetAccounts::new();
        let bot = to_alloy(signer().address());
        let mut alloc = accounts.alloc();
        alloc.push((bot, Wei::from_ether(10).get()));
        let genesis = GenesisConfig { alloc, ..GenesisConfig::new(CHAIN_ID, timestamp) };
        let execution = Arc::new(ExecutionChain::new(genesis));
        let mine = || mine(&execution);
        let deployment = Deployment::deploy(&execution, mine, DeployConfig::new(version)).unwrap();
        deployment.set_bot(&execution, mine, bot).unwrap();
        let register = |index: usize| {
            let config = RollupConfig::new(&format!("rollup {index}"), BasisPoints::new(5_000).unwrap());
            let rollup = deployment.register_rollup(&execution, mine, config).unwrap();
            deployment.bridge_in(&execution, mine, &rollup, Wei::from_ether(500).get()).unwrap();
            rollup
        };
        let rollups = (0..rollups).map(register).collect();
        let world = Self { execution, deployment, rollups };
        world.finalize();
        world
    }

    pub(crate) fn mine(&self) {
        mine(&self.execution);
    }

    pub(crate) fn finalize(&self) {
        let head = self.execution.head().number;
        self.execution.set_finality(head, head);
    }

    pub(crate) async fn front(&self) -> NodeFront {
        let producer = Arc::new(SelfMining::new(self.execution.clone()));
        NodeFront::serve(router(self.execution.clone(), producer)).await
    }

    pub(crate) fn config(&self, fronts: &[&NodeFront]) -> ChainConfig {
        ChainConfig {
            endpoints: fronts.iter().map(|front| front.endpoint.clone()).collect(),
            private_endpoint: None,
            chain_id: ChainId::new(CHAIN_ID),
            nexus: from_alloy(self.deployment.nexus),
            ssv_network: from_alloy(self.deployment.ssv_network),
            ssv_network_views: Some(from_alloy(self.deployment.ssv_views)),
            ssv_token: from_alloy(self.deployment.ssv_token),
            deposit_contract: from_alloy(self.deployment.deposit_contract),
            start_block: BlockNumber::new(self.deployment.start_block),
            bot: signer().address(),
            quorum: fronts.len(),
            batch_limit: ChainConfig::DEFAULT_BATCH_LIMIT,
            log_window: ChainConfig::DEFAULT_LOG_WINDOW,
            limits: nexus_http::HttpLimits::default(),
        }
    }

    pub(crate) async fn connect(&self) -> (RpcChain, NodeFront) {
        let front = self.front().await;
        (RpcChain::connect(self.config(&[&front])).await.unwrap(), front)
    }

    /// Signs, sends and mines a call of the bot; the test fails when it reverts.
    pub(crate) async fn carry_out(&self, chain: &RpcChain, call: &ContractCall) -> TxHash {
        let encoded = encode_call(chain.nexus(), call);
        self.send_as_bot(encoded.to, encoded.data).await
    }

    /// The same with any contract and any bytes.
    pub(crate) async fn send_as_bot(&self, to: Address, data: Vec<u8>) -> TxHash {
        let key = signer();
        let tx = UnsignedTx {
            chain_id: ChainId::new(CHAIN_ID),
            nonce: self.execution.nonce(to_alloy(key.address())),
            to,
            data,
            gas_limit: 2_000_000,
            max_fee: Wei::from_gwei_text("20").unwrap(),
            priority_fee: Wei::from_gwei_text("1").unwrap(),
        };
        let sent = key.sign(&tx).await.unwrap();
        let hash = self.execution.submit_raw(&sent.raw).unwrap();
        self.mine();
        let receipt = self.execution.receipt(hash).unwrap();
        assert!(receipt.status(), "the call reverted");
        sent.hash
    }

    pub(crate) fn admin(&self, index: usize) -> RollupAdmin {
        RollupAdmin::new(from_alloy(self.rollups[index].admin.address()))
    }

    pub(crate) fn deposit(&self, index: usize, tags: &[u8]) -> ContractCall {
        let bridge = from_alloy(self.rollups[index].bridge);
        let deposits = tags.iter().map(|tag| deposit(*tag, bridge)).collect();
        ContractCall::DepositValidators { rollup: self.admin(index), deposits }
    }

    pub(crate) fn shares(
        &self,
        index: usize,
        tag: u8,
        cluster: nexus_chain::ClusterSnapshot,
    ) -> ContractCall {
        ContractCall::DepositShares {
            rollup: self.admin(index),
            pubkey: pubkey(tag),
            operators: operators(),
            shares_data: vec![tag; 1_312],
            amount: Wei::from_ether(100),
            cluster,
        }
    }
}

/// Builds a deposit that the deposit contract accepts. It checks no signature, only the hash-tree root
/// (consensus specification, `DepositData`).
pub(crate) fn deposit(tag: u8, bridge: Address) -> ValidatorDeposit {
    use nexus_primitives::signing::{bytes_root, merkle_root};
    let (pubkey, signature) = (pubkey(tag), BlsSignature::new([tag; 96]));
    let withdrawal_credentials = WithdrawalCredentials::to_address(bridge);
    let mut amount = [0; 32];
    amount[..8].copy_from_slice(&32_000_000_000_u64.to_le_bytes());
    let deposit_data_root = merkle_root(&[
        bytes_root(pubkey.as_bytes()).into_bytes(),
        withdrawal_credentials.to_bytes(),
        amount,
        bytes_root(signature.as_bytes()).into_bytes(),
    ]);
    let _: Root = deposit_data_root;
    ValidatorDeposit { pubkey, withdrawal_credentials, signature, deposit_data_root }
}

pub(crate) fn pubkey(tag: u8) -> ValidatorPubkey {
    ValidatorPubkey::new([tag; 48])
}

pub(crate) fn operators() -> OperatorSet {
    OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap()
}

pub(crate) const CLUSTER: ClusterId = ClusterId::new(1);

pub(crate) async fn head(chain: &RpcChain) -> ChainSnapshot {
    chain.fetch_snapshot(BlockAt::Latest { lag: 0 }).await.unwrap()
}

fn mine(execution: &ExecutionChain) {
    execution.mine_block(execution.head().timestamp + 12, &[]);
}

pub(crate) fn to_alloy(address: Address) -> alloy_primitives::Address {
    alloy_primitives::Address::from(address.into_bytes())
}

pub(crate) fn from_alloy(address: alloy_primitives::Address) -> Address {
    Address::new(address.into_array())
}
