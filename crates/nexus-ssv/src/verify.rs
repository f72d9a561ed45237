//! Checking keyshares, one's own and other people's.

use bls12_381::Scalar;
use blst::min_pk::PublicKey;
use nexus_primitives::{OperatorId, OperatorSet, ValidatorPubkey, bls::BlsError};

use crate::{
    CombineError, DecryptError, Keyshares, Operator, OperatorPrivateKey, Registration, decrypt_share,
    lagrange,
};

/// What keyshares have to be for, beyond being consistent in themselves. Starts empty; each method adds a demand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expectation<'a> {
    pub(crate) pubkey: Option<ValidatorPubkey>,
    pub(crate) registration: Option<Registration>,
    pub(crate) operators: Option<&'a [Operator]>,
}

/// Why keyshares must not be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// They are another validator's.
    #[error("keyshares are of validator {found}, expected {expected}")]
    Pubkey {
        /// The validator that was asked for.
        expected: ValidatorPubkey,
        /// The validator they are of.
        found: ValidatorPubkey,
    },
    /// They are for another owner or nonce.
    #[error("keyshares are for registration {}, expected {}", found.message(), expected.message())]
    Registration {
        /// The registration that was asked for.
        expected: Registration,
        /// The registration they are for.
        found: Registration,
    },
    /// They are for other operators.
    #[error("keyshares are for operators {found}, expected {}", list(expected))]
    Operators {
        /// The ids that were asked for, in the order given.
        expected: Vec<OperatorId>,
        /// The operators they are for.
        found: OperatorSet,
    },
    /// The file holds another RSA key for an operator than the one expected.
    #[error("operator {operator}: its key in the file is not the expected one")]
    OperatorKey {
        /// Whose key.
        operator: OperatorId,
    },
    /// The signature over `owner:nonce` isn't the validator's.
    #[error("signature over {message:?} by validator {pubkey} is not valid")]
    Signature {
        /// The text that should have been signed.
        message: String,
        /// The key that should have signed it.
        pubkey: ValidatorPubkey,
        /// What verification said.
        source: BlsError,
    },
    /// A share's public key is no public key.
    #[error(transparent)]
    Share(#[from] CombineError),
    /// A threshold of share public keys yields another key than the validator's.
    #[error(
        "share public keys of operators {} combine to {found}, not to validator {expected}",
        list(operators)
    )]
    Recombination {
        /// The operators whose shares were combined.
        operators: Vec<OperatorId>,
        /// The validator's key.
        expected: ValidatorPubkey,
        /// What they combine to.
        found: ValidatorPubkey,
    },
    /// A share doesn't belong to the others: any signature that it takes part in would be invalid.
    #[error("operator {operator}: its share public key does not fit the other shares")]
    Inconsistent {
        /// Whose share.
        operator: OperatorId,
    },
    /// Fewer operators than the threshold could sign.
    #[error("{operators} operators suffice to sign, expected at least {threshold}")]
    BelowThreshold {
        /// How many suffice.
        operators: usize,
        /// How many should be needed.
        threshold: usize,
    },
    /// A private key was given for an operator that has no share here.
    #[error("operator {0} has no share in these keyshares")]
    Stranger(OperatorId),
    /// An operator can't open its share.
    #[error("operator {operator} can't open its share")]
    Decrypt {
        /// Which operator.
        operator: OperatorId,
        /// What went wrong.
        source: DecryptError,
    },
}

impl<'a> Expectation<'a> {
    /// Demands nothing: keyshares need only be consistent in themselves.
    pub const fn none() -> Self {
        Self { pubkey: None, registration: None, operators: None }
    }

    /// Demands this validator.
    pub const fn pubkey(mut self, pubkey: ValidatorPubkey) -> Self {
        self.pubkey = Some(pubkey);
        self
    }

    /// Demands this owner and nonce.
    pub const fn registration(mut self, registration: Registration) -> Self {
        self.registration = Some(registration);
        self
    }

    /// Demands these operators, in any order. Their RSA keys are compared where a file carries them.
    pub const fn operators(mut self, operators: &'a [Operator]) -> Self {
        self.operators = Some(operators);
        self
    }
}

/// Verifies keyshares as far as that is possible without the operators' private keys.
///
/// Checked: they meet the expectation; the validator's key signed `owner:nonce`; every share public key is a point
/// of its group; any threshold of them combines to the validator's key, and no fewer do.
///
/// **Not** checked: the ciphertexts. Only an operator can tell what its own holds; see [`verify_decryption`].
pub fn verify(keyshares: &Keyshares, expectation: &Expectation<'_>) -> Result<(), VerifyError> {
    check_expectation(keyshares, expectation)?;
    check_signature(keyshares)?;
    check_shares(keyshares)
}

/// Opens the share of each operator whose private key is given, and checks it against its published public key.
pub fn verify_decryption<'k>(
    keyshares: &Keyshares,
    keys: impl IntoIterator<Item = (OperatorId, &'k OperatorPrivateKey)>,
) -> Result<(), VerifyError> {
    for (operator, key) in keys {
        let position = keyshares.operators().ids().iter().position(|id| *id == operator);
        let position = position.ok_or(VerifyError::Stranger(operator))?;
        let data = keyshares.shares_data();
        let share = data.encrypted_shares().zip(data.share_pubkeys()).nth(position);
        let (encrypted, pubkey) = share.ok_or(VerifyError::Stranger(operator))?;
        decrypt_share(key, encrypted, pubkey).map_err(|source| VerifyError::Decrypt { operator, source })?;
    }
    Ok(())
}

fn check_expectation(keyshares: &Keyshares, expectation: &Expectation<'_>) -> Result<(), VerifyError> {
    let found = keyshares.pubkey();
    if let Some(expected) = expectation.pubkey.filter(|expected| *expected != found) {
        return Err(VerifyError::Pubkey { expected, found });
    }
    let found = keyshares.registration();
    if let Some(expected) = expectation.registration.filter(|expected| *expected != found) {
        return Err(VerifyError::Registration { expected, found });
    }
    let Some(expected) = expectation.operators else { return Ok(()) };
    let expected: Vec<_> = expected.iter().map(|operator| operator.id).collect();
    if OperatorSet::new(expected.iter().copied()).is_ok_and(|set| set == *keyshares.operators()) {
        return Ok(());
    }
    Err(VerifyError::Operators { expected, found: keyshares.operators().clone() })
}

fn check_signature(keyshares: &Keyshares) -> Result<(), VerifyError> {
    let (registration, pubkey) = (keyshares.registration(), keyshares.pubkey());
    registration
        .verify(&pubkey, keyshares.shares_data().signature())
        .map_err(|source| VerifyError::Signature { message: registration.message(), pubkey, source })
}

/// Checks the share public keys against the validator's key and each other.
///
/// The first `t` fix a polynomial of degree below `t`. It must have the validator's key at zero and every other
/// share at its operator's id, so all `n` shares and the key lie on it, and any `t` of them combine to the key. Were
/// its degree lower, then *every* `t - 1` shares would combine to the key; were it exactly `t - 1`, then none would,
/// since it differs from the polynomial through them at all but their `t - 1` ids, and zero is no id. One subset
/// tells.
pub(crate) fn check_shares(keyshares: &Keyshares) -> Result<(), VerifyError> {
    let expected = keyshares.pubkey();
    let points = share_points(keyshares)?;
    let threshold = keyshares.operators().threshold().get();
    let (basis, others) = points.split_at(threshold.min(points.len()));
    let zero = Scalar::zero();

    let found = lagrange::interpolate(basis, &zero)?;
    if found != expected {
        let operators = basis.iter().map(|(id, _)| *id).collect();
        return Err(VerifyError::Recombination { operators, expected, found });
    }
    for (operator, point) in others {
        let value = lagrange::interpolate(basis, &Scalar::from(operator.get()))?;
        if *value.as_bytes() != point.compress() {
            return Err(VerifyError::Inconsistent { operator: *operator });
        }
    }
    let fewer = basis.get(1..).unwrap_or_default();
    if lagrange::interpolate(fewer, &zero)? == expected {
        return Err(VerifyError::BelowThreshold { operators: fewer.len(), threshold });
    }
    Ok(())
}

fn share_points(keyshares: &Keyshares) -> Result<Vec<(OperatorId, PublicKey)>, CombineError> {
    let ids = keyshares.operators().ids();
    ids.iter()
        .zip(keyshares.shares_data().share_pubkeys())
        .map(|(id, key)| Ok((*id, lagrange::point(*id, key)?)))
        .collect()
}

/// Operator ids as people write them.
fn list(operators: &[OperatorId]) -> String {
    operators.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
