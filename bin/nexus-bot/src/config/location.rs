//! Where the configuration file is looked for.

use std::path::{Path, PathBuf};

use super::ConfigError;

const PLACES: [&str; 2] = ["nexus-bot.toml", "/etc/nexus-bot/nexus-bot.toml"];

/// Returns the file named on the command line, or else the first of the usual ones that exists.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, ConfigError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let found = PLACES.iter().map(PathBuf::from).find(|path| path.exists());
    found.ok_or_else(|| ConfigError::NotFound { tried: PLACES.iter().map(PathBuf::from).collect() })
}
