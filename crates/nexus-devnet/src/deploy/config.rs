//! What to deploy.

use alloy::primitives::U256;

/// Which generation of the Nexus contract stands behind the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NexusVersion {
    /// `main`: `validatorExit(address, bytes[])` only notes the exit.
    Main,
    /// `ssv_exits`: `validatorExit(address, bytes, uint64[])` makes the SSV operators sign it.
    SsvExits,
}

/// One SSV operator; its id is its place in the list, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorConfig {
    /// How it calls itself.
    pub name: String,
    /// Its RSA public key as operators publish it: base64 of a PEM text. Registered with the SSV network wrapped in
    /// `abi.encode(string)`, and with `NodeOperator` as it is.
    pub public_key_text: String,
    /// Fee in token wei per block and validator: 0, or at least 10^9 and a multiple of 10^7.
    pub fee_wei_per_block: u64,
    /// Where its DKG node listens.
    pub dkg_endpoint: String,
    /// Serves only owners on its list; Nexus is put on it.
    pub private: bool,
}

/// A set of operators that rollups can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Id on the `NodeOperator` contract.
    pub id: u64,
    /// Operator ids, in the order they are stored; the contract checks neither order nor count.
    pub operators: Vec<u64>,
}

/// What to deploy, and with which numbers.
#[derive(Debug, Clone)]
pub struct DeployConfig {
    /// The Nexus contract's generation.
    pub nexus_version: NexusVersion,
    /// The SSV operators, in the order of their ids.
    pub operators: Vec<OperatorConfig>,
    /// The clusters made of them.
    pub clusters: Vec<ClusterConfig>,
    /// SSV network fee in token wei per block and validator: a multiple of 10^7.
    pub network_fee_wei_per_block: u64,
    /// SSV's liquidation threshold, in blocks.
    pub blocks_before_liquidation: u64,
    /// SSV's minimum collateral, in token wei: a multiple of 10^7.
    pub liquidation_collateral: U256,
    /// How many validators one operator may run.
    pub validators_per_operator: u32,
    /// SSV tokens given to Nexus, in token wei.
    pub nexus_tokens: U256,
}

impl DeployConfig {
    /// Returns a deployment with four operators in cluster 1, whose keys are placeholders that nobody holds, fees and
    /// limits like those of the SSV network's first years, and 10 000 SSV for Nexus.
    pub fn new(nexus_version: NexusVersion) -> Self {
        Self {
            nexus_version,
            operators: (1..=4).map(OperatorConfig::placeholder).collect(),
            clusters: vec![ClusterConfig { id: 1, operators: vec![1, 2, 3, 4] }],
            network_fee_wei_per_block: 382_640_000_000,
            blocks_before_liquidation: 100_800,
            liquidation_collateral: ether(1),
            validators_per_operator: 1_000,
            nexus_tokens: ether(10_000),
        }
    }
}

impl OperatorConfig {
    /// Returns an operator with a key that is not one.
    fn placeholder(id: u64) -> Self {
        Self {
            name: format!("operator {id}"),
            public_key_text: format!("placeholder-{id}"),
            fee_wei_per_block: 956_600_000_000,
            dkg_endpoint: format!("https://operator-{id}.invalid:3030"),
            private: false,
        }
    }
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64)
}
