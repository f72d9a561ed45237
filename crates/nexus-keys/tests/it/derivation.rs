//! BIP-39, EIP-2333 and EIP-2334.

use nexus_keys::{Mnemonic, Seed, SeedTooShort};
use nexus_primitives::{DerivationIndex, U256};
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::fixture::{self, str_at};

fn mnemonic(phrase: &str) -> Mnemonic {
    Mnemonic::from_phrase(Zeroizing::new(phrase.to_owned())).unwrap()
}

fn seed(hex: &str) -> Seed {
    Seed::from_bytes(Zeroizing::new(hex::decode(hex.trim_start_matches("0x")).unwrap())).unwrap()
}

/// Decimal text of a key's scalar, as EIP-2333 prints it.
fn scalar(seed: &Seed, path: &str) -> String {
    let key = seed.derive(&path.parse().unwrap());
    U256::from_be_slice(key.expose_secret().as_slice()).to_string()
}

#[test]
fn keys_match_the_vectors_of_eip_2333() {
    let cases = fixture::json("eip/eip2333-cases.json");
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let seed = seed(str_at(case, "/seed"));
        assert_eq!(scalar(&seed, "m"), str_at(case, "/master_SK"));
        assert_eq!(scalar(&seed, &format!("m/{}", case["child_index"])), str_at(case, "/child_SK"));
    }
}

#[test]
fn mnemonics_grow_the_seed_of_the_bip_39_vectors() {
    // Seeds can't be read back, so the key below each is compared with the key below the vector's own seed.
    let cases = fixture::json("eip/mnemonic.json");
    let cases = cases["english"].as_array().unwrap();
    assert!(cases.len() >= 24, "{} cases", cases.len());
    for case in cases {
        let ours = mnemonic(str_at(case, "/1")).seed("TREZOR").derive_validator(DerivationIndex::new(0));
        assert!(ours.ct_eq(&seed(str_at(case, "/2")).derive_validator(DerivationIndex::new(0))));
    }
}

#[test]
fn validator_keys_are_those_of_the_deposit_tool() {
    let entries = fixture::json("deposit-cli/mainnet/deposit_data.json");
    let phrase = format!("{}about", "abandon ".repeat(11));
    let seed = mnemonic(&phrase).seed("");
    for index in 0..2 {
        let pubkey = seed.derive_validator(DerivationIndex::new(index)).pubkey();
        assert_eq!(hex::encode(pubkey.as_bytes()), str_at(&entries, &format!("/{index}/pubkey")));
    }
}

#[test]
fn a_seed_below_32_bytes_is_refused() {
    assert_eq!(Seed::from_bytes(Zeroizing::new(vec![1; 31])).err(), Some(SeedTooShort(31)));
    assert!(Seed::from_bytes(Zeroizing::new(vec![1; 32])).is_ok());
}

#[test]
fn fresh_mnemonics_have_24_words_and_differ() {
    let mut rng = rand::rng();
    let (first, second) = (Mnemonic::generate(&mut rng), Mnemonic::generate(&mut rng));
    assert_eq!(first.expose_phrase().split(' ').count(), 24);
    assert!(!first.ct_eq(&second));
    assert!(first.ct_eq(&mnemonic(first.expose_phrase())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn derivation_is_a_function_of_seed_and_index(
        bytes in prop::collection::vec(any::<u8>(), 32..80),
        index: u32,
        other: u32,
    ) {
        let seed = Seed::from_bytes(Zeroizing::new(bytes.clone())).unwrap();
        let again = Seed::from_bytes(Zeroizing::new(bytes)).unwrap();
        let key = seed.derive_validator(DerivationIndex::new(index));
        prop_assert!(key.ct_eq(&again.derive_validator(DerivationIndex::new(index))));
        let same = key.ct_eq(&seed.derive_validator(DerivationIndex::new(other)));
        prop_assert_eq!(same, index == other);
    }
}
