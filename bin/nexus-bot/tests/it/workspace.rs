//! What holds for every crate of the workspace.

use std::{collections::BTreeSet, fs, path::PathBuf};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Name, manifest and root source file of every member.
fn members() -> Vec<(String, toml::Table, String)> {
    ["crates", "bin"]
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| {
            let folder = entry.unwrap().path();
            let manifest: toml::Table =
                fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
            let source = ["src/lib.rs", "src/main.rs"]
                .iter()
                .find_map(|file| fs::read_to_string(folder.join(file)).ok());
            (manifest["package"]["name"].as_str().unwrap().to_owned(), manifest, source.unwrap())
        })
        .collect()
}

fn dependencies(manifest: &toml::Table) -> BTreeSet<&str> {
    manifest["dependencies"].as_table().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_crate_opts_into_the_lints_and_forbids_unsafe_code() {
    for (name, manifest, source) in members() {
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name} doesn't opt into the lints");
        assert!(source.contains("#![forbid(unsafe_code)]"), "{name} doesn't forbid unsafe code");
    }
}

#[test]
fn arrows_never_turn_back() {
    let allowed: &[(&str, &[&str])] = &[
        ("nexus-primitives", &[]),
        ("nexus-http", &[]),
        ("nexus-policy", &["nexus-primitives"]),
        ("nexus-keys", &["nexus-primitives"]),
        ("nexus-ssv", &["nexus-primitives", "nexus-keys"]),
        ("nexus-beacon", &["nexus-primitives", "nexus-http"]),
        ("nexus-chain", &["nexus-primitives", "nexus-http"]),
    ];
    for (name, manifest, _) in members() {
        let Some((_, allowed)) = allowed.iter().find(|(layer, _)| *layer == name) else { continue };
        let siblings: Vec<_> =
            dependencies(&manifest).into_iter().filter(|dep| dep.starts_with("nexus-")).collect();
        assert!(siblings.iter().all(|dep| allowed.contains(dep)), "{name} depends on {siblings:?}");
    }
}

#[test]
fn only_the_crates_that_talk_to_the_execution_layer_know_alloy() {
    let knowing: BTreeSet<_> = members()
        .iter()
        .filter(|(_, manifest, _)| {
            dependencies(manifest).iter().any(|dep| dep.starts_with("alloy") || *dep == "revm")
        })
        .map(|(name, ..)| name.clone())
        .collect();
    let interop = "nexus-interop".to_owned();
    let expected = BTreeSet::from(["nexus-chain".to_owned(), "nexus-devnet".to_owned()]);
    assert_eq!(knowing.into_iter().filter(|name| *name != interop).collect::<BTreeSet<_>>(), expected);
}
