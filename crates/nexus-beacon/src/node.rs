//! The capability: what the bot asks of the consensus layer.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nexus_primitives::{Epoch, ValidatorIndex, ValidatorPubkey};

use crate::{
    BeaconError, BeaconHead, BeaconValidator, ExitSubmission, NetworkSpec, PendingDeposit,
    PendingPartialWithdrawal, SignedVoluntaryExit,
};

/// Which beacon state is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateId {
    /// The latest state the node has; a reorg may undo it.
    Head,
    /// The latest finalized state.
    Finalized,
}

impl StateId {
    /// Returns the beacon API's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Finalized => "finalized",
        }
    }
}

/// The consensus layer, seen through one node or several.
#[cfg_attr(feature = "test-utils", mockall::automock)]
#[async_trait]
pub trait BeaconNode: Send + Sync {
    /// Reads which network this is. Two requests.
    async fn fetch_spec(&self) -> Result<NetworkSpec, BeaconError>;

    /// Reads head, finality and health. Three requests. An unready node is an `Ok`: ask [`BeaconHead::ready`].
    async fn fetch_head(&self) -> Result<BeaconHead, BeaconError>;

    /// Reads validators by key, sorted by index. Keys the state doesn't know are absent from the answer.
    async fn fetch_validators(
        &self,
        state: StateId,
        pubkeys: &[ValidatorPubkey],
    ) -> Result<Vec<BeaconValidator>, BeaconError>;

    /// Reads the queue of deposits; `None` when the node has no such endpoint (before Electra).
    async fn fetch_pending_deposits(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingDeposit>>, BeaconError>;

    /// Reads the queue of partial withdrawals; `None` when the node has no such endpoint (before Electra).
    async fn fetch_pending_partial_withdrawals(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingPartialWithdrawal>>, BeaconError>;

    /// Reads which validators were seen to be live in `epoch`, the current one or the one before; `None` when the node
    /// doesn't offer that.
    ///
    /// Who is absent from the answer may be live all the same: a node that was started lately has seen nobody.
    async fn fetch_liveness(
        &self,
        epoch: Epoch,
        indices: &[ValidatorIndex],
    ) -> Result<Option<BTreeSet<ValidatorIndex>>, BeaconError>;

    /// Hands an exit to the pool of every node behind this capability.
    ///
    /// An `Ok` says what each node answered, not that the exit will be included: follow it with
    /// [`crate::ExitFollowUp`]. Repeating a submission is harmless. An `Err` means that no node gave an answer.
    async fn submit_exit(&self, exit: &SignedVoluntaryExit) -> Result<ExitSubmission, BeaconError>;
}

const _: Option<&dyn BeaconNode> = None;
