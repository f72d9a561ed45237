//! `bls/sign` of ethereum/bls12-381-tests, and the `owner:nonce` signatures of the SSV tools.

use std::fs;

use nexus_keys::{KeyError, ValidatorKey};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::fixture::{self, bytes32, str_at};

#[test]
fn signatures_match_the_official_vectors() {
    let files: Vec<_> = fs::read_dir(fixture::path("bls/sign")).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 10);
    for file in files {
        let case: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let key = ValidatorKey::from_bytes(&Zeroizing::new(bytes32(str_at(&case, "/input/privkey"))));
        match case["output"].as_str() {
            None => assert_eq!(key.err(), Some(KeyError::ScalarRange)),
            Some(expected) => {
                let message = bytes32(str_at(&case, "/input/message"));
                let signature = key.unwrap().sign_message(&message).unwrap();
                assert_eq!(signature.to_string(), expected, "{}", file.display());
            }
        }
    }
}

#[test]
fn owner_nonce_signatures_match_those_of_the_ssv_tools() {
    let cases = fixture::json("generated/kat-owner-nonce-signature.json");
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 30);
    for case in cases {
        let key = fixture::key(str_at(case, "/privateKey"));
        assert_eq!(key.pubkey().to_string(), str_at(case, "/publicKey"));
        let signature = key.sign_message(&bytes32(str_at(case, "/keccak256"))).unwrap();
        assert_eq!(signature.to_string(), str_at(case, "/signature"));
    }
}
