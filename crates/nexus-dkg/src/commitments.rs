//! Polynomials over G1: what dealers commit to, and what follows for every share.

use bls12_381::Scalar;
use blst::{
    MultiPoint as _,
    min_pk::{AggregatePublicKey, PublicKey},
};
use nexus_primitives::{OperatorId, ValidatorPubkey};

use crate::wire::PointBytes;

/// Bits of a scalar, as blst's multiplication takes them.
const SCALAR_BITS: usize = 255;

/// The coefficients of a polynomial, each multiplied with the generator, lowest first; none is infinity.
#[derive(Debug, Clone)]
pub(crate) struct Commitments(Vec<PublicKey>);

impl Commitments {
    /// Decodes the points; the error is the position of the first that isn't in its group, or is infinity.
    pub(crate) fn decode(points: &[PointBytes]) -> Result<Self, usize> {
        let points = points.iter().enumerate();
        points
            .map(|(position, point)| PublicKey::key_validate(point).map_err(|_| position))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Adds polynomials of the same degree; `None` when a coefficient of the sum is infinity.
    pub(crate) fn sum(polynomials: &[Self]) -> Option<Self> {
        let degree = polynomials.first()?.0.len();
        (0..degree)
            .map(|power| {
                let coefficients: Vec<_> =
                    polynomials.iter().filter_map(|polynomial| polynomial.0.get(power)).collect();
                let sum = AggregatePublicKey::aggregate(&coefficients, false).ok()?.to_public_key();
                sum.validate().ok()?;
                Some(sum)
            })
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Returns the value at zero: for the sum of all dealers' polynomials, the validator's public key.
    pub(crate) fn constant(&self) -> ValidatorPubkey {
        let constant =
            self.0.first().expect("a polynomial has as many coefficients as the threshold, at least 3");
        ValidatorPubkey::new(constant.compress())
    }

    /// Returns the value at an operator's id: for the sum, the public key of that operator's share.
    pub(crate) fn at(&self, operator: OperatorId) -> ValidatorPubkey {
        let x = Scalar::from(operator.get());
        let powers = std::iter::successors(Some(Scalar::one()), |power| Some(power.mul(&x)));
        let scalars: Vec<u8> = powers.take(self.0.len()).flat_map(|power| power.to_bytes()).collect();
        let value = self.0.as_slice().mult(&scalars, SCALAR_BITS);
        ValidatorPubkey::new(value.to_public_key().compress())
    }
}
