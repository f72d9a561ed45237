//! Scalars of BLS12-381, between the arithmetic of `bls12_381` and the points of `blst`.
//!
//! What the two have in common are 32 bytes, big endian in messages and keys.

use bls12_381::Scalar;
use blst::min_pk::SecretKey;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Length of the uniform input that is reduced modulo the order; twice the field's width leaves no bias that counts.
const WIDE_BYTES: usize = 64;

/// Draws a uniform scalar other than zero.
pub(super) fn random(rng: &mut dyn CryptoRng) -> Zeroizing<Scalar> {
    loop {
        let mut wide = Zeroizing::new([0; WIDE_BYTES]);
        rng.fill_bytes(wide.as_mut_slice());
        let drawn = Zeroizing::new(Scalar::from_bytes_wide(&wide));
        if *drawn != Scalar::zero() {
            return drawn;
        }
    }
}

/// Reads a big-endian scalar; `None` when it isn't below the order.
pub(super) fn from_be_bytes(bytes: &[u8; 32]) -> Option<Zeroizing<Scalar>> {
    let mut little_endian = Zeroizing::new(*bytes);
    little_endian.reverse();
    Option::from(Scalar::from_bytes(&little_endian)).map(Zeroizing::new)
}

/// Writes a scalar big endian.
pub(super) fn to_be_bytes(scalar: &Scalar) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new(scalar.to_bytes());
    bytes.reverse();
    bytes
}

/// Makes a secret key of a scalar; `None` of zero, which is none.
pub(super) fn to_secret_key(scalar: &Scalar) -> Option<SecretKey> {
    SecretKey::from_bytes(to_be_bytes(scalar).as_slice()).ok()
}
