//! `pause` and `resume`: the file whose existence stops the bot.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;

use super::Session;
use crate::{cli::PauseArgs, exit_code::Exit, failure::UsageError, output};

#[derive(Serialize)]
struct PauseState<'a> {
    paused: bool,
    why: Option<&'a str>,
    pause_file: String,
}

/// Puts the pause file in place.
pub(super) fn pause(session: &Session, args: &PauseArgs) -> anyhow::Result<Exit> {
    let why = args.why.trim();
    if why.is_empty() {
        return Err(UsageError("--why needs a reason: it is shown wherever the pause is".to_owned()).into());
    }
    let path = session.config()?.pause_file();
    write_atomically(&path, why).with_context(|| format!("writing pause file {}", path.display()))?;
    tell(session, &path, Some(why), "paused: nothing is sent until `nexus-bot resume`\n");
    Ok(Exit::Done)
}

/// Takes the pause file away.
pub(super) fn resume(session: &Session) -> anyhow::Result<Exit> {
    let path = session.config()?.pause_file();
    let was_paused = match fs::remove_file(&path) {
        Ok(()) => {
            sync_directory(&path)?;
            true
        }
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => {
            return Err(error).with_context(|| format!("removing pause file {}", path.display()));
        }
    };
    tell(session, &path, None, if was_paused { "resumed\n" } else { "was not paused\n" });
    Ok(Exit::Done)
}

fn tell(session: &Session, path: &Path, why: Option<&str>, text: &str) {
    if session.json {
        let state = PauseState { paused: why.is_some(), why, pause_file: path.display().to_string() };
        output::print_json(&state);
    } else {
        output::print_text(text);
    }
}

/// Writes beside the file and renames: a running bot sees the old file, the new one, or none.
fn write_atomically(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
