//! What a beacon node says about itself and its head.

use nexus_primitives::{Epoch, ForkVersion, Slot};

/// Head, finality and health of a beacon node (`/eth/v1/node/syncing`, `finality_checkpoints` and `fork` of the head).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeaconHead {
    /// Slot of the head block.
    pub slot: Slot,
    /// The node knows of blocks it doesn't have yet.
    pub is_syncing: bool,
    /// The head's execution payload hasn't been verified by an execution node.
    pub is_optimistic: bool,
    /// The node can't reach its execution node.
    pub el_offline: bool,
    /// Latest finalized epoch.
    pub finalized_epoch: Epoch,
    /// Latest justified epoch.
    pub justified_epoch: Epoch,
    /// Fork version that is current at the head.
    pub fork_version: ForkVersion,
}

/// Why a beacon node's view is no ground to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// Its head lies behind the network's.
    #[error("beacon node is syncing, its head is at slot {head}: wait until it has caught up")]
    Syncing {
        /// Where it is.
        head: Slot,
    },
    /// It follows blocks whose transactions nobody has executed.
    #[error("beacon node is optimistic: its execution node has not verified the head at slot {head}")]
    Optimistic {
        /// The unverified head.
        head: Slot,
    },
    /// It has lost its execution node.
    #[error("beacon node has no connection to its execution node")]
    ExecutionOffline,
}

impl NotReady {
    pub(crate) const fn from_flags(
        head: Slot,
        is_syncing: bool,
        is_optimistic: bool,
        el_offline: bool,
    ) -> Result<(), Self> {
        if is_syncing {
            Err(Self::Syncing { head })
        } else if el_offline {
            Err(Self::ExecutionOffline)
        } else if is_optimistic {
            Err(Self::Optimistic { head })
        } else {
            Ok(())
        }
    }
}

impl BeaconHead {
    /// Says whether the node's view is good enough to act on.
    pub const fn ready(&self) -> Result<(), NotReady> {
        NotReady::from_flags(self.slot, self.is_syncing, self.is_optimistic, self.el_offline)
    }

    /// Returns the more cautious view of two: the older points, every doubt.
    #[must_use]
    pub fn cautious(self, other: Self) -> Self {
        let older = if self.slot <= other.slot { self } else { other };
        Self {
            slot: older.slot,
            is_syncing: self.is_syncing || other.is_syncing,
            is_optimistic: self.is_optimistic || other.is_optimistic,
            el_offline: self.el_offline || other.el_offline,
            finalized_epoch: self.finalized_epoch.min(other.finalized_epoch),
            justified_epoch: self.justified_epoch.min(other.justified_epoch),
            fork_version: older.fork_version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: BeaconHead = BeaconHead {
        slot: Slot::new(100),
        is_syncing: false,
        is_optimistic: false,
        el_offline: false,
        finalized_epoch: Epoch::new(1),
        justified_epoch: Epoch::new(2),
        fork_version: ForkVersion::MAINNET,
    };

    #[test]
    fn each_doubt_alone_makes_a_node_unready() {
        assert_eq!(HEAD.ready(), Ok(()));
        let head = Slot::new(100);
        assert_eq!(BeaconHead { is_syncing: true, ..HEAD }.ready(), Err(NotReady::Syncing { head }));
        assert_eq!(BeaconHead { is_optimistic: true, ..HEAD }.ready(), Err(NotReady::Optimistic { head }));
        assert_eq!(BeaconHead { el_offline: true, ..HEAD }.ready(), Err(NotReady::ExecutionOffline));
    }

    #[test]
    fn the_cautious_view_takes_the_older_points_and_every_doubt() {
        let ahead = BeaconHead {
            slot: Slot::new(101),
            is_optimistic: true,
            finalized_epoch: Epoch::new(0),
            fork_version: ForkVersion::HOODI,
            ..HEAD
        };
        let expected = BeaconHead { is_optimistic: true, finalized_epoch: Epoch::new(0), ..HEAD };
        assert_eq!(HEAD.cautious(ahead), expected);
        assert_eq!(ahead.cautious(HEAD), expected);
    }
}
