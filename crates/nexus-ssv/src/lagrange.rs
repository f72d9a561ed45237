//! Lagrange interpolation at operator ids: of share secrets, share public keys and partial signatures.
//!
//! A polynomial of degree `t - 1` is fixed by its values at `t` operator ids. Public keys and signatures are the
//! same polynomial "in the exponent", so the same coefficients combine them.

use bls12_381::Scalar;
use blst::{
    MultiPoint as _,
    min_pk::{PublicKey, Signature},
};
use nexus_keys::ValidatorKey;
use nexus_primitives::{BlsSignature, OperatorId, ValidatorPubkey};
use zeroize::Zeroizing;

use crate::{ShareSecret, scalar};

/// Bits of a scalar, as blst's multiplication takes them.
const SCALAR_BITS: usize = 255;

/// Why parts can't be combined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CombineError {
    /// Nothing to combine.
    #[error("no shares to combine")]
    Empty,
    /// The same operator twice.
    #[error("operator {0} appears twice among the shares")]
    Duplicate(OperatorId),
    /// A share's public key isn't a point of G1, or is the point at infinity.
    #[error("operator {operator}: share public key is not a valid G1 point")]
    Pubkey {
        /// Whose share.
        operator: OperatorId,
    },
    /// A partial signature isn't a point of G2, or is the point at infinity.
    #[error("operator {operator}: partial signature is not a valid G2 point")]
    Signature {
        /// Whose signature.
        operator: OperatorId,
    },
    /// The shares combine to zero, which is no key: they don't belong together.
    #[error("the shares combine to zero, which is no key")]
    Zero,
}

/// Recombines shares to the key they were split from.
///
/// At least a threshold of shares is needed; with fewer, or with shares of different splits, the result is another
/// key. **Compare its public key** with the validator's.
pub fn recombine(shares: &[(OperatorId, ShareSecret)]) -> Result<ValidatorKey, CombineError> {
    let coefficients = coefficients(&ids(shares), &Scalar::zero())?;
    let mut sum = Zeroizing::new(Scalar::zero());
    for ((_, share), coefficient) in shares.iter().zip(&coefficients) {
        *sum = sum.add(&share.scalar().mul(coefficient));
    }
    ValidatorKey::from_bytes(&scalar::to_be_bytes(&sum)).map_err(|_| CombineError::Zero)
}

/// Combines a threshold of share public keys to the validator's public key.
pub fn combine_pubkeys(shares: &[(OperatorId, ValidatorPubkey)]) -> Result<ValidatorPubkey, CombineError> {
    let points = shares.iter().map(|(id, key)| Ok((*id, point(*id, key)?))).collect::<Result<Vec<_>, _>>()?;
    interpolate(&points, &Scalar::zero())
}

/// Combines a threshold of partial signatures over one message to the validator's signature.
///
/// The points are checked, the signatures aren't: **verify the result** under the validator's key. When it fails,
/// verify each part under its share's public key to find the operator that signed something else.
pub fn combine_signatures(parts: &[(OperatorId, BlsSignature)]) -> Result<BlsSignature, CombineError> {
    let coefficients = coefficients(&ids(parts), &Scalar::zero())?;
    let points = parts
        .iter()
        .map(|(operator, signature)| {
            Signature::sig_validate(signature.as_bytes(), true)
                .map_err(|_| CombineError::Signature { operator: *operator })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let combined = points.mult(&concat_little_endian(&coefficients), SCALAR_BITS);
    Ok(BlsSignature::new(combined.to_signature().compress()))
}

/// Decodes a share's public key and checks its group.
pub(crate) fn point(operator: OperatorId, key: &ValidatorPubkey) -> Result<PublicKey, CombineError> {
    PublicKey::key_validate(key.as_bytes()).map_err(|_| CombineError::Pubkey { operator })
}

/// Returns the value at `x` of the polynomial through `points`, in G1.
pub(crate) fn interpolate(
    points: &[(OperatorId, PublicKey)],
    x: &Scalar,
) -> Result<ValidatorPubkey, CombineError> {
    let coefficients = coefficients(&ids(points), x)?;
    let points: Vec<_> = points.iter().map(|(_, point)| *point).collect();
    let combined = points.mult(&concat_little_endian(&coefficients), SCALAR_BITS);
    Ok(ValidatorPubkey::new(combined.to_public_key().compress()))
}

/// Returns `Π (x - x_j) / (x_i - x_j)` over `j ≠ i`, for each `i`. All of it is public.
fn coefficients(ids: &[OperatorId], x: &Scalar) -> Result<Vec<Scalar>, CombineError> {
    if ids.is_empty() {
        return Err(CombineError::Empty);
    }
    ids.iter().map(|id| coefficient(*id, ids, x)).collect()
}

fn coefficient(id: OperatorId, ids: &[OperatorId], x: &Scalar) -> Result<Scalar, CombineError> {
    if ids.iter().filter(|other| **other == id).count() > 1 {
        return Err(CombineError::Duplicate(id));
    }
    let own = Scalar::from(id.get());
    let (mut numerator, mut denominator) = (Scalar::one(), Scalar::one());
    for other in ids.iter().filter(|other| **other != id) {
        let other = Scalar::from(other.get());
        numerator = numerator.mul(&x.sub(&other));
        denominator = denominator.mul(&own.sub(&other));
    }
    let inverse = denominator.invert().expect("ids are unique and below the order, so no difference is zero");
    Ok(numerator.mul(&inverse))
}

fn ids<T>(parts: &[(OperatorId, T)]) -> Vec<OperatorId> {
    parts.iter().map(|(id, _)| *id).collect()
}

fn concat_little_endian(scalars: &[Scalar]) -> Vec<u8> {
    scalars.iter().flat_map(Scalar::to_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u64) -> OperatorId {
        OperatorId::new(id).unwrap()
    }

    fn share(value: u64) -> ShareSecret {
        ShareSecret::from_scalar(&Scalar::from(value)).unwrap()
    }

    #[test]
    fn shares_of_a_line_recombine_to_its_value_at_zero() {
        // f(x) = 7 + 3x
        let key = recombine(&[(id(2), share(13)), (id(5), share(22))]).unwrap();
        assert_eq!(key.pubkey(), share(7).pubkey());
    }

    #[test]
    fn sets_that_fix_no_polynomial_are_refused() {
        assert_eq!(recombine(&[]).err(), Some(CombineError::Empty));
        assert_eq!(combine_signatures(&[]), Err(CombineError::Empty));
        assert_eq!(combine_pubkeys(&[]), Err(CombineError::Empty));
        let twice = [(id(2), share(13)), (id(2), share(22))];
        assert_eq!(recombine(&twice).err(), Some(CombineError::Duplicate(id(2))));
        // f(x) = 3x
        let zero = [(id(1), share(3)), (id(2), share(6))];
        assert_eq!(recombine(&zero).err(), Some(CombineError::Zero));
    }

    #[test]
    fn points_outside_their_group_name_the_operator() {
        let infinity = |len: usize| [&[0xc0][..], &vec![0; len - 1]].concat();
        let pubkey = ValidatorPubkey::from_slice(&infinity(48)).unwrap();
        assert_eq!(combine_pubkeys(&[(id(9), pubkey)]), Err(CombineError::Pubkey { operator: id(9) }));
        let signature = BlsSignature::from_slice(&infinity(96)).unwrap();
        assert_eq!(
            combine_signatures(&[(id(9), signature)]),
            Err(CombineError::Signature { operator: id(9) })
        );
    }
}
