//! The keyring over vaults that behave, race, lie and fail.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use nexus_keys::{
    KdfCost, KeyringError, LocalVault, Mnemonic, MnemonicKeyring, MnemonicVault, Provision, Salt, SealError,
    SealedMnemonic, VaultBinding, VaultError,
};
use nexus_primitives::{Address, ChainId, DerivationIndex, RollupAdmin};
use zeroize::Zeroizing;

const CHAIN: ChainId = ChainId::new(560_048);
const ROLLUP: RollupAdmin = RollupAdmin::new(Address::new([0x11; 20]));
const FIRST: DerivationIndex = DerivationIndex::new(0);

fn salt(byte: u8) -> Salt {
    Salt::from_bytes(Zeroizing::new(vec![byte; 32])).unwrap()
}

fn cheap() -> KdfCost {
    KdfCost::new(2, 1, 1).unwrap()
}

fn keyring(vault: Arc<dyn MnemonicVault>, salt_byte: u8) -> MnemonicKeyring {
    MnemonicKeyring::new(vault, salt(salt_byte), CHAIN, cheap())
}

fn local() -> (tempfile::TempDir, Arc<LocalVault>) {
    let temp = tempfile::tempdir().unwrap();
    let vault = LocalVault::open(temp.path().join("vault")).unwrap();
    (temp, Arc::new(vault))
}

fn envelope() -> SealedMnemonic {
    let binding = VaultBinding { chain_id: CHAIN, rollup: ROLLUP };
    let mnemonic = Mnemonic::generate(&mut rand::rng());
    SealedMnemonic::seal(&mnemonic, &salt(1), binding, cheap(), &mut rand::rng())
}

/// A vault that answers fetches from a script and confirms or refuses what it is given.
struct Scripted {
    answers: Mutex<Vec<Option<SealedMnemonic>>>,
    refuses: bool,
    fetches: AtomicUsize,
}

impl Scripted {
    fn new(refuses: bool, answers: impl IntoIterator<Item = Option<SealedMnemonic>>) -> Arc<Self> {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), refuses, fetches: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl MnemonicVault for Scripted {
    async fn store_new(&self, rollup: RollupAdmin, _: &SealedMnemonic) -> Result<(), VaultError> {
        if self.refuses { Err(VaultError::AlreadyExists { rollup }) } else { Ok(()) }
    }

    async fn fetch(&self, _: RollupAdmin) -> Result<Option<SealedMnemonic>, VaultError> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        Ok(self.answers.lock().unwrap().pop().expect("one fetch more than the script has"))
    }

    async fn list(&self) -> Result<Vec<RollupAdmin>, VaultError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_mnemonic_is_made_once_and_its_keys_outlive_the_process() {
    let (_temp, vault) = local();
    let first = keyring(vault.clone(), 1);
    assert_eq!(first.ensure(ROLLUP, &mut rng()).await.unwrap(), Provision::Created);
    assert_eq!(first.ensure(ROLLUP, &mut rng()).await.unwrap(), Provision::Existing);
    let key = first.derive(ROLLUP, FIRST).await.unwrap();

    let later = keyring(vault, 1);
    assert_eq!(later.ensure(ROLLUP, &mut rng()).await.unwrap(), Provision::Existing);
    assert!(later.derive(ROLLUP, FIRST).await.unwrap().ct_eq(&key));
    assert!(!later.derive(ROLLUP, DerivationIndex::new(1)).await.unwrap().ct_eq(&key));
}

#[tokio::test]
async fn a_rollup_without_a_mnemonic_has_no_keys() {
    let (_temp, vault) = local();
    let derived = keyring(vault, 1).derive(ROLLUP, FIRST).await;
    assert!(matches!(derived, Err(KeyringError::Missing { rollup: ROLLUP })));
}

#[tokio::test]
async fn the_wrong_salt_is_noticed_before_anything_is_made() {
    let (_temp, vault) = local();
    let _ = keyring(vault.clone(), 1).ensure(ROLLUP, &mut rng()).await.unwrap();
    let wrong = keyring(vault, 2);
    for result in
        [wrong.ensure(ROLLUP, &mut rng()).await.map(drop), wrong.derive(ROLLUP, FIRST).await.map(drop)]
    {
        assert!(matches!(result, Err(KeyringError::Open { source: SealError::WrongSalt, .. })), "{result:?}");
    }
}

#[tokio::test]
async fn an_envelope_of_another_chain_is_refused() {
    let (_temp, vault) = local();
    let _ = keyring(vault.clone(), 1).ensure(ROLLUP, &mut rng()).await.unwrap();
    let mainnet = MnemonicKeyring::new(vault, salt(1), ChainId::new(1), cheap());
    let result = mainnet.ensure(ROLLUP, &mut rng()).await;
    assert!(
        matches!(result, Err(KeyringError::Open { source: SealError::OtherChain { .. }, .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_lost_race_adopts_the_winners_mnemonic() {
    let winner = envelope();
    let vault = Scripted::new(true, [None, Some(winner.clone())]);
    let keyring = keyring(vault, 1);
    assert_eq!(keyring.ensure(ROLLUP, &mut rng()).await.unwrap(), Provision::Existing);
    let binding = VaultBinding { chain_id: CHAIN, rollup: ROLLUP };
    let expected = winner.open(&salt(1), binding).unwrap().seed("").derive_validator(FIRST);
    assert!(keyring.derive(ROLLUP, FIRST).await.unwrap().ct_eq(&expected));
}

#[tokio::test]
async fn a_vault_that_loses_or_swaps_what_it_stored_is_caught() {
    for answer in [None, Some(envelope())] {
        let vault = Scripted::new(false, [None, answer]);
        let result = keyring(vault, 1).ensure(ROLLUP, &mut rng()).await;
        assert!(matches!(result, Err(KeyringError::ReadBack { rollup: ROLLUP })), "{result:?}");
    }
}

#[tokio::test]
async fn an_envelope_is_fetched_and_opened_once() {
    let vault = Scripted::new(false, [Some(envelope())]);
    let keyring = keyring(vault.clone(), 1);
    for index in 0..5 {
        keyring.derive(ROLLUP, DerivationIndex::new(index)).await.map(drop).unwrap();
    }
    assert_eq!(vault.fetches.load(Ordering::Relaxed), 1);
}

#[test]
fn work_on_the_keyring_can_move_between_threads() {
    fn check(work: impl Send) {
        drop(work);
    }
    let (_temp, vault) = local();
    let keyring = keyring(vault, 1);
    check(keyring.ensure(ROLLUP, &mut rng()));
    check(keyring.derive(ROLLUP, FIRST));
}

fn rng() -> rand::rngs::StdRng {
    rand::make_rng()
}
