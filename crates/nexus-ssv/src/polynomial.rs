//! The secret polynomial of one split (Shamir's scheme over the scalar field of BLS12-381).

use bls12_381::Scalar;
use nexus_keys::ValidatorKey;
use nexus_primitives::{OperatorId, Threshold};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{ShareSecret, scalar};

/// How often a zero is drawn again before the random source is held to be broken; one zero has a chance of 2^-255.
const ATTEMPTS: usize = 8;

/// `f(x) = key + c1 x + … + c(t-1) x^(t-1)`, constant term first. Overwritten when dropped.
pub(crate) struct Polynomial(Zeroizing<Vec<Scalar>>);

impl Polynomial {
    /// Hides `key` behind `threshold - 1` uniform coefficients, none of them zero.
    ///
    /// A leading coefficient of zero would let fewer operators than the threshold sign. `None` when the random
    /// source yields nothing but zeros.
    pub(crate) fn hiding<R: CryptoRng + ?Sized>(
        key: &ValidatorKey,
        threshold: Threshold,
        rng: &mut R,
    ) -> Option<Self> {
        let constant =
            scalar::from_be_bytes(key.expose_secret()).expect("a validator key is below the order");
        let mut coefficients = Zeroizing::new(Vec::with_capacity(threshold.get()));
        coefficients.push(*constant);
        while coefficients.len() < threshold.get() {
            coefficients.push(*nonzero(rng)?);
        }
        Some(Self(coefficients))
    }

    /// Returns the share of `operator`: the value at its id, the full 64 bits of it.
    ///
    /// `None` when that value is zero, which is no secret key.
    pub(crate) fn share(&self, operator: OperatorId) -> Option<ShareSecret> {
        ShareSecret::from_scalar(&self.evaluate(Scalar::from(operator.get())))
    }

    fn evaluate(&self, x: Scalar) -> Zeroizing<Scalar> {
        let mut value = Zeroizing::new(Scalar::zero());
        for coefficient in self.0.iter().rev() {
            *value = value.mul(&x).add(coefficient);
        }
        value
    }
}

fn nonzero<R: CryptoRng + ?Sized>(rng: &mut R) -> Option<Zeroizing<Scalar>> {
    (0..ATTEMPTS).map(|_| scalar::random(rng)).find(|drawn| !scalar::is_zero(drawn))
}

/// Draws polynomials until none of `operators` gets a zero share; `None` when the random source is broken.
pub(crate) fn draw_shares<R: CryptoRng + ?Sized>(
    key: &ValidatorKey,
    operators: &[OperatorId],
    threshold: Threshold,
    rng: &mut R,
) -> Option<Vec<ShareSecret>> {
    (0..ATTEMPTS).find_map(|_| {
        let polynomial = Polynomial::hiding(key, threshold, rng)?;
        operators.iter().map(|id| polynomial.share(*id)).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, fs};

    use nexus_primitives::{OperatorSet, ValidatorPubkey};
    use rand_core::{TryCryptoRng, TryRng};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Kat {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Case {
        coefficients: Vec<String>,
        master_public_key: ValidatorPubkey,
        shares: Vec<Share>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Share {
        operator_id: OperatorId,
        secret: String,
        public_key: ValidatorPubkey,
    }

    fn bytes(text: &str) -> [u8; 32] {
        hex::decode(&text[2..]).unwrap().try_into().unwrap()
    }

    fn polynomial(coefficients: &[String]) -> Polynomial {
        let scalars = coefficients.iter().map(|text| *scalar::from_be_bytes(&bytes(text)).unwrap());
        Polynomial(Zeroizing::new(scalars.collect()))
    }

    #[test]
    fn fixed_coefficients_give_the_shares_that_herumi_gives() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keyshares/generated/kat-shamir.json");
        let kat: Kat = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(kat.cases.len(), 5);
        for case in kat.cases {
            let polynomial = polynomial(&case.coefficients);
            for share in &case.shares {
                let secret = polynomial.share(share.operator_id).unwrap();
                assert_eq!(secret.pubkey(), share.public_key);
                assert_eq!(secret.to_text().as_str(), share.secret);
            }
            let threshold = case.coefficients.len();
            let commitments: Vec<_> = case.shares.iter().map(|s| (s.operator_id, s.public_key)).collect();
            for subset in commitments.windows(threshold) {
                assert_eq!(crate::combine_pubkeys(subset), Ok(case.master_public_key));
            }
            assert_ne!(crate::combine_pubkeys(&commitments[1..threshold]), Ok(case.master_public_key));
        }
    }

    #[test]
    fn an_id_beyond_32_bits_is_used_in_full() {
        let polynomial = polynomial(&[format!("0x{:064x}", 5), format!("0x{:064x}", 1)]);
        let share = polynomial.share(OperatorId::new(u64::MAX).unwrap()).unwrap();
        assert_eq!(share.to_text().as_str(), format!("0x{:064x}", u128::from(u64::MAX) + 5));
    }

    #[test]
    fn a_share_of_zero_is_no_share() {
        // f(x) = r - 2 + x is zero at x = 2.
        let minus_two = "0x73eda753299d7d483339d80809a1d80553bda402fffe5bfefffffffeffffffff".to_owned();
        let polynomial = polynomial(&[minus_two, format!("0x{:064x}", 1)]);
        assert!(polynomial.share(OperatorId::new(2).unwrap()).is_none());
        assert!(polynomial.share(OperatorId::new(3).unwrap()).is_some());
    }

    /// A random source that repeats the given 64-byte blocks.
    struct Blocks<'a>(std::iter::Cycle<std::slice::Iter<'a, [u8; 64]>>);

    impl TryRng for Blocks<'_> {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("whole blocks are drawn")
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("whole blocks are drawn")
        }
        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
            dst.copy_from_slice(self.0.next().unwrap());
            Ok(())
        }
    }

    impl TryCryptoRng for Blocks<'_> {}

    #[test]
    fn zeros_are_drawn_again_and_a_source_of_zeros_is_given_up() {
        let key = ValidatorKey::from_bytes(&Zeroizing::new([1; 32])).unwrap();
        let set = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
        let draw = |blocks: &[[u8; 64]]| {
            draw_shares(&key, set.ids(), set.threshold(), &mut Blocks(blocks.iter().cycle()))
        };
        assert!(draw(&[[0; 64]]).is_none());
        assert_eq!(draw(&[[0; 64], [7; 64]]).unwrap().len(), 4);
    }
}
