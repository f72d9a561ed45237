//! The validator keys that a command works with: from keystore files, or from the vault.

use std::{
    fs,
    io::{IsTerminal as _, stdin},
    path::Path,
};

use anyhow::Context as _;
use nexus_keys::{Keystore, ValidatorKey};
use nexus_primitives::DerivationIndex;
use zeroize::Zeroizing;

use super::Session;
use crate::{
    cli::KeyArgs,
    compose,
    failure::UsageError,
    private_file::{into_text, read_secret_file},
    progress,
};

/// Opens every key that the arguments name, in their order.
pub(super) async fn open(session: &Session, args: &KeyArgs) -> anyhow::Result<Vec<ValidatorKey>> {
    let (Some(rollup), Some(index)) = (args.rollup, args.index) else { return open_keystores(args) };
    let config = session.config()?;
    let keyring = compose::keyring(&config, compose::vault(&config)?, session.salt()?);
    let _spinner = progress::spinner("opening the mnemonic");
    Ok(vec![keyring.derive(rollup, DerivationIndex::new(index)).await?])
}

/// Opens the one key that the arguments name.
pub(super) async fn open_one(session: &Session, args: &KeyArgs) -> anyhow::Result<ValidatorKey> {
    let mut keys = open(session, args).await?;
    match keys.pop() {
        Some(key) if keys.is_empty() => Ok(key),
        _ => Err(UsageError("expected one --keystore, or --rollup with --index".to_owned()).into()),
    }
}

fn open_keystores(args: &KeyArgs) -> anyhow::Result<Vec<ValidatorKey>> {
    let password = match &args.password_file {
        Some(path) => {
            let what = "the keystore's password";
            into_text(what, &read_secret_file(what, path)?)?
        }
        None => ask_password()?,
    };
    let bar = progress::bar("opening keystores", args.keystore.len());
    let mut keys = Vec::with_capacity(args.keystore.len());
    for path in &args.keystore {
        keys.push(open_keystore(path, &password).with_context(|| format!("keystore {}", path.display()))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(keys)
}

fn open_keystore(path: &Path, password: &Zeroizing<String>) -> anyhow::Result<ValidatorKey> {
    let json = fs::read_to_string(path)?;
    Ok(Keystore::decrypt(&json, password)?)
}

fn ask_password() -> anyhow::Result<Zeroizing<String>> {
    if !stdin().is_terminal() {
        let message =
            "the keystore's password is needed and there is no terminal to ask for it: give --password-file";
        return Err(UsageError(message.to_owned()).into());
    }
    let password = rpassword::prompt_password("Keystore password: ").context("asking for the password")?;
    Ok(Zeroizing::new(password))
}
