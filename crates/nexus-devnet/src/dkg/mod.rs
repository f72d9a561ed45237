//! Operators of the embedded world that make keys together, as `ssv-dkg` v3.1.0 does (docs/dkg.md).
#![cfg_attr(not(test), expect(dead_code, reason = "operators that use it follow"))]

mod key_generation;
mod polynomial;
mod scalar;
mod sealed_share;
