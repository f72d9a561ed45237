//! `versions.toml`: which peers there are and how each is installed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The Go package in a component's own folder.
const LOCAL_PACKAGE: &str = ".";

/// All components by name.
pub(crate) struct Components(BTreeMap<String, Component>);

/// A set of packages that one package manager installs together.
pub(crate) struct Component {
    /// Its name, also of its folder.
    pub(crate) name: String,
    /// Where its lock files and drivers are.
    pub(crate) folder: PathBuf,
    /// Who installs it.
    pub(crate) manager: Manager,
    /// What the table prints.
    pub(crate) peers: Vec<String>,
    /// Extra arguments of the package manager.
    pub(crate) args: Vec<String>,
    /// Packages with native code that must be built by node-gyp after an installation without scripts.
    pub(crate) node_gyp: Vec<String>,
    /// Go packages of programs, in modules that `go.mod` pins; `.` is a program of ours, in `folder`.
    pub(crate) go: Vec<String>,
    /// Whether those are built with their C parts.
    pub(crate) cgo: bool,
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Manager {
    /// `npm ci` from `package-lock.json`.
    Npm,
    /// `pip install` from `requirements.txt`, by hash, into a virtual environment.
    Pip,
    /// `go build` of packages from `go.mod` and `go.sum`.
    Go,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersions {
    components: BTreeMap<String, RawComponent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    manager: Manager,
    peers: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    node_gyp: Vec<String>,
    #[serde(default)]
    go: Vec<String>,
    #[serde(default = "with_cgo")]
    cgo: bool,
}

fn with_cgo() -> bool {
    true
}

impl Components {
    /// Reads `versions.toml` in `folder`.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("versions.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let raw: RawVersions = toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        let components = raw.components.into_iter().map(|(name, raw)| {
            let component = Component {
                folder: folder.join(&name),
                name: name.clone(),
                manager: raw.manager,
                peers: raw.peers,
                args: raw.args,
                node_gyp: raw.node_gyp,
                go: raw.go,
                cgo: raw.cgo,
            };
            (name, component)
        });
        Ok(Self(components.collect()))
    }

    /// Returns the components' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns a component.
    pub(crate) fn get(&self, name: &str) -> anyhow::Result<&Component> {
        self.0.get(name).with_context(|| format!("versions.toml has no component {name:?}"))
    }
}

impl Component {
    /// Returns the files that pin what is installed.
    pub(crate) fn lock_files(&self) -> &'static [&'static str] {
        match self.manager {
            Manager::Npm => &["package.json", "package-lock.json"],
            Manager::Pip => &["requirements.txt"],
            Manager::Go => &["go.mod", "go.sum"],
        }
    }

    /// Returns the files that decide what is installed: lock files, and the sources of a program of ours.
    pub(crate) fn inputs(&self) -> anyhow::Result<Vec<String>> {
        let mut inputs: Vec<_> = self.lock_files().iter().map(|name| (*name).to_owned()).collect();
        if self.go.iter().any(|package| package == LOCAL_PACKAGE) {
            for entry in fs::read_dir(&self.folder)? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
                inputs.extend(name.filter(|_| path.extension().is_some_and(|end| end == "go")));
            }
            inputs.sort_unstable();
        }
        Ok(inputs)
    }

    /// Returns a name that changes with everything that decides what is installed.
    pub(crate) fn cache_key(&self) -> anyhow::Result<String> {
        let mut digest = Sha256::new();
        for name in self.inputs()? {
            let path = self.folder.join(name);
            digest.update(fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
        }
        for text in self.args.iter().chain(&self.node_gyp).chain(&self.go) {
            digest.update(text);
            digest.update([0]);
        }
        digest.update([u8::from(self.cgo)]);
        Ok(format!("{}-{}", self.name, &hex::encode(digest.finalize())[..12]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rows, stage::Layout};

    fn components() -> Components {
        Components::read(&Layout::find().unwrap().fixtures.join("interop")).unwrap()
    }

    #[test]
    fn every_component_of_a_row_exists() {
        for row in rows::all() {
            for name in row.components() {
                components().get(name).unwrap();
            }
        }
    }

    #[test]
    fn lock_files_hold_the_versions_that_the_table_prints() {
        for component in components().0.values() {
            let locked = locked(component);
            for peer in &component.peers {
                let (package, version) = peer.rsplit_once(' ').unwrap();
                assert_eq!(locked.get(package).map(String::as_str), Some(version), "{}", component.name);
            }
        }
    }

    #[test]
    fn no_lock_file_names_a_host() {
        for component in components().0.values() {
            for name in component.lock_files() {
                let text = fs::read_to_string(component.folder.join(name)).unwrap();
                for source in ["\"resolved\"", "index-url", "--find-links"] {
                    assert!(!text.contains(source), "{}/{name}: {source}", component.name);
                }
            }
        }
    }

    /// Package to version, as the lock file has it.
    fn locked(component: &Component) -> BTreeMap<String, String> {
        let read = |name: &str| fs::read_to_string(component.folder.join(name)).unwrap();
        match component.manager {
            Manager::Npm => {
                let lock: serde_json::Value = serde_json::from_str(&read("package-lock.json")).unwrap();
                let packages = lock["packages"].as_object().unwrap().iter();
                packages
                    .filter_map(|(path, entry)| {
                        let package = path.strip_prefix("node_modules/")?;
                        Some((package.to_owned(), entry["version"].as_str()?.to_owned()))
                    })
                    .collect()
            }
            Manager::Pip => {
                let requirements = read("requirements.txt");
                let pins = requirements.lines().filter_map(|line| line.split_once("=="));
                pins.map(|(package, rest)| (package.to_owned(), rest.trim_end_matches(" \\").to_owned()))
                    .collect()
            }
            // A module goes by its name, and a program by its own: "geth" is of module "go-ethereum". Those that a
            // program of ours calls are required directly.
            Manager::Go => {
                let module = read("go.mod");
                let pins: Vec<(&str, &str)> = module
                    .lines()
                    .filter_map(|line| line.trim_start_matches("require").trim().split_once(" v"))
                    .collect();
                let version = |pin: &str| pin.split(' ').next().unwrap().to_owned();
                let name = |path: &str| path.split('/').nth(2).unwrap().to_owned();
                let pinned = |package: &String| pins.iter().find(|(path, _)| package.starts_with(path));
                let programs = component.go.iter().map(|package| {
                    if package == LOCAL_PACKAGE {
                        let called = pins.iter().filter(|(_, pin)| !pin.ends_with("// indirect"));
                        return called.map(|(path, pin)| (name(path), version(pin))).collect();
                    }
                    let (path, pin) = pinned(package).unwrap_or_else(|| panic!("{package} is not pinned"));
                    let program = package.rsplit('/').next().unwrap();
                    vec![(name(path), version(pin)), (program.to_owned(), version(pin))]
                });
                programs.flatten().collect()
            }
        }
    }
}
