//! What a ceremony is asked for.

use nexus_primitives::{Address, Gwei, OperatorId, OperatorSet, OwnerNonce};
use nexus_ssv::{ClusterError, Operator, Registration, cluster};

use crate::{
    Credentials, DkgOperator, Network,
    wire::{Init, InitOperator},
};

/// Most that a compounding validator takes: 2048 ETH.
const MAX_COMPOUNDING: Gwei = Gwei::new(2_048_000_000_000);

/// What the validator is for; the operators sign it together with the key they make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CeremonyTerms {
    /// Where its balance goes.
    pub credentials: Credentials,
    /// What will be deposited.
    pub amount: Gwei,
    /// Where it will be deposited.
    pub network: Network,
    /// Who will register it with SSV, and that owner's nonce then.
    pub registration: Registration,
}

/// A ceremony that operators would take part in: terms and operators are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyRequest {
    operators: Vec<DkgOperator>,
    set: OperatorSet,
    terms: CeremonyTerms,
}

/// Why there can't be such a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Wrong number of operators, one of them twice, or two with one key.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Operators number each other with 32 bits.
    #[error("operator {0} can't take part: ids in a ceremony end at 4294967296")]
    OperatorId(OperatorId),
    /// Not an amount that such a validator is deposited with.
    #[error("deposit of {amount} gwei with credentials {credentials}: expected {expected}")]
    Amount {
        /// The amount.
        amount: Gwei,
        /// The credentials, whose kind decides.
        credentials: Credentials,
        /// What is allowed.
        expected: &'static str,
    },
    /// Operators would take the zero address and fail at the end.
    #[error("the owner is the zero address")]
    ZeroOwner,
    /// The validator's balance would be lost.
    #[error("the withdrawal address is the zero address")]
    ZeroWithdrawalAddress,
}

impl CeremonyRequest {
    /// Checks terms and operators, which may be given in any order.
    pub fn new(operators: &[DkgOperator], terms: CeremonyTerms) -> Result<Self, RequestError> {
        let parties: Vec<Operator> = operators.iter().map(|operator| operator.operator.clone()).collect();
        let (_, set) = cluster(&parties)?;
        if let Some(id) = set.ids().iter().find(|id| id.get() > u64::from(u32::MAX).saturating_add(1)) {
            return Err(RequestError::OperatorId(*id));
        }
        terms.check()?;
        let mut operators = operators.to_vec();
        operators.sort_unstable_by_key(DkgOperator::id);
        Ok(Self { operators, set, terms })
    }

    /// Returns the same request for another nonce of the owner.
    pub fn with_nonce(&self, nonce: OwnerNonce) -> Self {
        let mut request = self.clone();
        request.terms.registration.nonce = nonce;
        request
    }

    /// Returns who takes part, ascending by id.
    pub fn operators(&self) -> &[DkgOperator] {
        &self.operators
    }

    /// Returns the operators' ids.
    pub fn operator_set(&self) -> &OperatorSet {
        &self.set
    }

    /// Returns what the validator is for.
    pub fn terms(&self) -> &CeremonyTerms {
        &self.terms
    }

    /// Returns the operators without their addresses, ascending by id.
    pub(crate) fn parties(&self) -> Vec<Operator> {
        self.operators.iter().map(|operator| operator.operator.clone()).collect()
    }

    pub(crate) fn init_operators(&self) -> Vec<InitOperator> {
        let operators = self.operators.iter().map(|operator| &operator.operator);
        operators
            .map(|operator| InitOperator {
                id: operator.id.get(),
                pubkey: operator.key.to_text().into_bytes(),
            })
            .collect()
    }

    /// Returns the message that opens the ceremony.
    pub fn to_init(&self) -> Init {
        let threshold = self.set.threshold().get();
        Init {
            operators: self.init_operators(),
            threshold: u64::try_from(threshold).expect("a threshold is at most 9"),
            withdrawal_credentials: self.terms.credentials.to_bytes(),
            fork: self.terms.network.fork_version(),
            owner: self.terms.registration.owner,
            nonce: self.terms.registration.nonce.get(),
            amount: self.terms.amount,
        }
    }
}

impl CeremonyTerms {
    fn check(&self) -> Result<(), RequestError> {
        check_amount(self.credentials, self.amount)?;
        if self.registration.owner == Address::ZERO {
            return Err(RequestError::ZeroOwner);
        }
        if self.credentials.address() == Address::ZERO {
            return Err(RequestError::ZeroWithdrawalAddress);
        }
        Ok(())
    }
}

/// Checks the amount against the kind of validator that the credentials make.
pub(crate) fn check_amount(credentials: Credentials, amount: Gwei) -> Result<(), RequestError> {
    let (allowed, expected) = match credentials {
        Credentials::Execution(_) => {
            let expected = "32000000000: with 0x01 the rest would earn nothing";
            (Gwei::VALIDATOR_DEPOSIT..=Gwei::VALIDATOR_DEPOSIT, expected)
        }
        Credentials::Compounding(_) => {
            (Gwei::VALIDATOR_DEPOSIT..=MAX_COMPOUNDING, "32000000000 to 2048000000000")
        }
    };
    if allowed.contains(&amount) {
        return Ok(());
    }
    Err(RequestError::Amount { amount, credentials, expected })
}
