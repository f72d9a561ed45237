//! Accounts whose keys everybody can work out.

use alloy::{
    primitives::{Address, B256, U256, keccak256},
    signers::local::PrivateKeySigner,
};

/// What the keys are made of: `keccak256("nexus-devnet worthless key: " + label)`.
const SEED: &str = "nexus-devnet worthless key: ";

/// An account of the devnet.
///
/// # Security
/// The key is published by its construction and worth nothing. Never send anything of value to such an address on a
/// real network.
#[derive(Debug, Clone)]
pub struct DevnetAccount {
    /// What the key is derived from.
    pub label: String,
    /// Signs for the account.
    pub signer: PrivateKeySigner,
}

impl DevnetAccount {
    /// Returns the account with this label.
    pub fn new(label: &str) -> Self {
        let key = keccak256(format!("{SEED}{label}"));
        let signer =
            PrivateKeySigner::from_bytes(&key).expect("a Keccak digest isn't zero or above the group order");
        Self { label: label.to_owned(), signer }
    }

    /// Returns the account's address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Returns the 32 bytes of the (worthless) private key.
    pub fn key_bytes(&self) -> B256 {
        self.signer.to_bytes()
    }
}

/// The accounts that a deployment needs.
#[derive(Debug, Clone)]
pub struct DevnetAccounts {
    /// Deploys, and owns Nexus, `NodeOperator`, the SSV network, its operators and its token.
    pub owner: DevnetAccount,
    /// The Nexus contract's `offChainBot`: the account that nexus-bot signs with.
    pub bot: DevnetAccount,
    /// The DAO of every bridge: pays out what users bridge back.
    pub dao: DevnetAccount,
    /// Receives Nexus' share of the rewards.
    pub fees: DevnetAccount,
    /// Receives the validators' execution rewards.
    pub fee_recipient: DevnetAccount,
    /// Bridges ETH in.
    pub user: DevnetAccount,
}

impl DevnetAccounts {
    /// Returns the accounts: `owner`, `bot`, `dao`, `fees`, `fee-recipient`, `user`.
    pub fn new() -> Self {
        Self {
            owner: DevnetAccount::new("owner"),
            bot: DevnetAccount::new("bot"),
            dao: DevnetAccount::new("dao"),
            fees: DevnetAccount::new("fees"),
            fee_recipient: DevnetAccount::new("fee-recipient"),
            user: DevnetAccount::new("user"),
        }
    }

    /// Returns the balances to put into a genesis: 1 million ETH for owner and user, 100 ETH for bot and DAO.
    pub fn alloc(&self) -> Vec<(Address, U256)> {
        let ether = |amount: u64| U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64);
        vec![
            (self.owner.address(), ether(1_000_000)),
            (self.user.address(), ether(1_000_000)),
            (self.bot.address(), ether(100)),
            (self.dao.address(), ether(100)),
        ]
    }
}

impl Default for DevnetAccounts {
    fn default() -> Self {
        Self::new()
    }
}
