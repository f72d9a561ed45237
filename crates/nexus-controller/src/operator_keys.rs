//! The keys that keyshares are encrypted to.

use std::collections::BTreeSet;

use nexus_chain::ChainSnapshot;
use nexus_primitives::{OperatorId, OperatorSet};
use nexus_ssv::{Operator, OperatorError, OperatorKeyError, OperatorPublicKey};

/// Why a set of operators can't be given keyshares, or take part in a ceremony.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorKeysError {
    /// Not an operator of any cluster in use.
    #[error("operator {0} is unknown")]
    Unknown(OperatorId),
    /// SSV has no key of it.
    #[error("operator {0} has no key on SSV")]
    NoKey(OperatorId),
    /// What SSV has is no key.
    #[error(transparent)]
    SsvKey(#[from] OperatorError),
    /// What NodeOperator has is no key.
    #[error("operator {operator}: its key on NodeOperator: {problem}")]
    NexusKey {
        /// Which operator.
        operator: OperatorId,
        /// What is wrong with the key.
        problem: OperatorKeyError,
    },
    /// The operator could never decrypt its share, silently.
    #[error("operator {0}: its key on NodeOperator differs from the one on SSV")]
    Differs(OperatorId),
    /// One of them would have two shares.
    #[error("two operators have the same key")]
    Shared,
}

/// Returns the operators of a set with their keys, after comparing what SSV and NodeOperator say.
pub fn operators_of(
    chain: &ChainSnapshot,
    operators: &OperatorSet,
) -> Result<Vec<Operator>, OperatorKeysError> {
    let resolved: Vec<_> = operators.ids().iter().map(|id| operator(chain, *id)).collect::<Result<_, _>>()?;
    let distinct: BTreeSet<_> = resolved.iter().map(|operator| operator.key.to_string()).collect();
    if distinct.len() == resolved.len() { Ok(resolved) } else { Err(OperatorKeysError::Shared) }
}

fn operator(chain: &ChainSnapshot, id: OperatorId) -> Result<Operator, OperatorKeysError> {
    let snapshot = chain.operators.get(&id).ok_or(OperatorKeysError::Unknown(id))?;
    let text = snapshot.ssv_key.as_deref().ok_or(OperatorKeysError::NoKey(id))?;
    let operator = Operator::parse(id, text)?;
    let Some(other) = snapshot.nexus_key.as_deref() else { return Ok(operator) };
    match other.parse::<OperatorPublicKey>() {
        Ok(key) if key == operator.key => Ok(operator),
        Ok(_) => Err(OperatorKeysError::Differs(id)),
        Err(problem) => Err(OperatorKeysError::NexusKey { operator: id, problem }),
    }
}
