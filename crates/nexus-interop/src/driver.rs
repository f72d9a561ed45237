//! Calling a peer's library: one JSON request in, one JSON reply out.
//!
//! The request is left in the row's working folder (`--keep`), what the driver says beside its reply in its log.

use std::{
    fs::{self, File},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{process::Command, time::timeout};

use crate::stage::Stage;

const TIME_LIMIT: Duration = Duration::from_mins(5);

/// Runs `driver.py` of a Python component.
pub(crate) async fn python<T: DeserializeOwned>(
    stage: &Stage,
    component: &str,
    request: &impl Serialize,
) -> anyhow::Result<T> {
    let mut command = Command::new(stage.component(component)?.join("venv/bin/python"));
    call(stage, component, command.arg("driver.py"), request).await
}

/// Runs `driver.mjs` of a Node component.
pub(crate) async fn node<T: DeserializeOwned>(
    stage: &Stage,
    component: &str,
    request: &impl Serialize,
) -> anyhow::Result<T> {
    call(stage, component, Command::new("node").arg("driver.mjs"), request).await
}

/// Runs a mode of a Go component's program, which has the component's name.
pub(crate) async fn go<T: DeserializeOwned>(
    stage: &Stage,
    component: &str,
    mode: &str,
    request: &impl Serialize,
) -> anyhow::Result<T> {
    let mut command = Command::new(stage.component(component)?.join("bin").join(component));
    call(stage, component, command.arg(mode), request).await
}

async fn call<T: DeserializeOwned>(
    stage: &Stage,
    component: &str,
    command: &mut Command,
    request: &impl Serialize,
) -> anyhow::Result<T> {
    let input = stage.work.join(format!("{component}-request.json"));
    fs::write(&input, serde_json::to_vec_pretty(request)?)?;
    let log = stage.log(&format!("driver-{component}"));
    let running = command
        .current_dir(stage.component(component)?)
        .stdin(File::open(&input)?)
        .stdout(Stdio::piped())
        .stderr(File::create(&log)?)
        .kill_on_drop(true)
        .output();
    let output = timeout(TIME_LIMIT, running)
        .await
        .context("the driver took too long")?
        .with_context(|| format!("starting the driver of {component}"))?;
    if !output.status.success() {
        let words = fs::read_to_string(&log)?;
        let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        bail!("the driver of {component} ended with {}: {last} ({})", output.status, log.display());
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the driver of {component} replied in another form"))
}
