//! The scalar field of BLS12-381, between the bytes of keys and the arithmetic of `bls12_381`.

use bls12_381::Scalar;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Length of the uniform input that is reduced modulo `r`; twice the field's width leaves a bias below 2^-256.
const WIDE_BYTES: usize = 64;

/// Reads a big-endian scalar, as keys are written; `None` when it isn't below the group order.
pub(crate) fn from_be_bytes(bytes: &[u8; 32]) -> Option<Zeroizing<Scalar>> {
    let mut little_endian = Zeroizing::new(*bytes);
    little_endian.reverse();
    Option::from(Scalar::from_bytes(&little_endian)).map(Zeroizing::new)
}

/// Writes a scalar big endian, as keys are written.
pub(crate) fn to_be_bytes(scalar: &Scalar) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new(scalar.to_bytes());
    bytes.reverse();
    bytes
}

/// Draws a uniform scalar of the whole field, zero included.
pub(crate) fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Zeroizing<Scalar> {
    let mut wide = Zeroizing::new([0; WIDE_BYTES]);
    rng.fill_bytes(wide.as_mut_slice());
    Zeroizing::new(Scalar::from_bytes_wide(&wide))
}

/// Tells whether the scalar is zero.
pub(crate) fn is_zero(scalar: &Scalar) -> bool {
    *scalar == Scalar::zero()
}
