//! What lies in the bot's directory, and what must not.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use nexus_keys::{KdfCost, Mnemonic, Salt, SealedMnemonic, VaultBinding};
use zeroize::Zeroizing;

use super::{
    checks::Ledger,
    scene::{Rollup, Scene},
};

/// Checks that the rollup's mnemonic is sealed, opens with the operator's salt only, and lies nowhere in the open.
pub(super) fn check(scene: &Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let path = envelope_path(scene, scene.alpha);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let sealed = SealedMnemonic::from_json(&text)?;
    ledger.equal("mode of the envelope in the vault", mode(&path)?, "0600".to_owned());
    ledger.equal("mode of the vault", mode(&scene.files.vault)?, "0700".to_owned());
    let chain_id = scene.devnet.beacon().read().config().chain_id;
    let binding = VaultBinding { chain_id, rollup: scene.alpha.admin };
    ledger.holds("the envelope is bound to chain and rollup", sealed.binding() == binding, scene.alpha.admin);
    let cost = sealed.cost();
    ledger.holds(
        "key derivation costs what production pays",
        cost == KdfCost::STANDARD,
        format!("scrypt, {cost:?}"),
    );
    let other = Salt::from_bytes(Zeroizing::new(b"not the salt of the operator".to_vec()))?;
    let refused = sealed.open(&other, binding).err();
    let told = refused.as_ref().map_or_else(|| "it opens".to_owned(), ToString::to_string);
    ledger.holds("another salt doesn't open it", refused.is_some(), told);
    let mnemonic = sealed.open(&scene.salt()?, binding)?;
    ledger.equal("words under the operator's salt", words(&mnemonic).len(), 24);
    let leaks = leaks(&scene.files.dir, &mnemonic)?;
    ledger.holds(
        "no file of the bot holds two of its words in a row",
        leaks.is_empty(),
        format!("{} files", leaks.len()),
    );
    Ok(())
}

/// Returns where the vault keeps a rollup's envelope, if it has one.
pub(super) fn envelope_path(scene: &Scene, rollup: Rollup) -> PathBuf {
    scene.files.vault.join(format!("0x{}.json", hex::encode(rollup.admin.address().as_bytes())))
}

fn words(mnemonic: &Mnemonic) -> Vec<&str> {
    mnemonic.expose_phrase().split(' ').collect()
}

/// Returns the files below `dir` in which two consecutive words stand. One alone proves nothing: `salt` is a word.
fn leaks(dir: &Path, mnemonic: &Mnemonic) -> anyhow::Result<Vec<PathBuf>> {
    let words = words(mnemonic);
    let pairs: Vec<_> = words.windows(2).map(|pair| Zeroizing::new(pair.join(" ").into_bytes())).collect();
    let mut leaks = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            leaks.extend(self::leaks(&path, mnemonic)?);
        } else {
            let content = fs::read(&path)?;
            let holds =
                |pair: &Zeroizing<Vec<u8>>| content.windows(pair.len()).any(|bytes| bytes == pair.as_slice());
            leaks.extend(pairs.iter().any(holds).then_some(path));
        }
    }
    Ok(leaks)
}

fn mode(path: &Path) -> anyhow::Result<String> {
    Ok(format!("{:04o}", fs::metadata(path)?.permissions().mode() & 0o7777))
}
