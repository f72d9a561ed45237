//! Constants of the embedded beacon chain.

use nexus_primitives::{Address, ChainId, EpochCount, ForkVersion, Gwei, Root, Slot, UnixSeconds};

/// What a network fixes once: times, forks, queues and limits.
///
/// Field names follow the consensus specification's presets and configuration; churn is in gwei, as since Electra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsensusConfig {
    /// Time of slot 0.
    pub genesis_time: UnixSeconds,
    /// `genesis_validators_root`: separates this network's exits from every other's.
    pub genesis_validators_root: Root,
    /// `SECONDS_PER_SLOT`.
    pub seconds_per_slot: u64,
    /// `SLOTS_PER_EPOCH`, at least 1.
    pub slots_per_epoch: u64,
    /// `GENESIS_FORK_VERSION`: deposits are signed for it.
    pub genesis_fork_version: ForkVersion,
    /// `CAPELLA_FORK_VERSION`: voluntary exits are signed for it, whatever the current fork (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// The fork in force, Electra's rules, from genesis on.
    pub current_fork_version: ForkVersion,
    /// `SHARD_COMMITTEE_PERIOD`: epochs a validator must have been active before it may exit.
    pub shard_committee_period: EpochCount,
    /// `MIN_VALIDATOR_WITHDRAWABILITY_DELAY`: epochs between exit and withdrawability.
    pub min_validator_withdrawability_delay: EpochCount,
    /// `EPOCHS_PER_SLASHINGS_VECTOR`: epochs between slashing and withdrawability.
    pub epochs_per_slashings_vector: EpochCount,
    /// `MAX_SEED_LOOKAHEAD`: activations and exits take effect this many epochs after the next one.
    pub max_seed_lookahead: EpochCount,
    /// Stake that pending deposits may add in one epoch (`get_activation_exit_churn_limit`).
    pub activation_churn_per_epoch: Gwei,
    /// Stake that may leave in one epoch. At least 1 gwei.
    pub exit_churn_per_epoch: Gwei,
    /// `MAX_WITHDRAWALS_PER_PAYLOAD`, at least 1.
    pub max_withdrawals_per_payload: usize,
    /// `MAX_PENDING_DEPOSITS_PER_EPOCH`.
    pub max_pending_deposits_per_epoch: usize,
    /// Epochs a deposit waits after its slot was finalized; zero on real networks.
    pub deposit_delay: EpochCount,
    /// Epochs between the current epoch and the finalized one; two on a healthy network.
    pub finality_lag: EpochCount,
    /// What every active validator earns each epoch; may be zero.
    pub reward_per_epoch: Gwei,
    /// Whether the sweep pays out what a 0x01 validator holds above 32 ETH, as real networks do.
    pub sweeps_excess: bool,
    /// `DEPOSIT_CONTRACT_ADDRESS`.
    pub deposit_contract: Address,
    /// `DEPOSIT_CHAIN_ID` and `DEPOSIT_NETWORK_ID`.
    pub chain_id: ChainId,
}

impl ConsensusConfig {
    /// Periods and queues as on mainnet, with this network's own fork versions.
    pub fn mainnet_like(genesis_time: UnixSeconds, deposit_contract: Address, chain_id: ChainId) -> Self {
        Self {
            genesis_time,
            genesis_validators_root: Root::new(nexus_primitives::keccak256(
                b"nexus-devnet genesis validators",
            )),
            seconds_per_slot: 12,
            slots_per_epoch: 32,
            genesis_fork_version: ForkVersion::new([0x10, 0, 0x13, 0x37]),
            capella_fork_version: ForkVersion::new([0x40, 0, 0x13, 0x37]),
            current_fork_version: ForkVersion::new([0x60, 0, 0x13, 0x37]),
            shard_committee_period: EpochCount::new(256),
            min_validator_withdrawability_delay: EpochCount::new(256),
            epochs_per_slashings_vector: EpochCount::new(8_192),
            max_seed_lookahead: EpochCount::new(4),
            activation_churn_per_epoch: Gwei::new(256_000_000_000),
            exit_churn_per_epoch: Gwei::new(256_000_000_000),
            max_withdrawals_per_payload: 16,
            max_pending_deposits_per_epoch: 16,
            deposit_delay: EpochCount::new(0),
            finality_lag: EpochCount::new(2),
            reward_per_epoch: Gwei::new(10_000),
            sweeps_excess: true,
            deposit_contract,
            chain_id,
        }
    }

    /// Eight-slot epochs and periods of an epoch or two: a validator lives its whole life within 20 epochs.
    ///
    /// Nothing is earned, so that every balance in a demo can be checked to the gwei.
    pub fn fast(genesis_time: UnixSeconds, deposit_contract: Address, chain_id: ChainId) -> Self {
        Self {
            slots_per_epoch: 8,
            shard_committee_period: EpochCount::new(2),
            min_validator_withdrawability_delay: EpochCount::new(2),
            epochs_per_slashings_vector: EpochCount::new(8),
            max_seed_lookahead: EpochCount::new(1),
            reward_per_epoch: Gwei::ZERO,
            ..Self::mainnet_like(genesis_time, deposit_contract, chain_id)
        }
    }

    /// Returns when a slot starts.
    pub fn slot_time(&self, slot: Slot) -> UnixSeconds {
        let since_genesis = slot.get().saturating_mul(self.seconds_per_slot);
        UnixSeconds::new(self.genesis_time.get().saturating_add(since_genesis))
    }
}
