//! Keyshares files that must not be read, each with an error that says why.

use nexus_ssv::KeysharesFile;
use serde_json::{Value, json};

use crate::fixtures::{json as fixture, text};

fn error(text: &str) -> String {
    KeysharesFile::from_json(text).expect_err("the file should be refused").to_string()
}

/// The CLI's file for four operators after an edit.
#[track_caller]
fn check(edit: impl FnOnce(&mut Value), expected: &str) {
    let mut file: Value = fixture("generated/keyshares-v1.2.0-4ops.json");
    edit(&mut file);
    assert_eq!(error(&file.to_string()), expected);
}

#[test]
fn versions_other_than_1_are_refused_by_their_version() {
    for version in ["v4", "v2.0.0", "4", "v10.0.0", "v1", "", "vv1.0"] {
        let expected =
            format!("keyshares file has version {version:?}, only 1.x is understood; make the shares again");
        check(|file| file["version"] = json!(version), &expected);
    }
    // A v4 file has other fields altogether; the version is still what is named.
    let v4 = json!({"version": "v4", "payload": {"readable": {}, "raw": ""}}).to_string();
    assert!(error(&v4).contains("version \"v4\""));
    for version in ["v1.0.0", "1.1.0", "v1.2.1", "v1.9"] {
        let mut file: Value = fixture("generated/keyshares-v1.2.0-4ops.json");
        file["version"] = json!(version);
        assert_eq!(KeysharesFile::from_json(&file.to_string()).unwrap().items.len(), 1);
    }
}

#[test]
fn files_of_another_shape_are_refused() {
    let layout = r#"keyshares file has neither "shares" nor both "data" and "payload""#;
    assert_eq!(error(&text("ssv-keys/multi-shares-invalid-struct.json")), layout);
    assert_eq!(error("{}"), layout);
    // A keystore taken for keyshares.
    assert!(error(&text("ssv-keys/test.keystore.json")).starts_with("keyshares file has version \"4\""));
    assert!(error("<html>").starts_with("not a keyshares file: "));
    assert!(error("").starts_with("not a keyshares file: "));
    assert!(error(&text("ssv-keys/item-empty.json")).starts_with("not a keyshares file: "));
    assert!(error(&text("ssv-keys/item-with-wrong-operator-id.json")).starts_with("not a keyshares file: "));
}

#[test]
fn nothing_in_a_file_is_read_as_nothing_and_written_as_null() {
    let file = KeysharesFile::from_json(r#"{"version": "v1.2.0", "shares": null}"#).unwrap();
    assert!(file.items.is_empty());
    let written = file.to_json("2026-11-23T08:58:25.912Z".parse().unwrap());
    let expected = [
        "{",
        r#"  "version": "v1.2.0","#,
        r#"  "createdAt": "2026-11-23T08:58:25.912Z","#,
        r#"  "shares": null"#,
        "}",
    ];
    assert_eq!(written, expected.join("\n"));
}

#[test]
fn operators_that_the_cli_refuses_are_refused() {
    let duplicated = error(&text("ssv-keys/item-with-duplicated-operator-key.json"));
    assert!(duplicated.contains("have the same key"), "{duplicated}");
    let missing = error(&text("ssv-keys/item-with-missed-operator-key.json"));
    assert!(missing.starts_with("shares[0]: data.operators: operator 5: key is not"), "{missing}");
}

#[test]
fn each_field_is_named_when_it_is_wrong() {
    let hex = "expected 0x and lower-case hexadecimal digits";
    let item = |file: &mut Value, part: &str, field: &str, value: Value| {
        file["shares"][0][part][field] = value;
    };
    check(
        |f| f["createdAt"] = json!("yesterday"),
        "createdAt: \"yesterday\" is not a UTC time like 2026-11-23T08:58:25.912Z",
    );
    check(
        |f| item(f, "payload", "publicKey", json!("0xABCD")),
        &format!("shares[0]: payload.publicKey: {hex}"),
    );
    check(
        |f| item(f, "payload", "publicKey", json!("abcd")),
        &format!("shares[0]: payload.publicKey: {hex}"),
    );
    check(
        |f| item(f, "payload", "publicKey", json!("0xabcd")),
        "shares[0]: payload.publicKey: expected 48 bytes, got 2",
    );
    check(
        |f| item(f, "payload", "sharesData", json!("0xab")),
        "shares[0]: payload.sharesData: shares data of 4 operators must have 1312 bytes, these have 1",
    );
    check(
        |f| item(f, "payload", "sharesData", json!("0xabc")),
        &format!("shares[0]: payload.sharesData: {hex}"),
    );
    check(
        |f| item(f, "payload", "operatorIds", json!([0, 1, 2, 3])),
        "shares[0]: payload.operatorIds: operator ids start at 1",
    );
    check(
        |f| item(f, "payload", "operatorIds", json!([1, 2, 2, 3])),
        "shares[0]: payload.operatorIds: operator 2 follows 2, ids must ascend",
    );
    check(
        |f| item(f, "payload", "operatorIds", json!([1, 2, 3])),
        "shares[0]: payload.operatorIds: 3 operators: a cluster has 4, 7, 10 or 13",
    );
    check(
        |f| item(f, "payload", "operatorIds", json!([1, 2, 3, 5])),
        "shares[0]: data.operators are 1,2,3,4, payload.operatorIds are 1,2,3,5",
    );
    check(
        |f| item(f, "data", "ownerAddress", json!("0xc0CB8f6c08AB23de6c2a73c49481FE112704F1b6")),
        "shares[0]: data.ownerAddress: address 0xc0CB8f6c08AB23de6c2a73c49481FE112704F1b6: \
         wrong EIP-55 checksum, expected 0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6",
    );
}

#[test]
fn data_and_payload_must_name_one_validator() {
    let mut file: Value = fixture("generated/keyshares-v1.2.0-4ops.json");
    let other = format!("0x{}", "ab".repeat(48));
    file["shares"][0]["data"]["publicKey"] = json!(other);
    let expected = format!("shares[0]: data.publicKey is {other}, payload.publicKey is 0x99d8");
    assert!(error(&file.to_string()).starts_with(&expected));
}

#[test]
fn the_entry_that_is_wrong_is_named() {
    let mut file: Value = fixture("generated/keyshares-v1.2.0-4ops.json");
    let good = file["shares"][0].clone();
    let mut bad = good.clone();
    bad["payload"]["sharesData"] = json!("0x");
    file["shares"] = json!([good, bad]);
    assert!(error(&file.to_string()).starts_with("shares[1]: payload.sharesData: "));
}
