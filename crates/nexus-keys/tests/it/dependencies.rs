//! Using the crate pulls in nothing its job doesn't need.

use std::{collections::BTreeSet, process::Command};

/// Names of everything the library is built from, itself included.
fn dependencies(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "nexus-keys", "-e", "normal", "--locked", "--offline", "--prefix", "none"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs: it built this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[track_caller]
fn check_absent(tree: &BTreeSet<String>, families: &[&str]) {
    assert!(tree.contains("nexus-keys") && tree.contains("blst"), "{tree:?}");
    for name in tree {
        let unwanted =
            families.iter().find(|family| *name == **family || name.starts_with(&format!("{family}-")));
        assert_eq!(unwanted, None, "{name} is in {tree:?}");
    }
}

const NEVER: [&str; 8] = ["tokio", "alloy", "reqwest", "hyper", "aws", "revm", "rustls", "mockall"];

#[test]
fn the_library_brings_no_runtime_and_no_network() {
    check_absent(&dependencies(&[]), &NEVER);
}

#[test]
fn keys_and_deposits_alone_bring_no_vault_and_no_keystore() {
    let tree = dependencies(&["--no-default-features"]);
    check_absent(&tree, &NEVER);
    check_absent(&tree, &["aes", "ctr", "scrypt", "pbkdf2", "bip39", "async-trait", "base64", "uuid"]);
}
