//! What a chain starts from.

use alloy::primitives::{Address, U256};

/// The first block, and the few settings a chain keeps for life.
#[derive(Debug, Clone)]
pub struct GenesisConfig {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Time of block 0, in seconds since 1970.
    pub timestamp: u64,
    /// Accounts with their balances in wei.
    pub alloc: Vec<(Address, U256)>,
    /// Gas limit of every block.
    pub gas_limit: u64,
    /// Base fee of block 0, in wei per gas.
    pub base_fee: u64,
    /// The contract whose `DepositEvent` logs are deposits (EIP-6110).
    pub deposit_contract: Address,
    /// How many blocks one `eth_getLogs` may span; `None` leaves it open. Public providers set such a limit.
    pub max_log_range: Option<u64>,
}

impl GenesisConfig {
    /// Returns a configuration with mainnet's gas limit (60 million), a base fee of 1 gwei and nobody's balance.
    pub fn new(chain_id: u64, timestamp: u64) -> Self {
        Self {
            chain_id,
            timestamp,
            alloc: Vec::new(),
            gas_limit: 60_000_000,
            base_fee: 1_000_000_000,
            deposit_contract: alloy::primitives::address!("0x00000000219ab540356cBB839Cbe05303d7705Fa"),
            max_log_range: None,
        }
    }
}
