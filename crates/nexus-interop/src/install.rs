//! Installing a component once, and keeping it for as long as its lock files stay the same.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::component::{Component, Manager};

/// Written last: a folder without it is the rest of an interrupted installation.
const DONE: &str = ".installed";

/// Makes sure that a component is installed and returns its folder, with the drivers as they are now beside it.
pub(crate) async fn install(component: &Component, cache: &Path) -> anyhow::Result<PathBuf> {
    need_all(component).await?;
    let folder = cache.join("components").join(component.cache_key()?);
    if !folder.join(DONE).exists() {
        println!("installing {} …", component.peers.join(", "));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        for name in component.inputs()? {
            fs::copy(component.folder.join(&name), folder.join(&name))?;
        }
        let log = cache.join("logs").join(format!("install-{}.log", component.name));
        fetch(component, &folder, &log).await?;
        fs::write(folder.join(DONE), "")?;
    }
    copy_drivers(component, &folder)?;
    Ok(folder)
}

async fn fetch(component: &Component, folder: &Path, log: &Path) -> anyhow::Result<()> {
    match component.manager {
        Manager::Npm => npm(component, folder, log).await,
        Manager::Pip => pip(folder, log).await,
        Manager::Go => go(component, folder, log).await,
    }
}

async fn npm(component: &Component, folder: &Path, log: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).args(&component.args);
    run(command.current_dir(folder), log).await?;
    let nodedir = match component.node_gyp.as_slice() {
        [] => String::new(),
        _ => node_headers().await?,
    };
    for package in &component.node_gyp {
        let mut command = Command::new("npm");
        command.args([
            "exec",
            "--",
            "node-gyp",
            "rebuild",
            "--directory",
            &format!("node_modules/{package}"),
            &format!("--nodedir={nodedir}"),
        ]);
        run(command.current_dir(folder), log).await?;
    }
    Ok(())
}

/// Returns where Node's own headers are; node-gyp would fetch some from the network.
async fn node_headers() -> anyhow::Result<String> {
    let script = "require('path').resolve(process.execPath, '..', '..')";
    let output = Command::new("node").args(["-p", script]).output().await?;
    let prefix = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let header = Path::new(&prefix).join("include/node/node.h");
    if header.exists() {
        return Ok(prefix);
    }
    bail!("{} is missing: install Node's headers (Debian: apt-get install libnode-dev)", header.display())
}

async fn pip(folder: &Path, log: &Path) -> anyhow::Result<()> {
    run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder), log).await?;
    let mut command = Command::new(folder.join("venv/bin/pip"));
    command.args([
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "-r",
        "requirements.txt",
    ]);
    run(command.current_dir(folder), log).await
}

async fn go(component: &Component, folder: &Path, log: &Path) -> anyhow::Result<()> {
    // Behind everything else that runs: a row in real time may be waiting beside it.
    let mut command = Command::new("nice");
    // What the lock files say and nothing else; without tables for debuggers, which take as long to write as to link.
    command.args(["-n", "19", "go", "build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", "bin/"]);
    command.args(&component.go).env("CGO_ENABLED", if component.cgo { "1" } else { "0" });
    run(command.current_dir(folder), log).await
}

/// Refuses to go on without what a component is installed and run with.
async fn need_all(component: &Component) -> anyhow::Result<()> {
    let builds_c = match component.manager {
        Manager::Npm => {
            need("node", &["--version"], "Node 20").await?;
            need("npm", &["--version"], "npm, which comes with Node").await?;
            !component.node_gyp.is_empty()
        }
        Manager::Pip => {
            need("python3", &["--version"], "Python 3.11").await?;
            let venv = "Python's venv (Debian: apt-get install python3-venv)";
            need("python3", &["-c", "import venv, ensurepip"], venv).await?;
            false
        }
        Manager::Go => {
            need("go", &["version"], "Go 1.25 or newer").await?;
            component.cgo
        }
    };
    if builds_c {
        need("c++", &["--version"], "a C++ compiler (Debian: apt-get install build-essential)").await?;
    }
    if !component.node_gyp.is_empty() {
        need("make", &["--version"], "make (Debian: apt-get install build-essential)").await?;
        let distutils = "a Python with distutils, which node-gyp uses: 3.11, or 3.12 with setuptools";
        need("python3", &["-c", "import distutils.version"], distutils).await?;
    }
    Ok(())
}

/// Refuses to go on without a program, in one line that says what to install.
async fn need(program: &str, args: &[&str], what: &str) -> anyhow::Result<()> {
    let status = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    bail!("{program} is missing: install {what} and make sure that {program} is on the PATH")
}

async fn run(command: &mut Command, log: &Path) -> anyhow::Result<()> {
    let file = fs::OpenOptions::new().create(true).append(true).open(log)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("starting {}", command.as_std().get_program().display()))?;
    if status.success() {
        return Ok(());
    }
    bail!("{} ended with {status}: see {}", command.as_std().get_program().display(), log.display())
}

/// Drivers stand beside the packages they import, and are copied each time: they are ours and change.
fn copy_drivers(component: &Component, folder: &Path) -> anyhow::Result<()> {
    if !component.folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&component.folder)? {
        let path = entry?.path();
        let is_driver =
            path.extension().is_some_and(|end| ["py", "mjs", "cjs"].iter().any(|driver| end == *driver));
        if let (true, Some(name)) = (is_driver, path.file_name()) {
            fs::copy(&path, folder.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_program_is_named_with_its_remedy_on_one_line() {
        let error = need("no-such-program", &[], "Such 1.0").await.unwrap_err().to_string();
        assert!(error.contains("no-such-program is missing: install Such 1.0"), "{error}");
        assert!(!error.contains('\n'));
    }
}
