//! The vault directory: modes, atomicity, leftovers.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_keys::{
    KdfCost, LocalVault, Mnemonic, MnemonicVault as _, Salt, SealedMnemonic, VaultBinding, VaultError,
};
use nexus_primitives::{Address, ChainId, RollupAdmin};
use tempfile::TempDir;
use zeroize::Zeroizing;

fn rollup(byte: u8) -> RollupAdmin {
    RollupAdmin::new(Address::new([byte; 20]))
}

fn sealed(rollup: RollupAdmin) -> SealedMnemonic {
    let salt = Salt::from_bytes(Zeroizing::new(vec![1; 32])).unwrap();
    let binding = VaultBinding { chain_id: ChainId::new(1), rollup };
    let cost = KdfCost::new(1, 1, 1).unwrap();
    SealedMnemonic::seal(&Mnemonic::generate(&mut rand::rng()), &salt, binding, cost, &mut rand::rng())
}

fn vault() -> (TempDir, PathBuf, LocalVault) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("vault");
    let vault = LocalVault::open(&dir).unwrap();
    (temp, dir, vault)
}

fn file_of(dir: &Path, rollup: RollupAdmin) -> PathBuf {
    dir.join(format!("{}.json", rollup.to_string().to_lowercase()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_is_stored_is_fetched_and_listed() {
    let (_temp, dir, vault) = vault();
    assert_eq!(vault.list().await.unwrap(), []);
    assert_eq!(vault.fetch(rollup(1)).await.unwrap(), None);
    let (first, second) = (sealed(rollup(1)), sealed(rollup(2)));
    vault.store_new(rollup(2), &second).await.unwrap();
    vault.store_new(rollup(1), &first).await.unwrap();

    let reopened = LocalVault::open(&dir).unwrap();
    assert_eq!(reopened.list().await.unwrap(), [rollup(1), rollup(2)]);
    assert_eq!(reopened.fetch(rollup(1)).await.unwrap(), Some(first));
    assert_eq!(reopened.fetch(rollup(2)).await.unwrap(), Some(second));
}

#[tokio::test]
async fn only_the_owner_has_access() {
    let (_temp, dir, vault) = vault();
    vault.store_new(rollup(1), &sealed(rollup(1))).await.unwrap();
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&file_of(&dir, rollup(1))), 0o600);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no temporary file stays");
}

#[tokio::test]
async fn an_envelope_is_never_replaced() {
    let (_temp, dir, vault) = vault();
    let first = sealed(rollup(1));
    vault.store_new(rollup(1), &first).await.unwrap();
    let again = vault.store_new(rollup(1), &sealed(rollup(1))).await;
    assert!(matches!(again, Err(VaultError::AlreadyExists { rollup: r }) if r == rollup(1)), "{again:?}");
    assert_eq!(vault.fetch(rollup(1)).await.unwrap(), Some(first));
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no temporary file stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_one_wins() {
    let (_temp, _dir, vault) = vault();
    let vault = Arc::new(vault);
    let writers = (0..16).map(|_| {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move {
            let sealed = sealed(rollup(1));
            vault.store_new(rollup(1), &sealed).await.map(|()| sealed)
        })
    });
    let mut winners = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            Ok(sealed) => winners.push(sealed),
            Err(VaultError::AlreadyExists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(vault.fetch(rollup(1)).await.unwrap(), winners.pop());
}

#[tokio::test]
async fn wider_modes_are_refused() {
    let (_temp, dir, vault) = vault();
    vault.store_new(rollup(1), &sealed(rollup(1))).await.unwrap();
    let file = file_of(&dir, rollup(1));
    for wide in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
        set_mode(&file, wide);
        let fetched = vault.fetch(rollup(1)).await;
        assert!(matches!(fetched, Err(VaultError::Permissions { mode, .. }) if mode == wide), "{fetched:?}");
    }
    for narrow in [0o600, 0o400] {
        set_mode(&file, narrow);
        assert!(vault.fetch(rollup(1)).await.is_ok());
    }
    for wide in [0o750, 0o705, 0o701, 0o770] {
        set_mode(&dir, wide);
        let opened = LocalVault::open(&dir);
        assert!(matches!(opened, Err(VaultError::Permissions { mode, .. }) if mode == wide), "{opened:?}");
    }
    let message = LocalVault::open(&dir).unwrap_err().to_string();
    assert!(message.contains("has mode 0770: expected no access for group and others"), "{message}");
}

#[tokio::test]
async fn leftovers_and_foreign_files_are_ignored() {
    let (_temp, dir, vault) = vault();
    for count in 0..64 {
        fs::write(dir.join(format!(".{}-{count}.tmp", std::process::id())), "half an envel").unwrap();
    }
    let digits = "ab".repeat(20);
    for name in
        ["README", "0x12.json", &format!("0x{digits}.json.bak"), &format!("0x{}.json", digits.to_uppercase())]
    {
        fs::write(dir.join(name), "{}").unwrap();
    }
    vault.store_new(rollup(1), &sealed(rollup(1))).await.unwrap();
    assert_eq!(vault.list().await.unwrap(), [rollup(1)]);
    assert!(vault.fetch(rollup(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn damaged_oversized_and_misplaced_files_are_refused() {
    let (_temp, dir, vault) = vault();
    vault.store_new(rollup(1), &sealed(rollup(1))).await.unwrap();
    let file = file_of(&dir, rollup(1));

    let truncated = fs::read_to_string(&file).unwrap().split_off(10);
    fs::write(&file, truncated).unwrap();
    assert!(matches!(vault.fetch(rollup(1)).await, Err(VaultError::Envelope { .. })));

    fs::write(&file, " ".repeat(64 * 1024 + 1)).unwrap();
    assert!(matches!(vault.fetch(rollup(1)).await, Err(VaultError::TooLarge { limit: 65_536, .. })));

    fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(matches!(vault.fetch(rollup(1)).await, Err(VaultError::Io { action: "reading", .. })));

    fs::rename(&file, dir.join("elsewhere")).unwrap();
    symlink(dir.join("elsewhere"), &file).unwrap();
    assert!(matches!(vault.fetch(rollup(1)).await, Err(VaultError::Kind { expected: "regular file", .. })));

    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(matches!(vault.fetch(rollup(1)).await, Err(VaultError::Kind { expected: "regular file", .. })));
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("vault");
    fs::write(&path, "").unwrap();
    assert!(matches!(LocalVault::open(&path), Err(VaultError::Kind { expected: "directory", .. })));
    let below = LocalVault::open(path.join("below"));
    assert!(matches!(below, Err(VaultError::Io { action: "creating", .. })), "{below:?}");
}

#[tokio::test]
async fn a_directory_that_vanished_is_an_error_and_not_an_empty_vault() {
    let (_temp, dir, vault) = vault();
    fs::remove_dir(&dir).unwrap();
    assert!(matches!(vault.list().await, Err(VaultError::Io { action: "listing", .. })));
    let stored = vault.store_new(rollup(1), &sealed(rollup(1))).await;
    assert!(matches!(stored, Err(VaultError::Io { .. })), "{stored:?}");
}
