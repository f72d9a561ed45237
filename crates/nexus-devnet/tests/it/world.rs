//! Both chains, the contracts and the operators together.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::Encodable2718 as _,
    primitives::{Bytes, TxKind},
    signers::SignerSync as _,
    sol_types::SolCall as _,
};
use nexus_devnet::{
    NexusStatus, World, WorldConfig,
    consensus::{DepositEvent, ValidatorStatus},
    deploy::{DevnetAccount, NexusVersion, RollupConfig, RollupHandle},
    operators::operators,
    ssv_operators::{ShareRejection, ShareVerdict},
};
use nexus_keys::ValidatorKey;
use nexus_primitives::{
    Address, BasisPoints, BlsSignature, Epoch, Gwei, OwnerNonce, RollupAdmin, Root, UnixSeconds,
    ValidatorPubkey, Wei, WithdrawalCredentials,
    signing::{Domain, DomainType, bytes_root, chunk, merkle_root},
};
use nexus_ssv::{Keyshares, Operator, Registration, split};

mod calls {
    alloy::sol! {
        struct Cluster {
            uint32 validatorCount;
            uint64 networkFeeIndex;
            uint64 index;
            bool active;
            uint256 balance;
        }

        struct DepositData {
            bytes pubKey;
            bytes withdrawalAddress;
            bytes signature;
            bytes32 depositRoot;
        }

        struct ValidatorShares {
            bytes pubKey;
            uint64[] operatorIds;
            bytes sharesEncrypted;
            uint256 amount;
            Cluster cluster;
        }

        function depositValidatorRollup(address rollupAdmin, DepositData[] validators) external;
        function depositValidatorShares(address rollupAdmin, ValidatorShares share) external;
        function validatorExit(address rollupAdmin, bytes pubkey, uint64[] operatorIds) external;
        function validatorExitBalanceTransferred(address rollupAdmin, bytes pubkey, uint64[] operatorIds, Cluster cluster) external;
        event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
    }
}

/// A world with one rollup of 500 ETH, and a stand-in for the bot that does what it is told.
pub(crate) struct Scene {
    pub(crate) world: World,
    rollup: RollupHandle,
}

impl Scene {
    fn new() -> Self {
        Self::in_world(WorldConfig::fast(UnixSeconds::new(1_700_000_000)))
    }

    pub(crate) fn in_world(config: WorldConfig) -> Self {
        let world = World::new(config).unwrap();
        let limit = BasisPoints::new(4_000).unwrap();
        let rollup = world.register_rollup(RollupConfig::new("alpha", limit)).unwrap();
        let scene = Self { world, rollup };
        scene.world.bridge_in(scene.admin(), Wei::from_ether(500)).unwrap();
        scene
    }

    fn admin(&self) -> RollupAdmin {
        RollupAdmin::new(primitive(self.rollup.admin.address()))
    }

    pub(crate) fn bridge(&self) -> Address {
        primitive(self.rollup.bridge)
    }

    pub(crate) fn nexus(&self) -> Address {
        primitive(self.world.deployment().nexus)
    }

    /// Sends a transaction as `from`, has it mined and says whether it succeeded.
    fn send(&self, from: &DevnetAccount, to: alloy::primitives::Address, input: Vec<u8>) -> bool {
        let execution = self.world.execution();
        let transaction = TxEip1559 {
            chain_id: execution.chain_id(),
            nonce: execution.pending_nonce(from.address()),
            gas_limit: 3_000_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(to),
            input: input.into(),
            ..TxEip1559::default()
        };
        let signature = from.signer.sign_hash_sync(&transaction.signature_hash()).unwrap();
        let raw = TxEnvelope::from(transaction.into_signed(signature)).encoded_2718();
        let hash = execution.submit_raw(&raw).unwrap();
        self.world.advance_until(|world| world.execution().receipt(hash).is_some(), 4).unwrap();
        execution.receipt(hash).unwrap().status()
    }

    fn bot(&self, input: Vec<u8>) -> bool {
        let deployment = self.world.deployment();
        self.send(&deployment.accounts.bot, deployment.nexus, input)
    }

    fn deposit(&self, key: &ValidatorKey) -> bool {
        self.deposit_event(&signed_deposit(&self.world, key, self.bridge()))
    }

    /// Makes a deposit that was signed somewhere.
    pub(crate) fn deposit_event(&self, event: &DepositEvent) -> bool {
        let data = calls::DepositData {
            pubKey: bytes(event.pubkey.as_bytes()),
            withdrawalAddress: bytes(&event.withdrawal_credentials),
            signature: bytes(event.signature.as_bytes()),
            depositRoot: deposit_data_root(event).into_bytes().into(),
        };
        let rollup_admin = self.rollup.admin.address();
        self.bot(
            calls::depositValidatorRollupCall { rollupAdmin: rollup_admin, validators: vec![data] }
                .abi_encode(),
        )
    }

    fn register(&self, key: &ValidatorKey, nonce: u64) -> bool {
        self.register_misaddressed(key, nonce, 0)
    }

    /// Registers shares of which the last `wrong` are encrypted to other operators' keys.
    fn register_misaddressed(&self, key: &ValidatorKey, nonce: u64, wrong: usize) -> bool {
        let addressee = |position: usize| if position < 4 - wrong { position } else { position + 4 };
        let cluster: Vec<_> = operators()[..4]
            .iter()
            .enumerate()
            .map(|(position, operator)| {
                Operator::parse(operator.id, &operators()[addressee(position)].key_text).unwrap()
            })
            .collect();
        let registration = Registration::new(self.nexus(), OwnerNonce::new(nonce));
        let keyshares = split(key, &cluster, registration, &mut rand::rng()).unwrap();
        self.register_keyshares(&keyshares)
    }

    /// Registers keyshares of operators 1 to 4, however they came to be.
    pub(crate) fn register_keyshares(&self, keyshares: &Keyshares) -> bool {
        let share = calls::ValidatorShares {
            pubKey: bytes(keyshares.pubkey().as_bytes()),
            operatorIds: vec![1, 2, 3, 4],
            sharesEncrypted: keyshares.shares_data().encode().into(),
            amount: Wei::from_ether(10).get(),
            cluster: self.cluster(),
        };
        let rollup_admin = self.rollup.admin.address();
        self.bot(calls::depositValidatorSharesCall { rollupAdmin: rollup_admin, share }.abi_encode())
    }

    /// The newest snapshot of the cluster, from the newest log that carries one.
    fn cluster(&self) -> calls::Cluster {
        use alloy::sol_types::SolEvent as _;
        let execution = self.world.execution();
        let network = self.world.deployment().ssv_network;
        let topic = vec![calls::ValidatorAdded::SIGNATURE_HASH];
        let logs = execution.logs(0, execution.head().number, &[network], &[topic]).unwrap();
        let newest =
            logs.last().map(|log| calls::ValidatorAdded::decode_log(&log.inner).unwrap().data.cluster);
        newest.unwrap_or(calls::Cluster {
            validatorCount: 0,
            networkFeeIndex: 0,
            index: 0,
            active: true,
            balance: Wei::ZERO.get(),
        })
    }

    fn exit_through_ssv(&self, key: &ValidatorKey) -> bool {
        self.exit(&key.pubkey())
    }

    pub(crate) fn exit(&self, pubkey: &ValidatorPubkey) -> bool {
        let call = calls::validatorExitCall {
            rollupAdmin: self.rollup.admin.address(),
            pubkey: bytes(pubkey.as_bytes()),
            operatorIds: vec![1, 2, 3, 4],
        };
        self.bot(call.abi_encode())
    }

    fn close(&self, key: &ValidatorKey) -> bool {
        let call = calls::validatorExitBalanceTransferredCall {
            rollupAdmin: self.rollup.admin.address(),
            pubkey: bytes(key.pubkey().as_bytes()),
            operatorIds: vec![1, 2, 3, 4],
            cluster: self.cluster(),
        };
        self.bot(call.abi_encode())
    }

    fn wait_for(&self, key: &ValidatorKey, status: ValidatorStatus) {
        self.wait_until(key.pubkey(), status);
    }

    pub(crate) fn wait_until(&self, pubkey: ValidatorPubkey, status: ValidatorStatus) {
        let reached = self.world.advance_until(|world| world.validator_status(&pubkey) == Some(status), 200);
        assert!(reached.is_ok(), "{status} not reached, is {:?}", self.world.validator_status(&pubkey));
    }

    /// Says whether the validator attested in the epoch that is `ago` epochs before the current one.
    fn attested(&self, key: &ValidatorKey, ago: u64) -> bool {
        let chain = self.world.beacon().read();
        let (index, _) = chain.head().validator(&key.pubkey()).unwrap();
        let epoch = Epoch::new(chain.head().epoch(chain.config()).get() - ago);
        chain.head().participation(chain.config(), epoch).unwrap().contains(&index)
    }

    fn verdict(&self, key: &ValidatorKey) -> ShareVerdict {
        self.world.ssv_operators().verdict(&key.pubkey()).unwrap().clone()
    }
}

fn primitive(address: alloy::primitives::Address) -> Address {
    Address::new(address.into_array())
}

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn key(number: u8) -> ValidatorKey {
    let mut scalar = zeroize::Zeroizing::new([0; 32]);
    scalar[31] = number;
    ValidatorKey::from_bytes(&scalar).unwrap()
}

fn message_root(event: &DepositEvent) -> Root {
    merkle_root(&[
        bytes_root(event.pubkey.as_bytes()).into_bytes(),
        event.withdrawal_credentials,
        chunk(&event.amount.get().to_le_bytes()),
    ])
}

fn deposit_data_root(event: &DepositEvent) -> Root {
    merkle_root(&[
        bytes_root(event.pubkey.as_bytes()).into_bytes(),
        event.withdrawal_credentials,
        chunk(&event.amount.get().to_le_bytes()),
        bytes_root(event.signature.as_bytes()).into_bytes(),
    ])
}

fn signed_deposit(world: &World, key: &ValidatorKey, bridge: Address) -> DepositEvent {
    let mut event = DepositEvent {
        pubkey: key.pubkey(),
        withdrawal_credentials: WithdrawalCredentials::to_address(bridge).to_bytes(),
        amount: Gwei::VALIDATOR_DEPOSIT,
        signature: BlsSignature::new([0; 96]),
        index: 0,
    };
    let fork = world.beacon().read().config().genesis_fork_version;
    let domain = Domain::new(DomainType::Deposit, fork, Root::new([0; 32]));
    event.signature = key.sign(&domain.signing_root(message_root(&event))).unwrap();
    event
}

#[test]
fn validator_lives_from_deposit_to_closing() {
    let scene = Scene::new();
    let (world, key) = (&scene.world, key(1));
    assert_eq!(world.nexus_status(&key.pubkey()).unwrap(), NexusStatus::Inactive);
    assert!(scene.deposit(&key));
    assert_eq!(world.balance(scene.bridge()), Wei::from_ether(468));
    assert_eq!(world.nexus_status(&key.pubkey()).unwrap(), NexusStatus::Deposited);
    let submitted: Vec<_> = (0..100).flat_map(|block| world.submitted_validators(block)).collect();
    assert_eq!(submitted, [(key.pubkey(), scene.admin())], "heads are nearer than that");
    assert!(scene.register(&key, 0));
    assert_eq!(scene.verdict(&key), ShareVerdict::Accepted);
    assert!(world.is_registered_with_ssv(&key.pubkey()).unwrap());

    scene.wait_for(&key, ValidatorStatus::ActiveOngoing);
    assert_eq!(world.offline_validators(), []);
    world.advance_epochs(2);
    assert!(scene.exit_through_ssv(&key));
    assert_eq!(world.nexus_status(&key.pubkey()).unwrap(), NexusStatus::ExitSubmitted);
    scene.wait_for(&key, ValidatorStatus::ActiveExiting);
    scene.wait_for(&key, ValidatorStatus::WithdrawalDone);
    // Swept by the block itself: the bridge holds it all again, and nobody bridged anything in.
    assert_eq!(world.balance(scene.bridge()), Wei::from_ether(500));
    assert_eq!(world.bridged(scene.bridge()).unwrap(), Wei::from_ether(500));

    assert!(scene.close(&key));
    assert_eq!(world.nexus_status(&key.pubkey()).unwrap(), NexusStatus::Exited);
    assert_eq!(scene.verdict(&key), ShareVerdict::Removed);
    assert!(!world.is_registered_with_ssv(&key.pubkey()).unwrap());
}

#[test]
fn shares_for_the_wrong_nonce_register_and_never_attest() {
    let scene = Scene::new();
    let (first, second) = (key(1), key(2));
    assert!(scene.deposit(&first) && scene.deposit(&second));
    assert!(scene.register(&first, 7));
    let verdict = scene.verdict(&first);
    let expected = OwnerNonce::new(0);
    assert!(
        matches!(verdict, ShareVerdict::Rejected(ShareRejection::Signature { nonce, .. }) if nonce == expected)
    );
    // The nonce is used up all the same.
    assert!(scene.register(&second, 1));
    assert_eq!(scene.verdict(&second), ShareVerdict::Accepted);
    scene.wait_for(&first, ValidatorStatus::ActiveOngoing);
    let offline: Vec<_> = scene.world.offline_validators().into_iter().map(|(pubkey, _)| pubkey).collect();
    assert_eq!(offline, [first.pubkey()]);
}

#[test]
fn cluster_runs_while_a_threshold_can_open_its_shares() {
    let scene = Scene::new();
    let (sound, broken) = (key(1), key(2));
    assert!(scene.deposit(&sound) && scene.deposit(&broken));
    assert!(scene.register_misaddressed(&sound, 0, 1) && scene.register_misaddressed(&broken, 1, 2));
    for (key, lost, expected) in [(&sound, 1, true), (&broken, 2, false)] {
        let verdict = scene.verdict(key);
        assert_eq!(verdict.attests(), expected);
        assert!(matches!(verdict, ShareVerdict::Degraded { failed, .. } if failed.len() == lost));
    }
    scene.wait_for(&sound, ValidatorStatus::ActiveOngoing);
    scene.world.advance_epochs(2);
    assert!(scene.exit_through_ssv(&sound) && scene.exit_through_ssv(&broken));
    scene.wait_for(&sound, ValidatorStatus::ActiveExiting);
    // Two of four can't sign: what was asked for once is lost.
    scene.world.advance_epochs(2);
    assert_eq!(scene.world.validator_status(&broken.pubkey()), Some(ValidatorStatus::ActiveOngoing));
}

#[test]
fn validators_attest_while_they_are_active_and_operators_run_them() {
    let scene = Scene::new();
    let (run, broken, unregistered) = (key(1), key(2), key(3));
    assert!(scene.deposit(&run) && scene.deposit(&broken) && scene.deposit(&unregistered));
    assert!(scene.register(&run, 0) && scene.register_misaddressed(&broken, 1, 2));
    scene.wait_for(&run, ValidatorStatus::PendingQueued);
    assert!(!scene.attested(&run, 0));
    for key in [&run, &broken, &unregistered] {
        scene.wait_for(key, ValidatorStatus::ActiveOngoing);
    }
    assert!(scene.attested(&run, 0) && !scene.attested(&broken, 0) && !scene.attested(&unregistered, 0));
    // Registered in the middle of its life, it attests from then on.
    scene.world.advance_epochs(1);
    assert!(scene.register(&unregistered, 2));
    assert!(scene.attested(&unregistered, 0) && !scene.attested(&unregistered, 1));

    scene.world.advance_epochs(2);
    assert!(scene.attested(&run, 1) && scene.exit_through_ssv(&run));
    scene.wait_for(&run, ValidatorStatus::ActiveExiting);
    assert!(scene.attested(&run, 0));
    scene.wait_for(&run, ValidatorStatus::WithdrawalDone);
    assert!(!scene.attested(&run, 0) && !scene.attested(&run, 1) && !scene.attested(&broken, 0));
}

#[test]
fn exit_announced_before_the_beacon_chain_knows_the_validator_is_lost() {
    let scene = Scene::new();
    let key = key(1);
    assert!(scene.deposit(&key) && scene.register(&key, 0) && scene.exit_through_ssv(&key));
    scene.wait_for(&key, ValidatorStatus::ActiveOngoing);
    scene.world.advance_epochs(4);
    assert_eq!(scene.world.validator_status(&key.pubkey()), Some(ValidatorStatus::ActiveOngoing));
}

#[test]
fn reorganisation_undoes_deposits_on_both_chains() {
    let scene = Scene::new();
    let (world, key) = (&scene.world, key(1));
    world.advance_epochs(1);
    let before = world.execution().head();
    assert!(scene.deposit(&key) && scene.register(&key, 0));
    let depth = world.execution().head().number - before.number;
    let replaced = world.reorg(depth).unwrap();
    assert_eq!(replaced.number, before.number + depth);
    assert_eq!(world.nexus_status(&key.pubkey()).unwrap(), NexusStatus::Inactive);
    assert_eq!(world.balance(scene.bridge()), Wei::from_ether(500));
    assert_eq!(world.beacon().read().head().pending_deposits().count(), 0);
    assert!(world.ssv_operators().verdict(&key.pubkey()).is_none());
    // Life goes on, with the same key and the same nonce.
    assert!(scene.deposit(&key) && scene.register(&key, 0));
    scene.wait_for(&key, ValidatorStatus::ActiveOngoing);
    assert_eq!(scene.verdict(&key), ShareVerdict::Accepted);
}

#[test]
fn final_blocks_cannot_be_replaced() {
    let scene = Scene::new();
    let depth = scene.world.execution().head().number - scene.world.final_block() + 1;
    assert!(scene.world.reorg(depth).is_err());
    assert!(scene.world.reorg(depth - 1).is_ok());
}

#[test]
fn snapshot_brings_both_chains_back() {
    let scene = Scene::new();
    let (world, key) = (&scene.world, key(1));
    let (head, slot) = (world.execution().head(), world.slot());
    let id = world.snapshot();
    assert!(scene.deposit(&key));
    world.advance_epochs(6);
    assert!(world.revert(id));
    assert_eq!((world.execution().head(), world.slot()), (head, slot));
    assert_eq!(world.validator_status(&key.pubkey()), None);
    assert!(!world.revert(id));
}

#[test]
fn chains_keep_step_and_finality_reaches_the_execution_chain() {
    use alloy::{eips::BlockNumberOrTag, rpc::types::TransactionRequest};
    let scene = Scene::new();
    let world = &scene.world;
    world.advance_epochs(3);
    let chain = world.beacon().read();
    let head = world.execution().head();
    assert_eq!(chain.head().slot().get(), head.number);
    assert_eq!(chain.config().slot_time(chain.head().slot()).get(), head.timestamp);
    assert_eq!(nexus_primitives::Clock::now(&world.clock()).get(), head.timestamp);
    assert_eq!(chain.head().execution().unwrap().hash.as_bytes(), head.hash.as_slice());
    let finalized = chain.finalized().slot().get();
    assert!(finalized < head.number);
    // BLOCKNUMBER returned by four instructions, seen through the tag.
    let number = Bytes::from_static(&[0x43, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
    let request = TransactionRequest { to: Some(TxKind::Create), ..Default::default() }.input(number.into());
    let seen = world.execution().call(&request, BlockNumberOrTag::Finalized.into(), None, None).unwrap();
    assert_eq!(alloy::primitives::U256::from_be_slice(&seen), alloy::primitives::U256::from(finalized));
}

#[test]
fn rollups_act_and_errors_name_the_cause() {
    let scene = Scene::new();
    let (world, admin) = (&scene.world, scene.admin());
    world.set_staking_limit(admin, BasisPoints::new(2_000).unwrap()).unwrap();
    let stored = world.rollup_on_chain(admin).unwrap().unwrap();
    assert_eq!((stored.limit.get(), stored.bridge, stored.cluster.get()), (2_000, scene.bridge(), 1));
    world.bridge_out(admin, Wei::from_ether(150)).unwrap();
    assert_eq!(world.balance(scene.bridge()), Wei::from_ether(350));
    assert!(world.bridge_out(admin, Wei::from_ether(351)).is_err());
    let nobody = RollupAdmin::new(Address::new([9; 20]));
    let unknown = world.bridge_in(nobody, Wei::from_ether(1)).unwrap_err();
    assert!(unknown.to_string().contains(&nobody.to_string()));
    assert_eq!(world.rollup_on_chain(nobody).unwrap(), None);
}

#[test]
fn bot_role_and_contract_generations_can_change() {
    let world = World::new(WorldConfig::fast(UnixSeconds::new(1_700_000_000))).unwrap();
    let bot = primitive(world.deployment().accounts.bot.address());
    assert_eq!(world.off_chain_bot().unwrap(), bot);
    world.set_bot(Address::new([3; 20])).unwrap();
    assert_eq!(world.off_chain_bot().unwrap(), Address::new([3; 20]));
    world.change_nexus_version(NexusVersion::Main).unwrap();
    assert_eq!(world.deployment().nexus_version, NexusVersion::Main);
    world.upgrade_ssv_to_v2().unwrap();
}

#[test]
fn same_configuration_gives_the_same_world() {
    let make = |seed| {
        let config = WorldConfig { seed, ..WorldConfig::fast(UnixSeconds::new(1_700_000_000)) };
        let world = World::new(config).unwrap();
        let root = world.beacon().read().config().genesis_validators_root;
        (world.execution().head().hash, root)
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1).1, make(2).1);
}

#[test]
fn penalties_show_in_what_comes_back() {
    let scene = Scene::new();
    let (world, key) = (&scene.world, key(1));
    assert!(scene.deposit(&key) && scene.register(&key, 0));
    scene.wait_for(&key, ValidatorStatus::ActiveOngoing);
    world.slash(&key.pubkey(), Gwei::new(1_000_000_000)).unwrap();
    scene.wait_for(&key, ValidatorStatus::WithdrawalDone);
    assert_eq!(world.balance(scene.bridge()), Wei::from_ether(499));
    // The bridge refuses to close a validator that came back short.
    assert!(scene.exit_through_ssv(&key));
    assert!(!scene.close(&key));
    assert!(world.penalise(&ValidatorPubkey::new([1; 48]), Gwei::new(1)).is_err());
}
