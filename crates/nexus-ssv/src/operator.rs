//! An SSV operator as a splitter sees it: its id and its RSA key.

use nexus_primitives::{OperatorId, OperatorSet, OperatorSetError};

use crate::{OperatorKeyError, OperatorPublicKey};

/// An SSV operator: where its share lies on the polynomial, and the key the share is encrypted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The operator's id in the SSV network, the x-coordinate of its share.
    pub id: OperatorId,
    /// The RSA key it registered with the SSV network.
    pub key: OperatorPublicKey,
}

/// Why an operator can't be used, with the operator's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operator {operator}: {reason}")]
pub struct OperatorError {
    /// Whose key.
    pub operator: OperatorId,
    /// What is wrong with it.
    pub reason: OperatorKeyError,
}

/// Why operators don't form a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Wrong number of operators, or one of them twice.
    #[error(transparent)]
    Ids(#[from] OperatorSetError),
    /// Two operators with one RSA key: one party would hold two shares.
    #[error("operators {first} and {second} have the same key")]
    SharedKey {
        /// The operator with the smaller id.
        first: OperatorId,
        /// The other one.
        second: OperatorId,
    },
}

impl Operator {
    /// Reads the operator's key from its `operatorKey` text; errors name the operator.
    pub fn parse(id: OperatorId, key_text: &str) -> Result<Self, OperatorError> {
        let key = key_text.parse().map_err(|reason| OperatorError { operator: id, reason })?;
        Ok(Self { id, key })
    }

    /// Reads the operator's key from the bytes of an `OperatorAdded` event; errors name the operator.
    pub fn from_event(id: OperatorId, public_key: &[u8]) -> Result<Self, OperatorError> {
        let key = OperatorPublicKey::from_event_bytes(public_key)
            .map_err(|reason| OperatorError { operator: id, reason })?;
        Ok(Self { id, key })
    }
}

/// Checks that the operators form a cluster, no two with one key, and returns them ascending by id with their set.
pub fn cluster(operators: &[Operator]) -> Result<(Vec<&Operator>, OperatorSet), ClusterError> {
    let set = OperatorSet::new(operators.iter().map(|operator| operator.id))?;
    let mut sorted: Vec<_> = operators.iter().collect();
    sorted.sort_unstable_by_key(|operator| operator.id);
    for (second, rest) in sorted.iter().enumerate() {
        if let Some(first) = sorted.iter().take(second).find(|first| first.key == rest.key) {
            return Err(ClusterError::SharedKey { first: first.id, second: rest.id });
        }
    }
    Ok((sorted, set))
}
