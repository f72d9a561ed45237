//! Splitting with our own code, opened again by the operators.

use nexus_primitives::{OperatorId, OwnerNonce};
use nexus_ssv::{
    ClusterError, CreatedAt, Expectation, KeysharesFile, KeysharesItem, Operator, Registration, ShareSecret,
    SplitError, VerifyError, decrypt_share, recombine, split, verify, verify_decryption,
};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use rand_core::CryptoRng;

use crate::fixtures::{FullOperator, id, operators, private_key, public, validator_key};

const KEY: &str = "0x12f1cf0ecf8086a7e1d84b3b77da48761664e3cdc73f165c644e7f0594f98bdd";

fn registration(nonce: u64) -> Registration {
    let owner = "0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6".parse().unwrap();
    Registration::new(owner, OwnerNonce::new(nonce))
}

fn keys<'o>(
    all: &'o [FullOperator],
    operators: &[Operator],
) -> Vec<(OperatorId, &'o nexus_ssv::OperatorPrivateKey)> {
    operators.iter().map(|operator| (operator.id, private_key(all, operator.id))).collect()
}

#[test]
fn every_cluster_size_splits_verifies_opens_and_recombines() {
    let all = operators();
    let key = validator_key(KEY);
    for (n, threshold) in [(4, 3), (7, 5), (10, 7), (13, 9)] {
        let mut rng = StdRng::seed_from_u64(n as u64);
        let mut operators = public(&all, n);
        operators.shuffle(&mut rng);
        let keyshares = split(&key, &operators, registration(n as u64), &mut rng).unwrap();
        assert!(keyshares.operators().ids().is_sorted());
        let expected = Expectation::none()
            .pubkey(key.pubkey())
            .registration(registration(n as u64))
            .operators(&operators);
        verify(&keyshares, &expected).unwrap();
        verify_decryption(&keyshares, keys(&all, &operators)).unwrap();

        let data = keyshares.shares_data();
        let mut shares: Vec<(OperatorId, ShareSecret)> = keyshares
            .operators()
            .ids()
            .iter()
            .zip(data.encrypted_shares().zip(data.share_pubkeys()))
            .map(|(id, (share, pubkey))| (*id, decrypt_share(private_key(&all, *id), share, pubkey).unwrap()))
            .collect();
        shares.shuffle(&mut rng);
        assert!(recombine(&shares[..threshold]).unwrap().ct_eq(&key));
        assert!(!recombine(&shares[..threshold - 1]).unwrap().ct_eq(&key));
    }
}

#[test]
fn two_splits_of_one_key_share_nothing_but_the_signature() {
    let all = operators();
    let key = validator_key(KEY);
    let mut rng = StdRng::seed_from_u64(1);
    let operators = public(&all, 4);
    let first = split(&key, &operators, registration(0), &mut rng).unwrap();
    let second = split(&key, &operators, registration(0), &mut rng).unwrap();
    assert_eq!(first.shares_data().signature(), second.shares_data().signature());
    for (one, other) in first.shares_data().share_pubkeys().zip(second.shares_data().share_pubkeys()) {
        assert_ne!(one, other);
    }
}

#[test]
fn a_random_source_behind_a_trait_object_serves() {
    let operators = public(&operators(), 4);
    let mut rng = StdRng::seed_from_u64(2);
    let rng: &mut dyn CryptoRng = &mut rng;
    split(&validator_key(KEY), &operators, registration(0), rng).unwrap();
}

#[test]
fn ids_of_more_than_32_bits_are_split_and_recombined() {
    let all = operators();
    let mut operators = public(&all, 4);
    operators[3].id = id(u64::MAX);
    operators[2].id = id(1 << 32);
    let mut rng = StdRng::seed_from_u64(3);
    let keyshares = split(&validator_key(KEY), &operators, registration(0), &mut rng).unwrap();
    verify(&keyshares, &Expectation::none().operators(&operators)).unwrap();
}

#[test]
fn operators_that_are_no_cluster_are_refused() {
    let all = operators();
    let refuse = |operators: &[Operator]| {
        split(&validator_key(KEY), operators, registration(0), &mut StdRng::seed_from_u64(4)).unwrap_err()
    };
    assert_eq!(refuse(&public(&all, 5)).to_string(), "5 operators: a cluster has 4, 7, 10 or 13");
    assert_eq!(refuse(&[]).to_string(), "0 operators: a cluster has 4, 7, 10 or 13");
    let mut twice = public(&all, 4);
    twice[3].id = id(1);
    assert_eq!(refuse(&twice).to_string(), "operator 1 appears twice");
    let mut shared = public(&all, 4);
    shared[3].key = shared[1].key.clone();
    assert_eq!(refuse(&shared), SplitError::Cluster(ClusterError::SharedKey { first: id(2), second: id(4) }));
}

#[test]
fn what_was_expected_and_what_was_found_are_both_named() {
    let all = operators();
    let operators = public(&all, 4);
    let key = validator_key(KEY);
    let mut rng = StdRng::seed_from_u64(5);
    let keyshares = split(&key, &operators, registration(7), &mut rng).unwrap();
    let error = |expectation: &Expectation<'_>| verify(&keyshares, expectation).unwrap_err();

    let other = validator_key(&format!("0x{:064x}", 1)).pubkey();
    assert_eq!(
        error(&Expectation::none().pubkey(other)),
        VerifyError::Pubkey { expected: other, found: key.pubkey() }
    );
    assert_eq!(
        error(&Expectation::none().registration(registration(8))).to_string(),
        "keyshares are for registration 0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6:7, \
         expected 0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6:8"
    );
    assert!(matches!(error(&Expectation::none().operators(&public(&all, 7))), VerifyError::Operators { .. }));

    let mut rotated = operators.clone();
    rotated[2].key = all[9].operator.key.clone();
    let item = KeysharesItem::new(keyshares.clone(), &operators).unwrap();
    assert_eq!(
        item.verify(&Expectation::none().operators(&rotated)),
        Err(VerifyError::OperatorKey { operator: id(3) })
    );
    item.verify(&Expectation::none().operators(&operators)).unwrap();
    assert_eq!(
        verify_decryption(&keyshares, [(id(99), &all[0].private_key)]),
        Err(VerifyError::Stranger(id(99)))
    );
    assert!(KeysharesItem::new(keyshares, &public(&all, 7)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_key_and_registration_survive_the_file(
        scalar in any::<[u8; 31]>().prop_filter("zero is no key", |bytes| *bytes != [0; 31]),
        owner in any::<[u8; 20]>(),
        nonce in any::<u64>(),
        seed in any::<u64>(),
    ) {
        let operators = public(&operators(), 4);
        let key = validator_key(&format!("0x00{}", hex::encode(scalar)));
        let registration = Registration::new(nexus_primitives::Address::new(owner), OwnerNonce::new(nonce));
        let keyshares = split(&key, &operators, registration, &mut StdRng::seed_from_u64(seed)).unwrap();
        let item = KeysharesItem::new(keyshares, &operators).unwrap();
        let created_at: CreatedAt = "2026-11-23T08:58:25.912Z".parse().unwrap();
        let file = KeysharesFile { created_at: Some(created_at), items: vec![item.clone(), item] };
        let read = KeysharesFile::from_json(&file.to_json(created_at)).unwrap();
        prop_assert_eq!(&read, &file);
        for item in &read.items {
            item.verify(&Expectation::none().pubkey(key.pubkey()).registration(registration)).unwrap();
        }
    }
}
