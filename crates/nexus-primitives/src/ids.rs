//! Numbers with an identity: which one, not how much.

use std::{fmt, num::NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::number::number;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        number! {
            $(#[$doc])*
            $name($inner)
        }

        impl $name {
            /// Returns the number `count` further on; `None` past the end of the range.
            pub fn checked_add(self, count: $inner) -> Option<Self> {
                self.0.checked_add(count).map(Self)
            }
        }
    };
}

id! {
    /// Chain id of an execution layer (EIP-155).
    ChainId(u64)
}
id! {
    /// Height of an execution-layer block.
    BlockNumber(u64)
}
id! {
    /// Id under which the NodeOperator contract stores a set of SSV operators.
    ClusterId(u64)
}
id! {
    /// Index of a validator in the beacon state's registry.
    ValidatorIndex(u64)
}
id! {
    /// Account `i` of the EIP-2334 path `m/12381/3600/i/0/0`.
    DerivationIndex(u32)
}
id! {
    /// Number of SSV registrations an owner has made: the nonce its next keyshares must be signed for.
    OwnerNonce(u64)
}

/// Id of an operator in the SSV network. Zero is not an operator: it would be the secret's own x-coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(NonZeroU64);

/// Zero was given as an operator id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("operator ids start at 1")]
pub struct ZeroOperatorId;

impl OperatorId {
    /// Checks that `id` isn't zero.
    pub const fn new(id: u64) -> Result<Self, ZeroOperatorId> {
        match NonZeroU64::new(id) {
            Some(id) => Ok(Self(id)),
            None => Err(ZeroOperatorId),
        }
    }

    /// Returns the id.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
