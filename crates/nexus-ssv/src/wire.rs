//! The layout of `keyshares.json`: field names and their order, no logic.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Read first, so that a file of another version is refused by its version.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) version: Option<Value>,
}

/// What is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct File {
    pub(crate) version: &'static str,
    pub(crate) created_at: String,
    /// `null` when there is nothing.
    pub(crate) shares: Option<Vec<Item>>,
}

/// What is read: the multi-share layout, or one item's fields at the top level (v1.0).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnyFile {
    pub(crate) created_at: Option<String>,
    #[serde(default)]
    pub(crate) shares: Shares,
    pub(crate) data: Option<Data>,
    pub(crate) payload: Option<Payload>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) data: Data,
    pub(crate) payload: Payload,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Data {
    pub(crate) owner_nonce: u64,
    pub(crate) owner_address: String,
    pub(crate) public_key: String,
    pub(crate) operators: Vec<OperatorItem>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperatorItem {
    pub(crate) id: u64,
    pub(crate) operator_key: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payload {
    pub(crate) public_key: String,
    pub(crate) operator_ids: Vec<u64>,
    pub(crate) shares_data: String,
}

/// The field `shares`, which is `null` in a file that holds nothing.
#[derive(Debug, Default)]
pub(crate) enum Shares {
    /// There is no such field.
    #[default]
    Absent,
    /// The items; none for `null`.
    Listed(Vec<Item>),
}

impl<'de> Deserialize<'de> for Shares {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|items| Self::Listed(items.unwrap_or_default()))
    }
}
