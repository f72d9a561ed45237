//! Lodestar and geth joined over the Engine API: a network that nobody steps, and a validator's life on it.

use std::{sync::Arc, time::Duration};

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::Encodable2718 as _,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
    signers::SignerSync as _,
    sol_types::SolCall,
};
use anyhow::{Context as _, bail, ensure};
use async_trait::async_trait;
use nexus_beacon::{BeaconNode as _, BeaconNodes, NetworkSpec, SignedVoluntaryExit, StateId, VoluntaryExit};
use nexus_controller::Stage as Life;
use nexus_devnet::deploy::{DevnetAccount, NexusVersion, RollupConfig, RollupHandle};
use nexus_keys::{SignedDeposit, ValidatorKey};
use nexus_primitives::{
    BasisPoints, ChainId, Clock as _, Epoch, ForkVersion, Gwei, Root, ValidatorIndex, ValidatorPubkey,
    WithdrawalCredentials,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    checks::Checks,
    row::Row,
    stage::Stage,
    world::{
        blueprint::Blueprint,
        engine_front::EngineFront,
        execution_node::{Block, ExecutionNode as _},
        full_bot::{FullBot, Surroundings, address, beacon},
        geth_node::{GethNode, Rules},
        jwt_secret::JwtSecret,
        lodestar_node::{GENESIS_VALIDATORS, Joined, LodestarNode, SECONDS_PER_SLOT},
        world_clock::SystemClock,
    },
};

const SPEC: &str = "genesis, spec, head and validators read by our client";
const REFUSED: &str = "premature, malformed and unknown exits refused, and the refusal reported";
const LIVED: &str = "a validator of the bot: deposited through the contracts, registered, active";
const LEFT: &str = "exited by an exit the bot signed, swept to the bridge, closed on Nexus";

const CHAIN_ID: u64 = 1337;
/// [`lodestar_node::GENESIS_FORK`](crate::world::lodestar_node::GENESIS_FORK), which is also Capella's.
const GENESIS_FORK: ForkVersion = ForkVersion::new([3, 0, 0, 1]);
const LIFE_LIMIT: Duration = Duration::from_mins(8);
/// Seconds by which the chain is older than the network, for the blocks that are made before it.
const PAST: u64 = 3_600;
const BRIDGED_ETHER: u64 = 100;

mod contracts {
    alloy::sol! {
        function deposit(bytes pubkey, bytes credentials, bytes signature, bytes32 root) external payable;
        function validators(bytes pubkey) external view returns (uint8 status);
        function validatorCount() external view returns (uint256 count);
    }
}

/// The `lodestar` row.
pub(crate) struct Lodestar;

/// The execution layer before and after the network begins.
struct Ground {
    node: GethNode,
    blueprint: Blueprint,
    time: u64,
}

#[async_trait]
impl Row for Lodestar {
    fn name(&self) -> &'static str {
        "lodestar"
    }

    fn promise(&self) -> &'static str {
        "a validator's whole life on Lodestar joined to geth, in real time"
    }

    fn components(&self) -> &'static [&'static str] {
        &["lodestar", "geth"]
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let mut ground = Ground::prepare(stage).await?;
        let rollup = ground.register().await?;
        ground.fill_deposits().await?;
        let front =
            EngineFront::before(ground.node.rpc().url(), ground.node.engine_url(), JwtSecret::published())
                .await?;
        let joined = Joined {
            execution_url: front.url(),
            first_parent: Block::fetch(ground.node.rpc(), "latest").await?.hash,
            deposit_contract: ground.blueprint.deployment().deposit_contract,
            fee_recipient: rollup.bridge,
            chain_id: CHAIN_ID,
        };
        let genesis_time = SystemClock.now().get() + 15;
        let component = stage.component("lodestar")?;
        let lodestar =
            LodestarNode::start(component, joined, genesis_time, &stage.work, &stage.log("lodestar")).await?;

        let nodes = beacon(lodestar.url())?;
        let spec = check_spec(&nodes, &ground, genesis_time, checks).await?;
        wait_for_finality(&nodes).await?;
        check_refusals(&nodes, &spec, checks).await?;
        let bot = FullBot::start(surroundings(stage, &ground, lodestar.url())).await?;
        live_until(&bot, &[(Life::Active, 1)]).await?;
        let pubkey = bot.state.validators()?.into_iter().find_map(|record| record.pubkey);
        let pubkey = pubkey.context("an active validator has its key")?;
        check_active(&nodes, &ground, &rollup, &pubkey, checks).await?;

        ground.reward_the_bridge().await?;
        ground.stop_staking(&rollup).await?;
        live_until(&bot, &[(Life::Closed, 1)]).await?;
        check_closed(&ground, &rollup, &pubkey, &bot, checks).await
    }
}

impl Ground {
    /// Starts geth and deploys the contracts on it, an hour before the network begins.
    async fn prepare(stage: &Stage) -> anyhow::Result<Self> {
        let time = SystemClock.now().get() - PAST;
        let blueprint = Blueprint::draw(CHAIN_ID, time, NexusVersion::Main).await?;
        let mut start = blueprint.chain_start(time, 8);
        start.alloc.push((payer().address(), ether(1_000)));
        let component = stage.component("geth")?;
        let log = stage.log("lodestar-geth");
        let node = GethNode::start(component, &start, Rules::Shanghai, &stage.work, &log).await?;
        let mut ground = Self { node, blueprint, time };
        ground.build().await?;
        Ok(ground)
    }

    async fn register(&mut self) -> anyhow::Result<RollupHandle> {
        let config = RollupConfig::new("alpha", BasisPoints::new(4_000)?);
        let rollup =
            self.blueprint.act(|deployment, chain, mine| deployment.register_rollup(chain, mine, config))?;
        let amount = ether(BRIDGED_ETHER);
        self.blueprint.act(|deployment, chain, mine| deployment.bridge_in(chain, mine, &rollup, amount))?;
        self.build().await?;
        Ok(rollup)
    }

    /// Puts as many deposits into the contract as the network has genesis validators: the next one is the first that
    /// its state doesn't count.
    async fn fill_deposits(&mut self) -> anyhow::Result<()> {
        let contract = self.blueprint.deployment().deposit_contract;
        let mut hashes = Vec::new();
        for index in 0..GENESIS_VALIDATORS {
            let key = interop_key(1_000 + index)?;
            let credentials = WithdrawalCredentials::to_address(address(contract));
            let amount = Gwei::new(1_000_000_000);
            let deposit = SignedDeposit::sign(&key, credentials, amount, GENESIS_FORK)?;
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
    async fn reward_the_bridge(&self) -> anyhow::Result<()> {
        let hash = self.pay(payer().address(), U256::ZERO, Vec::new(), 40_000).await?;
        wait_for_receipt(&self.node, hash).await
    }

    /// Sets the rollup's limit to nothing.
    async fn stop_staking(&mut self, rollup: &RollupHandle) -> anyhow::Result<()> {
        let limit = BasisPoints::new(0)?;
        self.blueprint
            .act(|deployment, chain, mine| deployment.change_staking_limit(chain, mine, rollup, limit))?;
        for raw in self.blueprint.take_transactions().await?.into_iter().flatten() {
            let hash = keccak256(&raw);
            self.node.rpc().call::<Value>("eth_sendRawTransaction", json!([raw])).await?;
            wait_for_receipt(&self.node, hash).await?;
        }
        Ok(())
    }

    /// Sends what was drawn up, in blocks of our own making.
    async fn build(&mut self) -> anyhow::Result<()> {
        for block in self.blueprint.take_transactions().await? {
            let hashes: Vec<_> = block.iter().map(keccak256).collect();
            for raw in block {
                self.node.rpc().call::<Value>("eth_sendRawTransaction", json!([raw])).await?;
            }
            self.settle(&hashes).await?;
        }
        Ok(())
    }

    async fn settle(&mut self, hashes: &[B256]) -> anyhow::Result<()> {
        for _ in 0..8 {
            self.time += 1;
            self.node.mine(self.time, &[]).await?;
            let mut mined = true;
            for hash in hashes {
                mined &= receipt(&self.node, *hash).await?;
            }
            if mined {
                return Ok(());
            }
        }
        bail!("transactions were not mined while the ground was prepared")
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

    async fn nexus_status(&self, pubkey: &ValidatorPubkey) -> anyhow::Result<u8> {
        let call = contracts::validatorsCall { pubkey: Bytes::copy_from_slice(pubkey.as_bytes()) };
        self.read(self.blueprint.deployment().nexus, &call).await
    }

    async fn balance(&self, account: Address) -> anyhow::Result<U256> {
        self.node.rpc().call("eth_getBalance", json!([account, "latest"])).await
    }
}

fn payer() -> DevnetAccount {
    DevnetAccount::new("interop payer")
}

/// The key that every client gives to the validator with this index in networks made for tests.
fn interop_key(index: u64) -> anyhow::Result<ValidatorKey> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&index.to_le_bytes());
    let digest = U256::from_le_bytes::<32>(Sha256::digest(seed).into());
    let order = "0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001".parse::<U256>()?;
    Ok(ValidatorKey::from_bytes(&Zeroizing::new((digest % order).to_be_bytes()))?)
}

async fn check_spec(
    nodes: &BeaconNodes,
    ground: &Ground,
    genesis_time: u64,
    checks: &mut Checks,
) -> anyhow::Result<NetworkSpec> {
    let spec = nodes.fetch_spec().await?;
    checks.same(SPEC, &spec.genesis_time.get(), &genesis_time);
    checks.same(SPEC, &spec.genesis_fork_version, &GENESIS_FORK);
    checks.same(SPEC, &spec.capella_fork_version, &GENESIS_FORK);
    checks.same(SPEC, &(spec.seconds_per_slot, spec.slots_per_epoch), &(SECONDS_PER_SLOT, 8));
    checks.same(SPEC, &spec.deposit_chain_id, &ChainId::new(CHAIN_ID));
    checks.same(SPEC, &spec.deposit_contract, &address(ground.blueprint.deployment().deposit_contract));
    let keys = (0..GENESIS_VALIDATORS).map(|index| Ok(interop_key(index)?.pubkey()));
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let stranger = interop_key(999)?.pubkey();
    let asked: Vec<_> = keys.iter().copied().chain([stranger]).collect();
    let known = nodes.fetch_validators(StateId::Head, &asked).await?;
    checks.same(SPEC, &known.len(), &keys.len());
    for validator in known {
        let key = usize::try_from(validator.index.get()).ok().and_then(|at| keys.get(at));
        checks.same(SPEC, &Some(&validator.pubkey), &key);
    }
    Ok(spec)
}

/// Waits until the network has finalized something: before that geth has no finalized block.
async fn wait_for_finality(nodes: &BeaconNodes) -> anyhow::Result<()> {
    let waiting = async {
        while nodes.fetch_head().await.map_or(true, |head| head.finalized_epoch < Epoch::new(1)) {
            tokio::time::sleep(Duration::from_secs(SECONDS_PER_SLOT)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(150), waiting)
        .await
        .context("the network never finalized anything")
}

async fn check_refusals(nodes: &BeaconNodes, spec: &NetworkSpec, checks: &mut Checks) -> anyhow::Result<()> {
    let now = nodes.fetch_head().await?.slot.epoch(spec.slots_per_epoch);
    let elsewhere = NetworkSpec { genesis_validators_root: Root::new([7; 32]), ..spec.clone() };
    let exits = [
        ("premature", 0, Epoch::new(now.get() + 100), spec),
        ("malformed", 1, now, &elsewhere),
        ("unknown", 9_999, now, spec),
    ];
    for (kind, index, epoch, network) in exits {
        let key = interop_key(index)?;
        let message = VoluntaryExit { epoch, validator_index: ValidatorIndex::new(index) };
        let signature = key.sign(&message.signing_root(network))?;
        let exit = SignedVoluntaryExit::assemble(message, signature, &key.pubkey(), network)?;
        let answer = match nodes.submit_exit(&exit).await {
            Ok(submission) => {
                checks.that(REFUSED, !submission.is_held(), || format!("{kind}: {submission}"));
                submission.to_string()
            }
            Err(error) => format!("{:#}", anyhow::Error::from(error)),
        };
        checks.that(REFUSED, answer.contains("VOLUNTARY_EXIT_ERROR") || kind == "unknown", || {
            format!("{kind}: the node's reason is lost: {answer}")
        });
    }
    Ok(())
}

fn surroundings<'a>(stage: &'a Stage, ground: &'a Ground, beacon_url: &'a str) -> Surroundings<'a> {
    Surroundings {
        rpc_url: ground.node.rpc().url(),
        beacon_url,
        deployment: ground.blueprint.deployment(),
        chain_id: ChainId::new(CHAIN_ID),
        genesis_fork_version: GENESIS_FORK,
        clock: Arc::new(SystemClock),
        max_head_age_secs: 60,
        folder: &stage.work,
        seed: stage.seed,
    }
}

/// Ticks once per slot until the validators are in these stages.
async fn live_until(bot: &FullBot, wanted: &[(Life, usize)]) -> anyhow::Result<()> {
    let mut trouble = None;
    let living = async {
        loop {
            match bot.tick().await {
                Ok(report) if report.is_settled() && bot.has_reached(wanted)? => return anyhow::Ok(()),
                Ok(_) => trouble = None,
                Err(error) => trouble = Some(error),
            }
            tokio::time::sleep(Duration::from_secs(SECONDS_PER_SLOT)).await;
        }
    };
    match tokio::time::timeout(LIFE_LIMIT, living).await {
        Ok(lived) => lived,
        Err(_) => bail!(
            "not reached within {LIFE_LIMIT:?}: {:?}, {:?}, {:?}, {trouble:?}",
            bot.stages()?,
            bot.state.intents(3)?,
            bot.alerts()
        ),
    }
}

async fn check_active(
    nodes: &BeaconNodes,
    ground: &Ground,
    rollup: &RollupHandle,
    pubkey: &ValidatorPubkey,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let seen = nodes.fetch_validators(StateId::Finalized, &[*pubkey]).await?;
    let validator = seen.first().context("the beacon chain knows the validator")?;
    checks.same(LIVED, &validator.index.get(), &GENESIS_VALIDATORS);
    checks.that(LIVED, validator.status.to_string() == "active_ongoing", || validator.status.to_string());
    checks.same(LIVED, &ground.nexus_status(pubkey).await?, &2);
    let count = ground.read(rollup.bridge, &contracts::validatorCountCall {}).await?;
    checks.same(LIVED, &count, &U256::from(1));
    Ok(())
}

async fn check_closed(
    ground: &Ground,
    rollup: &RollupHandle,
    pubkey: &ValidatorPubkey,
    bot: &FullBot,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    checks.same(LEFT, &ground.nexus_status(pubkey).await?, &4);
    let count = ground.read(rollup.bridge, &contracts::validatorCountCall {}).await?;
    checks.same(LEFT, &count, &U256::ZERO);
    let balance = ground.balance(rollup.bridge).await?;
    checks.that(LEFT, balance >= ether(BRIDGED_ETHER), || format!("the bridge holds {balance} wei"));
    let signed = bot.state.validators()?.into_iter().any(|record| record.signed_exit.is_some());
    checks.that(LEFT, signed, || "the bot signed no exit".to_owned());
    Ok(())
}

async fn receipt(node: &GethNode, hash: B256) -> anyhow::Result<bool> {
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

async fn wait_for_receipt(node: &GethNode, hash: B256) -> anyhow::Result<()> {
    let waiting = async {
        while !receipt(node, hash).await? {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_mins(1), waiting)
        .await
        .with_context(|| format!("{hash} is not mined"))?
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64)
}
