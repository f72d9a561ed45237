//! What the crate promises, held against vectors that others made (`fixtures/keyshares/README.md`).

mod bls_vectors;
mod deposits;
#[cfg(feature = "mnemonic")]
mod derivation;
mod fixture;
#[cfg(feature = "keystore")]
mod keystores;
