//! Why a call was refused, by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reverted call. SSV's errors bubble up through Nexus unchanged, so all contracts' errors are decoded together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Revert {
    /// A custom error of one of the contracts: `StakingLimitExceeding`, arguments in the contract's notation.
    Named {
        /// The error's name.
        name: String,
        /// Its arguments, empty when it has none.
        arguments: Vec<String>,
    },
    /// `require` or `revert` with a text.
    Message(String),
    /// A panic code of the Solidity compiler.
    Panic(u64),
    /// Data that belongs to no known error, as hexadecimal.
    Unknown(String),
    /// No data at all: from SSVNetwork this means first of all that it has another version.
    Empty,
}

impl Revert {
    /// Returns whether this is the custom error `name`.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Named { name: found, .. } if found == name)
    }
}

/// Shown on one line: what contracts say may have control characters.
impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named { name, arguments } => write!(f, "{name}({})", one_line(&arguments.join(", "))),
            Self::Message(text) => write!(f, "reverted: {}", one_line(text)),
            Self::Panic(code) => write!(f, "panic 0x{code:02x}"),
            Self::Unknown(data) => write!(f, "unknown error {data}"),
            Self::Empty => f.write_str("reverted without data (is the contract of another version?)"),
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
