//! The keyshares of one validator.

use nexus_primitives::{OperatorSet, ValidatorPubkey};

use crate::{Registration, SharesData, SharesDataError};

/// A validator's key, split: everything that its registration with the SSV network needs.
///
/// Holds one share per operator by construction. Whether the shares are any good is what [`verify`](crate::verify)
/// tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyshares {
    pubkey: ValidatorPubkey,
    operators: OperatorSet,
    shares_data: SharesData,
    registration: Registration,
}

impl Keyshares {
    /// Puts the parts together; there must be one share per operator.
    pub fn new(
        pubkey: ValidatorPubkey,
        operators: OperatorSet,
        shares_data: SharesData,
        registration: Registration,
    ) -> Result<Self, SharesDataError> {
        if shares_data.share_count() != operators.len() {
            return Err(SharesDataError::Length {
                operators: operators.len(),
                expected: SharesData::encoded_len(operators.len()),
                got: SharesData::encoded_len(shares_data.share_count()),
            });
        }
        Ok(Self { pubkey, operators, shares_data, registration })
    }

    /// Reads the bytes that were registered (`ValidatorAdded.shares`).
    pub fn decode(
        pubkey: ValidatorPubkey,
        operators: OperatorSet,
        shares_data: &[u8],
        registration: Registration,
    ) -> Result<Self, SharesDataError> {
        let shares_data = SharesData::decode(shares_data, &operators)?;
        Ok(Self { pubkey, operators, shares_data, registration })
    }

    /// Returns the validator's public key.
    pub fn pubkey(&self) -> ValidatorPubkey {
        self.pubkey
    }

    /// Returns the operators, ascending.
    pub fn operators(&self) -> &OperatorSet {
        &self.operators
    }

    /// Returns signature, share public keys and encrypted shares.
    pub fn shares_data(&self) -> &SharesData {
        &self.shares_data
    }

    /// Returns the owner and nonce the signature is for.
    pub fn registration(&self) -> Registration {
        self.registration
    }
}
