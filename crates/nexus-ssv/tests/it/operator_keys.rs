//! Operator keys in every form in which they come.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use nexus_ssv::{
    Operator, OperatorKeyError, OperatorPrivateKey, OperatorPrivateKeyError, OperatorPublicKey, PemError,
};
use serde::Deserialize;

use crate::fixtures::{id, json, operators, text};

fn pem_of(key_text: &str) -> String {
    String::from_utf8(BASE64_STANDARD.decode(key_text).unwrap()).unwrap()
}

fn parse(pem: &str) -> Result<OperatorPublicKey, OperatorKeyError> {
    BASE64_STANDARD.encode(pem).parse()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

/// A DER value with the shortest length, as strict readers want it.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let header = match content.len() {
        0..128 => vec![tag, length[7]],
        128..256 => vec![tag, 0x81, length[7]],
        _ => vec![tag, 0x82, length[6], length[7]],
    };
    [&header[..], content].concat()
}

/// PKCS#1 `RSAPublicKey` of a modulus with its top bit set; a zero byte keeps it positive.
fn pkcs1(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let modulus = der(0x02, &[&[0], modulus].concat());
    der(0x30, &[modulus, der(0x02, exponent)].concat())
}

fn body(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    BASE64_STANDARD.decode(lines).unwrap()
}

#[test]
fn canonical_text_is_that_of_the_network() {
    for full in operators() {
        assert_eq!(full.key_text.len(), 612);
        assert_eq!(full.operator.key.to_text(), full.key_text);
        assert_eq!(full.operator.key.to_string(), full.key_text);
        assert_eq!(full.private_key.public_key(), full.operator.key);
    }
}

#[test]
fn line_ends_labels_and_bodies_do_not_change_the_key() {
    let full = &operators()[0];
    let canonical = pem_of(&full.key_text);
    let spki = body(&canonical);
    // The SPKI ends with the PKCS#1 structure: 24 bytes of header come before it.
    let inner = &spki[24..];
    for variant in [
        canonical.replace('\n', "\r\n"),
        canonical.trim_end().to_owned(),
        pem("PUBLIC KEY", &spki),
        pem("RSA PUBLIC KEY", inner),
    ] {
        assert_eq!(parse(&variant).as_ref(), Ok(&full.operator.key), "{variant}");
    }
    assert_eq!(format!("\n{}\r\n", full.key_text).parse().as_ref(), Ok(&full.operator.key));
}

#[test]
fn event_bytes_are_read_wrapped_and_bare() {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Calldata {
        operator_added_public_key_field: Field,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Field {
        operator_key_base64: String,
        abi_encoded: String,
        length: usize,
    }
    let field = json::<Calldata>("generated/kat-calldata.json").operator_added_public_key_field;
    let wrapped = hex::decode(&field.abi_encoded[2..]).unwrap();
    assert_eq!(wrapped.len(), field.length);
    let key: OperatorPublicKey = field.operator_key_base64.parse().unwrap();
    assert_eq!(key.to_event_bytes(), wrapped);
    assert_eq!(OperatorPublicKey::from_event_bytes(&wrapped).as_ref(), Ok(&key));
    assert_eq!(OperatorPublicKey::from_event_bytes(field.operator_key_base64.as_bytes()).as_ref(), Ok(&key));
    assert_eq!(Operator::from_event(id(5), &wrapped).unwrap().key, key);
    assert_eq!(OperatorPublicKey::from_event_bytes(&[0xff; 704]), Err(OperatorKeyError::EventText));
    assert_eq!(OperatorPublicKey::from_event_bytes(&[]), Err(OperatorKeyError::Pem(PemError::Boundary)));
}

#[test]
fn a_key_of_another_algorithm_is_named_as_such() {
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
    let ed25519 =
        [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &[9; 32]].concat();
    let key_text = BASE64_STANDARD.encode(pem("RSA PUBLIC KEY", &ed25519));
    let error = Operator::parse(id(3), &key_text).unwrap_err();
    assert_eq!(error.to_string(), "operator 3: key is not RSA, its algorithm is 1.3.101.112");
}

#[test]
fn each_defect_has_its_own_error() {
    let full = &operators()[0];
    let canonical = pem_of(&full.key_text);
    let modulus = &body(&canonical)[33..289];

    assert_eq!("not base64!".parse::<OperatorPublicKey>(), Err(OperatorKeyError::Base64));
    assert_eq!("".parse::<OperatorPublicKey>(), Err(OperatorKeyError::Pem(PemError::Boundary)));
    assert_eq!(parse("hello"), Err(OperatorKeyError::Pem(PemError::Boundary)));
    assert_eq!(
        parse(&canonical.replace("END RSA", "END DSA")),
        Err(OperatorKeyError::Pem(PemError::Boundary))
    );
    assert_eq!(parse(&canonical.replace("MIIB", "M!IB")), Err(OperatorKeyError::Pem(PemError::Body)));
    assert_eq!(
        parse(&canonical.replace("PUBLIC", "PRIVATE")),
        Err(OperatorKeyError::Label { found: "RSA PRIVATE KEY".to_owned() })
    );
    assert_eq!(parse(&pem("RSA PUBLIC KEY", b"no der")), Err(OperatorKeyError::Der));
    let e = [1, 0, 1];
    assert_eq!(parse(&pem("RSA PUBLIC KEY", &pkcs1(modulus, &e))).as_ref(), Ok(&full.operator.key));
    let half = pkcs1(&[&[0x80], &[1; 127][..]].concat(), &e);
    assert_eq!(parse(&pem("RSA PUBLIC KEY", &half)), Err(OperatorKeyError::Modulus { bits: 1024 }));
    let short = pkcs1(&[&[0xff], &modulus[1..255]].concat(), &e);
    assert_eq!(parse(&pem("RSA PUBLIC KEY", &short)), Err(OperatorKeyError::Modulus { bits: 2040 }));
    assert_eq!(
        parse(&pem("RSA PUBLIC KEY", &pkcs1(modulus, &[3]))),
        Err(OperatorKeyError::Exponent { found: "03".to_owned() })
    );
    let even = pkcs1(&[&modulus[..255], &[0]].concat(), &e);
    assert_eq!(parse(&pem("RSA PUBLIC KEY", &even)), Err(OperatorKeyError::Factor { factor: 2 }));
}

#[test]
fn private_keys_are_read_from_pem_and_other_texts_are_not_repeated() {
    for garbage in ["", "secret-looking text", &text("generated/operators.json")] {
        let error = OperatorPrivateKey::from_pem(garbage).err();
        assert_eq!(error, Some(OperatorPrivateKeyError::Pem));
    }
}
