//! The polynomials of a key generation: a dealer's secret one, and what it publishes of it (Feldman's scheme).

use bls12_381::Scalar;
use blst::{
    MultiPoint as _,
    min_pk::{AggregatePublicKey, PublicKey},
};
use nexus_dkg::wire::PointBytes;
use nexus_primitives::{OperatorId, Threshold, ValidatorPubkey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::scalar;

/// Bits of a scalar, as blst's multiplication takes them.
const SCALAR_BITS: usize = 255;

/// A dealer's secret: random coefficients, lowest first, as many as the threshold. Overwritten when dropped.
pub(super) struct SecretPolynomial(Zeroizing<Vec<Scalar>>);

/// A polynomial over G1: the coefficients of a secret one, each multiplied with the generator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicPolynomial(Vec<PublicKey>);

impl SecretPolynomial {
    /// Draws all coefficients.
    pub(super) fn random(threshold: Threshold, rng: &mut dyn CryptoRng) -> Self {
        let mut coefficients = Zeroizing::new(Vec::with_capacity(threshold.get()));
        while coefficients.len() < threshold.get() {
            coefficients.push(*scalar::random(rng));
        }
        Self(coefficients)
    }

    /// Returns the value at an operator's id: what this dealer gives to that operator.
    pub(super) fn value_at(&self, operator: OperatorId) -> Zeroizing<Scalar> {
        let x = Scalar::from(operator.get());
        let mut value = Zeroizing::new(Scalar::zero());
        for coefficient in self.0.iter().rev() {
            *value = value.mul(&x).add(coefficient);
        }
        value
    }

    /// Commits to the coefficients.
    pub(super) fn commit(&self) -> PublicPolynomial {
        let points = self.0.iter().map(|coefficient| {
            scalar::to_secret_key(coefficient).expect("no coefficient is zero").sk_to_pk()
        });
        PublicPolynomial(points.collect())
    }

    #[cfg(test)]
    pub(super) fn from_coefficients(coefficients: Vec<Scalar>) -> Self {
        Self(Zeroizing::new(coefficients))
    }
}

impl PublicPolynomial {
    /// Decodes the points; `None` when one isn't in its group, or is infinity.
    pub(super) fn decode(points: &[PointBytes]) -> Option<Self> {
        points.iter().map(|point| PublicKey::key_validate(point).ok()).collect::<Option<_>>().map(Self)
    }

    /// Encodes the points.
    pub(super) fn encode(&self) -> Vec<PointBytes> {
        self.0.iter().map(PublicKey::compress).collect()
    }

    /// Returns how many coefficients it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds polynomials of one degree; `None` when there are none, or when they cancel out.
    pub(super) fn sum(polynomials: &[Self]) -> Option<Self> {
        let coefficient = |power| {
            let points: Vec<_> =
                polynomials.iter().filter_map(|polynomial| polynomial.0.get(power)).collect();
            let sum = AggregatePublicKey::aggregate(&points, false).ok()?.to_public_key();
            sum.validate().ok().map(|()| sum)
        };
        (0..polynomials.first()?.len()).map(coefficient).collect::<Option<_>>().map(Self)
    }

    /// Says whether `value` is the secret polynomial's value at the operator's id.
    pub(super) fn has_value(&self, operator: OperatorId, value: &Scalar) -> bool {
        let x = Scalar::from(operator.get());
        let powers = std::iter::successors(Some(Scalar::one()), |power| Some(power.mul(&x)));
        let powers: Vec<u8> = powers.take(self.len()).flat_map(|power| power.to_bytes()).collect();
        let expected = self.0.as_slice().mult(&powers, SCALAR_BITS).to_public_key();
        scalar::to_secret_key(value).is_some_and(|value| value.sk_to_pk() == expected)
    }

    /// Returns the value at zero: of the sum of all dealers' polynomials, the validator's public key.
    pub(super) fn constant(&self) -> ValidatorPubkey {
        let constant = self.0.first().expect("a polynomial has as many coefficients as the threshold");
        ValidatorPubkey::new(constant.compress())
    }
}

#[cfg(test)]
mod tests {
    use nexus_primitives::OperatorSet;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn ids() -> Vec<OperatorId> {
        [1, 2, 70, 4_000_000_000].map(|id| OperatorId::new(id).unwrap()).to_vec()
    }

    #[test]
    fn commitments_tell_right_shares_from_wrong_ones() {
        let threshold = OperatorSet::new(ids()).unwrap().threshold();
        let polynomial = SecretPolynomial::random(threshold, &mut StdRng::seed_from_u64(1));
        let public = PublicPolynomial::decode(&polynomial.commit().encode()).unwrap();
        for id in ids() {
            let mut value = polynomial.value_at(id);
            assert!(public.has_value(id, &value));
            *value = value.add(&Scalar::one());
            assert!(!public.has_value(id, &value));
        }
    }

    #[test]
    fn points_outside_the_group_and_sums_at_infinity_are_refused() {
        let mut point = [0; 48];
        assert_eq!(PublicPolynomial::decode(&[point]), None);
        point[0] = 0xc0;
        assert_eq!(PublicPolynomial::decode(&[point]), None);

        let mut opposite = scalar::to_secret_key(&Scalar::one()).unwrap().sk_to_pk().compress();
        let one = PublicPolynomial::decode(&[opposite]).unwrap();
        opposite[0] ^= 0x20;
        let minus_one = PublicPolynomial::decode(&[opposite]).unwrap();
        assert_eq!(PublicPolynomial::sum(&[one, minus_one]), None);
        assert_eq!(PublicPolynomial::sum(&[]), None);
    }
}
