//! Splitting and checking, with keystores and operators that the SSV tool was run on.

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, Ended, fixture};

const OWNER: &str = "0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6";

/// Writes the first `count` operators of the fixture, without their private keys.
fn operators(bench: &Bench, count: usize) -> String {
    let all = fs::read_to_string(fixture("generated/operators.json")).unwrap();
    let mut all: Vec<Value> = serde_json::from_str(&all).unwrap();
    all.truncate(count);
    for operator in &mut all {
        operator.as_object_mut().unwrap().remove("privateKeyPem");
    }
    bench.write("operators.json", &Value::from(all).to_string(), 0o644).to_str().unwrap().to_owned()
}

fn split(bench: &Bench, operators: &str, more: &[&str]) -> Ended {
    bench.write("keystore-password", "testtest\n", 0o600);
    let keystore = fixture("generated/keystore-scrypt-n1024.json");
    let mut command = vec!["keyshares", "split", "--keystore", &keystore];
    command.extend(["--password-file", "keystore-password", "--operators", operators]);
    command.extend(["--owner", OWNER, "--nonce", "7"]);
    command.extend(more);
    bench.run(&command)
}

#[test]
fn what_is_split_verifies_for_its_registration_and_no_other() {
    let bench = Bench::new();
    for count in [4, 7, 10, 13] {
        let operators = operators(&bench, count);
        let out = format!("keyshares-{count}.json");
        split(&bench, &operators, &["--out", &out]).expect(0);
        let verify = ["keyshares", "verify", &out, "--operators", &operators, "--owner", OWNER];
        let verified = bench.run(&[&verify[..], &["--nonce", "7", "--json"]].concat()).expect(0).json();
        assert_eq!(verified[0]["operators"].as_array().unwrap().len(), count);
        bench
            .run(&[&verify[..], &["--nonce", "8"]].concat())
            .expect(1)
            .says("keyshares are for registration");
        split(&bench, &operators, &["--out", &out]).expect(1).says(&out);
    }
}

#[test]
fn the_ssv_tools_own_files_verify() {
    let bench = Bench::new();
    for name in ["keyshares-v1.2.0-4ops.json", "keyshares-v1.1.0-13ops.json"] {
        bench.run(&["keyshares", "verify", &fixture(&format!("generated/{name}"))]).expect(0);
    }
}

#[test]
fn one_flipped_byte_is_found() {
    let bench = Bench::new();
    let path = fixture("generated/keyshares-v1.2.0-4ops.json");
    let text = fs::read_to_string(path).unwrap();
    // In the signature over owner and nonce, and in the first share's public key.
    for offset in [2 + 2 * 20, 2 + 2 * (96 + 20)] {
        let at = text.find("\"sharesData\": \"").unwrap() + "\"sharesData\": \"".len() + offset;
        let digit = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        let flipped = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
        bench.write("flipped.json", &flipped, 0o644);
        bench.run(&["keyshares", "verify", "flipped.json"]).expect(1).says("flipped.json").says("caused by");
    }
}

#[test]
fn an_operator_key_that_is_not_rsa_is_named_with_its_operator() {
    let bench = Bench::new();
    let path = operators(&bench, 4);
    let mut list: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    list[2]["operatorKey"] = "bm90IGEga2V5".into();
    let path = bench.write("operators.json", &Value::from(list).to_string(), 0o644);
    split(&bench, path.to_str().unwrap(), &[]).expect(1).says("operator 3");
}

#[test]
fn a_password_that_others_may_read_or_that_is_wrong_is_refused() {
    let bench = Bench::new();
    let operators = operators(&bench, 4);
    let keystore = fixture("generated/keystore-scrypt-n1024.json");
    let mut command = vec!["keyshares", "split", "--keystore", &keystore, "--password-file", "other"];
    command.extend(["--operators", &operators, "--owner", OWNER, "--nonce", "0"]);
    bench.write("other", "testtest", 0o644);
    bench.run(&command).expect(64).says("mode 0644");
    fs::remove_file(bench.path("other")).unwrap();
    bench.write("other", "wrong", 0o600);
    bench.run(&command).expect(1).says("wrong password");
}
