//! The recorded files in `fixtures/keyshares/` (their README names the origin of each).

use std::{fs, path::Path};

use nexus_keys::ValidatorKey;
use nexus_primitives::{OperatorId, ValidatorPubkey};
use nexus_ssv::{KeysharesFile, Operator, OperatorPrivateKey};
use serde::{Deserialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// An operator of `generated/operators.json`, private key included.
pub(crate) struct FullOperator {
    pub(crate) operator: Operator,
    pub(crate) private_key: OperatorPrivateKey,
    pub(crate) key_text: String,
}

/// `generated/expected-*.json`: what the file of the same name holds once decrypted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expected {
    pub(crate) validator: KeyPair,
    pub(crate) owner_address: String,
    pub(crate) owner_nonce: u64,
    pub(crate) operator_ids: Vec<u64>,
    pub(crate) threshold: usize,
    pub(crate) plaintext_shares: Vec<KeyPair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyPair {
    pub(crate) private_key: String,
    pub(crate) public_key: ValidatorPubkey,
}

pub(crate) fn text(path: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keyshares"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn json<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn keyshares_file(path: &str) -> KeysharesFile {
    KeysharesFile::from_json(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn id(id: u64) -> OperatorId {
    OperatorId::new(id).unwrap()
}

pub(crate) fn validator_key(text: &str) -> ValidatorKey {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(&text[2..], bytes.as_mut_slice()).unwrap();
    ValidatorKey::from_bytes(&bytes).unwrap()
}

/// The thirteen operators, ascending by id.
pub(crate) fn operators() -> Vec<FullOperator> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item {
        id: u64,
        operator_key: String,
        private_key_pem: String,
    }
    let items: Vec<Item> = json("generated/operators.json");
    items
        .into_iter()
        .map(|item| FullOperator {
            operator: Operator::parse(id(item.id), &item.operator_key).unwrap(),
            private_key: OperatorPrivateKey::from_pem(&item.private_key_pem).unwrap(),
            key_text: item.operator_key,
        })
        .collect()
}

/// The first `count` operators without their private keys.
pub(crate) fn public(operators: &[FullOperator], count: usize) -> Vec<Operator> {
    operators[..count].iter().map(|full| full.operator.clone()).collect()
}

pub(crate) fn private_key(operators: &[FullOperator], id: OperatorId) -> &OperatorPrivateKey {
    &operators.iter().find(|full| full.operator.id == id).unwrap().private_key
}
