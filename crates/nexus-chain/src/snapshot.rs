//! What the contracts say at one block: plain data, no behaviour beyond looking things up.

use std::collections::BTreeMap;

use nexus_primitives::{
    Address, BasisPoints, BlockHash, BlockNumber, ChainId, ClusterId, CodeHash, OperatorId, OperatorSet,
    OwnerNonce, RollupAdmin, UnixSeconds, ValidatorPubkey, Wei,
};
use serde::{Deserialize, Serialize};

/// An execution-layer block: everything in a snapshot was read at its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: BlockNumber,
    /// Hash of the header.
    pub hash: BlockHash,
    /// The header's timestamp.
    pub timestamp: UnixSeconds,
}

/// Everything the bot decides on, read at one block hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainSnapshot {
    /// The block all of it was read at.
    pub block: BlockRef,
    /// Versions and roles of the contracts.
    pub deployment: Deployment,
    /// Registered rollups, ordered by admin.
    pub rollups: Vec<RollupSnapshot>,
    /// Registered rollups that can't be described, ordered by admin. Their validators are among `validators`.
    pub left_out: Vec<LeftOutRollup>,
    /// Every validator that was ever submitted to Nexus, ordered by public key.
    pub validators: Vec<NexusValidator>,
    /// The operators of every cluster in use.
    pub operators: BTreeMap<OperatorId, OperatorSnapshot>,
    /// SSV clusters owned by Nexus.
    pub clusters: BTreeMap<OperatorSet, ClusterSnapshot>,
    /// SSV registrations Nexus has made: the nonce of the next one.
    pub owner_nonce: OwnerNonce,
    /// Fees and limits of the SSV network.
    pub ssv: SsvParameters,
    /// The bot's own account.
    pub bot: BotAccount,
}

/// Which contracts answer, and in which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Chain id as the node reports it.
    pub chain_id: ChainId,
    /// Which `validatorExit` the Nexus implementation has.
    pub exit_abi: ExitAbi,
    /// Version of the SSV network contract.
    pub ssv_version: SsvVersion,
    /// The account Nexus accepts calls from (`offChainBot`).
    pub off_chain_bot: Address,
    /// Runtime code hashes by contract name, bridges as `bridge.0x…`; `NAME.implementation` is what a proxy runs.
    pub code_hashes: BTreeMap<String, CodeHash>,
}

/// The two deployed versions of Nexus differ in how an exit is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitAbi {
    /// `validatorExit(address,bytes[])`: changes the status only; the exit itself is made elsewhere.
    Main,
    /// `validatorExit(address,bytes,uint64[])`: also makes SSV's operators sign the exit.
    SsvExits,
}

/// Version of `SSVNetwork.getVersion()`, as far as it matters to a registrar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SsvVersion {
    /// v1.x: fees in SSV tokens, five-argument `registerValidator`. What the deployed Nexus versions call.
    V1(String),
    /// v2.x: fees in ETH; the old selectors revert without data.
    V2(String),
    /// Something this bot hasn't been told about.
    Unknown(String),
}

impl SsvVersion {
    /// Tells the versions apart by the text of `getVersion()`.
    pub fn from_text(text: &str) -> Self {
        match text.strip_prefix('v').unwrap_or(text).split('.').next() {
            Some("1") => Self::V1(text.to_owned()),
            Some("2") => Self::V2(text.to_owned()),
            _ => Self::Unknown(text.to_owned()),
        }
    }

    /// Returns whether the deployed Nexus versions can register validators on it.
    pub fn fits_nexus(&self) -> bool {
        matches!(self, Self::V1(_))
    }

    /// Returns the text of `getVersion()`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::V1(text) | Self::V2(text) | Self::Unknown(text) => text,
        }
    }
}

/// A rollup as Nexus, its cluster and its bridge describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupSnapshot {
    /// The admin that registered the rollup.
    pub admin: RollupAdmin,
    /// Name given when it was whitelisted; empty when none was.
    pub name: String,
    /// Share of the bridged ETH that may be staked.
    pub limit: BasisPoints,
    /// Cluster on the NodeOperator contract.
    pub cluster: ClusterId,
    /// The cluster's operators; `None` when the stored list is no valid SSV cluster.
    pub operators: Option<OperatorSet>,
    /// The rollup's bridge.
    pub bridge: BridgeSnapshot,
    /// What makes the bridge's answers doubtful, for people: it counts other validators than the events, which were
    /// read anew before it is said here. `None` is the normal state.
    pub trouble: Option<String>,
}

/// A rollup whose bridge doesn't answer as one does: nothing can be decided about its ETH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOutRollup {
    /// The admin that registered the rollup.
    pub admin: RollupAdmin,
    /// Name given when it was whitelisted; empty when none was.
    pub name: String,
    /// Its cluster's operators; `None` when the stored list is no valid SSV cluster.
    pub operators: Option<OperatorSet>,
    /// What couldn't be read, for people. Nodes may word the same failure differently.
    pub reason: String,
}

/// A bridge contract's view of its ETH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeSnapshot {
    /// The bridge, which is also where withdrawals go.
    pub address: Address,
    /// ETH on the bridge.
    pub balance: Wei,
    /// Validators deposited and not yet closed (`validatorCount()`).
    pub validator_count: u64,
    /// `getRewards()`; `None` when it reverts, as it does after a net loss.
    pub rewards: Option<Wei>,
    /// `slashedAmount()`: the running total reported so far.
    pub slashed: Wei,
    /// The deposit contract this bridge was compiled with.
    pub deposit_contract: Address,
    /// The Nexus contract this bridge obeys.
    pub nexus: Address,
}

/// Status of a validator on the Nexus contract (`validators(bytes)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NexusStatus {
    /// 0: unknown.
    Inactive,
    /// 1: 32 ETH deposited, no operators yet.
    Deposited,
    /// 2: registered with SSV.
    ShareDeposited,
    /// 3: exit reported.
    ValidatorExitSubmitted,
    /// 4: closed.
    ValidatorExited,
}

/// A validator as the Nexus and SSV contracts know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NexusValidator {
    /// The validator's key.
    pub pubkey: ValidatorPubkey,
    /// The rollup it was submitted for (`ValidatorSubmitted`, the only binding there is).
    pub rollup: RollupAdmin,
    /// Status on the Nexus contract.
    pub status: NexusStatus,
    /// The latest SSV registration; `None` when never registered or removed again.
    pub ssv: Option<SsvRegistration>,
}

/// A registration with SSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsvRegistration {
    /// The operators the validator was registered with.
    pub operators: OperatorSet,
    /// The nonce its operators expected: position of its `ValidatorAdded` among the owner's.
    pub nonce: OwnerNonce,
}

/// An operator as SSV and NodeOperator describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSnapshot {
    /// Whether SSV knows the operator and it wasn't removed.
    pub active: bool,
    /// Fee in SSV-wei per block.
    pub fee: Wei,
    /// Validators the operator runs.
    pub validator_count: u32,
    /// Whether Nexus may use it: public, or private with Nexus whitelisted.
    pub usable_by_nexus: bool,
    /// RSA key text from SSV's `OperatorAdded`, unwrapped from its ABI encoding.
    pub ssv_key: Option<String>,
    /// RSA key text from NodeOperator's `SSVOperatorRegistered`.
    pub nexus_key: Option<String>,
    /// DKG endpoint registered with NodeOperator.
    pub dkg_endpoint: Option<String>,
}

/// The tuple SSV keeps only a hash of; callers must bring the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSnapshot {
    /// Validators registered.
    pub validator_count: u32,
    /// Network fee index at the last settlement.
    pub network_fee_index: u64,
    /// Operators' fee index at the last settlement.
    pub index: u64,
    /// False once liquidated.
    pub active: bool,
    /// Balance at the last settlement, in SSV-wei.
    pub balance: Wei,
}

impl ClusterSnapshot {
    /// The tuple of a cluster that was never used.
    pub const NEW: Self =
        Self { validator_count: 0, network_fee_index: 0, index: 0, active: true, balance: Wei::ZERO };
}

/// SSV-wide parameters, and what Nexus holds to pay with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsvParameters {
    /// Network fee in SSV-wei per block and validator.
    pub network_fee: Wei,
    /// Blocks of runway below which a cluster may be liquidated.
    pub liquidation_threshold_blocks: u64,
    /// Balance below which a cluster may be liquidated.
    pub minimum_collateral: Wei,
    /// Most validators one operator may run.
    pub validators_per_operator: u32,
    /// SSV tokens held by the Nexus contract.
    pub nexus_token_balance: Wei,
    /// Whether a fee recipient other than Nexus itself was set.
    pub fee_recipient: Option<Address>,
}

/// The account that signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotAccount {
    /// Its address.
    pub address: Address,
    /// ETH for gas.
    pub balance: Wei,
    /// Transactions mined at the snapshot's block.
    pub nonce: u64,
}

/// What a registration needs, read at the head just before it is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationContext {
    /// The head it was read at.
    pub block: BlockRef,
    /// Nonce the keyshares must be signed for.
    pub owner_nonce: OwnerNonce,
    /// Transactions of the bot's account that were mined.
    pub bot_transactions: u64,
    /// The cluster's current tuple.
    pub cluster: ClusterSnapshot,
    /// What the cluster's balance would be if it were settled now, in SSV-wei.
    pub settled_balance: Wei,
}
