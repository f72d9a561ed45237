//! The keys that keyshares are encrypted to, and where operators hold ceremonies.

use std::collections::BTreeSet;

use nexus_chain::ChainSnapshot;
use nexus_dkg::{DkgEndpointError, DkgOperator};
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

/// Why a set of operators can't be reached for a ceremony.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DkgOperatorsError {
    /// Their keys can't be told.
    #[error(transparent)]
    Keys(#[from] OperatorKeysError),
    /// NodeOperator has no address of it.
    #[error("operator {0} has no DKG address on NodeOperator")]
    NoAddress(OperatorId),
    /// What NodeOperator has is no address.
    #[error(transparent)]
    Address(#[from] DkgEndpointError),
    /// An address that anybody may register must not lead to services of this machine.
    #[error(
        "operator {operator}: its DKG address on NodeOperator is {url}, expected https:// of another machine \
         (`dkg.allow_loopback` allows this one)"
    )]
    ThisMachine {
        /// Which operator.
        operator: OperatorId,
        /// The address.
        url: String,
    },
}

/// Returns the operators of a set with their keys and the addresses at which they hold ceremonies.
pub fn dkg_operators_of(
    chain: &ChainSnapshot,
    operators: &OperatorSet,
    allow_loopback: bool,
) -> Result<Vec<DkgOperator>, DkgOperatorsError> {
    let with_address = |operator: Operator| {
        let id = operator.id;
        let known = chain.operators.get(&id).and_then(|known| known.dkg_endpoint.as_deref());
        let url = known.ok_or(DkgOperatorsError::NoAddress(id))?;
        let operator = DkgOperator::new(operator, url)?;
        let elsewhere = allow_loopback || !operator.endpoint.is_loopback();
        if operator.endpoint.is_encrypted() && elsewhere {
            Ok(operator)
        } else {
            Err(DkgOperatorsError::ThisMachine { operator: id, url: url.to_owned() })
        }
    };
    operators_of(chain, operators)?.into_iter().map(with_address).collect()
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
