//! The JSON of an EIP-2335 keystore, field by field; no logic.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields in the order in which deposit-cli writes them. Unknown ones are ignored: some tools add a name.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeystoreWire {
    pub(crate) crypto: CryptoWire,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pubkey: Option<String>,
    pub(crate) path: String,
    pub(crate) uuid: String,
    pub(crate) version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CryptoWire {
    pub(crate) kdf: ModuleWire,
    pub(crate) checksum: ModuleWire,
    pub(crate) cipher: ModuleWire,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModuleWire {
    pub(crate) function: String,
    pub(crate) params: Value,
    pub(crate) message: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScryptWire {
    pub(crate) dklen: u64,
    pub(crate) n: u64,
    pub(crate) r: u32,
    pub(crate) p: u32,
    pub(crate) salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pbkdf2Wire {
    pub(crate) dklen: u64,
    pub(crate) c: u64,
    pub(crate) prf: String,
    pub(crate) salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Aes128CtrWire {
    pub(crate) iv: String,
}
