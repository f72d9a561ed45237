//! An in-process execution node: revm behind JSON-RPC, instant to start, with every past state kept.
//!
//! Rules are those of the Osaka hard fork for legacy, EIP-2930 and EIP-1559 transactions. Blocks carry real roots
//! and hashes (transactions, receipts, withdrawals, EIP-7685 requests, Merkle-Patricia state root), the pool answers
//! with geth's messages, and time passes only when a caller mines.
//!
//! Differences from a public network: no blob and no EIP-7702 transactions, no peers, no system contracts
//! (EIP-2935, EIP-4788, EIP-7002, EIP-7251), a zero parent beacon block root, and cheats (`set_balance`, …) that change
//! the head state without changing the head's state root.

mod block;
mod call;
mod chain;
mod deposit_event;
mod error;
mod evm;
mod genesis;
mod ledger;
mod log_query;
mod mining;
mod pool;
pub mod rpc;
mod simulation;
mod state;

pub use block::{BlockRef, Withdrawal};
pub use chain::ExecutionChain;
pub use deposit_event::DepositEvent;
pub use error::{CallError, PoolError, RpcError};
pub use genesis::GenesisConfig;
