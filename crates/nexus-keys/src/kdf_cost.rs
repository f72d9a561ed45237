//! How much a guess at a password costs.

use scrypt::Params;
use zeroize::Zeroizing;

/// Parameters of scrypt (RFC 7914), within bounds that a file from elsewhere can't push a machine over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KdfCost {
    log_n: u8,
    r: u32,
    p: u32,
}

/// Parameters of a key derivation are outside of what this crate computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KdfCostError {
    /// `N` is below 2 or above 2^20.
    #[error("scrypt N is 2^{0}, expected 2^1 to 2^20")]
    LogN(u8),
    /// `N` isn't a power of two, or is out of range.
    #[error("scrypt N is {0}, expected a power of two from 2 to 1048576")]
    N(u64),
    /// `r` or `p` is zero.
    #[error("scrypt r is {r} and p is {p}, expected at least 1")]
    Zero {
        /// Block size.
        r: u32,
        /// Parallelism.
        p: u32,
    },
    /// `128 * N * r` is more than 1 GiB.
    #[error("scrypt with N 2^{log_n} and r {r} needs more than 1 GiB of memory")]
    Memory {
        /// Binary logarithm of `N`.
        log_n: u8,
        /// Block size.
        r: u32,
    },
    /// `128 * N * r * p` is more than 4 GiB: minutes of work.
    #[error("scrypt with N 2^{log_n}, r {r} and p {p} passes over more than 4 GiB")]
    Work {
        /// Binary logarithm of `N`.
        log_n: u8,
        /// Block size.
        r: u32,
        /// Parallelism.
        p: u32,
    },
    /// PBKDF2 with no or more than ten million rounds.
    #[error("pbkdf2 with {0} rounds, expected 1 to 10000000")]
    Rounds(u64),
}

impl KdfCost {
    /// N = 2^17, r = 8, p = 1: 128 MiB and a third of a second, OWASP's recommendation for scrypt.
    pub const STANDARD: Self = Self { log_n: 17, r: 8, p: 1 };

    const MAX_LOG_N: u8 = 20;
    const MAX_MEMORY: u64 = 1 << 30;
    const MAX_WORK: u64 = 1 << 32;

    /// Takes `N = 2^log_n`, block size `r` and parallelism `p`; anything below [`Self::STANDARD`] protects only tests.
    ///
    /// # Errors
    /// `N` above 2^20, more than 1 GiB of memory, or more than 4 GiB passed over in all.
    pub fn new(log_n: u8, r: u32, p: u32) -> Result<Self, KdfCostError> {
        if !(1..=Self::MAX_LOG_N).contains(&log_n) {
            return Err(KdfCostError::LogN(log_n));
        }
        if r == 0 || p == 0 {
            return Err(KdfCostError::Zero { r, p });
        }
        let memory = (128_u64 << log_n).saturating_mul(r.into());
        if memory > Self::MAX_MEMORY {
            return Err(KdfCostError::Memory { log_n, r });
        }
        if memory.saturating_mul(p.into()) > Self::MAX_WORK {
            return Err(KdfCostError::Work { log_n, r, p });
        }
        Ok(Self { log_n, r, p })
    }

    /// Returns the binary logarithm of `N`.
    pub const fn log_n(self) -> u8 {
        self.log_n
    }

    /// Returns the block size.
    pub const fn r(self) -> u32 {
        self.r
    }

    /// Returns the parallelism.
    pub const fn p(self) -> u32 {
        self.p
    }

    /// Stretches `secret` into a key. Takes as much time and memory as the parameters say.
    pub(crate) fn derive_key(self, secret: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
        let params = Params::new(self.log_n, self.r, self.p).expect("narrower bounds were checked in new");
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(secret, salt, &params, key.as_mut_slice()).expect("32 bytes is a length scrypt makes");
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_exact() {
        assert_eq!(KdfCost::new(17, 8, 1), Ok(KdfCost::STANDARD));
        assert!(KdfCost::new(18, 8, 1).is_ok(), "what every keystore uses");
        assert!(KdfCost::new(20, 8, 4).is_ok());
        assert_eq!(KdfCost::new(20, 8, 5), Err(KdfCostError::Work { log_n: 20, r: 8, p: 5 }));
        assert_eq!(KdfCost::new(20, 9, 1), Err(KdfCostError::Memory { log_n: 20, r: 9 }));
        assert_eq!(KdfCost::new(21, 1, 1), Err(KdfCostError::LogN(21)));
        assert_eq!(KdfCost::new(0, 8, 1), Err(KdfCostError::LogN(0)));
        assert_eq!(KdfCost::new(255, 8, 1), Err(KdfCostError::LogN(255)));
        assert_eq!(KdfCost::new(10, 0, 1), Err(KdfCostError::Zero { r: 0, p: 1 }));
        assert!(KdfCost::new(1, u32::MAX, u32::MAX).is_err());
        assert!(KdfCost::new(1, 1, u32::MAX).is_err());
    }

    #[test]
    fn keys_are_those_of_rfc_7914() {
        let key = KdfCost::new(10, 8, 16).unwrap().derive_key(b"password", b"NaCl");
        let expected = "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162";
        assert_eq!(hex::encode(key.as_slice()), expected);
    }
}
