//! What using the crate pulls in.

use std::{collections::BTreeSet, process::Command};

/// Everything the vocabulary needs, and nothing else: no runtime, no client, no chain, no cryptography but Keccak.
/// (`cpufeatures` and `libc` belong to Keccak on hosts other than `x86_64`.)
const ALLOWED: [&str; 25] = [
    "cfg-if",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "digest",
    "hex",
    "hybrid-array",
    "keccak",
    "libc",
    "nexus-policy",
    "nexus-primitives",
    "proc-macro2",
    "quote",
    "ruint",
    "ruint-macro",
    "serde",
    "serde_core",
    "serde_derive",
    "sha3",
    "sponge-cursor",
    "syn",
    "thiserror",
    "thiserror-impl",
    "typenum",
    "unicode-ident",
];

fn cargo_tree(depth: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "nexus-policy",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--depth", depth, "--offline", "--quiet"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("crate names are text");
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn only_the_vocabulary_and_its_integer_are_depended_on() {
    let direct = cargo_tree("1");
    assert_eq!(direct, ["nexus-policy", "nexus-primitives", "ruint"].map(str::to_owned).into());
}

#[test]
fn nothing_else_comes_along() {
    let allowed: BTreeSet<_> = ALLOWED.map(str::to_owned).into();
    let surprising: Vec<_> = cargo_tree("99").difference(&allowed).cloned().collect();
    assert!(surprising.is_empty(), "{surprising:?}");
}
