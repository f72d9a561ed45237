//! The byte string that SSV's contract takes as `sharesData`.
//!
//! ```text
//! 0         96       signature over owner:nonce
//! 96        48 n     share public keys, in the order of the operator ids
//! 96 + 48n  256 n    RSA ciphertexts, same order
//! ```

use std::fmt;

use nexus_primitives::{BlsSignature, OperatorSet, ValidatorPubkey};

/// A share encrypted to its operator: 256 bytes, RSA-2048 with PKCS#1 v1.5 padding.
///
/// Encryption is randomised: the same share gives another ciphertext each time, so they can't be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncryptedShare([u8; EncryptedShare::LEN]);

/// Signature, share public keys and encrypted shares of one validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharesData {
    signature: BlsSignature,
    shares: Vec<(ValidatorPubkey, EncryptedShare)>,
}

/// Why a byte string isn't the shares of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharesDataError {
    /// Not `96 + 304 n` bytes. SSV's nodes demand this exact length.
    #[error("shares data of {operators} operators must have {expected} bytes, these have {got}")]
    Length {
        /// Number of operators, `n`.
        operators: usize,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        got: usize,
    },
}

impl EncryptedShare {
    /// Length in bytes: that of a 2048-bit modulus.
    pub const LEN: usize = 256;

    /// Takes the bytes as they are; only the operator's key can tell what they hold.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for EncryptedShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl SharesData {
    /// Puts the parts together, shares in ascending order of their operators' ids.
    pub fn new(signature: BlsSignature, shares: Vec<(ValidatorPubkey, EncryptedShare)>) -> Self {
        Self { signature, shares }
    }

    /// Returns the encoded length for `operators` operators: `96 + 304 n` bytes.
    pub const fn encoded_len(operators: usize) -> usize {
        let share = ValidatorPubkey::LEN.saturating_add(EncryptedShare::LEN);
        operators.saturating_mul(share).saturating_add(BlsSignature::LEN)
    }

    /// Splits the byte string; its length must be exactly that of the cluster's size.
    pub fn decode(bytes: &[u8], operators: &OperatorSet) -> Result<Self, SharesDataError> {
        let wrong = SharesDataError::Length {
            operators: operators.len(),
            expected: Self::encoded_len(operators.len()),
            got: bytes.len(),
        };
        if bytes.len() != Self::encoded_len(operators.len()) {
            return Err(wrong);
        }
        let (signature, rest) = bytes.split_first_chunk().ok_or(wrong)?;
        let (pubkeys, ciphertexts) =
            rest.split_at_checked(operators.len().saturating_mul(ValidatorPubkey::LEN)).ok_or(wrong)?;
        let (pubkeys, _) = pubkeys.as_chunks();
        let (ciphertexts, _) = ciphertexts.as_chunks();
        let shares = pubkeys.iter().zip(ciphertexts);
        Ok(Self {
            signature: BlsSignature::new(*signature),
            shares: shares
                .map(|(key, cipher)| (ValidatorPubkey::new(*key), EncryptedShare(*cipher)))
                .collect(),
        })
    }

    /// Returns the byte string.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::encoded_len(self.shares.len()));
        bytes.extend_from_slice(self.signature.as_bytes());
        bytes.extend(self.share_pubkeys().flat_map(|key| *key.as_bytes()));
        bytes.extend(self.encrypted_shares().flat_map(|share| *share.as_bytes()));
        bytes
    }

    /// Returns the validator's signature over `owner:nonce`.
    pub fn signature(&self) -> &BlsSignature {
        &self.signature
    }

    /// Returns the number of shares, `n`.
    pub fn share_count(&self) -> usize {
        self.shares.len()
    }

    /// Returns the shares' public keys, in the order of the operator ids.
    pub fn share_pubkeys(&self) -> impl ExactSizeIterator<Item = &ValidatorPubkey> {
        self.shares.iter().map(|(key, _)| key)
    }

    /// Returns the encrypted shares, in the order of the operator ids.
    pub fn encrypted_shares(&self) -> impl ExactSizeIterator<Item = &EncryptedShare> {
        self.shares.iter().map(|(_, share)| share)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(n: usize) -> OperatorSet {
        OperatorSet::try_from((1..=n as u64).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn lengths_are_those_that_nodes_demand() {
        let lengths = OperatorSet::SIZES.map(SharesData::encoded_len);
        assert_eq!(lengths, [1312, 2224, 3136, 4048]);
    }

    proptest! {
        #[test]
        fn bytes_of_the_right_length_round_trip(
            n in prop::sample::select(OperatorSet::SIZES.to_vec()),
            seed in prop::collection::vec(any::<u8>(), 4048),
        ) {
            let bytes = &seed[..SharesData::encoded_len(n)];
            let data = SharesData::decode(bytes, &set(n)).unwrap();
            prop_assert_eq!(data.share_count(), n);
            prop_assert_eq!(data.encode(), bytes);
        }

        #[test]
        fn any_other_length_is_refused(got in 0..5000_usize) {
            prop_assume!(got != 2224);
            let wrong = SharesDataError::Length { operators: 7, expected: 2224, got };
            prop_assert_eq!(SharesData::decode(&vec![0; got], &set(7)), Err(wrong));
        }
    }
}
