//! Damage anywhere is noticed: by everyone where it can be, by the operator whose ciphertext it is otherwise.

use nexus_primitives::{OperatorSet, OwnerNonce};
use nexus_ssv::{
    CombineError, EncryptedShare, Expectation, Keyshares, KeysharesFile, OperatorPrivateKey, Registration,
    SharesData, VerifyError, verify, verify_decryption,
};
use proptest::prelude::*;

use crate::fixtures::{FullOperator, id, keyshares_file, operators, text, validator_key};

const FILE: &str = "generated/keyshares-v1.2.0-4ops.json";
/// Signature and share public keys of four operators; ciphertexts follow.
const PUBLIC_PART: usize = 96 + 4 * 48;

fn with_bytes(original: &Keyshares, bytes: &[u8]) -> Keyshares {
    let operators = original.operators().clone();
    Keyshares::decode(original.pubkey(), operators, bytes, original.registration()).unwrap()
}

fn keys(all: &[FullOperator]) -> impl Iterator<Item = (nexus_primitives::OperatorId, &OperatorPrivateKey)> {
    all[..4].iter().map(|full| (full.operator.id, &full.private_key))
}

#[test]
fn a_flipped_bit_in_any_byte_of_signature_or_share_public_keys_is_refused() {
    let file = keyshares_file(FILE);
    let original = file.items[0].keyshares();
    let bytes = original.shares_data().encode();
    for position in 0..PUBLIC_PART {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << (position % 8);
        let verified = verify(&with_bytes(original, &damaged), &Expectation::none());
        assert!(verified.is_err(), "byte {position}");
    }
}

#[test]
fn nobody_but_the_operator_notices_a_damaged_ciphertext_and_the_operator_does() {
    let all = operators();
    let file = keyshares_file(FILE);
    let original = file.items[0].keyshares();
    let bytes = original.shares_data().encode();
    for position in (PUBLIC_PART..bytes.len()).step_by(17) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << (position % 8);
        let damaged = with_bytes(original, &damaged);
        let owner = (position - PUBLIC_PART) / EncryptedShare::LEN;
        verify(&damaged, &Expectation::none()).unwrap();
        let opened = verify_decryption(&damaged, [(all[owner].operator.id, &all[owner].private_key)]);
        assert!(matches!(opened, Err(VerifyError::Decrypt { .. })), "byte {position}");
        let others = keys(&all).filter(|(id, _)| *id != all[owner].operator.id);
        verify_decryption(&damaged, others).unwrap();
    }
}

#[test]
fn a_share_encrypted_to_another_operator_is_noticed() {
    let all = operators();
    let file = keyshares_file(FILE);
    let original = file.items[0].keyshares();
    let shifted = [(all[0].operator.id, &all[1].private_key)];
    assert!(matches!(verify_decryption(original, shifted), Err(VerifyError::Decrypt { .. })));
}

/// What a reader with the operators' keys says about a file.
fn accepted(text: &[u8], all: &[FullOperator]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    let Ok(file) = KeysharesFile::from_json(text) else { return false };
    file.items.len() == 1
        && file.items.iter().all(|item| {
            item.verify(&Expectation::none()).is_ok() && item.verify_decryption(keys(all)).is_ok()
        })
}

#[test]
fn an_intact_file_is_accepted() {
    assert!(accepted(text(FILE).as_bytes(), &operators()));
}

#[test]
fn without_private_keys_another_operator_key_is_noticed_by_who_knows_the_operators() {
    let all = operators();
    let known: Vec<_> = all[..4].iter().map(|full| full.operator.clone()).collect();
    let swapped = text(FILE).replace(&all[1].key_text, &all[7].key_text);
    let file = KeysharesFile::from_json(&swapped).unwrap();
    let error = Err(VerifyError::OperatorKey { operator: id(2) });
    assert_eq!(file.items[0].verify(&Expectation::none()), Ok(()));
    assert_eq!(file.items[0].verify(&Expectation::none().operators(&known)), error);
    assert_eq!(file.items[0].verify_decryption(keys(&all)), error);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_flipped_bit_anywhere_in_the_shares_of_a_file_is_refused(
        position in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let all = operators_once();
        let mut file = text(FILE).into_bytes();
        let start = str::from_utf8(&file).unwrap().find("\"shares\"").unwrap();
        let end = file.iter().rposition(|byte| *byte == b'}').unwrap();
        let position = start + position.index(end + 1 - start);
        file[position] ^= 1 << bit;
        prop_assert!(!accepted(&file, all), "bit {bit} of byte {position}");
    }

    #[test]
    fn another_byte_in_the_values_of_a_file_is_refused(
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let all = operators_once();
        let mut file = text(FILE).into_bytes();
        let content = str::from_utf8(&file).unwrap();
        let values: Vec<usize> = ["\"ownerAddress\": \"", "\"publicKey\": \"", "\"sharesData\": \""]
            .iter()
            .flat_map(|field| {
                let start = content.rfind(field).unwrap() + field.len();
                start..start + content[start..].find('"').unwrap()
            })
            .collect();
        let position = values[position.index(values.len())];
        prop_assume!(file[position] != byte);
        file[position] = byte;
        prop_assert!(!accepted(&file, all), "byte {byte:#x} at {position}");
    }

    #[test]
    fn bytes_of_any_kind_never_panic_the_reader(text in "\\PC{0,200}", bytes in any::<Vec<u8>>()) {
        let _ = KeysharesFile::from_json(&text);
        let set = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
        prop_assert_eq!(SharesData::decode(&bytes, &set).is_ok(), bytes.len() == 1312);
        let _ = nexus_ssv::OperatorPublicKey::from_event_bytes(&bytes);
        let _ = text.parse::<nexus_ssv::OperatorPublicKey>();
    }
}

fn operators_once() -> &'static [FullOperator] {
    static ALL: std::sync::OnceLock<Vec<FullOperator>> = std::sync::OnceLock::new();
    ALL.get_or_init(operators)
}

/// Keyshares whose published shares are the values of a polynomial with the given coefficients.
fn published(coefficients: &[u64]) -> Keyshares {
    let key = validator_key(&format!("0x{:064x}", coefficients[0]));
    let shares = (1..=4_u64).map(|x| {
        let value = coefficients.iter().rev().fold(0, |value, c| value * x + c);
        (validator_key(&format!("0x{value:064x}")).pubkey(), EncryptedShare::new([0; 256]))
    });
    let registration = Registration::new(nexus_primitives::Address::ZERO, OwnerNonce::new(0));
    let data = SharesData::new(registration.sign(&key).unwrap(), shares.collect());
    Keyshares::new(key.pubkey(), OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap(), data, registration)
        .unwrap()
}

#[test]
fn polynomials_of_another_degree_are_refused() {
    verify(&published(&[5, 3, 2]), &Expectation::none()).unwrap();
    let line = verify(&published(&[5, 3]), &Expectation::none());
    assert_eq!(line, Err(VerifyError::BelowThreshold { operators: 2, threshold: 3 }));
    let constant = verify(&published(&[5]), &Expectation::none());
    assert_eq!(constant, Err(VerifyError::BelowThreshold { operators: 2, threshold: 3 }));
    assert!(matches!(
        verify(&published(&[5, 3, 2, 1]), &Expectation::none()),
        Err(VerifyError::Recombination { .. })
    ));
}

#[test]
fn a_last_share_of_another_polynomial_is_named() {
    let keyshares = published(&[5, 3, 2]);
    let other = published(&[5, 3, 4]);
    let mut bytes = keyshares.shares_data().encode();
    bytes[96 + 3 * 48..PUBLIC_PART].copy_from_slice(&other.shares_data().encode()[96 + 3 * 48..PUBLIC_PART]);
    assert_eq!(
        verify(&with_bytes(&keyshares, &bytes), &Expectation::none()),
        Err(VerifyError::Inconsistent { operator: id(4) })
    );
    bytes[96..97].fill(0);
    assert_eq!(
        verify(&with_bytes(&keyshares, &bytes), &Expectation::none()),
        Err(VerifyError::Share(CombineError::Pubkey { operator: id(1) }))
    );
}
