//! Accounts, code and storage, shared between blocks that don't change them.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
};

use alloy::{
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256, map::AddressMap},
    trie::{TrieAccount, root},
};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    primitives::StorageKeyMap,
    state::{Account as TouchedAccount, AccountInfo, EvmState},
};

/// The world at one moment. Cloning shares everything; writing copies only the account written to.
#[derive(Debug, Clone, Default)]
pub(super) struct WorldState {
    accounts: Arc<AddressMap<Account>>,
}

#[derive(Debug, Clone)]
struct Account {
    nonce: u64,
    balance: U256,
    code_hash: B256,
    code: Bytecode,
    storage: Arc<Storage>,
}

/// An account's slots; the root is worked out once, when first asked for.
#[derive(Debug, Default)]
struct Storage {
    slots: StorageKeyMap<U256>,
    root: OnceLock<B256>,
}

impl Clone for Storage {
    /// Copies the slots only: a copy is made to be written to, so its root is another.
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), root: OnceLock::new() }
    }
}

impl Default for Account {
    fn default() -> Self {
        Self {
            nonce: 0,
            balance: U256::ZERO,
            code_hash: KECCAK256_EMPTY,
            code: Bytecode::default(),
            storage: Arc::default(),
        }
    }
}

impl Account {
    /// Returns whether the account is as good as absent (EIP-161; slots set by a cheat keep it).
    fn is_empty(&self) -> bool {
        self.nonce == 0
            && self.balance.is_zero()
            && self.code_hash == KECCAK256_EMPTY
            && self.storage.slots.is_empty()
    }

    fn write(&mut self, slot: U256, value: U256) {
        let storage = Arc::make_mut(&mut self.storage);
        storage.root = OnceLock::new();
        if value.is_zero() {
            storage.slots.remove(&slot);
        } else {
            storage.slots.insert(slot, value);
        }
    }

    fn trie_account(&self) -> TrieAccount {
        TrieAccount {
            nonce: self.nonce,
            balance: self.balance,
            storage_root: *self.storage.root.get_or_init(|| {
                root::storage_root_unhashed(
                    self.storage.slots.iter().map(|(slot, value)| (B256::from(*slot), *value)),
                )
            }),
            code_hash: self.code_hash,
        }
    }
}

impl WorldState {
    pub(super) fn balance(&self, address: Address) -> U256 {
        self.accounts.get(&address).map_or(U256::ZERO, |account| account.balance)
    }

    pub(super) fn nonce(&self, address: Address) -> u64 {
        self.accounts.get(&address).map_or(0, |account| account.nonce)
    }

    pub(super) fn code(&self, address: Address) -> Bytes {
        self.accounts.get(&address).map_or_else(Bytes::new, |account| account.code.original_bytes())
    }

    pub(super) fn storage(&self, address: Address, slot: U256) -> U256 {
        self.accounts
            .get(&address)
            .and_then(|account| account.storage.slots.get(&slot))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn set_balance(&mut self, address: Address, balance: U256) {
        self.update(address, |account| account.balance = balance);
    }

    pub(super) fn credit(&mut self, address: Address, amount: U256) {
        self.update(address, |account| account.balance = account.balance.saturating_add(amount));
    }

    pub(super) fn set_nonce(&mut self, address: Address, nonce: u64) {
        self.update(address, |account| account.nonce = nonce);
    }

    pub(super) fn set_code(&mut self, address: Address, code: Bytes) {
        self.update(address, |account| {
            account.code_hash = keccak256(&code);
            account.code = Bytecode::new_legacy(code);
        });
    }

    pub(super) fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.update(address, |account| account.write(slot, value));
    }

    pub(super) fn clear_storage(&mut self, address: Address) {
        self.update(address, |account| account.storage = Arc::default());
    }

    /// Gives `to` the code and storage of `from`, and leaves balances and nonces as they are.
    pub(super) fn copy_contract(&mut self, from: Address, to: Address) {
        if let Some(source) = self.accounts.get(&from).cloned() {
            self.update(to, |account| {
                account.code_hash = source.code_hash;
                account.code = source.code;
                account.storage = source.storage;
                account.nonce = account.nonce.max(1);
            });
        }
    }

    /// Takes over what a transaction changed.
    pub(super) fn commit(&mut self, changes: EvmState) {
        for (address, change) in changes.into_iter().filter(|(_, change)| change.is_touched()) {
            if change.is_selfdestructed() {
                Arc::make_mut(&mut self.accounts).remove(&address);
            } else {
                self.update(address, |account| apply(account, change));
            }
        }
    }

    /// Returns the root of the Merkle-Patricia trie over all accounts.
    pub(super) fn root(&self) -> B256 {
        root::state_root_unhashed(
            self.accounts.iter().map(|(address, account)| (*address, account.trie_account())),
        )
    }

    fn update(&mut self, address: Address, change: impl FnOnce(&mut Account)) {
        let accounts = Arc::make_mut(&mut self.accounts);
        let account = accounts.entry(address).or_default();
        change(account);
        if account.is_empty() {
            accounts.remove(&address);
        }
    }
}

fn apply(account: &mut Account, change: TouchedAccount) {
    if change.is_created() {
        account.storage = Arc::default();
    }
    account.nonce = change.info.nonce;
    account.balance = change.info.balance;
    if account.code_hash != change.info.code_hash {
        account.code_hash = change.info.code_hash;
        account.code = change.info.code.unwrap_or_default();
    }
    for (slot, value) in change.storage {
        if value.is_changed() {
            account.write(slot, value.present_value);
        }
    }
}

/// What the EVM reads: one state, and the hashes of the blocks before.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateView<'a> {
    pub(super) state: &'a WorldState,
    /// Hash of each ancestor, by number.
    pub(super) hashes: &'a [B256],
}

impl DatabaseRef for StateView<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.state.accounts.get(&address).map(|account| {
            AccountInfo::new(account.balance, account.nonce, account.code_hash, account.code.clone())
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        let with_code = self.state.accounts.values().find(|account| account.code_hash == code_hash);
        Ok(with_code.map(|account| account.code.clone()).unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.state.storage(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        let hash = usize::try_from(number).ok().and_then(|number| self.hashes.get(number));
        Ok(hash.copied().unwrap_or_default())
    }
}
