//! A small world for this crate's tests: one rollup, four operators, whatever validators a test adds.

use std::{collections::BTreeMap, path::PathBuf};

use nexus_beacon::{BeaconHead, BeaconValidator, NetworkSpec, StateId, ValidatorStatus};
use nexus_chain::{
    BlockAt, BlockRef, BotAccount, BridgeSnapshot, ChainSnapshot, Deployment, ExitAbi, NexusStatus,
    NexusValidator, OperatorSnapshot, RollupSnapshot, SsvParameters, SsvVersion,
};
use nexus_policy::PolicySettings;
use nexus_primitives::{
    Address, BasisPoints, BlockHash, BlockNumber, ChainId, ClusterId, DerivationIndex, Epoch, EpochCount,
    ForkVersion, Gwei, OperatorId, OperatorSet, OwnerNonce, RollupAdmin, Root, Slot, UnixSeconds,
    ValidatorIndex, ValidatorPubkey, Wei, WithdrawalCredentials,
};

use crate::{
    Caps, GuardContext, Jumps, KeySources, Observation, Rails, RecordId, Settings, Stage, ValidatorRecord,
};

pub(crate) const NOW: UnixSeconds = UnixSeconds::new(10_000 * 12);
pub(crate) const NEXUS: Address = Address::new([7; 20]);
pub(crate) const BRIDGE: Address = Address::new([2; 20]);
pub(crate) const BOT: Address = Address::new([9; 20]);
pub(crate) const DEPOSIT_CONTRACT: Address = Address::new([5; 20]);

pub(crate) fn rollup() -> RollupAdmin {
    RollupAdmin::new(Address::new([1; 20]))
}

pub(crate) fn pubkey(byte: u8) -> ValidatorPubkey {
    ValidatorPubkey::new([byte; 48])
}

pub(crate) fn operators() -> OperatorSet {
    OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings {
        chain_id: ChainId::new(1),
        nexus: NEXUS,
        deposit_contract: DEPOSIT_CONTRACT,
        genesis_fork_version: ForkVersion::MAINNET,
        observe_at: BlockAt::Finalized,
        policy: PolicySettings::exact(),
        reserves: BTreeMap::new(),
        caps: Caps { deposits_per_tick: 10, exits_per_tick: 4, deposits_per_day: 50, exits_per_day: 16 },
        ssv_runway_blocks: 1_000,
        ssv_alert_blocks: 100,
        rails: Rails {
            bot_balance_floor: Wei::from_ether(1),
            max_head_age_secs: 180,
            max_finality_lag_epochs: 4,
            pause_file: PathBuf::from("/nonexistent/pause"),
            jumps: Jumps::ANY,
        },
        keys: KeySources::default(),
        allow_loopback_operators: false,
    }
}

pub(crate) fn context() -> GuardContext {
    GuardContext { now: NOW, signer: BOT, paused: None, changed_code: Vec::new() }
}

/// A healthy world: 40 % limit, `balance` ETH on the bridge, no validators.
pub(crate) fn observation(balance: u64) -> Observation {
    let block = BlockRef {
        number: BlockNumber::new(9_900),
        hash: BlockHash::new([3; 32]),
        timestamp: UnixSeconds::new(9_920 * 12),
    };
    Observation {
        chain: snapshot(block, balance),
        head: BlockRef { timestamp: NOW, number: BlockNumber::new(9_980), ..block },
        spec: spec(),
        beacon_head: BeaconHead {
            slot: Slot::new(10_000),
            is_syncing: false,
            is_optimistic: false,
            el_offline: false,
            finalized_epoch: Epoch::new(310),
            justified_epoch: Epoch::new(311),
            fork_version: ForkVersion::MAINNET,
        },
        beacon_state: StateId::Finalized,
        validators: BTreeMap::new(),
        partial_withdrawals: Vec::new(),
    }
}

fn spec() -> NetworkSpec {
    NetworkSpec {
        genesis_time: UnixSeconds::new(0),
        genesis_validators_root: Root::new([4; 32]),
        genesis_fork_version: ForkVersion::MAINNET,
        capella_fork_version: ForkVersion::new([3, 0, 0, 0]),
        seconds_per_slot: 12,
        slots_per_epoch: 32,
        shard_committee_period: EpochCount::new(256),
        deposit_contract: DEPOSIT_CONTRACT,
        deposit_chain_id: ChainId::new(1),
    }
}

fn snapshot(block: BlockRef, balance: u64) -> ChainSnapshot {
    ChainSnapshot {
        block,
        deployment: Deployment {
            chain_id: ChainId::new(1),
            exit_abi: ExitAbi::SsvExits,
            ssv_version: SsvVersion::from_text("v1.2.0"),
            off_chain_bot: BOT,
            code_hashes: BTreeMap::new(),
        },
        rollups: vec![RollupSnapshot {
            admin: rollup(),
            name: "alpha".to_owned(),
            limit: BasisPoints::new(4_000).unwrap(),
            cluster: ClusterId::new(1),
            operators: Some(operators()),
            bridge: BridgeSnapshot {
                address: BRIDGE,
                balance: Wei::from_ether(balance),
                validator_count: 0,
                rewards: Some(Wei::ZERO),
                slashed: Wei::ZERO,
                deposit_contract: DEPOSIT_CONTRACT,
                nexus: NEXUS,
            },
            trouble: None,
        }],
        left_out: Vec::new(),
        validators: Vec::new(),
        operators: operators().ids().iter().map(|id| (*id, operator(*id))).collect(),
        clusters: BTreeMap::new(),
        owner_nonce: OwnerNonce::new(0),
        ssv: SsvParameters {
            network_fee: Wei::ZERO,
            liquidation_threshold_blocks: 100,
            minimum_collateral: Wei::from_ether(1),
            validators_per_operator: 500,
            nexus_token_balance: Wei::from_ether(1_000),
            fee_recipient: None,
        },
        bot: BotAccount { address: BOT, balance: Wei::from_ether(5), nonce: 0 },
    }
}

/// The recorded operators of `fixtures/keyshares`, in order.
fn operator(id: OperatorId) -> OperatorSnapshot {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keyshares/generated/operators.json");
    let recorded: Vec<serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let at = usize::try_from(id.get()).unwrap() - 1;
    let key = recorded[at]["operatorKey"].as_str().unwrap().to_owned();
    OperatorSnapshot {
        active: true,
        fee: Wei::ZERO,
        validator_count: 0,
        usable_by_nexus: true,
        ssv_key: Some(key.clone()),
        nexus_key: Some(key),
        dkg_endpoint: None,
    }
}

/// A validator in the state file, on the contracts and on the beacon chain.
pub(crate) fn add(
    observation: &mut Observation,
    byte: u8,
    stage: Stage,
    status: ValidatorStatus,
) -> ValidatorRecord {
    let nexus_status = match stage {
        Stage::Deposited => NexusStatus::Deposited,
        stage if stage >= Stage::ExitInformed => NexusStatus::ValidatorExitSubmitted,
        _ => NexusStatus::ShareDeposited,
    };
    observation.chain.validators.push(NexusValidator {
        pubkey: pubkey(byte),
        rollup: rollup(),
        status: nexus_status,
        ssv: None,
    });
    observation.chain.validators.sort_by_key(|validator| validator.pubkey);
    observation.chain.rollups[0].bridge.validator_count += 1;
    observation.validators.insert(pubkey(byte), beacon_validator(byte, status));
    record(byte, stage)
}

pub(crate) fn beacon_validator(byte: u8, status: ValidatorStatus) -> BeaconValidator {
    let leaving = !matches!(
        status,
        ValidatorStatus::ActiveOngoing | ValidatorStatus::PendingInitialized | ValidatorStatus::PendingQueued
    );
    BeaconValidator {
        index: ValidatorIndex::new(u64::from(byte)),
        pubkey: pubkey(byte),
        balance: if status == ValidatorStatus::WithdrawalDone { Gwei::ZERO } else { Gwei::VALIDATOR_DEPOSIT },
        status,
        effective_balance: Gwei::VALIDATOR_DEPOSIT,
        slashed: false,
        activation_epoch: Some(Epoch::new(1)),
        exit_epoch: leaving.then_some(Epoch::new(300)),
        withdrawable_epoch: leaving.then_some(Epoch::new(305)),
        withdrawal_credentials: Root::new(WithdrawalCredentials::to_address(BRIDGE).to_bytes()),
    }
}

pub(crate) fn record(byte: u8, stage: Stage) -> ValidatorRecord {
    ValidatorRecord {
        id: RecordId(i64::from(byte)),
        rollup: rollup(),
        derivation_index: Some(DerivationIndex::new(u32::from(byte))),
        pubkey: Some(pubkey(byte)),
        stage,
        deposit: None,
        shares_nonce: None,
        signed_exit: None,
        validator_index: None,
        exit_epoch: None,
        deposit_tx: None,
        shares_tx: None,
        exit_tx: None,
        removal_tx: None,
        given_up: false,
        ceremony: None,
        updated_at: NOW,
    }
}
