//! An operator as the initiator sees it.

use nexus_http::{Endpoint, EndpointError};
use nexus_primitives::OperatorId;
use nexus_ssv::Operator;

/// An operator with the address at which its DKG service listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkgOperator {
    /// Its id and its RSA key, by which alone its answers are recognised.
    pub operator: Operator,
    /// Base URL of its service.
    pub endpoint: Endpoint,
}

/// Why a text isn't the address of an operator's service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DkgEndpointError {
    /// Not the URL of an HTTP service.
    #[error("address of operator {operator}'s DKG service")]
    Url {
        /// Whose address.
        operator: OperatorId,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// Unencrypted, and not on this machine.
    #[error("address of operator {operator}'s DKG service is {endpoint}, expected https://")]
    Plain {
        /// Whose address.
        operator: OperatorId,
        /// The address.
        endpoint: Endpoint,
    },
}

impl DkgOperator {
    /// Joins an operator with the URL of its service, `https://host:port`.
    ///
    /// Plain `http` is accepted on loopback addresses only: messages carry no secret in the clear, but they tell who
    /// makes keys with whom.
    pub fn new(operator: Operator, url: &str) -> Result<Self, DkgEndpointError> {
        let endpoint: Endpoint =
            url.parse().map_err(|source| DkgEndpointError::Url { operator: operator.id, source })?;
        if endpoint.is_encrypted() || endpoint.is_loopback() {
            return Ok(Self { operator, endpoint });
        }
        Err(DkgEndpointError::Plain { operator: operator.id, endpoint })
    }

    /// Returns the operator's id.
    pub const fn id(&self) -> OperatorId {
        self.operator.id
    }
}
