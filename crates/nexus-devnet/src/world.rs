//! The embedded world without its sockets: two chains, contracts, operators and a clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use nexus_primitives::{
    Address, BasisPoints, ForkVersion, Gwei, OperatorId, RollupAdmin, Slot, U256, UnixSeconds,
    ValidatorPubkey, Wei, keccak256,
};

use crate::{
    chain_truth::{ContractReader, NexusStatus, ReadError, RollupOnChain, evm},
    clock::DevnetClock,
    consensus::{
        BeaconChain, ConsensusConfig, RewindError, SlotError, UnknownValidator, ValidatorStatus,
        rest::SharedBeacon,
    },
    deploy::{
        ClusterConfig, DeployConfig, DeployError, Deployment, DevnetAccounts, NexusVersion, OperatorConfig,
        RollupConfig, RollupHandle,
    },
    dkg::DkgOperators,
    execution::{BlockRef, ExecutionChain, GenesisConfig},
    lockstep::Lockstep,
    operators::operators,
    ssv_operators::{ShareVerdict, SsvOperators},
};

/// What every operator asks, in token wei per block and validator.
const OPERATOR_FEE: u64 = 956_600_000_000;

/// What a world starts from. The same configuration gives the same world, block hashes included.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Times, queues and fork versions; also chain id and deposit contract.
    pub consensus: ConsensusConfig,
    /// Which generation of the Nexus contract is deployed.
    pub nexus_version: NexusVersion,
    /// Tells worlds apart: it goes into the genesis validators root, so that exits of one are invalid in another.
    pub seed: u64,
    /// Where operators make keys together, for the `NodeOperator` contract; the others get an address of nobody. See
    /// [`with_dkg_operators`](Self::with_dkg_operators).
    pub dkg_endpoints: BTreeMap<OperatorId, String>,
}

/// Everything that happens on chain, in memory and in step.
///
/// Moves only when told to; a method that sends a transaction also advances as many slots as it takes to be mined.
/// All methods block; none needs an async runtime.
pub struct World {
    lockstep: Lockstep,
    deployment: Mutex<Deployment>,
    rollups: Mutex<Vec<RollupHandle>>,
    acting: Mutex<()>,
}

/// Why a world couldn't be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// The contracts couldn't be deployed.
    #[error("deploying the contracts")]
    Deploy(#[from] DeployError),
    /// The beacon chain couldn't follow the deployment.
    #[error("joining the beacon chain to the execution chain")]
    Join(#[from] SlotError),
}

/// Why a rollup's act failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActError {
    /// No rollup was registered here by this admin.
    #[error("no rollup has the admin {0}")]
    UnknownRollup(RollupAdmin),
    /// The transaction failed.
    #[error(transparent)]
    Transaction(#[from] DeployError),
}

/// What was waited for didn't happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not reached within {slots} slots")]
pub struct NotReached {
    /// How long was waited.
    pub slots: u64,
}

impl WorldConfig {
    /// Returns a quick world: the `fast` preset on chain 1337, the Nexus contract of `ssv_exits`.
    ///
    /// Slots start at `genesis_time`; by the time the deployment is final, some 24 slots have passed.
    pub fn fast(genesis_time: UnixSeconds) -> Self {
        let deposit_contract = GenesisConfig::new(0, 0).deposit_contract;
        let deposit_contract = Address::new(deposit_contract.into_array());
        let chain_id = nexus_primitives::ChainId::new(1337);
        Self {
            consensus: ConsensusConfig::fast(genesis_time, deposit_contract, chain_id),
            nexus_version: NexusVersion::SsvExits,
            seed: 0,
            dkg_endpoints: BTreeMap::new(),
        }
    }

    /// Has running operators in the world: their addresses go on chain, and deposits are signed as on hoodi, because
    /// operators make keys only for networks that are built into them. Nothing else is hoodi's, chain id included.
    #[must_use]
    pub fn with_dkg_operators(mut self, operators: &DkgOperators) -> Self {
        self.consensus.genesis_fork_version = ForkVersion::HOODI;
        let endpoints = operators.all().iter().map(|operator| (operator.id(), operator.url().to_owned()));
        self.dkg_endpoints.extend(endpoints);
        self
    }
}

impl World {
    /// Deploys everything and advances until the deployment is final.
    pub fn new(config: WorldConfig) -> Result<Self, GenesisError> {
        let mut consensus = config.consensus;
        let root = consensus.genesis_validators_root.into_bytes();
        consensus.genesis_validators_root =
            nexus_primitives::Root::new(keccak256(&[root.as_slice(), &config.seed.to_be_bytes()].concat()));
        let execution = Arc::new(ExecutionChain::new(genesis(&consensus)));
        let mut mine = || {
            execution.mine_block(execution.head().timestamp + consensus.seconds_per_slot, &[]);
        };
        let deployment = Deployment::deploy(
            &execution,
            &mut mine,
            deploy_config(config.nexus_version, config.dkg_endpoints),
        )?;
        let ssv_network = deployment.ssv_network;
        let lockstep = Lockstep::new(execution, BeaconChain::new(consensus), ssv_network)?;
        let world = Self {
            lockstep,
            deployment: Mutex::new(deployment),
            rollups: Mutex::default(),
            acting: Mutex::default(),
        };
        let deployed = world.execution().head().number;
        while world.final_block() < deployed {
            world.lockstep.step();
        }
        Ok(world)
    }

    /// Returns the execution chain.
    pub fn execution(&self) -> &Arc<ExecutionChain> {
        self.lockstep.execution()
    }

    /// Returns the beacon chain. Let go of its guard before calling anything else here: a step waits for it.
    pub fn beacon(&self) -> &SharedBeacon {
        self.lockstep.beacon()
    }

    /// Returns a clock that follows the newest slot.
    pub fn clock(&self) -> DevnetClock {
        self.lockstep.clock()
    }

    /// Returns what is deployed, and by whom.
    pub fn deployment(&self) -> Deployment {
        self.deployment.lock().expect("nobody panics while holding it").clone()
    }

    /// Returns the rollups registered through this world.
    pub fn rollups(&self) -> Vec<RollupHandle> {
        self.known_rollups().clone()
    }

    /// Returns what the SSV operators know and have decided.
    pub fn ssv_operators(&self) -> SsvOperators {
        self.lockstep.ssv_operators()
    }

    /// Processes this many slots and returns the newest block.
    pub fn advance_slots(&self, slots: u64) -> BlockRef {
        (0..slots).map(|_| self.lockstep.step()).last().unwrap_or_else(|| self.execution().head())
    }

    /// Processes this many epochs' worth of slots and returns the newest block.
    pub fn advance_epochs(&self, epochs: u64) -> BlockRef {
        let slots = self.beacon().read().config().slots_per_epoch;
        self.advance_slots(epochs.saturating_mul(slots))
    }

    /// Processes slots until `reached` holds, and returns how many that took; none when it holds already.
    pub fn advance_until(
        &self,
        mut reached: impl FnMut(&Self) -> bool,
        max_slots: u64,
    ) -> Result<u64, NotReached> {
        for passed in 0..=max_slots {
            if reached(self) {
                return Ok(passed);
            }
            if passed < max_slots {
                self.lockstep.step();
            }
        }
        Err(NotReached { slots: max_slots })
    }

    /// Replaces the last `depth` blocks by others without their transactions.
    pub fn reorg(&self, depth: u64) -> Result<BlockRef, RewindError> {
        self.lockstep.reorg(depth)
    }

    /// Remembers everything on chain, and returns the number by which to come back.
    pub fn snapshot(&self) -> u64 {
        self.lockstep.snapshot()
    }

    /// Comes back to a snapshot, which is used up with all later ones; `false` when there is none.
    pub fn revert(&self, id: u64) -> bool {
        self.lockstep.revert(id)
    }

    /// Deploys a bridge and registers a rollup.
    pub fn register_rollup(&self, rollup: RollupConfig) -> Result<RollupHandle, DeployError> {
        let handle = self.act(|deployment, chain, mine| deployment.register_rollup(chain, mine, rollup))?;
        self.known_rollups().push(handle.clone());
        Ok(handle)
    }

    /// Changes a rollup's staking limit as its admin.
    pub fn set_staking_limit(&self, admin: RollupAdmin, limit: BasisPoints) -> Result<(), ActError> {
        let rollup = self.rollup_of(admin)?;
        Ok(self.act(|deployment, chain, mine| deployment.change_staking_limit(chain, mine, &rollup, limit))?)
    }

    /// Sends ETH to a rollup's bridge as a user.
    pub fn bridge_in(&self, admin: RollupAdmin, amount: Wei) -> Result<(), ActError> {
        let rollup = self.rollup_of(admin)?;
        let amount = amount.get();
        Ok(self.act(|deployment, chain, mine| deployment.bridge_in(chain, mine, &rollup, amount))?)
    }

    /// Takes ETH out of a rollup's bridge to the user.
    pub fn bridge_out(&self, admin: RollupAdmin, amount: Wei) -> Result<(), ActError> {
        let rollup = self.rollup_of(admin)?;
        let amount = amount.get();
        Ok(self.act(|deployment, chain, mine| {
            let user = deployment.accounts.user.address();
            deployment.withdraw_from_bridge(chain, mine, &rollup, user, amount)
        })?)
    }

    /// Puts another generation of the Nexus contract behind its proxy.
    pub fn change_nexus_version(&self, version: NexusVersion) -> Result<(), DeployError> {
        let _turn = self.take_turn();
        let mut deployment = self.deployment();
        deployment.change_nexus_version(self.execution(), || self.step(), version)?;
        *self.deployment.lock().expect("nobody panics while holding it") = deployment;
        Ok(())
    }

    /// Upgrades the SSV network to v2.
    pub fn upgrade_ssv_to_v2(&self) -> Result<(), DeployError> {
        self.act(|deployment, chain, mine| deployment.upgrade_ssv_to_v2(chain, mine))
    }

    /// Gives the bot's role to another account.
    pub fn set_bot(&self, bot: Address) -> Result<(), DeployError> {
        self.act(|deployment, chain, mine| deployment.set_bot(chain, mine, evm(bot)))
    }

    /// Slashes a validator and takes a penalty from its balance.
    pub fn slash(&self, pubkey: &ValidatorPubkey, penalty: Gwei) -> Result<(), UnknownValidator> {
        self.beacon().write().slash(pubkey, penalty)
    }

    /// Takes a penalty from a validator's balance.
    pub fn penalise(&self, pubkey: &ValidatorPubkey, penalty: Gwei) -> Result<(), UnknownValidator> {
        self.beacon().write().penalise(pubkey, penalty)
    }

    /// Takes all SSV operators' nodes down, or starts them again. While they are down nobody attests, and what they are
    /// asked to exit they never hear of.
    pub fn set_ssv_operators_up(&self, up: bool) {
        self.lockstep.set_ssv_operators_up(up);
    }

    /// Has a validator's operators exit it because people asked them to; `false` when they can't, or the beacon node
    /// refuses.
    pub fn exit_by_hand(&self, pubkey: &ValidatorPubkey) -> bool {
        let operators = self.ssv_operators();
        let mut beacon = self.beacon().write();
        let exit = operators.sign_exit(pubkey, beacon.head(), beacon.config());
        exit.is_some_and(|exit| beacon.submit_exit(exit).is_ok())
    }

    /// Gives a rollup another cluster as its admin.
    pub fn change_cluster(&self, admin: RollupAdmin, cluster: u64) -> Result<(), ActError> {
        let rollup = self.rollup_of(admin)?;
        Ok(self.act(|deployment, chain, mine| deployment.change_cluster(chain, mine, &rollup, cluster))?)
    }

    /// Returns the ETH on an account or contract.
    pub fn balance(&self, address: Address) -> Wei {
        Wei::new(self.execution().balance(evm(address)))
    }

    /// Returns a rollup as the Nexus contract stores it; `None` when it isn't registered.
    pub fn rollup_on_chain(&self, admin: RollupAdmin) -> Result<Option<RollupOnChain>, ReadError> {
        self.contracts().rollup(self.nexus(), admin)
    }

    /// Returns the validators that Nexus says it deposited in a block, each with the rollup it did so for; none above the
    /// head.
    pub fn submitted_validators(&self, block: u64) -> Vec<(ValidatorPubkey, RollupAdmin)> {
        self.contracts().submitted(self.nexus(), block)
    }

    /// Returns a validator's status on the Nexus contract.
    pub fn nexus_status(&self, pubkey: &ValidatorPubkey) -> Result<NexusStatus, ReadError> {
        self.contracts().nexus_status(self.nexus(), pubkey)
    }

    /// Returns how many validators a bridge counts: deposited and not closed.
    pub fn validator_count(&self, bridge: Address) -> Result<U256, ReadError> {
        self.contracts().validator_count(bridge)
    }

    /// Returns what users have bridged in and not taken out.
    pub fn bridged(&self, bridge: Address) -> Result<Wei, ReadError> {
        self.contracts().bridged(bridge)
    }

    /// Returns who may act as the bot.
    pub fn off_chain_bot(&self) -> Result<Address, ReadError> {
        self.contracts().off_chain_bot(self.nexus())
    }

    /// Says whether the SSV network has the validator registered for Nexus.
    pub fn is_registered_with_ssv(&self, pubkey: &ValidatorPubkey) -> Result<bool, ReadError> {
        let views = Address::new(self.deployment().ssv_views.into_array());
        self.contracts().is_registered(views, self.nexus(), pubkey)
    }

    /// Returns a validator's status on the beacon chain; `None` when the registry doesn't have it.
    pub fn validator_status(&self, pubkey: &ValidatorPubkey) -> Option<ValidatorStatus> {
        let chain = self.beacon().read();
        let (_, validator) = chain.head().validator(pubkey)?;
        Some(validator.status(chain.head().epoch(chain.config())))
    }

    /// Returns the validators that are active on the beacon chain and that no operators run, with what the operators
    /// decided: they would leak.
    pub fn offline_validators(&self) -> Vec<(ValidatorPubkey, Option<ShareVerdict>)> {
        let operators = self.ssv_operators();
        let chain = self.beacon().read();
        let epoch = chain.head().epoch(chain.config());
        let active = chain.head().validators().iter().filter(|validator| validator.is_active(epoch));
        let verdicts =
            active.map(|validator| (validator.pubkey, operators.verdict(&validator.pubkey).cloned()));
        verdicts.filter(|(_, verdict)| !verdict.as_ref().is_some_and(ShareVerdict::attests)).collect()
    }

    /// Returns the newest block that is final.
    pub fn final_block(&self) -> u64 {
        self.beacon().read().finalized().execution().map_or(0, |block| block.number.get())
    }

    /// Returns the newest slot.
    pub fn slot(&self) -> Slot {
        self.beacon().read().head().slot()
    }

    fn act<T>(
        &self,
        act: impl FnOnce(&Deployment, &ExecutionChain, &mut dyn FnMut()) -> Result<T, DeployError>,
    ) -> Result<T, DeployError> {
        let _turn = self.take_turn();
        let deployment = self.deployment();
        act(&deployment, self.execution(), &mut || self.step())
    }

    /// Accounts act one after the other, or two transactions would take the same nonce.
    fn take_turn(&self) -> MutexGuard<'_, ()> {
        self.acting.lock().expect("no act panics")
    }

    fn step(&self) {
        self.lockstep.step();
    }

    fn contracts(&self) -> ContractReader<'_> {
        ContractReader(self.execution())
    }

    fn nexus(&self) -> Address {
        Address::new(self.deployment().nexus.into_array())
    }

    fn rollup_of(&self, admin: RollupAdmin) -> Result<RollupHandle, ActError> {
        let rollups = self.known_rollups();
        let found = rollups.iter().find(|rollup| rollup.admin.address() == evm(admin.address()));
        found.cloned().ok_or(ActError::UnknownRollup(admin))
    }

    fn known_rollups(&self) -> MutexGuard<'_, Vec<RollupHandle>> {
        self.rollups.lock().expect("nobody panics while holding the list")
    }
}

fn genesis(consensus: &ConsensusConfig) -> GenesisConfig {
    GenesisConfig {
        alloc: DevnetAccounts::new().alloc(),
        deposit_contract: evm(consensus.deposit_contract),
        ..GenesisConfig::new(consensus.chain_id.get(), consensus.genesis_time.get())
    }
}

/// All thirteen operators; clusters 1 to 4 have the first 4, 7, 10 and 13 of them, cluster 5 the four after the first.
fn deploy_config(
    nexus_version: NexusVersion,
    mut dkg_endpoints: BTreeMap<OperatorId, String>,
) -> DeployConfig {
    let defaults = DeployConfig::new(nexus_version);
    let operators = operators().iter().map(|operator| OperatorConfig {
        name: format!("operator {}", operator.id),
        public_key_text: operator.key_text.clone(),
        fee_wei_per_block: OPERATOR_FEE,
        dkg_endpoint: dkg_endpoints
            .remove(&operator.id)
            .unwrap_or_else(|| format!("https://operator-{}.invalid:3030", operator.id)),
        private: false,
    });
    let cluster =
        |id, operators: std::ops::RangeInclusive<u64>| ClusterConfig { id, operators: operators.collect() };
    let clusters =
        vec![cluster(1, 1..=4), cluster(2, 1..=7), cluster(3, 1..=10), cluster(4, 1..=13), cluster(5, 5..=8)];
    DeployConfig { operators: operators.collect(), clusters, ..defaults }
}
