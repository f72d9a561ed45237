//! `operators_info.json`, the official tool's list of operators.

use std::{collections::BTreeMap, fs, io, path::Path};

use nexus_primitives::{OperatorId, ZeroOperatorId};
use nexus_ssv::{Operator, OperatorError};
use serde::Deserialize;

use crate::{DkgEndpointError, DkgOperator};

/// Operators with their keys and addresses, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorList(BTreeMap<OperatorId, DkgOperator>);

/// Why a list of operators can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorListError {
    /// The file can't be read.
    #[error("reading the list of operators {path:?}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not the JSON of such a list.
    #[error(
        "list of operators at {path}: expected an array of {{\"id\": number, \"public_key\": text, \"ip\": text}}"
    )]
    Json {
        /// Where in the document.
        path: String,
        /// What is wrong there.
        source: serde_json::Error,
    },
    /// Zero as an operator's id.
    #[error("list of operators at [{position}].id")]
    Id {
        /// Position in the array, from zero.
        position: usize,
        /// What is wrong with zero.
        source: ZeroOperatorId,
    },
    /// An operator's key can't be read.
    #[error("list of operators at [{position}].public_key")]
    Key {
        /// Position in the array, from zero.
        position: usize,
        /// What is wrong with it.
        source: OperatorError,
    },
    /// An operator's address can't be used.
    #[error("list of operators at [{position}].ip")]
    Endpoint {
        /// Position in the array, from zero.
        position: usize,
        /// What is wrong with it.
        source: DkgEndpointError,
    },
    /// One operator twice: which of the two is meant?
    #[error("list of operators has operator {0} twice")]
    Duplicate(OperatorId),
    /// An operator that was asked for isn't in the list.
    #[error("operator {0} is not in the list of operators")]
    Unknown(OperatorId),
}

#[derive(Deserialize)]
struct Entry {
    id: u64,
    public_key: String,
    /// A whole URL, whatever its name says.
    ip: String,
}

impl OperatorList {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, OperatorListError> {
        let text = fs::read_to_string(path)
            .map_err(|source| OperatorListError::Read { path: path.to_owned(), source })?;
        Self::from_json(&text)
    }

    /// Reads the list. Fields of no concern here are ignored.
    pub fn from_json(text: &str) -> Result<Self, OperatorListError> {
        let mut decoder = serde_json::Deserializer::from_str(text);
        let entries: Vec<Entry> = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
            OperatorListError::Json { path: error.path().to_string(), source: error.into_inner() }
        })?;
        decoder.end().map_err(|source| OperatorListError::Json { path: ".".to_owned(), source })?;
        let mut operators = BTreeMap::new();
        for (position, entry) in entries.iter().enumerate() {
            let operator = entry.check(position)?;
            let id = operator.id();
            if operators.insert(id, operator).is_some() {
                return Err(OperatorListError::Duplicate(id));
            }
        }
        Ok(Self(operators))
    }

    /// Returns all operators, ascending by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DkgOperator> {
        self.0.values()
    }

    /// Returns the operators with these ids, in that order.
    pub fn select(&self, ids: &[OperatorId]) -> Result<Vec<DkgOperator>, OperatorListError> {
        let found = ids.iter().map(|id| self.0.get(id).cloned().ok_or(OperatorListError::Unknown(*id)));
        found.collect()
    }
}

impl Entry {
    fn check(&self, position: usize) -> Result<DkgOperator, OperatorListError> {
        let id = OperatorId::new(self.id).map_err(|source| OperatorListError::Id { position, source })?;
        let operator = Operator::parse(id, &self.public_key)
            .map_err(|source| OperatorListError::Key { position, source })?;
        DkgOperator::new(operator, &self.ip)
            .map_err(|source| OperatorListError::Endpoint { position, source })
    }
}
