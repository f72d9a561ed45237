//! Where a rollup stands: everything a plan depends on.

use std::{collections::BTreeSet, error::Error, fmt};

use nexus_primitives::{BasisPoints, ClusterId, Epoch, ValidatorIndex, ValidatorPubkey, Wei};

/// The position of one rollup, observed at one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupPosition {
    /// ETH on the bridge, that of deposits sent and not yet mined included.
    pub balance: Wei,
    /// The rollup's staking limit, as the Nexus contract has it (`rollups(admin).stakingLimit`).
    pub limit: BasisPoints,
    /// Validators the bridge counts: deposited and not yet closed (`validatorCount()`).
    pub validator_count: u64,
    /// Of those, how many have been told to exit: signed, broadcast or reported to Nexus.
    pub exiting: u64,
    /// Of those, how many have their 32 ETH back on the bridge for certain, where `balance` includes them.
    pub withdrawn_at_least: u64,
    /// How many have them back perhaps: beyond `withdrawn_at_least`, those whose payment one layer shows already and
    /// `balance`, read from the other, may or may not include.
    pub withdrawn_at_most: u64,
    /// Deposits sent that the bridge doesn't count yet.
    pub creating: u64,
    /// Seconds for which more validators than the target have been staying, as far as the caller has seen.
    pub excess_for_secs: u64,
    /// Validators that can exit now, in any order: counted by the bridge, active, past the shard-committee period,
    /// neither slashed nor exiting.
    pub exit_candidates: Vec<ExitCandidate>,
}

/// A validator that can exit now, with what an [`ExitOrder`](crate::ExitOrder) looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCandidate {
    /// The validator's key.
    pub pubkey: ValidatorPubkey,
    /// Its index in the beacon state: what breaks ties.
    pub index: ValidatorIndex,
    /// When it became active.
    pub activated: Epoch,
    /// How badly it performs in the caller's metric, such as missed attestations: higher is worse.
    pub missed_performance: u64,
    /// The operators that run it.
    pub cluster: ClusterId,
}

/// Why there can't be a plan for a position: what was observed doesn't fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PositionError {
    /// More validators exit than the bridge counts.
    ExitingAboveCount {
        /// Validators said to exit.
        exiting: u64,
        /// Validators the bridge counts.
        validator_count: u64,
    },
    /// The bounds on withdrawn validators are the wrong way round, or more are withdrawn than exit.
    WithdrawnOutOfOrder {
        /// Validators said to be withdrawn for certain.
        withdrawn_at_least: u64,
        /// Validators said to be withdrawn, those that perhaps are included.
        withdrawn_at_most: u64,
        /// Validators said to exit.
        exiting: u64,
    },
    /// Counted validators and deposits in flight exceed 2^64 - 1 together.
    TooManyValidators {
        /// Validators the bridge counts.
        validator_count: u64,
        /// Deposits in flight.
        creating: u64,
    },
    /// The balance and 32 ETH for each validator counted would make more than 2^64 - 1 validators, or exceed
    /// 2^256 - 1 wei.
    LockedOutOfRange {
        /// ETH on the bridge.
        balance: Wei,
        /// Validators the bridge counts.
        validator_count: u64,
    },
    /// More validators can exit than the bridge counts without those that are exiting.
    CandidatesAboveCount {
        /// Exit candidates given.
        candidates: usize,
        /// Validators counted and not exiting.
        remaining: u64,
    },
    /// Two exit candidates share a key or an index.
    DuplicateCandidate {
        /// Key of the second of them.
        pubkey: ValidatorPubkey,
        /// Its index.
        index: ValidatorIndex,
    },
}

impl RollupPosition {
    /// Returns how many validators there are once everything under way has happened.
    pub(crate) fn staying(&self) -> Result<u64, PositionError> {
        let Self { validator_count, creating, .. } = *self;
        // The bridge will count the exiting ones as well for a while, so that sum has to fit too.
        self.counted_once_landed()
            .and(self.remaining()?.checked_add(creating))
            .ok_or(PositionError::TooManyValidators { validator_count, creating })
    }

    /// Returns how many validators the bridge counts once the deposits in flight have landed.
    pub(crate) fn counted_once_landed(&self) -> Option<u64> {
        self.validator_count.checked_add(self.creating)
    }

    /// Checks that no more are withdrawn than exit, and that the bounds are in order.
    pub(crate) fn check_withdrawn(&self) -> Result<(), PositionError> {
        let Self { withdrawn_at_least, withdrawn_at_most, exiting, .. } = *self;
        if withdrawn_at_least <= withdrawn_at_most && withdrawn_at_most <= exiting {
            Ok(())
        } else {
            Err(PositionError::WithdrawnOutOfOrder { withdrawn_at_least, withdrawn_at_most, exiting })
        }
    }

    /// Checks that the candidates are different validators, and no more than are counted and not exiting.
    pub(crate) fn check_candidates(&self) -> Result<(), PositionError> {
        let (candidates, remaining) = (self.exit_candidates.len(), self.remaining()?);
        if u64::try_from(candidates).map_or(true, |candidates| candidates > remaining) {
            return Err(PositionError::CandidatesAboveCount { candidates, remaining });
        }
        let (mut keys, mut indices) = (BTreeSet::new(), BTreeSet::new());
        match self.exit_candidates.iter().find(|c| !(keys.insert(c.pubkey) & indices.insert(c.index))) {
            None => Ok(()),
            Some(&ExitCandidate { pubkey, index, .. }) => {
                Err(PositionError::DuplicateCandidate { pubkey, index })
            }
        }
    }

    /// Returns how many of the validators that the bridge counts aren't exiting.
    fn remaining(&self) -> Result<u64, PositionError> {
        let Self { validator_count, exiting, .. } = *self;
        validator_count
            .checked_sub(exiting)
            .ok_or(PositionError::ExitingAboveCount { exiting, validator_count })
    }
}

// Written out so that the crate needs nothing but its vocabulary.
impl fmt::Display for PositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExitingAboveCount { exiting, validator_count } => {
                write!(f, "{exiting} validators are exiting, the bridge counts {validator_count}")
            }
            Self::WithdrawnOutOfOrder { withdrawn_at_least, withdrawn_at_most, exiting } => write!(
                f,
                "withdrawn are at least {withdrawn_at_least} and at most {withdrawn_at_most} validators, \
                 expected bounds in order and no more than the {exiting} exiting"
            ),
            Self::TooManyValidators { validator_count, creating } => write!(
                f,
                "{validator_count} validators and {creating} deposits in flight are more than 2^64 - 1"
            ),
            Self::LockedOutOfRange { balance, validator_count } => write!(
                f,
                "a balance of {balance} wei and {validator_count} validators: expected less than 2^64 times 32 ETH locked"
            ),
            Self::CandidatesAboveCount { candidates, remaining } => write!(
                f,
                "{candidates} exit candidates, expected at most the {remaining} validators counted and not exiting"
            ),
            Self::DuplicateCandidate { pubkey, index } => {
                write!(f, "exit candidate {pubkey} with index {index} repeats a key or an index")
            }
        }
    }
}

impl Error for PositionError {}
