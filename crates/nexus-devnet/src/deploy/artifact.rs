//! The compiled contracts, as `fixtures/contracts` builds them.

use alloy::primitives::Bytes;
use serde::Deserialize;

/// A compiled contract.
#[derive(Debug, Clone, Copy)]
pub(super) struct Artifact {
    pub(super) name: &'static str,
    json: &'static str,
}

macro_rules! artifact {
    ($name:literal) => {
        Artifact { name: $name, json: include_str!(concat!("../../contracts/", $name, ".json")) }
    };
}

pub(super) const DEPOSIT_CONTRACT: Artifact = artifact!("DepositContract");
pub(super) const NEXUS_BRIDGE: Artifact = artifact!("NexusBridge");
pub(super) const NEXUS_MAIN: Artifact = artifact!("NexusMain");
pub(super) const NEXUS_SSV_EXITS: Artifact = artifact!("NexusSsvExits");
pub(super) const NODE_OPERATOR: Artifact = artifact!("NodeOperator");
pub(super) const PROXY: Artifact = artifact!("Proxy");
pub(super) const SSV_NETWORK: Artifact = artifact!("SSVNetwork");
pub(super) const SSV_NETWORK_V2: Artifact = artifact!("SSVNetworkV2");
pub(super) const SSV_NETWORK_VIEWS: Artifact = artifact!("SSVNetworkViews");
pub(super) const SSV_PROXY: Artifact = artifact!("SSVProxy");
pub(super) const SSV_TOKEN: Artifact = artifact!("SSVToken");

impl Artifact {
    /// Returns creation code followed by ABI-encoded constructor arguments.
    pub(super) fn creation_code(self, arguments: &[u8]) -> Bytes {
        #[derive(Deserialize)]
        struct Compiled {
            bytecode: Bytes,
        }
        let compiled: Compiled = serde_json::from_str(self.json).expect("the artifact is part of the crate");
        [compiled.bytecode.as_ref(), arguments].concat().into()
    }
}
