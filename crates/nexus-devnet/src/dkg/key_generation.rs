//! One operator's part in making a key: Pedersen's key generation over BLS12-381, without anybody to talk to.
//!
//! Every operator deals a polynomial of its own to all. An operator's share is the sum of what it was dealt, the
//! validator's key that of all constants, which nobody knows or computes.

use std::collections::BTreeMap;

use blst::min_pk::PublicKey;
use nexus_dkg::wire::{Deal, DealBundle, DealResponse, PointBytes, ResponseBundle};
use nexus_primitives::{BlsSignature, OperatorId, OperatorSet, ValidatorPubkey};
use nexus_ssv::ShareSecret;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{
    polynomial::{PublicPolynomial, SecretPolynomial},
    scalar,
    sealed_share::{ExchangeSecret, open, seal, verify_bundle},
};

/// All operators' exchange keys.
pub(super) type ExchangeKeys = BTreeMap<OperatorId, PublicKey>;

/// What an operator keeps to itself during a ceremony.
pub(super) struct KeyGeneration {
    own: OperatorId,
    operators: OperatorSet,
    session_id: [u8; 32],
    secret: ExchangeSecret,
    polynomial: SecretPolynomial,
}

/// What an operator has at the end: a share, and whose.
pub(super) struct KeyShare {
    pub(super) secret: ShareSecret,
    pub(super) validator: ValidatorPubkey,
}

/// Why an operator has no share.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoShare {
    /// Deals of these operators are missing or bad.
    BadDeals(Vec<OperatorId>),
    /// The deals are good and cancel out.
    NoKey,
}

impl KeyGeneration {
    /// Draws the exchange secret and the polynomial.
    pub(super) fn new(
        own: OperatorId,
        operators: OperatorSet,
        session_id: [u8; 32],
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let secret = ExchangeSecret::random(rng);
        let polynomial = SecretPolynomial::random(operators.threshold(), rng);
        Self { own, operators, session_id, secret, polynomial }
    }

    /// Returns the key to which the others seal what they deal.
    pub(super) fn exchange_key(&self) -> PointBytes {
        self.secret.public().compress()
    }

    /// Deals to all others. `cheated` gets a share that doesn't lie on the polynomial.
    pub(super) fn deal(
        &self,
        keys: &ExchangeKeys,
        cheated: Option<OperatorId>,
        rng: &mut dyn CryptoRng,
    ) -> DealBundle {
        let mut deals = Vec::with_capacity(self.operators.len());
        for (recipient, key) in keys.iter().filter(|(id, _)| **id != self.own) {
            let mut share = self.polynomial.value_at(*recipient);
            if cheated == Some(*recipient) {
                *share = share.double();
            }
            deals.push(Deal { share_index: index(*recipient), encrypted_share: seal(&share, key, rng) });
        }
        let mut bundle = DealBundle {
            dealer_index: index(self.own),
            deals,
            session_id: self.session_id,
            signature: BlsSignature::new([0; BlsSignature::LEN]),
            commitments: self.polynomial.commit().encode(),
        };
        bundle.signature = self.secret.sign(&bundle.hash());
        bundle
    }

    /// Adds up what this operator was dealt, every deal checked against its dealer's commitments.
    ///
    /// Official operators leave out a dealer whose bundle is of another session or has too many or too few commitments,
    /// and end with a key that fits nobody else's. Here it is complained about like any other.
    pub(super) fn finish(&self, keys: &ExchangeKeys, bundles: &[DealBundle]) -> Result<KeyShare, NoShare> {
        let mut sum = self.polynomial.value_at(self.own);
        let (mut dealt, mut bad) = (vec![self.polynomial.commit()], Vec::new());
        for (dealer, key) in keys.iter().filter(|(id, _)| **id != self.own) {
            // Anybody can send a bundle in a dealer's name; only the dealer's own has its signature.
            let mut named = bundles.iter().filter(|bundle| bundle.dealer_index == index(*dealer));
            match named.find_map(|bundle| self.open_deal(bundle, key)) {
                Some((share, commitments)) => {
                    *sum = sum.add(&share);
                    dealt.push(commitments);
                }
                None => bad.push(*dealer),
            }
        }
        if !bad.is_empty() {
            return Err(NoShare::BadDeals(bad));
        }
        let commitments = PublicPolynomial::sum(&dealt).ok_or(NoShare::NoKey)?;
        let secret = ShareSecret::from_bytes(&scalar::to_be_bytes(&sum)).map_err(|_| NoShare::NoKey)?;
        Ok(KeyShare { secret, validator: commitments.constant() })
    }

    /// Returns all other operators.
    pub(super) fn others(&self) -> Vec<OperatorId> {
        self.operators.ids().iter().copied().filter(|id| *id != self.own).collect()
    }

    /// Complains about operators' deals. Good ones aren't mentioned, as with official operators.
    pub(super) fn complain(&self, about: &[OperatorId]) -> ResponseBundle {
        let responses =
            about.iter().map(|dealer| DealResponse { dealer_index: index(*dealer), status: false });
        let mut bundle = ResponseBundle {
            share_index: index(self.own),
            responses: responses.collect(),
            session_id: self.session_id,
            signature: BlsSignature::new([0; BlsSignature::LEN]),
        };
        bundle.signature = self.secret.sign(&bundle.hash());
        bundle
    }

    /// Opens what a dealer dealt this operator; `None` when anything is wrong with it.
    fn open_deal(
        &self,
        bundle: &DealBundle,
        dealer: &PublicKey,
    ) -> Option<(Zeroizing<bls12_381::Scalar>, PublicPolynomial)> {
        let commitments = PublicPolynomial::decode(&bundle.commitments)?;
        let is_ours = bundle.session_id == self.session_id
            && commitments.len() == self.operators.threshold().get()
            && verify_bundle(dealer, &bundle.hash(), &bundle.signature);
        let deal =
            bundle.deals.iter().find(|deal| deal.share_index == index(self.own)).filter(|_| is_ours)?;
        let share = open(&deal.encrypted_share, &self.secret)?;
        commitments.has_value(self.own, &share).then_some((share, commitments))
    }
}

/// Returns the number by which the key generation calls an operator: its id minus one.
///
/// # Panics
/// When the id is too large; no ceremony with such an operator is opened.
fn index(operator: OperatorId) -> u32 {
    (operator.get() - 1).try_into().expect("ids were checked when the ceremony was opened")
}

#[cfg(test)]
mod tests;
