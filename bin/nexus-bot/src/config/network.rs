//! `[network]`: which Ethereum network, and what tells it from others.

use nexus_primitives::{Address, ChainId, ForkVersion};

use super::{section::Section, value::choice};

choice! {
    /// `network.name`.
    NetworkName, "one of \"mainnet\", \"hoodi\", \"custom\"", {
        /// Ethereum mainnet.
        Mainnet = "mainnet",
        /// The Hoodi test network.
        Hoodi = "hoodi",
        /// Any other network, described by the section's other keys.
        Custom = "custom",
    }
}

/// `[network]`.
#[derive(Debug, Clone)]
pub(crate) struct NetworkConfig {
    /// Which network.
    pub(crate) name: NetworkName,
    /// Chain id of its execution layer (EIP-155).
    pub(crate) chain_id: ChainId,
    /// Its deposit contract.
    pub(crate) deposit_contract: Address,
    /// Its genesis fork version.
    pub(crate) genesis_fork_version: ForkVersion,
}

/// The deposit contract of mainnet, taken over by Hoodi at the same address.
const DEPOSIT_CONTRACT: &str = "0x00000000219ab540356cBB839Cbe05303d7705Fa";

impl NetworkName {
    /// Returns the constants of a network that has them.
    fn constants(self) -> Option<NetworkConfig> {
        let (chain_id, genesis_fork_version) = match self {
            Self::Mainnet => (1, ForkVersion::MAINNET),
            Self::Hoodi => (560_048, ForkVersion::HOODI),
            Self::Custom => return None,
        };
        Some(NetworkConfig {
            name: self,
            chain_id: ChainId::new(chain_id),
            deposit_contract: DEPOSIT_CONTRACT.parse().expect("a valid address constant"),
            genesis_fork_version,
        })
    }
}

impl NetworkConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let name: Option<NetworkName> = section.required("name");
        match (name, name.and_then(NetworkName::constants)) {
            (Some(name), Some(known)) => {
                agree(section, "chain_id", known.chain_id, name);
                agree(section, "deposit_contract", known.deposit_contract, name);
                agree(section, "genesis_fork_version", known.genesis_fork_version, name);
                Some(known)
            }
            (Some(name), None) => Self::read_custom(section, name),
            (None, _) => {
                section.pass_over(&["chain_id", "deposit_contract", "genesis_fork_version"]);
                None
            }
        }
    }

    fn read_custom(section: &mut Section<'_>, name: NetworkName) -> Option<Self> {
        let chain_id = section.required("chain_id");
        let deposit_contract = section.required("deposit_contract");
        let genesis_fork_version = section.required("genesis_fork_version");
        Some(Self {
            name,
            chain_id: chain_id?,
            deposit_contract: deposit_contract?,
            genesis_fork_version: genesis_fork_version?,
        })
    }
}

/// Lets a constant of a known network be repeated, but not changed.
fn agree<T: super::value::FromToml + PartialEq + std::fmt::Display>(
    section: &mut Section<'_>,
    key: &'static str,
    known: T,
    name: NetworkName,
) {
    if let Some(found) = section.optional::<T>(key).filter(|found| *found != known) {
        section.problem(
            key,
            format!("{name} has {known}, found {found}; for another network set name = \"custom\""),
        );
    }
}
