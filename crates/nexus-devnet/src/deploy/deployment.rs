//! Everything deployed, and where it is.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::{SolCall as _, SolValue as _},
};

use super::{
    account::DevnetAccounts,
    artifact::{self, Artifact},
    bindings::{Nexus, NodeOperator, Proxied, SsvNetwork, SsvToken},
    config::{DeployConfig, NexusVersion, OperatorConfig},
    sender::{DeployError, Sender},
};
use crate::execution::ExecutionChain;

/// The contracts of one devnet.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The Nexus contract's proxy.
    pub nexus: Address,
    /// The `NodeOperator` contract's proxy.
    pub node_operator: Address,
    /// The SSV network's proxy.
    pub ssv_network: Address,
    /// The SSV network's views.
    pub ssv_views: Address,
    /// The token that SSV fees are paid in.
    pub ssv_token: Address,
    /// The beacon deposit contract, where the chain's configuration puts it.
    pub deposit_contract: Address,
    /// The generation of the Nexus contract it was deployed with.
    pub nexus_version: NexusVersion,
    /// The block before the first of these contracts: where event history begins.
    pub start_block: u64,
    /// Who may do what.
    pub accounts: DevnetAccounts,
}

impl Deployment {
    /// Deploys and connects the contracts; `mine` is called whenever a block is needed.
    ///
    /// The accounts of [`DevnetAccounts::alloc`] must hold their balances.
    pub fn deploy(
        chain: &ExecutionChain,
        mut mine: impl FnMut(),
        config: DeployConfig,
    ) -> Result<Self, DeployError> {
        let accounts = DevnetAccounts::new();
        let start_block = chain.head().number;
        let mut sender = Sender::new(chain, &mut mine);
        let staged = sender.create(&accounts.owner, artifact::DEPOSIT_CONTRACT, &[])?;
        let deployment = create_contracts(&mut sender, chain, accounts, &config, start_block)?;
        sender.settle()?;
        chain.copy_contract(staged, deployment.deposit_contract);
        deployment.connect(&mut sender, &config)?;
        deployment.register_operators(&mut sender, &config)?;
        sender.settle()?;
        Ok(deployment)
    }

    fn connect(&self, sender: &mut Sender<'_>, config: &DeployConfig) -> Result<(), DeployError> {
        let owner = &self.accounts.owner;
        let bot = Nexus::setOffChainBotCall { botAddress: self.accounts.bot.address() };
        sender.call(owner, "setOffChainBot", self.nexus, bot.abi_encode())?;
        let node_operator = Nexus::setNodeOperatorContractCall { nodeOperator: self.node_operator };
        sender.call(owner, "setNodeOperatorContract", self.nexus, node_operator.abi_encode())?;
        let recipient = self.accounts.fee_recipient.address();
        let recipient = Nexus::changeExecutionFeeAddressCall { executionFeeAddress: recipient };
        sender.call(owner, "changeExecutionFeeAddress", self.nexus, recipient.abi_encode())?;
        let fee = SsvNetwork::updateNetworkFeeCall { fee: U256::from(config.network_fee_wei_per_block) };
        sender.call(owner, "updateNetworkFee", self.ssv_network, fee.abi_encode())?;
        let tokens = SsvToken::mintCall { to: self.nexus, amount: config.nexus_tokens };
        sender.call(owner, "mint of SSV tokens", self.ssv_token, tokens.abi_encode())
    }

    fn register_operators(&self, sender: &mut Sender<'_>, config: &DeployConfig) -> Result<(), DeployError> {
        for (id, operator) in (1..).zip(&config.operators) {
            self.register_operator(sender, id, operator)?;
        }
        for cluster in &config.clusters {
            let call = NodeOperator::addClusterCall {
                operatorIds: cluster.operators.clone(),
                clusterId: cluster.id,
            };
            let step = format!("addCluster {}", cluster.id);
            sender.call(&self.accounts.owner, step, self.node_operator, call.abi_encode())?;
        }
        Ok(())
    }

    fn register_operator(
        &self,
        sender: &mut Sender<'_>,
        id: u64,
        operator: &OperatorConfig,
    ) -> Result<(), DeployError> {
        let owner = &self.accounts.owner;
        let with_ssv = SsvNetwork::registerOperatorCall {
            publicKey: operator.public_key_text.abi_encode().into(),
            fee: U256::from(operator.fee_wei_per_block),
            setPrivate: operator.private,
        };
        sender.call(owner, format!("registerOperator {id}"), self.ssv_network, with_ssv.abi_encode())?;
        if operator.private {
            let whitelist = SsvNetwork::setOperatorsWhitelistsCall {
                operatorIds: vec![id],
                whitelistAddresses: vec![self.nexus],
            };
            let step = format!("setOperatorsWhitelists {id}");
            sender.call(owner, step, self.ssv_network, whitelist.abi_encode())?;
        }
        let with_nexus = NodeOperator::registerSSVOperatorCall {
            operatorId: id,
            pubKey: operator.public_key_text.clone(),
            ipAddress: operator.dkg_endpoint.clone(),
            name: operator.name.clone(),
        };
        sender.call(owner, format!("registerSSVOperator {id}"), self.node_operator, with_nexus.abi_encode())
    }
}

/// Returns the logic contract of a generation.
pub(super) fn nexus_logic(version: NexusVersion) -> Artifact {
    match version {
        NexusVersion::Main => artifact::NEXUS_MAIN,
        NexusVersion::SsvExits => artifact::NEXUS_SSV_EXITS,
    }
}

fn create_contracts(
    sender: &mut Sender<'_>,
    chain: &ExecutionChain,
    accounts: DevnetAccounts,
    config: &DeployConfig,
    start_block: u64,
) -> Result<Deployment, DeployError> {
    let owner = &accounts.owner;
    let ssv_token = sender.create(owner, artifact::SSV_TOKEN, &[])?;
    let ssv_logic = sender.create(owner, artifact::SSV_NETWORK, &[])?;
    let initialize = Bytes::from(ssv_initialize(ssv_token, config));
    let ssv_network =
        sender.create(owner, artifact::SSV_PROXY, &(ssv_logic, initialize).abi_encode_params())?;
    let ssv_views = sender.create(owner, artifact::SSV_NETWORK_VIEWS, &ssv_network.abi_encode())?;
    let logic = nexus_logic(config.nexus_version);
    let logic = sender.create(owner, logic, &(ssv_network, ssv_token).abi_encode_params())?;
    let nexus = sender.create(owner, artifact::PROXY, &proxy_arguments(logic))?;
    let logic = sender.create(owner, artifact::NODE_OPERATOR, &[])?;
    let node_operator = sender.create(owner, artifact::PROXY, &proxy_arguments(logic))?;
    Ok(Deployment {
        nexus,
        node_operator,
        ssv_network,
        ssv_views,
        ssv_token,
        deposit_contract: chain.deposit_contract(),
        nexus_version: config.nexus_version,
        start_block,
        accounts,
    })
}

/// The constructor arguments of the proxy before Nexus and `NodeOperator`; its deployer becomes their owner.
fn proxy_arguments(logic: Address) -> Vec<u8> {
    (Bytes::from(Proxied::initializeCall {}.abi_encode()), logic).abi_encode_params()
}

fn ssv_initialize(token: Address, config: &DeployConfig) -> Vec<u8> {
    let unused = Address::ZERO;
    let call = SsvNetwork::initializeCall {
        token,
        ssvOperators: unused,
        ssvClusters: unused,
        ssvDAO: unused,
        ssvViews: unused,
        minimumBlocksBeforeLiquidation: config.blocks_before_liquidation,
        minimumLiquidationCollateral: config.liquidation_collateral,
        validatorsPerOperatorLimit: config.validators_per_operator,
        declareOperatorFeePeriod: 0,
        executeOperatorFeePeriod: 0,
        operatorMaxFeeIncrease: 0,
    };
    call.abi_encode()
}
