//! A peer that runs beside us and dies with us.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// A running peer; dropping it kills the peer and everything the peer started.
pub(crate) struct ChildProcess {
    child: Child,
    group: Pid,
    log: PathBuf,
}

impl ChildProcess {
    /// Starts a peer in a process group of its own, its output in `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", command.as_std().get_program().display()))?;
        let id = child.id().context("a peer that was just started has an id")?;
        let group = i32::try_from(id).ok().and_then(Pid::from_raw).context("process ids are positive")?;
        Ok(Self { child, group, log: log.to_owned() })
    }

    /// Asks `ready` until it says yes; fails when the peer ends or `limit` passes.
    pub(crate) async fn wait_until<F: Future<Output = bool>>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> F,
    ) -> anyhow::Result<()> {
        let log = self.log.clone();
        let polling = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    bail!("the peer ended with {status}: {}", last_lines(&log));
                }
                if ready().await {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(limit, polling).await {
            Ok(outcome) => outcome,
            Err(_) => bail!("the peer was not ready within {limit:?}: {}", last_lines(&log)),
        }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

/// Returns a port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Returns the end of a log on one line.
fn last_lines(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(4).collect();
    let tail: Vec<_> =
        lines.into_iter().rev().map(|line| line.chars().take(300).collect::<String>()).collect();
    format!("{} ({})", tail.join(" | "), log.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("nexus-interop-{}-{name}.log", std::process::id()))
    }

    #[tokio::test]
    async fn a_peer_dies_with_its_children_when_it_is_dropped() {
        let log = log("family");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo started $!; wait"]);
        let mut peer = ChildProcess::start(&mut command, &log).unwrap();
        let started = || async { fs::read_to_string(&log).is_ok_and(|text| text.ends_with('\n')) };
        peer.wait_until(Duration::from_secs(20), started).await.unwrap();
        let text = fs::read_to_string(&log).unwrap();
        let grandchild = text.trim().rsplit(' ').next().unwrap().to_owned();
        drop(peer);
        let is_gone = || {
            let state = fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        tokio::time::timeout(Duration::from_secs(20), async {
            while !is_gone() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the grandchild was killed");
        fs::remove_file(&log).unwrap();
    }

    #[tokio::test]
    async fn a_peer_that_ends_early_is_reported_with_its_last_words() {
        let log = log("early");
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such option; exit 3"]);
        let mut peer = ChildProcess::start(&mut command, &log).unwrap();
        let error =
            peer.wait_until(Duration::from_secs(20), || async { false }).await.unwrap_err().to_string();
        assert!(error.contains("no such option"), "{error}");
        fs::remove_file(&log).unwrap();
    }
}
