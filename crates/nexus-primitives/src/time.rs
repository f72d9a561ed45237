//! Consensus-layer time: slots and epochs.

use std::ops::Sub;

use crate::number::number;

number! {
    /// A consensus-layer slot since genesis.
    Slot(u64)
}
number! {
    /// A consensus-layer epoch since genesis.
    Epoch(u64)
}
number! {
    /// A number of epochs between two points in time.
    EpochCount(u64)
}

impl Slot {
    /// Returns the epoch the slot lies in.
    ///
    /// # Panics
    /// When `slots_per_epoch` is zero.
    pub const fn epoch(self, slots_per_epoch: u64) -> Epoch {
        Epoch(self.0 / slots_per_epoch)
    }
}

impl Epoch {
    /// The consensus specification's `FAR_FUTURE_EPOCH`: not scheduled.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// Returns the epoch `count` later, stopping at [`Self::FAR_FUTURE`].
    pub const fn saturating_add(self, count: EpochCount) -> Self {
        Self(self.0.saturating_add(count.0))
    }

    /// Returns `None` for [`Self::FAR_FUTURE`], which stands for "not scheduled".
    pub fn scheduled(self) -> Option<Self> {
        (self != Self::FAR_FUTURE).then_some(self)
    }
}

/// The interval between two epochs; zero when `earlier` is the later one.
impl Sub for Epoch {
    type Output = EpochCount;

    fn sub(self, earlier: Self) -> EpochCount {
        EpochCount(self.0.saturating_sub(earlier.0))
    }
}
