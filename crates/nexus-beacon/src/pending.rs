//! What the beacon state has queued (Electra).

use nexus_primitives::{Epoch, Gwei, Root, Slot, ValidatorIndex, ValidatorPubkey};

/// A deposit that waits for its turn (consensus specification, Electra, `PendingDeposit`).
///
/// Its signature isn't checked until then: an entry here may still come to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PendingDeposit {
    /// Whose balance it will raise, or who it will create.
    pub pubkey: ValidatorPubkey,
    /// The raw 32 bytes of the deposit.
    pub withdrawal_credentials: Root,
    /// How much was deposited.
    pub amount: Gwei,
    /// Slot of the deposit; 0 for one that came in through the old bridge.
    pub slot: Slot,
}

/// A partial withdrawal that was asked for on the execution layer (EIP-7002) and hasn't been paid.
///
/// While one is open, the validator's voluntary exits are invalid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PendingPartialWithdrawal {
    /// Whose balance will be withdrawn.
    pub validator_index: ValidatorIndex,
    /// How much was asked for.
    pub amount: Gwei,
    /// When it may be paid at the earliest.
    pub withdrawable_epoch: Epoch,
}
