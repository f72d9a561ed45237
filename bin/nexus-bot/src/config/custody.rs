//! `[signer]`, `[vault]`, `[state]`, `[keys]` and `[[rollup]]`: what the bot holds and whose keys it makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use nexus_controller::KeySources;
use nexus_dkg::Network;
use nexus_primitives::{ForkVersion, RollupAdmin, Wei};

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

/// `[vault]`: the directory of sealed mnemonics and of ceremonies' documents.
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

/// How rollups differ from each other.
#[derive(Debug, Clone)]
pub(crate) struct RollupsConfig {
    /// Reserves of single rollups, instead of the policy's.
    pub(crate) reserves: BTreeMap<RollupAdmin, Wei>,
    /// How validator keys are made.
    pub(crate) keys: KeySources,
}

/// One `[[rollup]]`.
struct RollupConfig {
    admin: RollupAdmin,
    keys: Option<KeySource>,
    reserve: Option<Wei>,
}

impl RollupsConfig {
    /// Reads `[keys]` and every `[[rollup]]`. Operators make keys only for networks that they know.
    pub(super) fn read(root: &mut Section<'_>, genesis_fork_version: Option<ForkVersion>) -> Self {
        let unknown = genesis_fork_version.and_then(|version| Network::try_from(version).err());
        let check = |section: &Section<'_>, key: &str, source: KeySource| {
            if let (KeySource::Dkg, Some(unknown)) = (source, &unknown) {
                section.problem(key, unknown.to_string());
            }
        };
        let default = root.section("keys", |section| {
            let default = section.or("default", KeySource::Mnemonic);
            check(section, "default", default);
            default
        });
        let mut seen = BTreeSet::new();
        let rollups = root.sections("rollup", |section| {
            let rollup = RollupConfig::read(section);
            let keys = rollup.as_ref().and_then(|rollup| rollup.keys);
            keys.inspect(|keys| check(section, "keys", *keys));
            if rollup.as_ref().is_some_and(|rollup| !seen.insert(rollup.admin)) {
                section.problem("admin", "this rollup has a section already".to_owned());
            }
            rollup
        });
        let rollups: Vec<_> = rollups.into_iter().flatten().collect();
        let source = |rollup: &RollupConfig| Some((rollup.admin, rollup.keys?.into()));
        Self {
            reserves: rollups.iter().filter_map(|rollup| Some((rollup.admin, rollup.reserve?))).collect(),
            keys: KeySources {
                default: default.into(),
                rollups: rollups.iter().filter_map(source).collect(),
            },
        }
    }
}

impl RollupConfig {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let admin = section.required("admin");
        let keys = section.optional("keys");
        let reserve = section.optional("reserve_eth").map(|Ether(reserve)| reserve);
        Some(Self { admin: admin?, keys, reserve })
    }
}

impl From<KeySource> for nexus_controller::KeySource {
    fn from(source: KeySource) -> Self {
        match source {
            KeySource::Mnemonic => Self::Mnemonic,
            KeySource::Dkg => Self::Dkg,
        }
    }
}

fn unsupported(section: &Section<'_>, key: &str, what: &str) {
    section.problem(key, format!("{what} is not supported by this version"));
}
