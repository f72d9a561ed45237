//! Rollups: their bridges, and the ETH that moves over them.

use alloy::{
    primitives::{Address, U256},
    sol_types::{SolCall as _, SolValue as _},
};
use nexus_primitives::BasisPoints;

use super::{
    account::DevnetAccount,
    artifact,
    bindings::{Bridge, Nexus},
    deployment::Deployment,
    sender::{DeployError, Sender},
};
use crate::execution::ExecutionChain;

/// Wei given to a new rollup's admin for gas: 10 ETH.
const ADMIN_ALLOWANCE: U256 = U256::from_limbs([10_000_000_000_000_000_000, 0, 0, 0]);

/// A rollup to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupConfig {
    /// Names the admin's account, and the rollup.
    pub label: String,
    /// The share of its ETH that may be staked.
    pub staking_limit: BasisPoints,
    /// The operators that run its validators.
    pub cluster: u64,
    /// Nexus' share of the rewards in basis points: 626 to 1000.
    pub nexus_fee_bps: u64,
}

impl RollupConfig {
    /// Returns a rollup on cluster 1 that pays the fee of 10 %.
    pub fn new(label: &str, staking_limit: BasisPoints) -> Self {
        Self { label: label.to_owned(), staking_limit, cluster: 1, nexus_fee_bps: 1_000 }
    }
}

/// A registered rollup.
#[derive(Debug, Clone)]
pub struct RollupHandle {
    /// What it is called.
    pub name: String,
    /// The account by which Nexus identifies it.
    pub admin: DevnetAccount,
    /// Its bridge, which holds the ETH.
    pub bridge: Address,
}

impl Deployment {
    /// Deploys a bridge, has its admin whitelisted, and registers the rollup as the admin.
    pub fn register_rollup(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        rollup: RollupConfig,
    ) -> Result<RollupHandle, DeployError> {
        let owner = &self.accounts.owner;
        let admin = DevnetAccount::new(&format!("rollup-admin {}", rollup.label));
        let mut sender = Sender::new(chain, &mut mine);
        sender.pay(owner, "allowance of the rollup admin", admin.address(), ADMIN_ALLOWANCE)?;
        let arguments =
            (self.nexus, self.accounts.fees.address(), self.deposit_contract, self.accounts.dao.address());
        let bridge = sender.create(owner, artifact::NEXUS_BRIDGE, &arguments.abi_encode_params())?;
        let whitelist =
            Nexus::whitelistRollupCall { name: rollup.label.clone(), rollupAddress: admin.address() };
        sender.call(owner, "whitelistRollup", self.nexus, whitelist.abi_encode())?;
        sender.settle()?;
        let register = Nexus::registerRollupCall {
            bridgeContract: bridge,
            operatorCluster: rollup.cluster,
            nexusFee: U256::from(rollup.nexus_fee_bps),
            stakingLimit: rollup.staking_limit.get(),
        };
        sender.call(&admin, "registerRollup", self.nexus, register.abi_encode())?;
        sender.settle()?;
        Ok(RollupHandle { name: rollup.label, admin, bridge })
    }

    /// Bridges ETH in as the devnet's user; `amount` in wei.
    pub fn bridge_in(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        rollup: &RollupHandle,
        amount: U256,
    ) -> Result<(), DeployError> {
        let mut sender = Sender::new(chain, &mut mine);
        sender.pay(&self.accounts.user, "bridging in", rollup.bridge, amount)?;
        sender.settle()
    }

    /// Bridges ETH out to `to`; `amount` in wei, at most what lies unstaked on the bridge.
    pub fn withdraw_from_bridge(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        rollup: &RollupHandle,
        to: Address,
        amount: U256,
    ) -> Result<(), DeployError> {
        let call = Bridge::withdrawToCall { to, amount };
        let mut sender = Sender::new(chain, &mut mine);
        sender.call(&self.accounts.dao, "bridging out", rollup.bridge, call.abi_encode())?;
        sender.settle()
    }

    /// Changes the staking limit as the rollup's admin.
    pub fn change_staking_limit(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        rollup: &RollupHandle,
        limit: BasisPoints,
    ) -> Result<(), DeployError> {
        let call = Nexus::changeStakingLimitCall { newStakingLimit: limit.get() };
        let mut sender = Sender::new(chain, &mut mine);
        sender.call(&rollup.admin, "changeStakingLimit", self.nexus, call.abi_encode())?;
        sender.settle()
    }
    /// Gives the rollup another cluster as its admin.
    pub fn change_cluster(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        rollup: &RollupHandle,
        cluster: u64,
    ) -> Result<(), DeployError> {
        let call = Nexus::changeClusterCall { operatorCluster: cluster };
        let mut sender = Sender::new(chain, &mut mine);
        sender.call(&rollup.admin, "changeCluster", self.nexus, call.abi_encode())?;
        sender.settle()
    }
}
