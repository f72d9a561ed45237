//! Operators of the embedded world that make keys together, as `ssv-dkg` v3.1.0 does (docs/dkg.md).
//!
//! [`CeremonyOperator`] is one operator without a socket, bytes in and bytes out; it can be told to
//! [misbehave](Conduct). Nothing is pretended: polynomials, sealed shares, complaints, signatures and proofs are those of
//! the protocol, and each operator knows of the key only its own share. Networks are the protocol's as well: operators make no keys for a fork version of our own.

mod ceremony;
mod conduct;
mod key_generation;
mod opening;
mod operator;
mod output;
mod phases;
mod polynomial;
mod refusal;
mod scalar;
mod sealed_share;

pub use conduct::Conduct;
pub use operator::{Answer, CeremonyOperator, Reply, Request, VERSION};
pub use phases::Phases;
