//! Where the operator's salt comes from: a descriptor, a file, or the terminal. Never argv, never the environment.

use std::{
    io::{IsTerminal as _, stdin},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::Args;
use nexus_keys::Salt;
use zeroize::Zeroizing;

use crate::{
    failure::UsageError,
    private_file::{read_secret_descriptor, read_secret_file},
};

/// The flags that say where the salt is; none carries its value.
#[derive(Debug, Clone, Args)]
pub(crate) struct SaltSource {
    /// Read the salt from this open file descriptor
    #[arg(long, global = true, value_name = "N", conflicts_with = "salt_file")]
    salt_fd: Option<u32>,
    /// Read the salt from this file; refused when others may read it
    #[arg(long, global = true, value_name = "PATH")]
    salt_file: Option<PathBuf>,
}

impl SaltSource {
    /// Reads the salt, asking for it on the terminal when no flag says where it is.
    pub(crate) fn read(&self) -> anyhow::Result<Salt> {
        let bytes = match (self.salt_fd, &self.salt_file) {
            (Some(number), _) => read_secret_descriptor("the salt", number)?,
            (None, Some(path)) => read_secret_file("the salt", path)?,
            (None, None) => ask()?,
        };
        Ok(Salt::from_bytes(bytes)?)
    }
}

fn ask() -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if !stdin().is_terminal() {
        let message = "the salt is needed and there is no terminal to ask for it: \
                       give --salt-file PATH or --salt-fd NUMBER";
        return Err(UsageError(message.to_owned()).into());
    }
    let text = rpassword::prompt_password("Salt: ").context("asking for the salt")?;
    Ok(Zeroizing::new(text.into_bytes()))
}
