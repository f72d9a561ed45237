//! Consensus-layer time: slots and epochs.

use std::{fmt, ops::Sub, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! count {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Takes the number.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// Returns the number.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

count! {
    /// A consensus-layer slot since genesis.
    Slot
}
count! {
    /// A consensus-layer epoch since genesis.
    Epoch
}
count! {
    /// A number of epochs between two points in time.
    EpochCount
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
