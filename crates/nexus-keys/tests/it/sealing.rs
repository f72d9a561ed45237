//! Sealed mnemonics: what opens, and that nothing else does.

use nexus_keys::{KdfCost, KdfCostError, Mnemonic, Salt, SealError, SealedMnemonic, VaultBinding};
use nexus_primitives::{Address, ChainId, RollupAdmin};
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::fixture;

const SALT: &[u8] = b"an operator's long secret";

fn salt(bytes: &[u8]) -> Salt {
    Salt::from_bytes(Zeroizing::new(bytes.to_vec())).unwrap()
}

fn binding() -> VaultBinding {
    VaultBinding { chain_id: ChainId::new(560_048), rollup: RollupAdmin::new(Address::new([0xab; 20])) }
}

fn cheap() -> KdfCost {
    KdfCost::new(4, 8, 1).unwrap()
}

fn sealed() -> (Mnemonic, SealedMnemonic) {
    let mnemonic = Mnemonic::generate(&mut rand::rng());
    let sealed = SealedMnemonic::seal(&mnemonic, &salt(SALT), binding(), cheap(), &mut rand::rng());
    (mnemonic, sealed)
}

/// Reads an envelope and opens it with the right salt for the right rollup.
fn read_and_open(json: &str) -> Result<Mnemonic, SealError> {
    SealedMnemonic::from_json(json)?.open(&salt(SALT), binding())
}

#[track_caller]
fn error_of(json: &str) -> SealError {
    read_and_open(json).err().unwrap_or_else(|| panic!("opened: {json}"))
}

#[test]
fn an_envelope_made_by_other_code_opens() {
    let recorded = fixture::json("generated/sealed-mnemonic-v1.json");
    let text = |field| fixture::str_at(&recorded, field).to_owned();
    let sealed = SealedMnemonic::from_json(&text("/envelope")).unwrap();
    let mnemonic = sealed.open(&salt(text("/salt").as_bytes()), sealed.binding()).unwrap();
    assert_eq!(mnemonic.expose_phrase(), text("/phrase"));
    assert_eq!(sealed.binding(), binding());
    assert_eq!(sealed.cost(), KdfCost::new(10, 8, 1).unwrap());
}

#[test]
fn every_flipped_byte_of_an_envelope_is_refused() {
    let json = sealed().1.to_json();
    assert!(read_and_open(&json).is_ok());
    for at in 0..json.len() {
        for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
            let mut bytes = json.clone().into_bytes();
            bytes[at] ^= mask;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(read_and_open(&text).is_err(), "byte {at} ^ {mask:#04x}: {text}");
            }
        }
    }
}

#[test]
fn another_salt_does_not_open() {
    let (_, sealed) = sealed();
    let error = sealed.open(&salt(b"another long secret"), binding()).err();
    assert!(matches!(error, Some(SealError::WrongSalt)), "{error:?}");
}

#[test]
fn another_chain_and_another_rollup_are_told_apart() {
    let (_, sealed) = sealed();
    let chain = VaultBinding { chain_id: ChainId::new(1), ..binding() };
    assert!(matches!(sealed.open(&salt(SALT), chain), Err(SealError::OtherChain { .. })));
    let rollup = VaultBinding { rollup: RollupAdmin::new(Address::ZERO), ..binding() };
    assert!(matches!(sealed.open(&salt(SALT), rollup), Err(SealError::OtherRollup { .. })));
}

#[test]
fn relabelling_an_envelope_does_not_move_it() {
    let json = sealed().1.to_json();
    let moved = json.replace("\"chain_id\":560048", "\"chain_id\":1");
    assert_ne!(moved, json);
    let moved = SealedMnemonic::from_json(&moved).unwrap();
    assert!(matches!(moved.open(&salt(SALT), moved.binding()), Err(SealError::WrongSalt)));

    let other = Address::new([0xcd; 20]);
    let moved = json.replace(&binding().rollup.to_string(), &other.to_string());
    assert_ne!(moved, json);
    let moved = SealedMnemonic::from_json(&moved).unwrap();
    assert!(matches!(moved.open(&salt(SALT), moved.binding()), Err(SealError::WrongSalt)));
}

#[test]
fn other_versions_and_functions_are_named() {
    let json = sealed().1.to_json();
    let version = error_of(&json.replace("\"version\":1", "\"version\":2,\"more\":true"));
    assert!(matches!(version, SealError::Version { found: 2, supported: 1 }), "{version:?}");
    let kdf = error_of(&json.replace("scrypt", "argon2id"));
    assert!(matches!(kdf, SealError::Function { field: "kdf.name", .. }), "{kdf:?}");
    let cipher = error_of(&json.replace("aes-256-gcm", "none"));
    assert!(matches!(cipher, SealError::Function { field: "cipher.name", .. }), "{cipher:?}");
}

#[test]
fn costs_above_the_bound_are_refused() {
    let json = sealed().1.to_json();
    for (from, to, expected) in [
        ("\"log_n\":4", "\"log_n\":40", KdfCostError::LogN(40)),
        ("\"r\":8", "\"r\":4000000000", KdfCostError::Memory { log_n: 4, r: 4_000_000_000 }),
        ("\"p\":1", "\"p\":4000000000", KdfCostError::Work { log_n: 4, r: 8, p: 4_000_000_000 }),
    ] {
        let error = error_of(&json.replace(from, to));
        assert!(matches!(error, SealError::Cost(cost) if cost == expected), "{to}: {error:?}");
    }
}

#[test]
fn malformed_envelopes_are_refused() {
    let json = sealed().1.to_json();
    for text in ["", "{}", "[]", "null", "{\"version\":1}", &json[..json.len() - 1]] {
        assert!(matches!(error_of(text), SealError::Json(_)), "{text:?}");
    }
    let unknown = json.replace("\"chain_id\"", "\"extra\":1,\"chain_id\"");
    assert!(matches!(error_of(&unknown), SealError::Json(_)));
    let reformatted = json.replace(':', ": ");
    assert!(matches!(error_of(&reformatted), SealError::NotCanonical));
    assert!(matches!(error_of(&format!("{json}\n")), SealError::NotCanonical));
    let short = json.replace("\"nonce\":\"", "\"nonce\":\"AAAA");
    assert!(matches!(error_of(&short), SealError::Bytes { field: "cipher.nonce", expected: 12 }));
}

#[test]
fn envelopes_of_any_mnemonic_have_one_length() {
    let short = format!("{}about", "abandon ".repeat(11));
    let short = Mnemonic::from_phrase(Zeroizing::new(short)).unwrap();
    let short = SealedMnemonic::seal(&short, &salt(SALT), binding(), cheap(), &mut rand::rng());
    assert_eq!(short.to_json().len(), sealed().1.to_json().len());
}

#[test]
fn sealing_twice_shares_no_key_and_no_nonce() {
    let mnemonic = Mnemonic::generate(&mut rand::rng());
    let [first, second] = [(); 2].map(|()| {
        let sealed = SealedMnemonic::seal(&mnemonic, &salt(SALT), binding(), cheap(), &mut rand::rng());
        serde_json::from_str::<serde_json::Value>(&sealed.to_json()).unwrap()
    });
    for field in ["/kdf/salt", "/cipher/nonce", "/cipher/ciphertext"] {
        assert_ne!(first.pointer(field).unwrap(), second.pointer(field).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_sealed_opens_with_its_salt_and_binding_alone(
        secret in prop::collection::vec(any::<u8>(), 16..64),
        chain: u64,
        rollup: [u8; 20],
        at: prop::sample::Index,
    ) {
        let mnemonic = Mnemonic::generate(&mut rand::rng());
        let binding =
            VaultBinding { chain_id: ChainId::new(chain), rollup: RollupAdmin::new(Address::new(rollup)) };
        let sealed = SealedMnemonic::seal(&mnemonic, &salt(&secret), binding, cheap(), &mut rand::rng());
        let read = SealedMnemonic::from_json(&sealed.to_json()).unwrap();
        prop_assert!(read == sealed);
        prop_assert!(read.open(&salt(&secret), binding).unwrap().ct_eq(&mnemonic));
        let mut wrong = secret;
        let at = at.index(wrong.len());
        wrong[at] ^= 1;
        prop_assert!(matches!(read.open(&salt(&wrong), binding), Err(SealError::WrongSalt)));
    }
}
