//! Reading recorded vectors.

use std::{fs, path::PathBuf};

use nexus_keys::ValidatorKey;
use serde_json::Value;
use zeroize::Zeroizing;

/// Returns the path below `fixtures/keyshares`.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keyshares")).join(name)
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("fixture {name}: {error}"))
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("fixture {name}: {error}"))
}

/// Reads a field that has to be there and be a text.
#[track_caller]
pub(crate) fn str_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}"))
}

/// Decodes 32 bytes of hexadecimal with an optional `0x`.
pub(crate) fn bytes32(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes).expect("64 hexadecimal digits");
    bytes
}

pub(crate) fn key(text: &str) -> ValidatorKey {
    ValidatorKey::from_bytes(&Zeroizing::new(bytes32(text))).expect("a fixture's key is in range")
}
