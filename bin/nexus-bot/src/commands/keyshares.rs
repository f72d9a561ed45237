//! `keyshares split` and `keyshares verify`: what SSV's own command line tool does.

use std::{fs, io::Write as _, path::Path};

use anyhow::Context as _;
use nexus_primitives::{Address, Clock as _, OwnerNonce};
use nexus_ssv::{CreatedAt, Expectation, KeysharesFile, KeysharesItem, Operator, Registration, split};
use serde::Serialize;

use super::{Session, key_source, operators_file};
use crate::{
    cli::KeysharesCommand,
    clock::SystemClock,
    compose,
    exit_code::Exit,
    output::{self, Table},
    progress,
};

#[derive(Serialize)]
struct VerifiedItem {
    pubkey: String,
    owner: String,
    nonce: u64,
    operators: Vec<u64>,
}

/// Runs one of the commands.
pub(super) async fn run(session: &Session, command: KeysharesCommand) -> anyhow::Result<Exit> {
    match command {
        KeysharesCommand::Split { key, operators, owner, nonce, out } => {
            let operators = operators_file::read(&operators)?;
            let keys = key_source::open(session, &key).await?;
            let items = split_all(&keys, &operators, Registration::new(owner, nonce))?;
            write(items, out.as_deref())?;
        }
        KeysharesCommand::Verify { file, owner, nonce, operators } => {
            let operators = operators.map(|path| operators_file::read(&path)).transpose()?;
            let verified = verify(&file, owner.zip(nonce), operators.as_deref())
                .with_context(|| format!("keyshares file {}", file.display()))?;
            session.print(&verified, || print(&verified));
        }
    }
    Ok(Exit::Done)
}

/// Splits each key for the registration that follows the one before.
fn split_all(
    keys: &[nexus_keys::ValidatorKey],
    operators: &[Operator],
    first: Registration,
) -> anyhow::Result<Vec<KeysharesItem>> {
    let mut rng = compose::os_rng();
    let bar = progress::bar("splitting keys", keys.len());
    let mut items = Vec::with_capacity(keys.len());
    for (key, position) in keys.iter().zip(0..) {
        let registration = Registration::new(first.owner, following(first.nonce, position)?);
        let keyshares = split(key, operators, registration, &mut rng)
            .with_context(|| format!("splitting the key of {}", key.pubkey()))?;
        items.push(KeysharesItem::new(keyshares, operators)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(items)
}

fn following(nonce: OwnerNonce, count: u64) -> anyhow::Result<OwnerNonce> {
    nonce.checked_add(count).context("the nonce exceeds 64 bits")
}

fn write(items: Vec<KeysharesItem>, out: Option<&Path>) -> anyhow::Result<()> {
    let created_at = CreatedAt::new(SystemClock.now())?;
    let json = KeysharesFile { created_at: None, items }.to_json(created_at);
    let Some(path) = out else {
        output::print_text(&format!("{json}\n"));
        return Ok(());
    };
    // An older file may belong to a registration that is under way: it is not replaced.
    let create = || {
        let mut file = fs::File::create_new(path)?;
        file.write_all(json.as_bytes())?;
        file.sync_all()
    };
    create().with_context(|| format!("writing {}", path.display()))
}

/// Verifies every entry; the nonce of each further one must be the next.
fn verify(
    path: &Path,
    first: Option<(Address, OwnerNonce)>,
    operators: Option<&[Operator]>,
) -> anyhow::Result<Vec<VerifiedItem>> {
    let file = KeysharesFile::from_json(&fs::read_to_string(path)?)?;
    anyhow::ensure!(!file.items.is_empty(), "no keyshares in it");
    let bar = progress::bar("verifying keyshares", file.items.len());
    for (item, position) in file.items.iter().zip(0..) {
        let mut expectation = Expectation::none();
        if let Some((owner, nonce)) = first {
            expectation = expectation.registration(Registration::new(owner, following(nonce, position)?));
        }
        if let Some(operators) = operators {
            expectation = expectation.operators(operators);
        }
        item.verify(&expectation).with_context(|| format!("shares[{position}]"))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(file.items.iter().map(VerifiedItem::from).collect())
}

impl From<&KeysharesItem> for VerifiedItem {
    fn from(item: &KeysharesItem) -> Self {
        let keyshares = item.keyshares();
        Self {
            pubkey: keyshares.pubkey().to_string(),
            owner: keyshares.registration().owner.to_string(),
            nonce: keyshares.registration().nonce.get(),
            operators: keyshares.operators().to_u64s(),
        }
    }
}

/// What was found: without the operators' private keys nobody can look into the encrypted shares.
const RESULT: &str = "valid; encrypted shares not opened";

fn print(verified: &[VerifiedItem]) {
    let mut table = Table::new(["validator", "owner", "nonce", "operators", "result"]);
    for item in verified {
        let operators: Vec<_> = item.operators.iter().map(ToString::to_string).collect();
        let (pubkey, owner) = (item.pubkey.clone(), item.owner.clone());
        table.row([pubkey, owner, item.nonce.to_string(), operators.join(","), RESULT.to_owned()]);
    }
    table.print("no keyshares");
}
