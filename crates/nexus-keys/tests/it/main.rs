//! What the crate promises, held against vectors that others made (`fixtures/keyshares/README.md`).

mod bls_vectors;
mod dependencies;
mod deposits;
#[cfg(feature = "mnemonic")]
mod derivation;
mod fixture;
#[cfg(feature = "vault")]
mod keyring;
#[cfg(feature = "keystore")]
mod keystores;
#[cfg(feature = "vault")]
mod local_vault;
#[cfg(feature = "vault")]
mod sealing;
#[cfg(all(feature = "keystore", feature = "vault"))]
mod secrets;
