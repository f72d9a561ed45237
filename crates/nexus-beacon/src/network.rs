//! Which network a beacon node serves.

use std::fmt;

use nexus_primitives::{Address, ChainId, Epoch, EpochCount, ForkVersion, Root, Slot, UnixSeconds};

/// Genesis and the constants of a network that the bot depends on (`/eth/v1/beacon/genesis`, `/eth/v1/config/spec`).
///
/// Two nodes serve the same network when these are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// When slot 0 began.
    pub genesis_time: UnixSeconds,
    /// Root that separates this network's signatures from all others'.
    pub genesis_validators_root: Root,
    /// Fork version that deposits are signed for.
    pub genesis_fork_version: ForkVersion,
    /// Fork version that voluntary exits are signed for (`CAPELLA_FORK_VERSION`).
    pub capella_fork_version: ForkVersion,
    /// Length of a slot in seconds; never zero when it comes from a node.
    pub seconds_per_slot: u64,
    /// Slots in an epoch; never zero when it comes from a node.
    pub slots_per_epoch: u64,
    /// How long a validator must have been active before it may leave (`SHARD_COMMITTEE_PERIOD`).
    pub shard_committee_period: EpochCount,
    /// The deposit contract this network reads (`DEPOSIT_CONTRACT_ADDRESS`).
    pub deposit_contract: Address,
    /// Chain id of the execution layer (`DEPOSIT_CHAIN_ID`).
    pub deposit_chain_id: ChainId,
}

/// The first constant in which two networks differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecDifference {
    /// Name of the constant, as [`NetworkSpec`]'s field.
    pub field: &'static str,
    /// Its value on the one side.
    pub left: String,
    /// Its value on the other.
    pub right: String,
}

impl fmt::Display for SpecDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} on the one and {} on the other", self.field, self.left, self.right)
    }
}

impl NetworkSpec {
    /// Returns the fork version that voluntary exits are signed for: Capella's, whatever fork is current (EIP-7044).
    pub const fn exit_fork_version(&self) -> ForkVersion {
        self.capella_fork_version
    }

    /// Returns the slot at `now`; slot 0 before genesis.
    pub fn slot_at(&self, now: UnixSeconds) -> Slot {
        Slot::new(now.seconds_since(self.genesis_time).checked_div(self.seconds_per_slot).unwrap_or(0))
    }

    /// Returns the epoch at `now`; epoch 0 before genesis.
    pub fn epoch_at(&self, now: UnixSeconds) -> Epoch {
        self.epoch_of(self.slot_at(now))
    }

    /// Returns the epoch that `slot` lies in.
    pub fn epoch_of(&self, slot: Slot) -> Epoch {
        Epoch::new(slot.get().checked_div(self.slots_per_epoch).unwrap_or(0))
    }

    /// Returns the first constant in which `other` differs; `None` when both are the same network.
    pub fn difference(&self, other: &Self) -> Option<SpecDifference> {
        fn differ<T: PartialEq + fmt::Display>(
            field: &'static str,
            left: T,
            right: T,
        ) -> Option<SpecDifference> {
            (left != right).then(|| SpecDifference {
                field,
                left: left.to_string(),
                right: right.to_string(),
            })
        }
        differ("genesis_validators_root", self.genesis_validators_root, other.genesis_validators_root)
            .or_else(|| differ("genesis_fork_version", self.genesis_fork_version, other.genesis_fork_version))
            .or_else(|| differ("genesis_time", self.genesis_time, other.genesis_time))
            .or_else(|| differ("capella_fork_version", self.capella_fork_version, other.capella_fork_version))
            .or_else(|| differ("deposit_chain_id", self.deposit_chain_id, other.deposit_chain_id))
            .or_else(|| differ("deposit_contract", self.deposit_contract, other.deposit_contract))
            .or_else(|| differ("seconds_per_slot", self.seconds_per_slot, other.seconds_per_slot))
            .or_else(|| differ("slots_per_epoch", self.slots_per_epoch, other.slots_per_epoch))
            .or_else(|| {
                differ("shard_committee_period", self.shard_committee_period, other.shard_committee_period)
            })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Ethereum mainnet's genesis and constants.
    pub(crate) fn mainnet() -> NetworkSpec {
        NetworkSpec {
            genesis_time: UnixSeconds::new(1_606_824_023),
            genesis_validators_root: "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"
                .parse()
                .unwrap(),
            genesis_fork_version: ForkVersion::MAINNET,
            capella_fork_version: ForkVersion::new([3, 0, 0, 0]),
            seconds_per_slot: 12,
            slots_per_epoch: 32,
            shard_committee_period: EpochCount::new(256),
            deposit_contract: "0x00000000219ab540356cBB839Cbe05303d7705Fa".parse().unwrap(),
            deposit_chain_id: ChainId::new(1),
        }
    }

    #[test]
    fn time_becomes_slot_and_epoch() {
        let spec = mainnet();
        // The Capella fork: 2023-04-12T22:27:35Z, slot 6209536, epoch 194048.
        let capella = UnixSeconds::new(1_681_338_455);
        assert_eq!(spec.slot_at(capella), Slot::new(6_209_536));
        assert_eq!(spec.epoch_at(capella), Epoch::new(194_048));
        assert_eq!(spec.epoch_at(UnixSeconds::new(capella.get() - 1)), Epoch::new(194_047));
        assert_eq!(spec.epoch_at(UnixSeconds::new(0)), Epoch::new(0));
    }

    #[test]
    fn every_constant_counts_in_a_comparison() {
        let spec = mainnet();
        assert_eq!(spec.difference(&spec.clone()), None);
        let others = [
            ("genesis_time", NetworkSpec { genesis_time: UnixSeconds::new(1), ..spec.clone() }),
            (
                "genesis_validators_root",
                NetworkSpec { genesis_validators_root: Root::new([0; 32]), ..spec.clone() },
            ),
            (
                "genesis_fork_version",
                NetworkSpec { genesis_fork_version: ForkVersion::HOODI, ..spec.clone() },
            ),
            (
                "capella_fork_version",
                NetworkSpec { capella_fork_version: ForkVersion::HOODI, ..spec.clone() },
            ),
            ("seconds_per_slot", NetworkSpec { seconds_per_slot: 6, ..spec.clone() }),
            ("slots_per_epoch", NetworkSpec { slots_per_epoch: 8, ..spec.clone() }),
            (
                "shard_committee_period",
                NetworkSpec { shard_committee_period: EpochCount::new(0), ..spec.clone() },
            ),
            ("deposit_contract", NetworkSpec { deposit_contract: Address::ZERO, ..spec.clone() }),
            ("deposit_chain_id", NetworkSpec { deposit_chain_id: ChainId::new(17_000), ..spec.clone() }),
        ];
        for (field, other) in others {
            assert_eq!(spec.difference(&other).map(|difference| difference.field), Some(field));
        }
    }
}
