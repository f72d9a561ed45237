//! The compiled contracts, deployed and used by transactions.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::{BlockId, Encodable2718 as _, eip7685::Requests},
    primitives::{Address, B256, Bytes, TxKind, U256, b256},
    rpc::types::TransactionRequest,
    signers::SignerSync as _,
    sol,
    sol_types::{SolCall, SolValue as _},
};
use nexus_devnet::{
    deploy::{
        ClusterConfig, DeployConfig, DeployError, Deployment, DevnetAccount, DevnetAccounts, NexusVersion,
        OperatorConfig, RollupConfig,
    },
    execution::{CallError, ExecutionChain, GenesisConfig},
    operators::operators,
};
use nexus_primitives::BasisPoints;
use serde::Deserialize;

sol! {
    function offChainBot() external view returns (address);
    function NodeOperatorContract() external view returns (address);
    function SSV_NETWORK() external view returns (address);
    function getVersion() external view returns (string);
    function getCluster(uint64 clusterId) external view returns (uint64[]);
    function getOperatorFee(uint64 operatorId) external view returns (uint256);
    function getWhitelistedOperators(uint64[] operatorIds, address whitelistedAddress) external view returns (uint64[]);
    function balanceOf(address account) external view returns (uint256);
    function balance() external view returns (uint256);
    function DEPOSIT_CONTRACT() external view returns (address);
    function get_deposit_root() external view returns (bytes32);
    function get_deposit_count() external view returns (bytes);
    function rollups(address admin) external view returns (address bridge, uint16 stakingLimit, uint64 cluster);
    function deposit(bytes pubkey, bytes withdrawal_credentials, bytes signature, bytes32 deposit_data_root) external payable;
}

const ETHER: u64 = 1_000_000_000_000_000_000;

struct World {
    chain: ExecutionChain,
    deployment: Deployment,
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(ETHER)
}

fn bps(value: u16) -> BasisPoints {
    BasisPoints::new(value).unwrap()
}

impl World {
    fn new(version: NexusVersion) -> Self {
        Self::with(DeployConfig::new(version))
    }

    fn with(config: DeployConfig) -> Self {
        let accounts = DevnetAccounts::new();
        let genesis = GenesisConfig { alloc: accounts.alloc(), ..GenesisConfig::new(1_337, 1_700_000_000) };
        let chain = ExecutionChain::new(genesis);
        let deployment = Deployment::deploy(&chain, || mine(&chain), config).unwrap();
        Self { chain, deployment }
    }

    fn mine(&self) -> impl FnMut() {
        || mine(&self.chain)
    }

    fn ask<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, CallError> {
        let request = TransactionRequest::default().to(to).input(Bytes::from(call.abi_encode()).into());
        let answer = self.chain.call(&request, BlockId::latest(), None, None)?;
        Ok(C::abi_decode_returns(&answer).unwrap())
    }

    fn send(&self, from: &DevnetAccount, to: Address, value: U256, call: Vec<u8>) {
        let tx = TxEip1559 {
            chain_id: self.chain.chain_id(),
            nonce: self.chain.pending_nonce(from.address()),
            gas_limit: 1_000_000,
            max_fee_per_gas: 3_000_000_000,
            max_priority_fee_per_gas: 1,
            to: TxKind::Call(to),
            value,
            input: call.into(),
            ..TxEip1559::default()
        };
        let signature = from.signer.sign_hash_sync(&tx.signature_hash()).unwrap();
        self.chain.submit_raw(&TxEnvelope::from(tx.into_signed(signature)).encoded_2718()).unwrap();
    }
}

fn mine(chain: &ExecutionChain) {
    chain.mine_block(chain.head().timestamp + 12, &[]);
}

#[test]
fn both_generations_are_connected_and_told_apart() {
    for version in [NexusVersion::Main, NexusVersion::SsvExits] {
        let world = World::new(version);
        let at = &world.deployment;
        assert_eq!(world.ask(at.nexus, offChainBotCall {}).unwrap(), at.accounts.bot.address());
        assert_eq!(world.ask(at.nexus, NodeOperatorContractCall {}).unwrap(), at.node_operator);
        assert_eq!(world.ask(at.ssv_network, getVersionCall {}).unwrap(), "v1.2.0");
        assert_eq!(world.ask(at.ssv_token, balanceOfCall { account: at.nexus }).unwrap(), ether(10_000));
        assert_eq!(world.ask(at.node_operator, getClusterCall { clusterId: 1 }).unwrap(), [1, 2, 3, 4]);
        let ssv_network = world.ask(at.nexus, SSV_NETWORKCall {});
        match version {
            NexusVersion::SsvExits => assert_eq!(ssv_network.unwrap(), at.ssv_network),
            NexusVersion::Main => assert!(matches!(ssv_network, Err(CallError::Reverted { .. }))),
        }
    }
}

#[test]
fn addresses_are_the_same_on_every_run() {
    let (first, second) = (World::new(NexusVersion::Main), World::new(NexusVersion::Main));
    assert_eq!(first.deployment.nexus, second.deployment.nexus);
    assert_eq!(first.chain.head(), second.chain.head());
    assert!(first.chain.head().number <= 4, "contracts share blocks");
}

#[test]
fn the_deposit_contract_stands_where_the_chain_expects_it_with_its_empty_tree() {
    let world = World::new(NexusVersion::SsvExits);
    let contract = world.chain.deposit_contract();
    // The root of an empty tree (consensus specification, deposit contract).
    let empty = b256!("0xd70a234731285c6804c2a4f56711ddb8c82c99740f207854891028af34e27e5e");
    assert_eq!(world.ask(contract, get_deposit_rootCall {}).unwrap(), empty);
}

/// Operators publish their key as base64 text; SSV's clients wrap it in `abi.encode(string)`: 704 bytes.
#[test]
fn operator_keys_reach_both_contracts_in_their_own_form() {
    let recorded = operators();
    let config = DeployConfig {
        operators: recorded
            .iter()
            .map(|operator| OperatorConfig {
                name: format!("operator {}", operator.id),
                public_key_text: operator.key_text.clone(),
                fee_wei_per_block: 1_000_000_000,
                dkg_endpoint: "https://operator.invalid:3030".to_owned(),
                private: operator.id.get() == 4,
            })
            .collect(),
        clusters: vec![
            ClusterConfig { id: 1, operators: vec![1, 2, 3, 4] },
            ClusterConfig { id: 2, operators: (1..=13).collect() },
        ],
        ..DeployConfig::new(NexusVersion::SsvExits)
    };
    let world = World::with(config);
    let at = &world.deployment;
    let head = world.chain.head().number;
    // OperatorAdded(uint64,address,bytes,uint256) and SSVOperatorRegistered(string,uint256,string,string).
    let added = b256!("0xd839f31c14bd632f424e307b36abff63ca33684f77f28e35dc13718ef338f7f4");
    let registered = b256!("0xa7ed53e2a1eb91322a336aed899537fbd24e69c4cb6f8840b3cc112d000e02cd");
    let logs = |address, topic: B256| world.chain.logs(0, head, &[address], &[vec![topic]]).unwrap();

    let added = logs(at.ssv_network, added);
    assert_eq!(added.len(), recorded.len());
    for (log, operator) in added.iter().zip(recorded) {
        assert_eq!(log.topics()[1], B256::from(U256::from(operator.id.get())));
        let (wrapped, fee) = <(Bytes, U256)>::abi_decode_params(&log.data().data).unwrap();
        assert_eq!((wrapped.len(), fee), (704, U256::from(1_000_000_000)));
        assert_eq!(String::abi_decode(&wrapped).unwrap(), operator.key_text);
    }
    let texts: Vec<String> = logs(at.node_operator, registered)
        .iter()
        .map(|log| <(String, String, String)>::abi_decode_params(&log.data().data).unwrap().1)
        .collect();
    assert_eq!(texts, recorded.iter().map(|operator| operator.key_text.clone()).collect::<Vec<_>>());
    let whitelisted = getWhitelistedOperatorsCall { operatorIds: vec![1, 4], whitelistedAddress: at.nexus };
    assert_eq!(world.ask(at.ssv_views, whitelisted).unwrap(), [4]);
    assert_eq!(
        world.ask(at.ssv_views, getOperatorFeeCall { operatorId: 13 }).unwrap(),
        U256::from(1_000_000_000)
    );
}

#[test]
fn a_rollup_registers_and_its_eth_moves_in_and_out() {
    let world = World::new(NexusVersion::SsvExits);
    let at = &world.deployment;
    let rollup =
        at.register_rollup(&world.chain, world.mine(), RollupConfig::new("alpha", bps(4_000))).unwrap();
    let registered = world.ask(at.nexus, rollupsCall { admin: rollup.admin.address() }).unwrap();
    assert_eq!((registered.bridge, registered.stakingLimit, registered.cluster), (rollup.bridge, 4_000, 1));
    assert_eq!(world.ask(rollup.bridge, DEPOSIT_CONTRACTCall {}).unwrap(), world.chain.deposit_contract());

    at.bridge_in(&world.chain, world.mine(), &rollup, ether(500)).unwrap();
    assert_eq!(world.chain.balance(rollup.bridge), ether(500));
    let friend = Address::repeat_byte(0x11);
    at.withdraw_from_bridge(&world.chain, world.mine(), &rollup, friend, ether(150)).unwrap();
    assert_eq!(world.chain.balance(friend), ether(150));
    assert_eq!(world.ask(rollup.bridge, balanceCall {}).unwrap(), ether(350));

    at.change_staking_limit(&world.chain, world.mine(), &rollup, bps(2_000)).unwrap();
    let changed = world.ask(at.nexus, rollupsCall { admin: rollup.admin.address() }).unwrap();
    assert_eq!(changed.stakingLimit, 2_000);
}

#[test]
fn what_the_contracts_refuse_is_reported_with_its_step() {
    let world = World::new(NexusVersion::SsvExits);
    let at = &world.deployment;
    let unknown_cluster = RollupConfig { cluster: 9, ..RollupConfig::new("alpha", bps(4_000)) };
    let error = at.register_rollup(&world.chain, world.mine(), unknown_cluster).unwrap_err();
    let DeployError::Failed { step, source } = error else { panic!("{error:?}") };
    assert_eq!(step, "registerRollup");
    // ClusterNotPresent()
    let Some(CallError::Reverted { data }) = source.map(|source| *source) else { panic!("no revert") };
    assert_eq!(data, alloy::primitives::bytes!("d3c9cec9"));

    let idle = Deployment::deploy(&world.chain, || {}, DeployConfig::new(NexusVersion::Main));
    assert!(matches!(idle, Err(DeployError::NotMined { .. })));
}

#[test]
fn owners_can_change_what_stands_behind_the_proxies() {
    let mut world = World::new(NexusVersion::SsvExits);
    let World { chain, deployment } = &mut world;
    let mut next = || mine(chain);
    deployment.upgrade_ssv_to_v2(chain, &mut next).unwrap();
    deployment.change_nexus_version(chain, &mut next, NexusVersion::Main).unwrap();
    deployment.set_bot(chain, &mut next, Address::repeat_byte(5)).unwrap();
    assert_eq!(deployment.nexus_version, NexusVersion::Main);
    let at = &world.deployment;
    assert_eq!(world.ask(at.ssv_network, getVersionCall {}).unwrap(), "v2.0.0");
    assert!(world.ask(at.nexus, SSV_NETWORKCall {}).is_err());
    assert_eq!(world.ask(at.nexus, offChainBotCall {}).unwrap(), Address::repeat_byte(5));
}

/// Deposits made by the official deposit tool, sent to the contract, come out as the beacon chain needs them.
#[test]
fn deposits_are_read_back_from_the_block() {
    #[derive(Deserialize)]
    struct Entry {
        pubkey: Bytes,
        withdrawal_credentials: Bytes,
        amount: u64,
        signature: Bytes,
        deposit_data_root: B256,
    }
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/keyshares/deposit-cli/mainnet/deposit_data.json"
    );
    let entries: Vec<Entry> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let world = World::new(NexusVersion::SsvExits);
    let contract = world.chain.deposit_contract();
    for entry in &entries {
        let call = depositCall {
            pubkey: entry.pubkey.clone(),
            withdrawal_credentials: entry.withdrawal_credentials.clone(),
            signature: entry.signature.clone(),
            deposit_data_root: entry.deposit_data_root,
        };
        let value = U256::from(entry.amount) * U256::from(1_000_000_000);
        world.send(&world.deployment.accounts.user, contract, value, call.abi_encode());
    }
    mine(&world.chain);

    let head = world.chain.head().number;
    let events = world.chain.deposit_events(head);
    assert!(!entries.is_empty());
    assert_eq!(events.len(), entries.len());
    for ((index, entry), event) in (0..).zip(&entries).zip(&events) {
        assert_eq!(event.pubkey.as_bytes().as_slice(), entry.pubkey.as_ref());
        assert_eq!(event.withdrawal_credentials.as_slice(), entry.withdrawal_credentials.as_ref());
        assert_eq!(event.signature.as_bytes().as_slice(), entry.signature.as_ref());
        assert_eq!((event.amount.get(), event.index), (entry.amount, index));
    }
    assert_eq!(world.chain.deposit_events(head - 1), []);
    // EIP-6110 and EIP-7685: one request of type 0 with the deposits' fields in a row.
    let mut request = vec![0];
    for (index, entry) in (0_u64..).zip(&entries) {
        request.extend(&entry.pubkey);
        request.extend(&entry.withdrawal_credentials);
        request.extend(entry.amount.to_le_bytes());
        request.extend(&entry.signature);
        request.extend(index.to_le_bytes());
    }
    let expected = Requests::new(vec![request.into()]).requests_hash();
    assert_eq!(world.chain.header(head).unwrap().requests_hash, Some(expected));
    let before = world.chain.header(head - 1).unwrap().requests_hash;
    assert_eq!(before, Some(Requests::default().requests_hash()));
    let count = world.ask(contract, get_deposit_countCall {}).unwrap();
    assert_eq!(count.as_ref(), u64::try_from(entries.len()).unwrap().to_le_bytes());
}
