//! The networks that operators make keys for.

use std::fmt;

use nexus_primitives::ForkVersion;

/// A network whose genesis fork version is built into the operators' software.
///
/// Operators accept any fork version at first and fail at the very end when they don't know it: there are no ceremonies
/// for custom networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// Ethereum itself.
    Mainnet,
    /// A network shut down long ago, still known.
    Prater,
    /// Sepolia.
    Sepolia,
    /// Holesky.
    Holesky,
    /// Hoodi.
    Hoodi,
}

/// A genesis fork version that operators don't know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("operators make no keys for the network with genesis fork version {0}: only {names}", names = Network::names())]
pub struct UnknownNetwork(pub ForkVersion);

impl Network {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mainnet, Self::Prater, Self::Sepolia, Self::Holesky, Self::Hoodi];

    /// Returns the genesis fork version.
    pub const fn fork_version(self) -> ForkVersion {
        match self {
            Self::Mainnet => ForkVersion::MAINNET,
            Self::Prater => ForkVersion::new([0x00, 0x00, 0x10, 0x20]),
            Self::Sepolia => ForkVersion::new([0x90, 0x00, 0x00, 0x69]),
            Self::Holesky => ForkVersion::new([0x01, 0x01, 0x70, 0x00]),
            Self::Hoodi => ForkVersion::HOODI,
        }
    }

    /// Returns the name that stands in deposit data files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Prater => "prater",
            Self::Sepolia => "sepolia",
            Self::Holesky => "holesky",
            Self::Hoodi => "hoodi",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl TryFrom<ForkVersion> for Network {
    type Error = UnknownNetwork;

    fn try_from(fork_version: ForkVersion) -> Result<Self, UnknownNetwork> {
        let found = Self::ALL.into_iter().find(|network| network.fork_version() == fork_version);
        found.ok_or(UnknownNetwork(fork_version))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
