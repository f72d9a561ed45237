//! Folders of ceremonies: the official tool's and ours, whole and damaged.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use nexus_dkg::{
    CeremonyOutput, CeremonyTerms, FolderReport, Network, OutputFolder, StoreError, verify_folder,
};
use nexus_primitives::{Address, OwnerNonce, WithdrawalCredentials};
use serde_json::{Value, json};

use crate::{
    puppets::{Puppets, terms},
    transcript,
};

const OFFICIAL: &str = "official-initiator-output/ceremony-2026-11-23--09-05-42.515";

fn output(nonce: u64) -> CeremonyOutput {
    output_for(nonce, terms())
}

fn output_for(nonce: u64, mut terms: CeremonyTerms) -> CeremonyOutput {
    terms.registration.nonce = OwnerNonce::new(nonce);
    Puppets::with_terms(4, terms).ceremony(|_, _, _, _| {}).unwrap()
}

/// Stores validators with these nonces and returns the ceremony's folder.
fn stored(dir: &Path, nonces: &[u64]) -> PathBuf {
    let outputs = nonces.iter().map(|nonce| output(*nonce)).collect();
    OutputFolder::open(dir).unwrap().store(outputs).unwrap().path
}

fn validator_dirs(ceremony: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(ceremony).unwrap().map(|entry| entry.unwrap().path());
    let mut dirs: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    dirs.sort_unstable();
    dirs
}

fn problems(report: &FolderReport) -> Vec<String> {
    report.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_official_tools_folder_verifies() {
    let report = verify_folder(&transcript::path(OFFICIAL));
    assert_eq!(problems(&report), [""; 0]);
    assert!(report.is_sound());
    let [validator] = report.validators.as_slice() else { panic!("one validator") };
    assert_eq!(validator.registration().message(), "0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9:7");
    assert_eq!(
        validator.deposit.credentials().to_string(),
        "0x02000000000000000000000081592c3de184a3e2c0dcb5a261bc107bfa91f494"
    );
    let ids: Vec<_> = validator.operators().iter().map(|operator| operator.id.get()).collect();
    assert_eq!(ids, [11, 22, 33, 44]);

    let own = verify_folder(&validator_dirs(&transcript::path(OFFICIAL))[0]);
    assert_eq!(own.validators, report.validators);
    assert!(own.is_sound());
}

#[test]
fn our_folders_verify_and_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("output");
    for nonces in [&[3][..], &[3, 4, 5]] {
        let outputs: Vec<_> = nonces.iter().rev().map(|nonce| output(*nonce)).collect();
        let stored = OutputFolder::open(&root).unwrap().store(outputs).unwrap();
        let report = verify_folder(&stored.path);
        assert!(report.is_sound(), "{:?}", report.problems);
        let keys: Vec<_> = report.validators.iter().map(nexus_dkg::CheckedValidator::pubkey).collect();
        let expected: Vec<_> = stored.outputs.iter().map(|stored| stored.output().pubkey()).collect();
        assert_eq!(keys, expected);

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let validators = validator_dirs(&stored.path);
        assert_eq!(validators.len(), nonces.len());
        // The mask of the process may take more away.
        assert_eq!(mode(&stored.path) & !0o750, 0);
        for dir in &validators {
            assert_eq!(mode(dir) & !0o750, 0);
            assert_eq!(mode(&dir.join("keyshares.json")), 0o600);
        }
        let aggregate = stored.path.join("proofs.json");
        assert_eq!(aggregate.exists(), nonces.len() > 1);
    }
    let names: Vec<_> = validator_dirs(&root).iter().map(|dir| dir.file_name().unwrap().to_owned()).collect();
    // Two ceremonies of one second, and nothing left over.
    assert_eq!(names, ["ceremony-2026-11-23--09-08-39.000", "ceremony-2026-11-23--09-08-39.001"]);
}

#[test]
fn nothing_and_two_validators_with_one_nonce_are_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let folder = OutputFolder::open(dir.path()).unwrap();
    assert!(matches!(folder.store(Vec::new()), Err(StoreError::Empty)));
    let twice = vec![output(3), output(4), output(3)];
    assert!(matches!(folder.store(twice), Err(StoreError::Nonce(nonce)) if nonce.get() == 3));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_leaves_nothing_and_says_what_failed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("output");
    let folder = OutputFolder::open(&root).unwrap();
    fs::remove_dir(&root).unwrap();
    fs::write(&root, "in the way").unwrap();
    let error = folder.store(vec![output(3)]).unwrap_err();
    assert!(error.to_string().starts_with(&format!("creating {}", root.display())), "{error}");
}

#[test]
fn what_a_killed_run_left_is_neither_in_the_way_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let left = |count: u64| dir.path().join(format!(".ceremony-{}-{count}.tmp", std::process::id()));
    // More than the other tests of this process count up.
    for count in 0..500 {
        fs::create_dir(left(count)).unwrap();
        fs::write(left(count).join("keyshares.json"), "somebody's").unwrap();
    }
    let path = stored(dir.path(), &[3]);
    assert!(verify_folder(&path).is_sound());
    for count in 0..500 {
        assert_eq!(fs::read_to_string(left(count).join("keyshares.json")).unwrap(), "somebody's");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 501);
}

/// Stores a ceremony, lets `change` at it, and compares all that is then wrong.
#[track_caller]
fn check(nonces: &[u64], change: impl FnOnce(&Path), expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let ceremony = stored(dir.path(), nonces);
    let first = validator_dirs(&ceremony)[0].file_name().unwrap().to_owned().into_string().unwrap();
    change(&ceremony);
    let report = verify_folder(&ceremony);
    let shown: Vec<_> =
        problems(&report).iter().map(|problem| problem.replace(&first, "VALIDATOR")).collect();
    assert_eq!(shown, expected);
    assert!(!report.is_sound());
}

/// Changes one file of the first validator as JSON.
fn edit(file: &str, change: impl FnOnce(&mut Value)) -> impl FnOnce(&Path) {
    move |ceremony| edit_at(&validator_dirs(ceremony)[0].join(file), change)
}

fn edit_at(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

fn flip_digit(text: &mut Value, at: usize) {
    let digits = text.as_str().unwrap();
    let digit = if &digits[at..=at] == "0" { "1" } else { "0" };
    *text = json!(format!("{}{digit}{}", &digits[..at], &digits[at + 1..]));
}

#[test]
fn every_field_of_a_deposit_is_checked() {
    let field = |name: &'static str, value: Value, expected: &str| {
        let expected = format!("\"VALIDATOR/deposit_data.json\": {expected}");
        check(&[3], edit("deposit_data.json", |json| json[0][name] = value), &[&expected]);
    };
    let hex = |bytes: usize| format!("expected {bytes} bytes in lower-case hexadecimal without 0x");
    field("pubkey", json!("00"), &format!("pubkey: {}", hex(48)));
    field("signature", json!("AB".repeat(96)), &format!("signature: {}", hex(96)));
    field("signature", json!("ab".repeat(96)), "signature: signature is not a valid G2 point");
    field(
        "withdrawal_credentials",
        json!(format!("03{}", "00".repeat(31))),
        "withdrawal_credentials: withdrawal credentials are not 0x01 or 0x02, eleven zero bytes and an address",
    );
    field(
        "amount",
        json!(1_000_000_000),
        "amount: deposit of 1000000000 gwei with credentials \
         0x010000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: \
         expected 32000000000: with 0x01 the rest would earn nothing",
    );
    field("network_name", json!("mainnet"), "network_name mainnet does not go with fork_version 0x10000910");
    field("fork_version", json!("01017000"), "network_name hoodi does not go with fork_version 0x01017000");
    field("deposit_cli_version", json!("2.6.0"), "deposit_cli_version is 2.6.0, expected 2.7.0 or later");
    let zero = "00".repeat(32);
    for name in ["deposit_message_root", "deposit_data_root"] {
        let dir = tempfile::tempdir().unwrap();
        let ceremony = stored(dir.path(), &[3]);
        edit("deposit_data.json", |json| json[0][name] = json!(zero))(&ceremony);
        let [problem] = &problems(&verify_folder(&ceremony))[..] else { panic!("one problem") };
        assert!(problem.contains(&format!("{name} is 0x{zero}, the fields hash to 0x")), "{problem}");
    }
}

#[test]
fn keyshares_that_do_not_hold_are_refused() {
    check(
        &[3],
        edit("keyshares.json", |json| json["shares"][0]["data"]["ownerNonce"] = json!(4)),
        &[
            &format!(
                "\"VALIDATOR/keyshares.json\": signature over \
                 \"0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9:4\" by validator {} is not valid",
                output(3).pubkey()
            ),
            &format!("\"VALIDATOR\": is named otherwise than its validator: 000004-{}", output(3).pubkey()),
        ],
    );
    check(
        &[3],
        edit("keyshares.json", |json| {
            let owner = &mut json["shares"][0]["data"]["ownerAddress"];
            *owner = json!(owner.as_str().unwrap().to_lowercase());
        }),
        &["\"VALIDATOR/keyshares.json\": data.ownerAddress: expected the EIP-55 spelling \
           0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9"],
    );
    // The encrypted share of the last operator: only its own statement knows better.
    check(
        &[3],
        edit("keyshares.json", |json| {
            let shares = &mut json["shares"][0]["payload"]["sharesData"];
            flip_digit(shares, shares.as_str().unwrap().len() - 1);
        }),
        &["\"VALIDATOR/proofs.json\": proof 3: encrypted_share is not the one in the keyshares"],
    );
}

#[test]
fn every_field_of_a_proof_is_checked() {
    let proof = |change: fn(&mut Value), expected: &str| {
        let expected = format!("\"VALIDATOR/proofs.json\": {expected}");
        check(&[3], edit("proofs.json", change), &[&expected]);
    };
    proof(|proofs| drop(proofs.as_array_mut().unwrap().pop()), "expected 4 entries, got 3");
    let stranger = output(4).pubkey();
    let (own, field) = (output(3).pubkey(), "validator");
    check(
        &[3],
        edit("proofs.json", |proofs| proofs[1]["proof"][field] = json!(hex::encode(stranger.as_bytes()))),
        &[&format!("\"VALIDATOR/proofs.json\": proof 1: is of validator {stranger}, expected {own}")],
    );
    proof(
        |proofs| proofs[2]["proof"]["owner"] = json!("01".repeat(20)),
        "proof 2: is for owner 0x0101010101010101010101010101010101010101, \
         expected 0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9",
    );
    proof(
        |proofs| flip_digit(&mut proofs[0]["proof"]["share_pub"], 95),
        "proof 0: share_pub is not the one in the keyshares",
    );
    proof(
        |proofs| flip_digit(&mut proofs[0]["proof"]["encrypted_share"], 9),
        "proof 0: encrypted_share is not the one in the keyshares",
    );
    proof(
        |proofs| proofs[0]["proof"]["encrypted_share"] = json!("00"),
        "proof 0: proof.encrypted_share: expected 256 bytes in lower-case hexadecimal without 0x",
    );
    proof(|proofs| flip_digit(&mut proofs[3]["signature"], 0), "proof 3: is not signed by its operator");
}

#[test]
fn files_that_are_missing_broken_or_too_many_are_named() {
    check(
        &[3],
        |ceremony| fs::remove_file(validator_dirs(ceremony)[0].join("proofs.json")).unwrap(),
        &["\"VALIDATOR/proofs.json\": can't be read: No such file or directory (os error 2)"],
    );
    check(
        &[3],
        |ceremony| fs::write(validator_dirs(ceremony)[0].join("deposit_data.json"), "[").unwrap(),
        &["\"VALIDATOR/deposit_data.json\": EOF while parsing a list at line 1 column 1"],
    );
    check(
        &[3],
        |ceremony| fs::write(ceremony.join("deposit_data.json"), "[]").unwrap(),
        &["\"deposit_data.json\": stands beside a single validator, whose own folder has it"],
    );
    check(
        &[3],
        |ceremony| fs::write(ceremony.join("FAILED"), "").unwrap(),
        &["\"FAILED\": marks a ceremony that failed"],
    );
    check(
        &[3],
        |ceremony| fs::remove_dir_all(&validator_dirs(ceremony)[0]).unwrap(),
        &["\".\": holds no folder of a validator"],
    );
    let nowhere = verify_folder(Path::new("/nowhere/at/all"));
    assert_eq!(problems(&nowhere), ["\".\": can't be read: No such file or directory (os error 2)"]);
}

#[test]
fn a_list_does_not_stand_for_an_object() {
    /// Writes the fields as a list, in the order in which they are read.
    fn list(object: &mut Value, order: &[&str]) {
        *object = order.iter().map(|name| object[name].take()).collect();
    }
    let expected = |file: &str| format!("\"VALIDATOR/{file}\": a list where other tools expect an object");
    let fields = [
        "pubkey",
        "withdrawal_credentials",
        "amount",
        "signature",
        "deposit_message_root",
        "deposit_data_root",
        "fork_version",
        "network_name",
        "deposit_cli_version",
    ];
    check(
        &[3],
        edit("deposit_data.json", |json| list(&mut json[0], &fields)),
        &[&expected("deposit_data.json")],
    );
    check(
        &[3],
        edit("proofs.json", |json| list(&mut json[2], &["proof", "signature"])),
        &[&expected("proofs.json")],
    );
}

#[test]
fn common_files_must_say_what_the_validators_own_say() {
    check(
        &[3, 4],
        |ceremony| {
            edit_at(&ceremony.join("deposit_data.json"), |json| {
                json.as_array_mut().unwrap().reverse();
            });
        },
        &[
            "\"deposit_data.json\": entry 0 differs from the one in the validator's own folder",
            "\"deposit_data.json\": entry 1 differs from the one in the validator's own folder",
        ],
    );
    check(
        &[3, 4],
        |ceremony| edit_at(&ceremony.join("proofs.json"), |json| flip_digit(&mut json[1][2]["signature"], 0)),
        &["\"proofs.json\": entry 1 differs from the one in the validator's own folder"],
    );
    check(
        &[3, 4],
        |ceremony| {
            edit_at(&ceremony.join("keyshares.json"), |json| {
                json["shares"].as_array_mut().unwrap().pop();
            });
        },
        &[
            "\"keyshares.json\": expected 2 entries, got 1",
            "\"keyshares.json\": entry 1 differs from the one in the validator's own folder",
        ],
    );
}

#[test]
fn gaps_between_nonces_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let report = verify_folder(&stored(dir.path(), &[3, 4, 6]));
    let name = format!("000006-{}", output(6).pubkey());
    assert_eq!(problems(&report), [format!("\"{name}\": nonce 6 follows 4")]);
}

#[test]
fn deposits_for_different_credentials_or_networks_are_found() {
    let payee = WithdrawalCredentials::to_address(Address::new([0xbb; 20])).into();
    let others = [
        CeremonyTerms { credentials: payee, ..terms() },
        CeremonyTerms { network: Network::Mainnet, ..terms() },
    ];
    for other in others {
        let dir = tempfile::tempdir().unwrap();
        let second = output_for(4, other);
        let name = format!("000004-{}", second.pubkey());
        let stored = OutputFolder::open(dir.path()).unwrap().store(vec![output(3), second]).unwrap();
        assert_eq!(
            problems(&verify_folder(&stored.path)),
            [format!(
                "\"{name}\": has other withdrawal credentials or another network than the validator before"
            )]
        );
    }
}

#[test]
fn a_validators_folder_is_known_by_a_path_that_does_not_end_in_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let validator = validator_dirs(&stored(dir.path(), &[3])).remove(0);
    fs::create_dir(validator.join("inside")).unwrap();
    // As `.` does not, for whoever stands in the folder.
    let report = verify_folder(&validator.join("inside/.."));
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.validators.len(), 1);
}
