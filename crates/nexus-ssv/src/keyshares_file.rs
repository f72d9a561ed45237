//! `keyshares.json`, the file that SSV's command line tool and web application exchange.

use serde_json::Value;

use crate::{CreatedAt, CreatedAtError, KeysharesItem, KeysharesItemError, wire};

/// Version that is written: that of the tool's current release.
const VERSION: &str = "v1.2.0";

/// Keyshares of one or many validators, with the time they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysharesFile {
    /// When the shares were made; old files don't say.
    pub created_at: Option<CreatedAt>,
    /// One entry per validator, in the order of their nonces.
    pub items: Vec<KeysharesItem>,
}

/// Why a text isn't a keyshares file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysharesFileError {
    /// Not JSON, or a field is missing or of another type.
    #[error("not a keyshares file: {0}")]
    Json(serde_json::Error),
    /// A version whose content this crate doesn't know.
    #[error("keyshares file has version {found:?}, only 1.x is understood; make the shares again")]
    Version {
        /// The version found.
        found: String,
    },
    /// Neither the layout with `shares` nor the one of a single item.
    #[error("keyshares file has neither \"shares\" nor both \"data\" and \"payload\"")]
    Layout,
    /// `createdAt` isn't a time.
    #[error("createdAt: {0}")]
    CreatedAt(#[from] CreatedAtError),
    /// One of the entries is wrong.
    #[error("shares[{index}]: {reason}")]
    Item {
        /// Position of the entry, from zero.
        index: usize,
        /// What is wrong with it.
        reason: KeysharesItemError,
    },
}

impl KeysharesFile {
    /// Reads any 1.x file, in the layout with several items or the older one with a single item.
    ///
    /// Everything is checked that needs no cryptography: lengths, spelling, ascending unique operators, and that
    /// `data` and `payload` agree. Call [`KeysharesItem::verify`] on each entry before using it.
    pub fn from_json(text: &str) -> Result<Self, KeysharesFileError> {
        let header: wire::Header = serde_json::from_str(text).map_err(KeysharesFileError::Json)?;
        check_version(header.version)?;
        let file: wire::AnyFile = serde_json::from_str(text).map_err(KeysharesFileError::Json)?;
        let created_at = file.created_at.map(|text| text.parse()).transpose()?;
        let items = match (file.shares, file.data, file.payload) {
            (wire::Shares::Listed(items), None, None) => items,
            (wire::Shares::Absent, Some(data), Some(payload)) => vec![wire::Item { data, payload }],
            _ => return Err(KeysharesFileError::Layout),
        };
        let items = items.iter().enumerate().map(|(index, item)| {
            KeysharesItem::from_wire(item).map_err(|reason| KeysharesFileError::Item { index, reason })
        });
        Ok(Self { created_at, items: items.collect::<Result<_, _>>()? })
    }

    /// Writes the file as the tool does: version 1.2.0, fields in its order, two spaces of indentation, no final
    /// newline. `created_at` goes into the file in place of the time it was read with.
    pub fn to_json(&self, created_at: CreatedAt) -> String {
        serde_json::to_string_pretty(&self.to_wire(created_at)).expect("texts and numbers always serialize")
    }

    /// Writes the same on one line without spaces, as SSV's DKG tool does; no final newline either.
    pub fn to_compact_json(&self, created_at: CreatedAt) -> String {
        serde_json::to_string(&self.to_wire(created_at)).expect("texts and numbers always serialize")
    }

    /// Returns the name the tool gives the file: `keyshares-<unix seconds>.json`.
    pub fn file_name(created_at: CreatedAt) -> String {
        format!("keyshares-{}.json", created_at.seconds())
    }

    fn to_wire(&self, created_at: CreatedAt) -> wire::File {
        let items: Vec<_> = self.items.iter().map(KeysharesItem::to_wire).collect();
        wire::File {
            version: VERSION,
            created_at: created_at.to_string(),
            shares: (!items.is_empty()).then_some(items),
        }
    }
}

fn check_version(version: Option<Value>) -> Result<(), KeysharesFileError> {
    // The single-item layout may come without a version; its content decides.
    let Some(version) = version else { return Ok(()) };
    let found = version.as_str().map_or_else(|| version.to_string(), ToOwned::to_owned);
    let digits = found.strip_prefix('v').unwrap_or(&found);
    match digits.split_once('.') {
        Some(("1", _)) if version.is_string() => Ok(()),
        _ => Err(KeysharesFileError::Version { found }),
    }
}
