//! Keystores against the vectors of EIP-2335 and files of the tools in use.

use nexus_keys::{KdfCost, KdfCostError, KeyPath, Keystore, KeystoreError, KeystoreKdf, Pbkdf2Rounds};
use nexus_primitives::DerivationIndex;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{self, str_at};

const CHEAP: &str = "generated/keystore-scrypt-n1024.json";
const CHEAP_PBKDF2: &str = "generated/keystore-pbkdf2-c1024.json";

/// Decrypts a fixture and compares with a key of `validator_keys.json`.
#[track_caller]
fn check(file: &str, password: &str, key: &str) {
    let keys = fixture::json("generated/validator_keys.json");
    let expected = fixture::key(str_at(&keys, &format!("/{key}/privateKey")));
    let opened =
        Keystore::decrypt(&fixture::text(file), password).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert!(opened.ct_eq(&expected), "{file}");
}

/// Opens `file` with the right password after `change` was made to it.
#[track_caller]
fn error_after(file: &str, change: impl FnOnce(&mut Value)) -> KeystoreError {
    let mut keystore = fixture::json(file);
    change(&mut keystore);
    match Keystore::decrypt(&keystore.to_string(), "testtest") {
        Err(error) => error,
        Ok(key) => panic!("opened as {}", key.pubkey()),
    }
}

#[test]
fn the_vectors_of_eip_2335_open_with_the_password_as_typed() {
    let password = fixture::text("eip/eip2335-password.txt");
    for password in [password.as_str(), "testpassword🔑", "test\u{7f}password\u{0}🔑\n"] {
        check("eip/eip2335-pbkdf2.json", password, "eip2335_vector");
    }
    check("eip/eip2335-scrypt.json", &password, "eip2335_vector");
}

#[test]
fn files_of_other_tools_open() {
    check("generated/keystore-scrypt-n262144.json", "testtest", "ssvkeys_test");
    check("generated/keystore-pbkdf2-c262144.json", "testtest", "ssvkeys_test");
    check(CHEAP, "testtest", "ssvkeys_test");
    check(CHEAP_PBKDF2, "testtest", "ssvkeys_test");
    check("generated/keystore-leadingzero-scrypt-n1024.json", "testtest", "eip2335_vector");

    let deposit_cli = fixture::text("deposit-cli/mainnet/keystore-m_12381_3600_0_0_0.json");
    let keystore = Keystore::from_json(&deposit_cli).unwrap();
    assert_eq!(keystore.path(), Some(&KeyPath::signing(DerivationIndex::new(0))));
    assert_eq!(keystore.pubkey(), Some(keystore.open("solo-stakers").unwrap().pubkey()));
}

#[test]
fn a_wrong_password_and_every_changed_byte_are_refused() {
    let text = fixture::text(CHEAP);
    assert!(matches!(Keystore::decrypt(&text, "testtesT"), Err(KeystoreError::WrongPassword)));
    for field in ["/crypto/kdf/params/salt", "/crypto/checksum/message", "/crypto/cipher/message"] {
        let error = error_after(CHEAP, |keystore| {
            let field = keystore.pointer_mut(field).unwrap();
            let digits = field.as_str().unwrap();
            let first = if digits.starts_with('0') { '1' } else { '0' };
            *field = json!(format!("{first}{}", &digits[1..]));
        });
        assert!(matches!(error, KeystoreError::WrongPassword), "{field}: {error:?}");
    }
}

#[test]
fn a_changed_iv_or_label_is_noticed_by_the_public_key() {
    let iv =
        error_after(CHEAP, |keystore| keystore["crypto"]["cipher"]["params"]["iv"] = json!("00".repeat(16)));
    assert!(matches!(iv, KeystoreError::PubkeyMismatch { .. } | KeystoreError::Key(_)), "{iv:?}");
    let keys = fixture::json("generated/validator_keys.json");
    let label = error_after(CHEAP, |keystore| keystore["pubkey"] = json!(str_at(&keys, "/small/publicKey")));
    assert!(matches!(label, KeystoreError::PubkeyMismatch { .. }), "{label:?}");
}

#[test]
fn costs_above_the_bound_are_refused_before_anything_is_computed() {
    for (field, value, expected) in [
        ("n", json!(1_u64 << 21), KdfCostError::LogN(21)),
        ("n", json!(1000), KdfCostError::N(1000)),
        ("n", json!(0), KdfCostError::N(0)),
        ("n", json!(1), KdfCostError::LogN(0)),
        ("n", json!(1_u64 << 63), KdfCostError::LogN(63)),
        ("r", json!(u32::MAX), KdfCostError::Memory { log_n: 10, r: u32::MAX }),
        ("r", json!(0), KdfCostError::Zero { r: 0, p: 1 }),
        ("p", json!(u32::MAX), KdfCostError::Work { log_n: 10, r: 8, p: u32::MAX }),
    ] {
        let error = error_after(CHEAP, |keystore| keystore["crypto"]["kdf"]["params"][field] = value);
        assert!(matches!(error, KeystoreError::Cost(cost) if cost == expected), "{field}: {error:?}");
    }
    for rounds in [0, 10_000_001, u64::MAX] {
        let error =
            error_after(CHEAP_PBKDF2, |keystore| keystore["crypto"]["kdf"]["params"]["c"] = json!(rounds));
        assert!(matches!(error, KeystoreError::Cost(KdfCostError::Rounds(c)) if c == rounds), "{error:?}");
    }
}

#[test]
fn functions_that_are_not_supported_are_named() {
    for (file, pointer, value) in [
        (CHEAP, "/crypto/kdf/function", json!("argon2id")),
        (CHEAP, "/crypto/kdf/params/dklen", json!(64)),
        (CHEAP, "/crypto/checksum/function", json!("md5")),
        (CHEAP, "/crypto/cipher/function", json!("aes-256-gcm")),
        (CHEAP_PBKDF2, "/crypto/kdf/params/prf", json!("hmac-sha512")),
    ] {
        let error = error_after(file, |keystore| *keystore.pointer_mut(pointer).unwrap() = value);
        let expected = pointer.trim_start_matches('/').replace('/', ".");
        assert!(
            matches!(&error, KeystoreError::Unsupported { field, .. } if *field == expected),
            "{pointer}: {error:?}"
        );
    }
}

#[test]
fn malformed_keystores_are_refused() {
    let version = error_after(CHEAP, |keystore| keystore["version"] = json!(3));
    assert!(matches!(version, KeystoreError::Version(3)));
    let path = error_after(CHEAP, |keystore| keystore["path"] = json!("m/x"));
    assert!(matches!(path, KeystoreError::Path(_)));
    let pubkey = error_after(CHEAP, |keystore| keystore["pubkey"] = json!("ab"));
    assert!(matches!(pubkey, KeystoreError::Pubkey(_)));
    let short = error_after(CHEAP, |keystore| keystore["crypto"]["cipher"]["message"] = json!("abcd"));
    assert!(matches!(short, KeystoreError::Hex { field: "crypto.cipher.message" }));
    let params = error_after(CHEAP, |keystore| keystore["crypto"]["kdf"]["params"] = json!({"n": "many"}));
    assert!(matches!(params, KeystoreError::Params { field: "crypto.kdf.params", .. }));
    for text in ["", "{}", "[]", "null", "{\"version\": 4}"] {
        assert!(matches!(Keystore::from_json(text), Err(KeystoreError::Json(_))), "{text:?}");
    }
    let large = format!("{{\"version\": 4, \"name\": \"{}\"}}", "x".repeat(70_000));
    assert!(matches!(Keystore::from_json(&large), Err(KeystoreError::TooLarge { .. })));
}

#[test]
fn optional_fields_may_be_absent_and_foreign_ones_present() {
    let mut keystore = fixture::json(CHEAP);
    keystore.as_object_mut().unwrap().remove("description");
    keystore.as_object_mut().unwrap().remove("pubkey");
    keystore["path"] = json!("");
    keystore["name"] = json!("added by another tool");
    let keystore = Keystore::from_json(&keystore.to_string()).unwrap();
    assert_eq!((keystore.pubkey(), keystore.path()), (None, None));
    assert!(keystore.open("testtest").is_ok());
}

#[test]
fn an_empty_password_seals_nothing() {
    let key = fixture::key(&format!("{:064x}", 5));
    let kdf = KeystoreKdf::Pbkdf2(Pbkdf2Rounds::new(1).unwrap());
    let sealed = Keystore::encrypt(&key, "\n\u{7f}", None, kdf, &mut rand::rng());
    assert!(matches!(sealed, Err(KeystoreError::EmptyPassword)));
}

#[test]
fn a_keystore_of_deposit_cli_is_written_back_field_for_field() {
    let text = fixture::text("deposit-cli/mainnet/keystore-m_12381_3600_1_0_0.json");
    let written = Keystore::from_json(&text).unwrap().to_json();
    assert_eq!(
        serde_json::from_str::<Value>(&written).unwrap(),
        serde_json::from_str::<Value>(&text).unwrap()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_encrypted_opens_with_its_password_alone(
        scalar in 1_u64..,
        password in "[^\\p{Cc}]{1,24}",
        index: u32,
        pbkdf2: bool,
    ) {
        let key = fixture::key(&format!("{scalar:064x}"));
        let kdf = if pbkdf2 {
            KeystoreKdf::Pbkdf2(Pbkdf2Rounds::new(2).unwrap())
        } else {
            KeystoreKdf::Scrypt(KdfCost::new(2, 1, 1).unwrap())
        };
        let path = KeyPath::signing(DerivationIndex::new(index));
        let keystore = Keystore::encrypt(&key, &password, Some(path.clone()), kdf, &mut rand::rng()).unwrap();
        let read = Keystore::from_json(&keystore.to_json()).unwrap();
        prop_assert_eq!(read.path(), Some(&path));
        prop_assert_eq!(read.kdf(), kdf);
        prop_assert!(read.open(&password).unwrap().ct_eq(&key));
        let other = format!("{password}x");
        prop_assert!(matches!(read.open(&other), Err(KeystoreError::WrongPassword)));
    }
}
