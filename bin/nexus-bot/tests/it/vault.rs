//! Sealed mnemonics and the salt that opens them.

use std::fs;

use nexus_keys::DepositDataJson;
use nexus_primitives::ForkVersion;

use crate::bench::{Bench, ROLLUP};

const BRIDGE: &str = "0x00000000219ab540356cBB839Cbe05303d7705Fa";

fn derive<'a>(salt: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let command =
        ["--salt-file", salt, "keys", "derive", "--rollup", ROLLUP, "--bridge", BRIDGE, "--index", "3"];
    [&command[..], more].concat()
}

#[test]
fn a_sealed_mnemonic_yields_the_same_deposits_again() {
    let bench = Bench::new();
    let init = ["--salt-file", "salt", "vault", "init", "--rollup", ROLLUP, "--json"];
    assert_eq!(bench.run(&init).expect(0).json()[0]["created"], true);
    assert_eq!(bench.run(&init).expect(0).json()[0]["created"], false);
    assert_eq!(bench.run(&["vault", "list", "--json"]).expect(0).json()[0], ROLLUP);

    let first = bench.run(&derive("salt", &["--count", "2", "--json"])).expect(0).stdout;
    let deposits = DepositDataJson::read_file(&first).unwrap();
    assert_eq!(deposits.len(), 2);
    assert_eq!(deposits[0].fork_version(), ForkVersion::HOODI);
    assert_eq!(deposits[0].message().withdrawal_credentials.address().to_string(), BRIDGE);
    assert_eq!(bench.run(&derive("salt", &["--count", "2", "--json"])).expect(0).stdout, first);
}

#[test]
fn another_salt_and_a_tampered_envelope_are_refused() {
    let bench = Bench::new();
    bench.run(&["--salt-file", "salt", "vault", "init", "--rollup", ROLLUP]).expect(0);
    bench.write("other-salt", "another salt of enough bytes", 0o600);
    let refused = bench.run(&derive("other-salt", &[])).expect(1);
    refused.says(&format!("mnemonic of rollup {ROLLUP}"));
    // The whole bot finds it at its start, before any endpoint is asked.
    bench.run(&["--salt-file", "other-salt", "run", "--once"]).expect(1).says("mnemonic of rollup");

    let envelope = fs::read_dir(bench.path("vault")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&envelope).unwrap();
    let at = text.find("\"ciphertext\"").unwrap() + "\"ciphertext\": \"".len() + 4;
    let byte = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    fs::write(&envelope, format!("{}{byte}{}", &text[..at], &text[at + 1..])).unwrap();
    bench.run(&derive("salt", &[])).expect(1).says("mnemonic of rollup");
}

#[test]
fn the_salt_is_never_read_where_others_can() {
    let bench = Bench::new();
    bench.write("open-salt", "a salt of more than sixteen bytes", 0o644);
    bench.run(&derive("open-salt", &[])).expect(64).says("open-salt: mode 0644");
    bench.write("short-salt", "too short", 0o600);
    bench.run(&derive("short-salt", &[])).expect(1).says("salt has 9 bytes, expected at least 16");
    bench
        .run(&["keys", "derive", "--rollup", ROLLUP, "--bridge", BRIDGE, "--index", "3"])
        .expect(2)
        .says("--salt-file");
}
