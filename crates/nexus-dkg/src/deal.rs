//! What a dealer sends, and whether it can be what it claims.

use blst::{
    BLST_ERROR,
    min_pk::{PublicKey, Signature},
};
use nexus_primitives::OperatorId;

use crate::{commitments::Commitments, wire::DealBundle};

/// Domain separation tag under which dealers sign: not Ethereum's, which ends in `POP_`.
const BUNDLE_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";

/// What is wrong with a dealer's bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DealFault {
    /// The bundle names another dealer.
    #[error("dealer index is {got}, expected {expected}")]
    Dealer {
        /// The operator's id minus one.
        expected: u64,
        /// The index found.
        got: u32,
    },
    /// The bundle is for another ceremony.
    #[error("session id is another ceremony's")]
    Session,
    /// The polynomial has another degree than all dealers' must have.
    #[error("expected {expected} commitments, got {got}")]
    CommitmentCount {
        /// The threshold.
        expected: usize,
        /// Commitments found.
        got: usize,
    },
    /// A commitment isn't a point of its group, or is infinity.
    #[error("commitment {position} is not a valid G1 point")]
    Commitment {
        /// Which one, from zero.
        position: usize,
    },
    /// The encrypted shares aren't one for each of the others, ascending.
    #[error("encrypted shares are not one for each of the other operators in ascending order")]
    Recipients,
    /// An encrypted share doesn't start with a point, so its recipient can't open it.
    #[error("encrypted share for operator {recipient} does not start with a valid G1 point")]
    EphemeralKey {
        /// Whose share.
        recipient: u64,
    },
    /// The signature isn't by the dealer's exchange key.
    #[error("bundle signature does not verify under the operator's exchange key")]
    Signature,
}

/// What a dealer's bundle is checked against.
pub(crate) struct Dealing<'a> {
    pub(crate) dealer: OperatorId,
    pub(crate) exchange_key: &'a PublicKey,
    pub(crate) operators: &'a [OperatorId],
    pub(crate) threshold: usize,
    pub(crate) session_id: [u8; 32],
}

impl Dealing<'_> {
    /// Checks everything that can be without opening a share. What a share holds, only its recipient can tell; it
    /// complains when that doesn't fit the commitments.
    pub(crate) fn check(&self, bundle: &DealBundle) -> Result<Commitments, DealFault> {
        let expected = index(self.dealer);
        if u64::from(bundle.dealer_index) != expected {
            return Err(DealFault::Dealer { expected, got: bundle.dealer_index });
        }
        if bundle.session_id != self.session_id {
            return Err(DealFault::Session);
        }
        let got = bundle.commitments.len();
        if got != self.threshold {
            return Err(DealFault::CommitmentCount { expected: self.threshold, got });
        }
        let others = self.operators.iter().filter(|id| **id != self.dealer).map(|id| index(*id));
        if !others.eq(bundle.deals.iter().map(|deal| u64::from(deal.share_index))) {
            return Err(DealFault::Recipients);
        }
        let commitments = Commitments::decode(&bundle.commitments)
            .map_err(|position| DealFault::Commitment { position })?;
        for deal in &bundle.deals {
            let (ephemeral, _) = deal.encrypted_share.split_at(48);
            PublicKey::key_validate(ephemeral).map_err(|_| DealFault::EphemeralKey {
                recipient: u64::from(deal.share_index).saturating_add(1),
            })?;
        }
        self.check_signature(bundle)?;
        Ok(commitments)
    }

    fn check_signature(&self, bundle: &DealBundle) -> Result<(), DealFault> {
        let signature =
            Signature::from_bytes(bundle.signature.as_bytes()).map_err(|_| DealFault::Signature)?;
        match signature.verify(true, &bundle.hash(), BUNDLE_DST, &[], self.exchange_key, false) {
            BLST_ERROR::BLST_SUCCESS => Ok(()),
            _ => Err(DealFault::Signature),
        }
    }
}

/// Returns the number by which the key generation calls an operator: its id minus one.
pub(crate) fn index(operator: OperatorId) -> u64 {
    operator.get().saturating_sub(1)
}
