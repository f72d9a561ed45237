//! The status as programs read it, the same from the command line and over HTTP.

use nexus_controller::StatusReport;
use serde_json::Value;

/// Returns the report with every name it always has, also before the first tick.
pub(crate) fn status_document(report: &StatusReport) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(report)?;
    if let Value::Object(fields) = &mut document {
        fields.entry("observed").or_insert(Value::Null);
        fields.entry("rollups").or_insert_with(|| Value::Array(Vec::new()));
        fields.entry("guards").or_insert_with(|| Value::Array(Vec::new()));
    }
    Ok(document)
}
