//! Where a secret is to be had: never the secret itself.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use toml::de::DeValue;

use super::value::{FromToml, Mismatch};

/// A reference to a secret, as in `file:/run/credentials/nexus-bot/bot-key-password`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretRef {
    /// A file that only its owner may read.
    File(PathBuf),
    /// An open file descriptor that is read to its end.
    Descriptor(u32),
}

impl SecretRef {
    /// Lets a relative path start at `directory`.
    pub(super) fn below(self, directory: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(directory.join(path)),
            Self::Descriptor(number) => Self::Descriptor(number),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
        }
    }
}

impl FromToml for SecretRef {
    const EXPECTED: &'static str = "a reference to a secret, \"file:PATH\" or \"fd:NUMBER\"";
    const MAY_BE_SHOWN: bool = false;

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        let DeValue::String(text) = value else { return Err(Mismatch::Kind) };
        let (scheme, rest) = text.split_once(':').ok_or(Mismatch::Kind)?;
        match scheme {
            "file" if !rest.is_empty() => Ok(Self::File(PathBuf::from(rest))),
            "fd" => rest.parse().map(Self::Descriptor).map_err(|_| Mismatch::Kind),
            "aws-secret" | "kms" => {
                Err(Mismatch::Content(format!("{scheme}: references are not supported by this version")))
            }
            _ => Err(Mismatch::Kind),
        }
    }
}
