//! The execution layer under a network that nobody steps: geth, the contracts on it, and what their owners do.

use std::time::Duration;

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::Encodable2718 as _,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
    signers::SignerSync as _,
    sol_types::SolCall,
};
use anyhow::{Context as _, bail, ensure};
use nexus_devnet::deploy::{DevnetAccount, NexusVersion, RollupConfig, RollupHandle};
use nexus_keys::SignedDeposit;
use nexus_primitives::{BasisPoints, Clock as _, ForkVersion, Gwei, ValidatorPubkey, WithdrawalCredentials};
use serde_json::{Value, json};

use super::{
    blueprint::Blueprint,
    execution_node::{Block, ExecutionNode as _},
    full_bot::address,
    geth_node::{GethNode, Rules},
    interop_key::interop_key,
    world_clock::SystemClock,
};
use crate::stage::Stage;

/// The chain id of the networks here.
pub(crate) const CHAIN_ID: u64 = 1337;
/// What is bridged in when the rollup begins, in ETH.
pub(crate) const BRIDGED_ETHER: u64 = 100;

/// Blocks of our own that a transaction may take.
const PATIENCE_BLOCKS: usize = 8;
/// How long the network may take over a transaction.
const PATIENCE: Duration = Duration::from_mins(1);

mod contracts {
    alloy::sol! {
        function deposit(bytes pubkey, bytes credentials, bytes signature, bytes32 root) external payable;
        function validators(bytes pubkey) external view returns (uint8 status);
        function validatorCount() external view returns (uint256 count);
    }
}

/// A geth, and the contracts that are or will be on it.
pub(crate) struct Ground {
    /// The execution node.
    pub(crate) node: GethNode,
    /// The contracts.
    pub(crate) blueprint: Blueprint,
    blocks: Blocks,
}

/// Who makes blocks.
enum Blocks {
    /// We do, the next one later than this; before the network begins.
    Ours { time: u64 },
    /// The network does, in real time.
    Theirs,
}

impl Ground {
    /// Draws up the contracts and starts geth on an empty chain that begins at `time`.
    pub(crate) async fn begin(stage: &Stage, time: u64, rules: Rules, log: &str) -> anyhow::Result<Self> {
        let blueprint = Blueprint::draw(CHAIN_ID, time, NexusVersion::Main).await?;
        let mut start = blueprint.chain_start(time, 8);
        start.alloc.push((payer().address(), ether(1_000)));
        let component = stage.component("geth")?;
        let node = GethNode::start(component, &start, rules, &stage.work, &stage.log(log)).await?;
        Ok(Self { node, blueprint, blocks: Blocks::Ours { time } })
    }

    /// Leaves the making of blocks to the network.
    pub(crate) fn hand_over(&mut self) {
        self.blocks = Blocks::Theirs;
    }

    /// Returns the newest block.
    pub(crate) async fn head(&self) -> anyhow::Result<Block> {
        Block::fetch(self.node.rpc(), "latest").await
    }

    /// Draws up a rollup with a 40 % limit, and ETH on its bridge for one validator.
    pub(crate) fn draw_rollup(&self) -> anyhow::Result<RollupHandle> {
        let config = RollupConfig::new("alpha", BasisPoints::new(4_000)?);
        let rollup =
            self.blueprint.act(|deployment, chain, mine| deployment.register_rollup(chain, mine, config))?;
        let amount = ether(BRIDGED_ETHER);
        self.blueprint.act(|deployment, chain, mine| deployment.bridge_in(chain, mine, &rollup, amount))?;
        Ok(rollup)
    }

    /// Sends everything that was drawn up, block by block.
    pub(crate) async fn send_acts(&mut self) -> anyhow::Result<()> {
        for block in self.blueprint.take_transactions().await? {
            let hashes: Vec<_> = block.iter().map(keccak256).collect();
            for raw in block {
                self.node.rpc().call::<Value>("eth_sendRawTransaction", json!([raw])).await?;
            }
            self.settle(&hashes).await?;
        }
        Ok(())
    }

    /// Puts this many deposits into the contract: the next one is the first that a state with as many genesis
    /// validators doesn't count.
    pub(crate) async fn fill_deposits(&mut self, count: u64, fork: ForkVersion) -> anyhow::Result<()> {
        let contract = self.blueprint.deployment().deposit_contract;
        let mut hashes = Vec::new();
        for index in 0..count {
            let key = interop_key(1_000 + index)?;
            let credentials = WithdrawalCredentials::to_address(address(contract));
            let amount = Gwei::new(1_000_000_000);
            let deposit = SignedDeposit::sign(&key, credentials, amount, fork)?;
            let call = contracts::depositCall {
                pubkey: Bytes::copy_from_slice(deposit.pubkey().as_bytes()),
                credentials: Bytes::copy_from_slice(&credentials.to_bytes()),
                signature: Bytes::copy_from_slice(deposit.signature().as_bytes()),
                root: B256::new(deposit.deposit_data_root().into_bytes()),
            };
            hashes.push(self.pay(contract, ether(1), call.abi_encode(), 1).await?);
        }
        self.settle(&hashes).await
    }

    /// Pays most of an ETH of fees to whom the network pays fees: the bridge, as execution rewards are. A node takes no
    /// transaction that may cost more than one (geth's `--rpc.txfeecap`).
    pub(crate) async fn reward_the_bridge(&mut self) -> anyhow::Result<()> {
        let hash = self.pay(payer().address(), U256::ZERO, Vec::new(), 40_000).await?;
        self.settle(&[hash]).await
    }

    /// Sets the rollup's limit to nothing.
    pub(crate) async fn stop_staking(&mut self, rollup: &RollupHandle) -> anyhow::Result<()> {
        let limit = BasisPoints::new(0)?;
        self.blueprint
            .act(|deployment, chain, mine| deployment.change_staking_limit(chain, mine, rollup, limit))?;
        self.send_acts().await
    }

    /// Returns a validator's status on Nexus.
    pub(crate) async fn nexus_status(&self, pubkey: &ValidatorPubkey) -> anyhow::Result<u8> {
        let call = contracts::validatorsCall { pubkey: Bytes::copy_from_slice(pubkey.as_bytes()) };
        self.read(self.blueprint.deployment().nexus, &call).await
    }

    /// Returns how many validators a bridge counts.
    pub(crate) async fn validator_count(&self, bridge: Address) -> anyhow::Result<U256> {
        self.read(bridge, &contracts::validatorCountCall {}).await
    }

    /// Returns the ETH on an account, in wei.
    pub(crate) async fn balance(&self, account: Address) -> anyhow::Result<U256> {
        self.node.rpc().call("eth_getBalance", json!([account, "latest"])).await
    }

    async fn settle(&mut self, hashes: &[B256]) -> anyhow::Result<()> {
        match &mut self.blocks {
            Blocks::Ours { time } => settle_in_ours(&mut self.node, time, hashes).await,
            Blocks::Theirs => settle_in_theirs(&self.node, hashes).await,
        }
    }

    /// Sends a transaction of an account that nobody else uses; the tip is in gwei.
    async fn pay(&self, to: Address, value: U256, input: Vec<u8>, tip: u64) -> anyhow::Result<B256> {
        let payer = payer();
        let nonce: alloy::primitives::U64 =
            self.node.rpc().call("eth_getTransactionCount", json!([payer.address(), "pending"])).await?;
        let tip = u128::from(tip) * 1_000_000_000;
        let tx = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: nonce.to(),
            gas_limit: if input.is_empty() { 21_000 } else { 200_000 },
            max_fee_per_gas: tip + 100_000_000_000,
            max_priority_fee_per_gas: tip,
            to: TxKind::Call(to),
            value,
            input: input.into(),
            ..TxEip1559::default()
        };
        let signature = payer.signer.sign_hash_sync(&tx.signature_hash())?;
        let raw = Bytes::from(TxEnvelope::from(tx.into_signed(signature)).encoded_2718());
        self.node.rpc().call("eth_sendRawTransaction", json!([raw])).await
    }

    async fn read<C: SolCall>(&self, contract: Address, call: &C) -> anyhow::Result<C::Return> {
        let call = json!({ "to": contract, "data": Bytes::from(call.abi_encode()) });
        let answer: Bytes = self.node.rpc().call("eth_call", json!([call, "latest"])).await?;
        Ok(C::abi_decode_returns(&answer)?)
    }
}

/// Makes blocks until these transactions are in them.
async fn settle_in_ours(node: &mut GethNode, time: &mut u64, hashes: &[B256]) -> anyhow::Result<()> {
    for _ in 0..PATIENCE_BLOCKS {
        *time += 1;
        ensure!(*time < SystemClock.now().get(), "the ground took longer to lay than its past lasts");
        node.mine(*time, &[]).await?;
        if are_mined(node, hashes).await? {
            return Ok(());
        }
    }
    bail!("transactions were not mined while the ground was laid")
}

/// Waits until the network has these transactions in its blocks.
async fn settle_in_theirs(node: &GethNode, hashes: &[B256]) -> anyhow::Result<()> {
    let waiting = async {
        while !are_mined(node, hashes).await? {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, waiting).await.with_context(|| format!("{hashes:?} are not mined"))?
}

async fn are_mined(node: &GethNode, hashes: &[B256]) -> anyhow::Result<bool> {
    for hash in hashes {
        if !is_mined(node, *hash).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn is_mined(node: &GethNode, hash: B256) -> anyhow::Result<bool> {
    let answer: anyhow::Result<Option<Value>> =
        node.rpc().call("eth_getTransactionReceipt", json!([hash])).await;
    match answer {
        Ok(Some(receipt)) => {
            ensure!(receipt["status"] == "0x1", "transaction {hash} failed");
            Ok(true)
        }
        Ok(None) => Ok(false),
        Err(error) if error.to_string().contains("indexing is in progress") => Ok(false),
        Err(error) => Err(error),
    }
}

fn payer() -> DevnetAccount {
    DevnetAccount::new("interop payer")
}

/// Returns this many ETH in wei.
pub(crate) fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64)
}
