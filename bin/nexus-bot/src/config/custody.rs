//! `[signer]`, `[vault]`, `[state]`, `[keys]` and `[[rollup]]`: what the bot holds and whose keys it makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use nexus_primitives::{RollupAdmin, Wei};

use super::{
    secret_ref::SecretRef,
    section::Section,
    value::{Ether, choice},
};

choice! {
    /// `signer.kind`.
    SignerKind, "\"keystore\" or \"kms\"", {
        /// An encrypted keystore file.
        Keystore = "keystore",
        /// A key that never leaves AWS KMS.
        Kms = "kms",
    }
}

choice! {
    /// `vault.kind`.
    VaultKind, "\"local\" or \"aws\"", {
        /// A directory.
        Local = "local",
        /// AWS Secrets Manager.
        Aws = "aws",
    }
}

choice! {
    /// How validator keys are made.
    KeySource, "\"mnemonic\" or \"dkg\"", {
        /// From the rollup's mnemonic.
        Mnemonic = "mnemonic",
        /// In a ceremony among the operators.
        Dkg = "dkg",
    }
}

/// `[signer]`: the account that signs transactions.
#[derive(Debug, Clone)]
pub(crate) struct SignerConfig {
    /// The encrypted keystore (Web3 secret storage).
    pub(crate) keystore: PathBuf,
    /// Its password.
    pub(crate) password: SecretRef,
}

/// `[vault]`: the directory of sealed mnemonics.
#[derive(Debug, Clone)]
pub(crate) struct VaultConfig {
    /// The directory.
    pub(crate) path: PathBuf,
}

/// `[state]`.
#[derive(Debug, Clone)]
pub(crate) struct StateConfig {
    /// The SQLite file.
    pub(crate) path: PathBuf,
}

impl SignerConfig {
    const KEYSTORE_KEYS: [&'static str; 2] = ["keystore", "password"];
    const KMS_KEYS: [&'static str; 1] = ["key_id"];

    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        match section.required("kind") {
            Some(SignerKind::Keystore) => {
                let keystore = section.path("keystore");
                let password = section.secret("password");
                section.only_with(&Self::KMS_KEYS, "kind = \"kms\"");
                Some(Self { keystore: keystore?, password: password? })
            }
            Some(SignerKind::Kms) => {
                unsupported(section, "kind", "signer.kind = \"kms\"");
                Self::pass_over(section)
            }
            None => Self::pass_over(section),
        }
    }

    /// With a kind that can't be used, one problem is enough.
    fn pass_over(section: &mut Section<'_>) -> Option<Self> {
        section.pass_over(&Self::KEYSTORE_KEYS);
        section.pass_over(&Self::KMS_KEYS);
        None
    }
}

impl VaultConfig {
    const AWS_KEYS: [&'static str; 4] = ["prefix", "kms_key_id", "region", "endpoint_url"];

    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        match section.required("kind") {
            Some(VaultKind::Local) => {
                let path = section.path("path");
                section.only_with(&Self::AWS_KEYS, "kind = \"aws\"");
                path.map(|path| Self { path })
            }
            Some(VaultKind::Aws) => {
                unsupported(section, "kind", "vault.kind = \"aws\"");
                Self::pass_over(section)
            }
            None => Self::pass_over(section),
        }
    }

    fn pass_over(section: &mut Section<'_>) -> Option<Self> {
        section.pass_over(&["path"]);
        section.pass_over(&Self::AWS_KEYS);
        None
    }
}

impl StateConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        section.path("path").map(|path| Self { path })
    }
}

/// Reads `[keys]`; this version makes keys from mnemonics only.
pub(super) fn read_keys(section: &mut Section<'_>) {
    if section.or("default", KeySource::Mnemonic) == KeySource::Dkg {
        unsupported(section, "default", "keys.default = \"dkg\"");
    }
}

/// Reads one `[[rollup]]`.
fn read_rollup(section: &mut Section<'_>) -> Option<(RollupAdmin, Option<Wei>)> {
    let admin = section.required("admin");
    if section.or("keys", KeySource::Mnemonic) == KeySource::Dkg {
        unsupported(section, "keys", "keys = \"dkg\"");
    }
    let reserve = section.optional("reserve_eth").map(|Ether(reserve)| reserve);
    Some((admin?, reserve))
}

/// Reads every `[[rollup]]`; returns the reserve of each that has one of its own.
pub(super) fn read_rollups(root: &mut Section<'_>) -> BTreeMap<RollupAdmin, Wei> {
    let mut seen = BTreeSet::new();
    let rollups = root.sections("rollup", |section| {
        let rollup = read_rollup(section);
        if rollup.is_some_and(|(admin, _)| !seen.insert(admin)) {
            section.problem("admin", "this rollup has a section already".to_owned());
        }
        rollup
    });
    rollups.into_iter().flatten().filter_map(|(admin, reserve)| Some((admin, reserve?))).collect()
}

fn unsupported(section: &Section<'_>, key: &str, what: &str) {
    section.problem(key, format!("{what} is not supported by this version"));
}
