//! A JSON list of operators with their RSA keys.

use std::path::Path;

use anyhow::Context as _;
use nexus_primitives::OperatorId;
use nexus_ssv::Operator;
use serde::Deserialize;

/// Reads `[{"id": 1, "operatorKey": "LS0t…"}, …]`; `public_key` is taken for `operatorKey`, and other fields that
/// SSV's tools and API put beside them are passed over.
#[derive(Deserialize)]
struct Entry {
    id: u64,
    #[serde(rename = "operatorKey", alias = "public_key")]
    operator_key: String,
}

/// Reads the operators in a file; a key that isn't an RSA key is named with its operator.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Operator>> {
    let read = || -> anyhow::Result<Vec<Operator>> {
        let text = std::fs::read_to_string(path)?;
        let entries: Vec<Entry> = serde_json::from_str(&text)?;
        entries
            .iter()
            .map(|entry| Ok(Operator::parse(OperatorId::new(entry.id)?, &entry.operator_key)?))
            .collect()
    };
    read().with_context(|| format!("reading operators from {}", path.display()))
}
