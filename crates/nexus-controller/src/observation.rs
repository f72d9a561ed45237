//! The world as it is, both layers, at one moment.

use std::{collections::BTreeMap, sync::Arc};

use nexus_beacon::{
    BeaconError, BeaconHead, BeaconNode, BeaconValidator, NetworkSpec, PendingPartialWithdrawal, StateId,
    ValidatorStatus,
};
use nexus_chain::{BlockAt, BlockRef, ChainError, ChainSnapshot, NexusChain};
use nexus_primitives::{
    Address, ChainId, Epoch, ForkVersion, OperatorSet, RollupAdmin, Slot, UnixSeconds, ValidatorPubkey,
};

use crate::{BeaconPhase, Settings};

/// Everything a tick decides on.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The contracts at one block hash.
    pub chain: ChainSnapshot,
    /// The head of the execution layer at that time.
    pub head: BlockRef,
    /// The consensus layer's constants.
    pub spec: NetworkSpec,
    /// The beacon node's head and health, read after the contracts.
    pub beacon_head: BeaconHead,
    /// Which beacon state `validators` was read at.
    pub beacon_state: StateId,
    /// Every validator of the snapshot that the beacon chain knows.
    pub validators: BTreeMap<ValidatorPubkey, BeaconValidator>,
    /// Partial withdrawals that keep a validator from leaving.
    pub partial_withdrawals: Vec<PendingPartialWithdrawal>,
}

/// Why the world couldn't be observed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// The execution layer.
    #[error("observing the execution layer")]
    Chain(#[from] ChainError),
    /// The consensus layer.
    #[error("observing the consensus layer")]
    Beacon(#[from] BeaconError),
    /// The beacon node belongs to another network than the execution endpoint.
    #[error("beacon node is of another network: its {what} is {found}, the configuration says {expected}")]
    OtherNetwork {
        /// What differs.
        what: &'static str,
        /// The beacon node's value.
        found: String,
        /// The configured value.
        expected: String,
    },
}

impl ObserveError {
    /// Returns whether a service the bot needs couldn't be reached (exit code 69).
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Chain(error) => error.is_unreachable(),
            Self::Beacon(error) => error.is_unreachable(),
            Self::OtherNetwork { .. } => false,
        }
    }

    /// Returns whether nodes disagree or aren't ready: held rather than failed (exit code 75).
    pub fn is_held(&self) -> bool {
        match self {
            Self::Chain(error) => matches!(error, ChainError::Disagreement { .. }),
            Self::Beacon(error) => error.is_not_ready(),
            Self::OtherNetwork { .. } => false,
        }
    }
}

/// Reads the world through the two capabilities.
pub struct Observer {
    chain: Arc<dyn NexusChain>,
    beacon: Arc<dyn BeaconNode>,
    network: Network,
    at: BlockAt,
}

/// What the beacon node must say of itself.
struct Network {
    chain_id: ChainId,
    deposit_contract: Address,
    genesis_fork_version: ForkVersion,
}

impl Observer {
    /// Builds an observer for the network of `settings`.
    pub fn new(chain: Arc<dyn NexusChain>, beacon: Arc<dyn BeaconNode>, settings: &Settings) -> Self {
        let network = Network {
            chain_id: settings.chain_id,
            deposit_contract: settings.deposit_contract,
            genesis_fork_version: settings.genesis_fork_version,
        };
        Self { chain, beacon, network, at: settings.observe_at }
    }

    /// Reads both layers. The contracts come first, so that a balance the beacon chain still shows can't have reached
    /// a bridge yet.
    pub async fn observe(&self) -> Result<Observation, ObserveError> {
        let spec = self.beacon.fetch_spec().await?;
        self.network.check(&spec)?;
        let chain = self.chain.fetch_snapshot(self.at).await?;
        let head = self.chain.fetch_block(BlockAt::Latest { lag: 0 }).await?;
        let beacon_head = self.beacon.fetch_head().await?;
        let beacon_state = beacon_state(self.at);
        let pubkeys: Vec<_> = chain.validators.iter().map(|validator| validator.pubkey).collect();
        // A node that isn't ready holds everything back; what it would say of validators isn't asked.
        let (validators, partial_withdrawals) = match beacon_head.ready() {
            Ok(()) => (
                self.beacon.fetch_validators(beacon_state, &pubkeys).await?,
                self.beacon.fetch_pending_partial_withdrawals(StateId::Head).await?.unwrap_or_default(),
            ),
            Err(_) => (Vec::new(), Vec::new()),
        };
        Ok(Observation {
            chain,
            head,
            spec,
            beacon_head,
            beacon_state,
            validators: validators.into_iter().map(|validator| (validator.pubkey, validator)).collect(),
            partial_withdrawals,
        })
    }
}

/// The beacon state that is at least as new as the block: finalized with finalized, the head with anything newer.
fn beacon_state(at: BlockAt) -> StateId {
    match at {
        BlockAt::Finalized => StateId::Finalized,
        BlockAt::Safe | BlockAt::Latest { .. } => StateId::Head,
    }
}

impl Network {
    fn check(&self, spec: &NetworkSpec) -> Result<(), ObserveError> {
        let differs = |what, found: String, expected: String| {
            if found == expected { Ok(()) } else { Err(ObserveError::OtherNetwork { what, found, expected }) }
        };
        differs("deposit chain id", spec.deposit_chain_id.to_string(), self.chain_id.to_string())?;
        differs("deposit contract", spec.deposit_contract.to_string(), self.deposit_contract.to_string())?;
        differs(
            "genesis fork version",
            spec.genesis_fork_version.to_string(),
            self.genesis_fork_version.to_string(),
        )
    }
}

impl Observation {
    /// Returns the operators of a rollup's cluster, also when its bridge can't be read: registering takes no bridge.
    pub(crate) fn operators_of_rollup(&self, admin: RollupAdmin) -> Option<&OperatorSet> {
        let readable = self.chain.rollups.iter().find(|rollup| rollup.admin == admin);
        let left_out = self.chain.left_out.iter().find(|rollup| rollup.admin == admin);
        readable
            .and_then(|rollup| rollup.operators.as_ref())
            .or(left_out.and_then(|left| left.operators.as_ref()))
    }

    /// Returns the epoch of the beacon chain's head.
    pub fn current_epoch(&self) -> Epoch {
        self.beacon_head.slot.epoch(self.spec.slots_per_epoch)
    }

    /// Returns whether the beacon state is at least as new as the block the contracts were read at. Otherwise a
    /// withdrawal may be on a bridge that the beacon state doesn't show yet.
    pub fn beacon_covers_block(&self) -> bool {
        self.beacon_time() >= self.chain.block.timestamp
    }

    /// Returns when the slot of the beacon state began.
    pub fn beacon_time(&self) -> UnixSeconds {
        let slot = match self.beacon_state {
            StateId::Head => self.beacon_head.slot,
            StateId::Finalized => {
                Slot::new(self.beacon_head.finalized_epoch.get().saturating_mul(self.spec.slots_per_epoch))
            }
        };
        let seconds = slot.get().saturating_mul(self.spec.seconds_per_slot);
        UnixSeconds::new(self.spec.genesis_time.get().saturating_add(seconds))
    }
}

/// Returns what a validator's beacon state means for its life.
pub(crate) fn phase(validator: &BeaconValidator) -> BeaconPhase {
    match validator.status {
        ValidatorStatus::PendingInitialized | ValidatorStatus::PendingQueued => BeaconPhase::Waiting,
        ValidatorStatus::ActiveOngoing => BeaconPhase::Active,
        ValidatorStatus::ActiveExiting | ValidatorStatus::ActiveSlashed => BeaconPhase::Exiting,
        ValidatorStatus::ExitedUnslashed
        | ValidatorStatus::ExitedSlashed
        | ValidatorStatus::WithdrawalPossible => BeaconPhase::Exited,
        ValidatorStatus::WithdrawalDone => BeaconPhase::Withdrawn,
    }
}
