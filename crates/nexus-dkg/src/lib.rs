//! Initiator of SSV DKG ceremonies (work in progress).
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod identifiers;
mod initiator;
pub mod wire;

pub use identifiers::{InstanceId, RequestId};
pub use initiator::InitiatorIdentity;
