//! The compiled bridge and deposit contracts, deployed in the EVM and called as the Nexus contract does.

use std::{fs, iter, path::Path};

use alloy_sol_types::{Panic, SolCall, SolError, SolValue, sol};
use nexus_policy::{BridgeState, DepositRefused};
use nexus_primitives::{
    Address, BasisPoints, Gwei, U256, VALIDATOR_DEPOSIT, Wei, WithdrawalCredentials, keccak256,
    signing::{bytes_root, chunk, merkle_root},
};
use revm::{
    Context, Database as _, ExecuteCommitEvm as _, MainBuilder as _, MainContext as _,
    context::{ContextTr as _, TxEnv, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    handler::{MainnetContext, MainnetEvm},
    primitives::{self, TxKind},
};
use serde_json::Value;

sol! {
    struct DepositData { bytes pubKey; bytes withdrawalAddress; bytes signature; bytes32 depositRoot; }
    function depositValidatorNexus(DepositData[] validators, uint256 stakingLimit);
    error StakingLimitExceeding();
}

/// The account that the bridge knows as `NEXUS_NETWORK`.
const NEXUS: primitives::Address = primitives::Address::repeat_byte(0x11);

/// Solidity's code for an arithmetic overflow.
const OVERFLOW: u64 = 0x11;

/// The largest number of deposits that one transaction's gas (EIP-7825) pays for here, with a margin.
pub(crate) const MOST_PER_CALL: u64 = 64;

/// A bridge contract whose balance and count can be set, and which is otherwise left to its own code.
pub(crate) struct BridgeContract {
    evm: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
    address: primitives::Address,
    count_slot: U256,
    deposits: Vec<DepositData>,
}

impl BridgeContract {
    /// Deploys the deposit contract, and a bridge that deposits into it.
    pub(crate) fn deploy() -> Self {
        let context = Context::mainnet()
            .with_db(CacheDB::<EmptyDB>::default())
            .modify_cfg_chained(|cfg| cfg.disable_nonce_check = true);
        let mut evm = context.build_mainnet();
        let deposit_contract = create(&mut evm, bytecode(&artifact("DepositContract")));
        let bridge = artifact("NexusBridge");
        let constructor_arguments = (NEXUS, NEXUS, deposit_contract, NEXUS).abi_encode_params();
        let address = create(&mut evm, [bytecode(&bridge), constructor_arguments].concat());
        let deposits = (0..MOST_PER_CALL).map(|number| deposit_data(number, address)).collect();
        Self { evm, address, count_slot: slot(&bridge, "validatorCount"), deposits }
    }

    /// Puts the contract into a state.
    pub(crate) fn set(&mut self, state: BridgeState) {
        let db = self.evm.db_mut();
        let count = U256::from(state.validator_count);
        db.insert_account_storage(self.address, self.count_slot, count).expect("an in-memory database");
        let account = db.load_account(self.address).expect("an in-memory database");
        account.info.balance = state.balance.get();
    }

    /// Reads the contract's state back.
    pub(crate) fn state(&mut self) -> BridgeState {
        let db = self.evm.db_mut();
        let account = db.basic(self.address).expect("an in-memory database").expect("a deployed contract");
        let count = db.storage(self.address, self.count_slot).expect("an in-memory database");
        BridgeState { balance: Wei::new(account.balance), validator_count: count.to() }
    }

    /// Has Nexus call `depositValidatorNexus` for so many validators; answers with the state afterwards.
    pub(crate) fn deposit(
        &mut self,
        validators: u64,
        limit: BasisPoints,
    ) -> Result<BridgeState, DepositRefused> {
        let validators = self.deposits[..usize::try_from(validators).unwrap()].to_vec();
        let call = depositValidatorNexusCall { validators, stakingLimit: U256::from(limit.get()) };
        let tx =
            TxEnv::builder().caller(NEXUS).kind(TxKind::Call(self.address)).data(call.abi_encode().into());
        match self.evm.transact_commit(tx.build().expect("a plain call")).expect("a valid transaction") {
            ExecutionResult::Success { .. } => Ok(self.state()),
            ExecutionResult::Revert { output, .. } => Err(refusal(&output)),
            halt @ ExecutionResult::Halt { .. } => panic!("the contract halts: {halt:?}"),
        }
    }
}

/// Names the reason in the contract's revert data.
fn refusal(output: &[u8]) -> DepositRefused {
    if output.is_empty() {
        DepositRefused::NoBalance
    } else if output == StakingLimitExceeding::SELECTOR {
        DepositRefused::AboveLimit
    } else if Panic::abi_decode(output).is_ok_and(|panic| panic.code == U256::from(OVERFLOW)) {
        DepositRefused::Overflow
    } else {
        panic!("the contract reverts for another reason: 0x{}", hex::encode(output))
    }
}

fn create(
    evm: &mut MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
    code_and_arguments: Vec<u8>,
) -> primitives::Address {
    // The address of a new contract follows from its creator and that account's nonce.
    let nonce = evm.db_mut().basic(NEXUS).expect("an in-memory database").map_or(0, |account| account.nonce);
    let tx = TxEnv::builder().caller(NEXUS).nonce(nonce).kind(TxKind::Create).data(code_and_arguments.into());
    let result = evm.transact_commit(tx.build().expect("a plain creation")).expect("a valid transaction");
    result.created_address().unwrap_or_else(|| panic!("the contract isn't created: {result:?}"))
}

/// A deposit of 32 ETH that the deposit contract takes; it doesn't look at the signature.
fn deposit_data(number: u64, bridge: primitives::Address) -> DepositData {
    let seed = keccak256(&number.to_be_bytes());
    let pubkey: Vec<u8> = iter::repeat_n(seed, 2).flatten().take(48).collect();
    let signature: Vec<u8> = iter::repeat_n(seed, 3).flatten().collect();
    let credentials = WithdrawalCredentials::to_address(Address::new(bridge.into_array())).to_bytes();
    let amount = Gwei::try_from(VALIDATOR_DEPOSIT).expect("32 ETH are whole gwei");
    let root = merkle_root(&[
        bytes_root(&pubkey).into_bytes(),
        credentials,
        chunk(&amount.get().to_le_bytes()),
        bytes_root(&signature).into_bytes(),
    ]);
    DepositData {
        pubKey: pubkey.into(),
        withdrawalAddress: credentials.to_vec().into(),
        signature: signature.into(),
        depositRoot: root.into_bytes().into(),
    }
}

fn artifact(name: &str) -> Value {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/contracts/artifacts"));
    let file = folder.join(name).with_extension("json");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("an artifact of the compiler")
}

fn bytecode(artifact: &Value) -> Vec<u8> {
    let text = artifact["bytecode"].as_str().expect("an artifact has bytecode");
    hex::decode(text.trim_start_matches("0x")).expect("bytecode is hexadecimal")
}

/// Returns where the compiler put a variable.
fn slot(artifact: &Value, variable: &str) -> U256 {
    let layout = artifact["storageLayout"]["storage"].as_array().expect("an artifact has a storage layout");
    let entry =
        layout.iter().find(|entry| entry["label"] == variable).expect("the contract has the variable");
    entry["slot"].as_str().expect("slots are decimal texts").parse().expect("slots are numbers")
}
