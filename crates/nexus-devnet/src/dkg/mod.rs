//! Operators of the embedded world that make keys together, as `ssv-dkg` v3.1.0 does (docs/dkg.md).
//!
//! [`CeremonyOperator`] is one operator without a socket, bytes in and bytes out; [`DkgOperators`] are several behind
//! HTTPS on loopback, each of which can be told to [misbehave](Conduct). Nothing is pretended: polynomials, sealed
//! shares, complaints, signatures and proofs are those of the protocol, and each operator knows of the key only its own
//! share. Networks are the protocol's as well: operators make no keys for a fork version of our own.

mod ceremony;
mod certificate;
mod conduct;
mod dkg_operators;
mod key_generation;
mod opening;
mod operator;
mod output;
mod phases;
mod polynomial;
mod refusal;
mod scalar;
mod sealed_share;
mod server;

pub use certificate::CertificateError;
pub use conduct::Conduct;
pub use dkg_operators::{DkgOperatorHandle, DkgOperators, DkgStartError};
pub use operator::{Answer, CeremonyOperator, Reply, Request, RequestCounts, VERSION};
pub use phases::Phases;
