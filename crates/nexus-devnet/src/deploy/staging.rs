//! Changes that the contracts' owners make behind the bot's back.

use alloy::{
    primitives::{Address, U256},
    sol_types::{SolCall as _, SolValue as _},
};

use super::{
    artifact,
    bindings::{Nexus, SsvNetwork, SsvToken},
    config::NexusVersion,
    deployment::{Deployment, nexus_logic},
    sender::{DeployError, Sender},
};
use crate::execution::ExecutionChain;

impl Deployment {
    /// Upgrades the SSV network to v2, which takes ETH fees and doesn't know the 1.x registration calls.
    pub fn upgrade_ssv_to_v2(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
    ) -> Result<(), DeployError> {
        let mut sender = Sender::new(chain, &mut mine);
        let owner = &self.accounts.owner;
        let logic = sender.create(owner, artifact::SSV_NETWORK_V2, &[])?;
        let upgrade = SsvNetwork::upgradeToCall { newImplementation: logic };
        sender.call(owner, "upgradeTo", self.ssv_network, upgrade.abi_encode())?;
        sender.settle()
    }

    /// Puts another generation of the Nexus contract behind its proxy.
    pub fn change_nexus_version(
        &mut self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        version: NexusVersion,
    ) -> Result<(), DeployError> {
        let mut sender = Sender::new(chain, &mut mine);
        let owner = &self.accounts.owner;
        let arguments = (self.ssv_network, self.ssv_token).abi_encode_params();
        let logic = sender.create(owner, nexus_logic(version), &arguments)?;
        let update = Nexus::updateProxyCall { newImplementation: logic };
        sender.call(owner, "updateProxy", self.nexus, update.abi_encode())?;
        sender.settle()?;
        self.nexus_version = version;
        Ok(())
    }

    /// Gives the bot's role to another account.
    pub fn set_bot(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        bot: Address,
    ) -> Result<(), DeployError> {
        let call = Nexus::setOffChainBotCall { botAddress: bot };
        let mut sender = Sender::new(chain, &mut mine);
        sender.call(&self.accounts.owner, "setOffChainBot", self.nexus, call.abi_encode())?;
        sender.settle()
    }

    /// Changes the SSV network fee; in token wei per block and validator, a multiple of 10^7.
    pub fn set_network_fee(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        wei_per_block: U256,
    ) -> Result<(), DeployError> {
        let call = SsvNetwork::updateNetworkFeeCall { fee: wei_per_block };
        let mut sender = Sender::new(chain, &mut mine);
        sender.call(&self.accounts.owner, "updateNetworkFee", self.ssv_network, call.abi_encode())?;
        sender.settle()
    }

    /// Makes an operator leave the SSV network.
    pub fn remove_operator(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        operator: u64,
    ) -> Result<(), DeployError> {
        let call = SsvNetwork::removeOperatorCall { operatorId: operator };
        let mut sender = Sender::new(chain, &mut mine);
        sender.call(&self.accounts.owner, "removeOperator", self.ssv_network, call.abi_encode())?;
        sender.settle()
    }

    /// Makes SSV tokens for anyone; in token wei.
    pub fn mint_ssv(
        &self,
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        to: Address,
        amount: U256,
    ) -> Result<(), DeployError> {
        let call = SsvToken::mintCall { to, amount };
        let mut sender = Sender::new(chain, &mut mine);
        sender.call(&self.accounts.owner, "mint of SSV tokens", self.ssv_token, call.abi_encode())?;
        sender.settle()
    }
}
