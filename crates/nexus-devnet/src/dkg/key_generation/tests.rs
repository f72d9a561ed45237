use std::fs;

use nexus_dkg::wire::{KyberMessage, MultipleSignedTransports, Ssz as _};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use super::*;

/// A ceremony of three real operators and one written from the protocol's description, with what that one kept to
/// itself (fixtures/dkg/README.md).
fn transcript() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/dkg/live-v3.1.0/transcript-4ops-one-reimplemented.json"
    );
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn id(id: u64) -> OperatorId {
    OperatorId::new(id).unwrap()
}

fn scalar_of(value: &Value) -> Zeroizing<bls12_381::Scalar> {
    scalar::from_be_bytes(&bytes(value)).unwrap()
}

/// Operator 44 of the transcript, with all deals and exchange keys.
struct Recorded {
    transcript: Value,
    generation: KeyGeneration,
    keys: ExchangeKeys,
    bundles: Vec<DealBundle>,
}

impl Recorded {
    fn new() -> Self {
        let transcript = transcript();
        let internal = &transcript["operator44_internal"];
        let coefficients = internal["poly_coefficients"].as_array().unwrap();
        let mut keys = ExchangeKeys::new();
        keys.insert(id(44), PublicKey::key_validate(&bytes::<48>(&internal["longterm_public"])).unwrap());
        for deal in internal["received_deals"].as_array().unwrap() {
            let key = PublicKey::key_validate(&bytes::<48>(&deal["dealer_exchange_public"])).unwrap();
            keys.insert(id(deal["dealer_operator_id"].as_u64().unwrap()), key);
        }
        let generation = KeyGeneration {
            own: id(44),
            operators: OperatorSet::new([11, 22, 33, 44].map(id)).unwrap(),
            session_id: bytes(&internal["session_id"]),
            secret: ExchangeSecret::from_bytes(&bytes::<32>(&internal["longterm_secret"])),
            polynomial: SecretPolynomial::from_coefficients(
                coefficients.iter().map(|coefficient| *scalar_of(coefficient)).collect(),
            ),
        };
        let request = hex::decode(transcript["deal_request"].as_str().unwrap()).unwrap();
        let bundles =
            MultipleSignedTransports::decode(&request).unwrap().messages.into_iter().map(|signed| {
                DealBundle::from_json(&KyberMessage::decode(&signed.message.data).unwrap().data).unwrap()
            });
        let bundles = bundles.collect();
        Self { transcript, generation, keys, bundles }
    }

    fn internal(&self) -> &Value {
        &self.transcript["operator44_internal"]
    }

    fn dealt_by(&self, dealer: u64) -> &DealBundle {
        self.bundles.iter().find(|bundle| bundle.dealer_index == index(id(dealer))).unwrap()
    }

    /// What the operator complains about when one bundle is changed.
    fn complaint(&self, dealer: u64, change: impl FnOnce(&mut DealBundle)) -> Vec<u32> {
        let mut bundles = self.bundles.clone();
        change(bundles.iter_mut().find(|bundle| bundle.dealer_index == index(id(dealer))).unwrap());
        match self.generation.finish(&self.keys, &bundles) {
            Err(NoShare::BadDeals(dealers)) => {
                let bundle = self.generation.complain(&dealers);
                assert!(verify_bundle(&self.keys[&id(44)], &bundle.hash(), &bundle.signature));
                assert_eq!((bundle.share_index, bundle.session_id), (43, self.generation.session_id));
                assert!(bundle.responses.iter().all(|response| !response.status));
                bundle.responses.iter().map(|response| response.dealer_index).collect()
            }
            _ => panic!("no complaint"),
        }
    }
}

#[test]
fn real_operators_deals_open_to_the_recorded_shares() {
    let recorded = Recorded::new();
    for deal in recorded.internal()["received_deals"].as_array().unwrap() {
        let share = open(&bytes(&deal["ecies_ciphertext_hex"]), &recorded.generation.secret).unwrap();
        assert_eq!(share, scalar_of(&deal["ecies_plaintext_share_hex"]));
        let bundle = DealBundle::from_json(deal["kyber_json"].as_str().unwrap().as_bytes()).unwrap();
        let points: Vec<PointBytes> = deal["commitments"].as_array().unwrap().iter().map(bytes).collect();
        assert_eq!(bundle.commitments, points);
        assert!(PublicPolynomial::decode(&points).unwrap().has_value(id(44), &share));
    }
}

#[test]
fn bundles_hash_and_sign_as_real_operators_do() {
    let recorded = Recorded::new();
    for deal in recorded.internal()["received_deals"].as_array().unwrap() {
        let dealer = deal["dealer_operator_id"].as_u64().unwrap();
        let (hash, signature) =
            (bytes(&deal["bundle_hash_hex"]), BlsSignature::new(bytes(&deal["bundle_signature_hex"])));
        assert_eq!(recorded.dealt_by(dealer).hash(), hash);
        assert!(verify_bundle(&recorded.keys[&id(dealer)], &hash, &signature));
    }
    // One's own signature is the same again: there is nothing random in it.
    let own = recorded.dealt_by(44);
    assert_eq!(recorded.generation.secret.sign(&own.hash()), own.signature);
    assert_eq!(recorded.generation.exchange_key(), bytes(&recorded.internal()["longterm_public"]));
}

#[test]
fn the_recorded_share_comes_out() {
    let recorded = Recorded::new();
    let instance = nexus_dkg::InstanceId::new(bytes(&recorded.transcript["instance_id"]));
    assert_eq!(instance.session_id(), recorded.generation.session_id);

    let Ok(share) = recorded.generation.finish(&recorded.keys, &recorded.bundles) else {
        panic!("the recorded deals are good")
    };
    assert_eq!(**share.secret.expose_secret(), bytes(&recorded.internal()["final_share"]));
    assert_eq!(*share.validator.as_bytes(), bytes(&recorded.internal()["validator_pubkey"]));

    let polynomials: Vec<_> = recorded
        .bundles
        .iter()
        .map(|bundle| PublicPolynomial::decode(&bundle.commitments).unwrap())
        .collect();
    let sum = PublicPolynomial::sum(&polynomials).unwrap().encode();
    let expected = recorded.internal()["final_commitments"].as_array().unwrap();
    assert_eq!(sum, expected.iter().map(bytes).collect::<Vec<PointBytes>>());
}

#[test]
fn what_is_dealt_again_has_the_recorded_commitments_and_shares() {
    let recorded = Recorded::new();
    let (own, rng) = (recorded.dealt_by(44), &mut StdRng::seed_from_u64(1));
    let again = recorded.generation.deal(&recorded.keys, None, rng);
    assert_eq!((&again.commitments, again.session_id), (&own.commitments, own.session_id));
    let recipients =
        |bundle: &DealBundle| bundle.deals.iter().map(|deal| deal.share_index).collect::<Vec<_>>();
    assert_eq!(recipients(&again), recipients(own));
    assert!(verify_bundle(&recorded.keys[&id(44)], &again.hash(), &again.signature));
}

#[test]
fn every_flaw_of_a_deal_is_complained_about() {
    let recorded = Recorded::new();
    let resign = |bundle: &mut DealBundle| bundle.signature = recorded.generation.secret.sign(&bundle.hash());
    assert_eq!(recorded.complaint(22, |bundle| bundle.dealer_index = 98), [21]);
    assert_eq!(recorded.complaint(22, |bundle| bundle.deals.truncate(2)), [21]);
    assert_eq!(recorded.complaint(22, |bundle| bundle.deals[2].encrypted_share[60] ^= 1), [21]);
    assert_eq!(recorded.complaint(22, |bundle| bundle.session_id[0] ^= 1), [21]);
    assert_eq!(recorded.complaint(22, |bundle| bundle.commitments.truncate(2)), [21]);
    assert_eq!(recorded.complaint(22, |bundle| bundle.commitments[0] = [0; 48]), [21]);
    // Signed, but not by its dealer.
    assert_eq!(recorded.complaint(22, resign), [21]);
    // Beside the dealer's own, such a bundle does no harm.
    let mut bundles = recorded.bundles.clone();
    bundles.insert(0, recorded.dealt_by(22).clone());
    resign(&mut bundles[0]);
    assert!(recorded.generation.finish(&recorded.keys, &bundles).is_ok());
    assert_eq!(recorded.generation.others(), [11, 22, 33].map(id));
}

/// Four operators that have exchanged their keys.
fn four(seed: u64) -> (Vec<KeyGeneration>, ExchangeKeys, StdRng) {
    let mut rng = StdRng::seed_from_u64(seed);
    let set = OperatorSet::new([1, 2, 3, 4].map(id)).unwrap();
    let new = |own: &OperatorId| KeyGeneration::new(*own, set.clone(), [7; 32], &mut rng);
    let all: Vec<_> = set.ids().iter().map(new).collect();
    let keys = all.iter().map(|one| (one.own, one.secret.public())).collect();
    (all, keys, rng)
}

#[test]
fn a_wrong_share_is_complained_about_by_its_recipient_alone() {
    let (all, keys, mut rng) = four(1);
    let bundles: Vec<_> =
        all.iter().map(|one| one.deal(&keys, (one.own == id(4)).then(|| id(1)), &mut rng)).collect();
    let outcomes: Vec<_> =
        all.iter().map(|one| one.finish(&keys, &bundles).map(|share| share.validator)).collect();
    assert_eq!(outcomes[0], Err(NoShare::BadDeals(vec![id(4)])));
    assert!(outcomes[1].is_ok() && outcomes[1..].iter().all(|outcome| *outcome == outcomes[1]));
}

#[test]
fn any_threshold_of_shares_is_the_key_that_all_agree_on() {
    let (all, keys, mut rng) = four(2);
    let bundles: Vec<_> = all.iter().map(|one| one.deal(&keys, None, &mut rng)).collect();
    let share = |one: &KeyGeneration| one.finish(&keys, &bundles).ok().unwrap();
    let validator = share(&all[0]).validator;
    for absent in 0..all.len() {
        let present = all.iter().enumerate().filter(|(at, _)| *at != absent);
        let shares: Vec<_> = present.map(|(_, one)| (one.own, share(one).secret)).collect();
        assert_eq!(nexus_ssv::recombine(&shares).unwrap().pubkey(), validator);
    }
}
