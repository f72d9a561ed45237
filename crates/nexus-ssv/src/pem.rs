//! PEM texts, read leniently: SSV's label doesn't match the body, which strict readers refuse.

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Columns of a written PEM (RFC 7468).
const COLUMNS: usize = 64;

/// Why a text isn't PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The `-----BEGIN …-----` line or the `-----END …-----` line is missing, or their labels differ.
    #[error("key is not a PEM text with matching BEGIN and END lines")]
    Boundary,
    /// The lines between them aren't base64.
    #[error("body of the PEM is not base64")]
    Body,
}

/// Returns the label and the decoded body. Lines may end in LF or CRLF, the last one in nothing.
pub(crate) fn decode(text: &str) -> Result<(&str, Vec<u8>), PemError> {
    let (label, body) = boundaries(text).ok_or(PemError::Boundary)?;
    let body: String = body.lines().map(str::trim_end).collect();
    Ok((label, BASE64_STANDARD.decode(body).map_err(|_| PemError::Body)?))
}

fn boundaries(text: &str) -> Option<(&str, &str)> {
    let (label, rest) = text.trim().strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let (body, end) = rest.split_once("-----END ")?;
    (end.strip_suffix("-----")? == label).then_some((label, body))
}

/// Writes a PEM text with LF line ends and a final one.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (column, digit) in BASE64_STANDARD.encode(der).chars().enumerate() {
        if column != 0 && column.is_multiple_of(COLUMNS) {
            text.push('\n');
        }
        text.push(digit);
    }
    text.push_str("\n-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}
