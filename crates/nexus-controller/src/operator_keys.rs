//! The keys that keyshares are encrypted to.

use std::collections::BTreeSet;

use nexus_primitives::{OperatorId, OperatorSet};
use nexus_ssv::{Operator, OperatorError, OperatorKeyError, OperatorPublicKey};

use crate::Observation;

/// Why a set of operators can't be given keyshares.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorKeysError {
    #[error("operator {0} is unknown")]
    Unknown(OperatorId),
    #[error("operator {0} has no key on SSV")]
    NoKey(OperatorId),
    #[error(transparent)]
    SsvKey(#[from] OperatorError),
    #[error("operator {operator}: its key on NodeOperator: {problem}")]
    NexusKey { operator: OperatorId, problem: OperatorKeyError },
    /// The operator could never decrypt its share, silently.
    #[error("operator {0}: its key on NodeOperator differs from the one on SSV")]
    Differs(OperatorId),
    #[error("two operators have the same key")]
    Shared,
}

/// Returns the operators of a set with their keys, after comparing what SSV and NodeOperator say.
pub(crate) fn operators_of(
    observation: &Observation,
    operators: &OperatorSet,
) -> Result<Vec<Operator>, OperatorKeysError> {
    let resolved: Vec<_> =
        operators.ids().iter().map(|id| operator(observation, *id)).collect::<Result<_, _>>()?;
    let distinct: BTreeSet<_> = resolved.iter().map(|operator| operator.key.to_string()).collect();
    if distinct.len() == resolved.len() { Ok(resolved) } else { Err(OperatorKeysError::Shared) }
}

fn operator(observation: &Observation, id: OperatorId) -> Result<Operator, OperatorKeysError> {
    let snapshot = observation.chain.operators.get(&id).ok_or(OperatorKeysError::Unknown(id))?;
    let text = snapshot.ssv_key.as_deref().ok_or(OperatorKeysError::NoKey(id))?;
    let operator = Operator::parse(id, text)?;
    let Some(other) = snapshot.nexus_key.as_deref() else { return Ok(operator) };
    match other.parse::<OperatorPublicKey>() {
        Ok(key) if key == operator.key => Ok(operator),
        Ok(_) => Err(OperatorKeysError::Differs(id)),
        Err(problem) => Err(OperatorKeysError::NexusKey { operator: id, problem }),
    }
}
