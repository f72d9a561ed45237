//! The configuration file and the command line.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::bench::Bench;

#[test]
fn a_file_with_five_mistakes_lists_five() {
    let bench = Bench::new();
    bench.edit(|text| {
        text.replace("name = \"hoodi\"", "name = \"goerli\"")
            .replace("timeout_secs = 1\n[beacon]", "timeout = 1\n[beacon]")
            .replace("nexus = \"0x0000000000000000000000000000000000000001\"\n", "")
            .replace("password = \"file:password\"", "password = 7")
            + "[policy]\ndead_band_bps = 20000\n"
    });
    let ended = bench.run(&["config", "check"]).expect(64);
    ended.says("has 5 problems");
    for (line, key) in [
        (2, "network.name: expected one of"),
        (5, "execution.timeout: unknown key"),
        (9, "contracts.nexus: missing, expected an address"),
        (15, "signer.password: expected a reference to a secret"),
        (22, "policy.dead_band_bps: expected basis points"),
    ] {
        ended.says(&format!("\n  line {line}: {key}"));
    }
    assert_eq!(ended.stdout, "", "nothing but data on stdout");

    let error = bench.run(&["config", "check", "--json"]).expect(64).json();
    assert_eq!(error["error"]["kind"], "configuration");
    assert_eq!(error["error"]["causes"].as_array().unwrap().len(), 5);
}

#[test]
fn the_example_passes_its_own_check() {
    let bench = Bench::new();
    let example = bench.run(&["config", "example"]).expect(0).stdout;
    bench.write("example.toml", &example, 0o644);
    let summary = bench.run(&["--config", "example.toml", "config", "check", "--json"]).expect(0).json();
    assert_eq!(summary["chain_id"], 560_048);
}

#[test]
fn what_this_version_lacks_is_refused_before_anything_is_done() {
    let bench = Bench::new();
    bench.edit(|text| text.replace("kind = \"keystore\"", "kind = \"kms\""));
    for command in [&["config", "check"][..], &["plan"], &["--salt-file", "salt", "run", "--once"]] {
        bench.run(command).expect(64).says("signer.kind = \"kms\" is not supported by this version");
    }
    assert!(!bench.path("state.sqlite").exists());
}

#[test]
fn the_command_line_has_its_own_exit_code() {
    let bench = Bench::new();
    bench.run(&["frobnicate"]).expect(2).says("frobnicate");
    bench.run(&["plan", "--rollup", "0x12"]).expect(2).says("--rollup");
    let error = bench.run(&["frobnicate", "--json"]).expect(2).json();
    assert_eq!(error["error"]["kind"], "usage");
    bench.run(&["--help"]).expect(0);
    bench.run(&["--config", "missing.toml", "plan"]).expect(64).says("missing.toml");
}

#[test]
fn a_pause_is_a_private_file_that_resume_removes() {
    let bench = Bench::new();
    let file = bench.path("state.sqlite.pause");
    bench.run(&["resume"]).expect(0);
    bench.run(&["pause", "--why", "checking an alert"]).expect(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "checking an alert\n");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    bench.run(&["pause", "--why", " "]).expect(2).says("--why");
    let resumed = bench.run(&["resume", "--json"]).expect(0).json();
    assert_eq!(resumed["paused"], false);
    assert!(!file.exists());
}
