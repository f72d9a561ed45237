//! Using this crate pulls in nothing that its job doesn't need.

use std::process::Command;

#[test]
fn no_network_cloud_or_vault_dependency_is_pulled_in() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "nexus-ssv", "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"bls12_381") && names.contains(&"nexus-keys"), "{tree}");
    for name in names {
        let unwanted =
            ["tokio", "alloy", "reqwest", "hyper", "aws-", "aes-gcm", "scrypt", "axum", "revm", "rusqlite"];
        assert!(!unwanted.iter().any(|start| name.starts_with(start)), "{name} is pulled in:\n{tree}");
    }
}
