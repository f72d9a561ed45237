//! Splitting a validator key among operators.

use nexus_keys::{KeyError, ValidatorKey};
use nexus_primitives::{OperatorId, ValidatorPubkey};
use rand_core::CryptoRng;

use crate::{
    ClusterError, EncryptError, EncryptedShare, Keyshares, Operator, Registration, ShareSecret, SharesData,
    VerifyError, operator, polynomial, verify,
};

/// Why a key wasn't split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The operators don't form a cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The random source yields nothing but zeros.
    #[error("random source yields nothing but zeros")]
    Randomness,
    /// A share couldn't be encrypted.
    #[error("operator {operator}: share not encrypted")]
    Encrypt {
        /// Whose share.
        operator: OperatorId,
        /// What RSA said.
        source: EncryptError,
    },
    /// `owner:nonce` couldn't be signed.
    #[error("signing owner and nonce")]
    Sign(#[from] KeyError),
    /// The finished keyshares aren't what they should be: a fault of memory or processor. Nothing was handed out.
    #[error("fresh keyshares of validator {pubkey} do not verify")]
    SelfCheck {
        /// The validator.
        pubkey: ValidatorPubkey,
        /// What is wrong.
        source: Box<VerifyError>,
    },
}

/// Splits `key` among 4, 7, 10 or 13 operators, for one registration.
///
/// Operators may come in any order; the result is ascending by id, as the contract wants it. Each share is encrypted
/// to its operator, the whole key signs `owner:nonce`, and before anything is returned the share public keys are
/// interpolated back to the validator's.
///
/// # Security
/// Splitting one key twice gives shares of different polynomials. Two clusters that run the same validator at once
/// get it slashed: split again only for a registration that replaces the former one.
pub fn split<R: CryptoRng + ?Sized>(
    key: &ValidatorKey,
    operators: &[Operator],
    registration: Registration,
    rng: &mut R,
) -> Result<Keyshares, SplitError> {
    let (operators, set) = operator::cluster(operators)?;
    let shares =
        polynomial::draw_shares(key, set.ids(), set.threshold(), rng).ok_or(SplitError::Randomness)?;
    let encrypted = operators
        .iter()
        .zip(&shares)
        .map(|(operator, share)| encrypt(operator, share, rng))
        .collect::<Result<_, _>>()?;
    let shares_data = SharesData::new(registration.sign(key)?, encrypted);
    let keyshares = Keyshares::new(key.pubkey(), set, shares_data, registration)
        .expect("one share was made for each operator");
    // The signature was verified when it was made.
    verify::check_shares(&keyshares)
        .map_err(|source| SplitError::SelfCheck { pubkey: key.pubkey(), source: Box::new(source) })?;
    Ok(keyshares)
}

fn encrypt<R: CryptoRng + ?Sized>(
    operator: &Operator,
    share: &ShareSecret,
    rng: &mut R,
) -> Result<(ValidatorPubkey, EncryptedShare), SplitError> {
    let encrypted = operator
        .key
        .encrypt(share, rng)
        .map_err(|source| SplitError::Encrypt { operator: operator.id, source })?;
    Ok((share.pubkey(), encrypted))
}
