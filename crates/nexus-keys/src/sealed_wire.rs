//! The JSON of a sealed mnemonic, field by field; no logic.

use nexus_primitives::{ChainId, RollupAdmin};
use serde::{Deserialize, Serialize};

/// Byte strings are base64 with padding.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvelopeWire {
    pub(crate) version: u32,
    pub(crate) kdf: KdfWire,
    pub(crate) cipher: CipherWire,
    pub(crate) chain_id: ChainId,
    pub(crate) rollup: RollupAdmin,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KdfWire {
    pub(crate) name: String,
    pub(crate) log_n: u8,
    pub(crate) r: u32,
    pub(crate) p: u32,
    pub(crate) salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CipherWire {
    pub(crate) name: String,
    pub(crate) nonce: String,
    pub(crate) ciphertext: String,
}

/// What every version of the envelope has.
#[derive(Deserialize)]
pub(crate) struct VersionWire {
    pub(crate) version: u64,
}
