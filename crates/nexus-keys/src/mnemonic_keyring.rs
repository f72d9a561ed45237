//! The keys of every rollup, by way of the vault.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nexus_primitives::{ChainId, DerivationIndex, RollupAdmin};
use rand_core::CryptoRng;

use crate::{
    KdfCost, Mnemonic, MnemonicVault, Salt, SealError, SealedMnemonic, Seed, ValidatorKey, VaultBinding,
    VaultError,
};

/// Makes a mnemonic for each rollup, keeps it sealed in a vault, and derives validator keys from it.
///
/// Opening an envelope takes as long as its key derivation says, so the seed of a rollup is kept in memory once it was
/// opened (zeroizing, gone with the keyring); mnemonics are dropped at once. That derivation runs on the calling task.
pub struct MnemonicKeyring {
    vault: Arc<dyn MnemonicVault>,
    salt: Salt,
    chain_id: ChainId,
    cost: KdfCost,
    seeds: Mutex<BTreeMap<RollupAdmin, Arc<Seed>>>,
}

/// How a rollup came by its mnemonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a new mnemonic is to be backed up"]
pub enum Provision {
    /// Made just now, stored, read back and opened.
    Created,
    /// It had one, which opens with the salt at hand.
    Existing,
}

/// Why a rollup's keys aren't at hand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The vault can't serve.
    #[error("mnemonic vault")]
    Vault(#[from] VaultError),
    /// The envelope doesn't open.
    #[error("mnemonic of rollup {rollup}")]
    Open {
        /// The rollup.
        rollup: RollupAdmin,
        /// Wrong salt, another chain, or damage.
        source: SealError,
    },
    /// The rollup has no mnemonic.
    #[error("the vault holds no mnemonic of rollup {rollup}")]
    Missing {
        /// The rollup.
        rollup: RollupAdmin,
    },
    /// The vault confirmed a new mnemonic and returned something else, or nothing. No key was derived from it.
    #[error("the vault did not return the mnemonic just stored for rollup {rollup}")]
    ReadBack {
        /// The rollup.
        rollup: RollupAdmin,
    },
}

impl MnemonicKeyring {
    /// Serves the rollups of one chain. `cost` applies to mnemonics that are sealed from now on.
    pub fn new(vault: Arc<dyn MnemonicVault>, salt: Salt, chain_id: ChainId, cost: KdfCost) -> Self {
        Self { vault, salt, chain_id, cost, seeds: Mutex::default() }
    }

    /// Makes sure that `rollup` has a mnemonic which opens, and makes one where there is none.
    ///
    /// A new mnemonic is sealed, stored, fetched again and opened before this returns: no deposit may ever depend on
    /// one that can't be recovered. Where two processes race, one mnemonic wins and both use it.
    pub async fn ensure(
        &self,
        rollup: RollupAdmin,
        rng: &mut (dyn CryptoRng + Send),
    ) -> Result<Provision, KeyringError> {
        if let Some(sealed) = self.vault.fetch(rollup).await? {
            self.admit(rollup, &sealed)?;
            return Ok(Provision::Existing);
        }
        let mnemonic = Mnemonic::generate(rng);
        let sealed = SealedMnemonic::seal(&mnemonic, &self.salt, self.binding(rollup), self.cost, rng);
        match self.vault.store_new(rollup, &sealed).await {
            Ok(()) => self.prove_stored(rollup, &mnemonic).await,
            Err(VaultError::AlreadyExists { .. }) => {
                self.fetch_seed(rollup).await?;
                Ok(Provision::Existing)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Derives the key of `rollup`'s validator `index`.
    pub async fn derive(
        &self,
        rollup: RollupAdmin,
        index: DerivationIndex,
    ) -> Result<ValidatorKey, KeyringError> {
        let seed = match self.cached(rollup) {
            Some(seed) => seed,
            None => self.fetch_seed(rollup).await?,
        };
        Ok(seed.derive_validator(index))
    }

    async fn prove_stored(
        &self,
        rollup: RollupAdmin,
        mnemonic: &Mnemonic,
    ) -> Result<Provision, KeyringError> {
        let sealed = self.vault.fetch(rollup).await?.ok_or(KeyringError::ReadBack { rollup })?;
        let stored = self.open(rollup, &sealed)?;
        if !stored.ct_eq(mnemonic) {
            return Err(KeyringError::ReadBack { rollup });
        }
        self.cache(rollup, &stored);
        Ok(Provision::Created)
    }

    async fn fetch_seed(&self, rollup: RollupAdmin) -> Result<Arc<Seed>, KeyringError> {
        let sealed = self.vault.fetch(rollup).await?.ok_or(KeyringError::Missing { rollup })?;
        self.admit(rollup, &sealed)
    }

    /// Returns the seed below an envelope, opening it only the first time.
    fn admit(&self, rollup: RollupAdmin, sealed: &SealedMnemonic) -> Result<Arc<Seed>, KeyringError> {
        match self.cached(rollup) {
            Some(seed) => Ok(seed),
            None => Ok(self.cache(rollup, &self.open(rollup, sealed)?)),
        }
    }

    fn open(&self, rollup: RollupAdmin, sealed: &SealedMnemonic) -> Result<Mnemonic, KeyringError> {
        sealed.open(&self.salt, self.binding(rollup)).map_err(|source| KeyringError::Open { rollup, source })
    }

    fn binding(&self, rollup: RollupAdmin) -> VaultBinding {
        VaultBinding { chain_id: self.chain_id, rollup }
    }

    fn cached(&self, rollup: RollupAdmin) -> Option<Arc<Seed>> {
        self.seeds().get(&rollup).cloned()
    }

    fn cache(&self, rollup: RollupAdmin, mnemonic: &Mnemonic) -> Arc<Seed> {
        let seed = Arc::new(mnemonic.seed(""));
        self.seeds().insert(rollup, Arc::clone(&seed));
        seed
    }

    /// A map of finished seeds is whole whatever thread panicked beside it.
    fn seeds(&self) -> MutexGuard<'_, BTreeMap<RollupAdmin, Arc<Seed>>> {
        self.seeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
