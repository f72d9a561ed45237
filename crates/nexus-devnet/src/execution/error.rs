//! What goes wrong, and how it reads on the wire.

use alloy::{
    eips::eip2718::Eip2718Error,
    primitives::{Address, B256, Bytes, U256},
    sol_types::decode_revert_reason,
};
use revm::context_interface::result::{HaltReason, InvalidTransaction};
use serde::Serialize;
use serde_json::Value;

/// An error object of JSON-RPC 2.0, with the codes and texts that geth uses.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct RpcError {
    /// 3 for a revert, -32000 for a refusal, -32601 unknown method, -32602 wrong parameters, -32700 not JSON.
    pub code: i64,
    /// What happened, for people.
    pub message: String,
    /// Revert data as hexadecimal, where there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// Makes an error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// A refusal without a code of its own (-32000).
    pub fn server(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    /// Parameters that can't be used (-32602).
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    /// A method that isn't served (-32601).
    pub fn method_not_found(method: &str) -> Self {
        Self::new(-32601, format!("the method {method} does not exist/is not available"))
    }
}

/// Why the pool refuses a transaction; texts begin as geth's do, so that clients recognise them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Not the encoding of a transaction.
    #[error("rlp: {0}")]
    Decode(Eip2718Error),
    /// Longer than 128 KiB.
    #[error("oversized data: transaction size {size}, limit {limit}")]
    Oversized {
        /// Encoded length in bytes.
        size: usize,
        /// What is accepted.
        limit: usize,
    },
    /// A blob or set-code transaction.
    #[error("transaction type not supported: {0}")]
    Type(u8),
    /// A legacy transaction that any chain would accept.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// Signed for another chain.
    #[error("invalid sender: invalid chain id for signer: have {have} want {want}")]
    ChainId {
        /// The transaction's chain id.
        have: u64,
        /// This chain's.
        want: u64,
    },
    /// The signature yields no address.
    #[error("invalid sender")]
    Signature,
    /// Initialisation code above the limit of EIP-3860.
    #[error("max initcode size exceeded: code size {size}, limit {limit}")]
    InitCode {
        /// Length in bytes.
        size: usize,
        /// What is accepted.
        limit: usize,
    },
    /// More gas than one block has.
    #[error("exceeds block gas limit")]
    BlockGas,
    /// More gas than EIP-7825 lets one transaction have.
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    GasCap {
        /// The cap.
        cap: u64,
        /// What the transaction asks for.
        gas: u64,
    },
    /// A tip above the total.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee}"
    )]
    TipAboveFee {
        /// Priority fee in wei per gas.
        tip: u128,
        /// Maximum fee in wei per gas.
        fee: u128,
    },
    /// A tip of nothing.
    #[error("transaction underpriced: gas tip cap {tip}, minimum needed 1")]
    Underpriced {
        /// Priority fee in wei per gas.
        tip: u128,
    },
    /// Too little gas for the transaction to begin.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGas {
        /// What the transaction asks for.
        gas: u64,
        /// What it takes before the first opcode.
        needed: u64,
    },
    /// Too little gas for its data (EIP-7623).
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorGas {
        /// What the transaction asks for.
        gas: u64,
        /// The floor.
        needed: u64,
    },
    /// Already mined under this nonce.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The account's next nonce.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// Further ahead than the pool keeps.
    #[error("nonce too high: next nonce {next}, tx nonce {nonce}")]
    NonceTooHigh {
        /// The nonce after the sender's pending transactions.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// The sender's balance doesn't cover this and its other pending transactions.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, tx cost {cost}"
    )]
    InsufficientFunds {
        /// In wei.
        balance: U256,
        /// What the sender's other pending transactions may cost, in wei.
        queued: U256,
        /// What this one may cost, in wei.
        cost: U256,
    },
    /// The same bytes again.
    #[error("already known")]
    AlreadyKnown,
    /// Another transaction holds the nonce and isn't outbid by a tenth on both fees.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// Sent by a contract (EIP-3607).
    #[error("sender not an eoa: address {0}")]
    SenderHasCode(Address),
}

impl From<PoolError> for RpcError {
    fn from(error: PoolError) -> Self {
        Self::server(error.to_string())
    }
}

/// Why a call, an estimate or a simulation has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The contract reverted.
    #[error("execution reverted{}", reason(data))]
    Reverted {
        /// What it returned: an ABI-encoded error, or nothing.
        data: Bytes,
    },
    /// Execution stopped and used up its gas.
    #[error("{}", halt_text(.0))]
    Halted(HaltReason),
    /// The call isn't a possible transaction.
    #[error("{}", invalid_text(.0))]
    Invalid(InvalidTransaction),
    /// A fee field combination that means nothing.
    #[error("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")]
    MixedFees,
    /// No gas limit within the allowance makes the call succeed.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
    /// No such block.
    #[error("header not found")]
    UnknownBlock,
    /// No block has this hash.
    #[error("header for hash not found")]
    UnknownHash(B256),
    /// The block was dropped by a reorganisation, and the caller requires a canonical one.
    #[error("hash is not currently canonical")]
    NotCanonical(B256),
    /// An account's `state` and `stateDiff` are both given.
    #[error("account {0} has both 'state' and 'stateDiff'")]
    BothStateAndDiff(Address),
    /// Overrides that this node doesn't implement.
    #[error("movePrecompileToAddress is not supported")]
    MovePrecompile,
    /// More blocks than a simulation may hold.
    #[error("too many blocks")]
    TooManyBlocks,
    /// A simulated block whose number or time doesn't follow its parent's.
    #[error("block {field} must increase: parent {parent}, given {given}")]
    NotAscending {
        /// `number` or `timestamp`.
        field: &'static str,
        /// The parent's.
        parent: u64,
        /// The override's.
        given: u64,
    },
}

impl CallError {
    fn code(&self) -> i64 {
        match self {
            Self::Reverted { .. } => 3,
            Self::MixedFees | Self::BothStateAndDiff(_) | Self::MovePrecompile => -32602,
            Self::TooManyBlocks => -38026,
            Self::NotAscending { field: "number", .. } => -38020,
            Self::NotAscending { .. } => -38021,
            _ => -32000,
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        let data = match &error {
            CallError::Reverted { data } => Some(Value::String(data.to_string())),
            _ => None,
        };
        Self { code: error.code(), message: error.to_string(), data }
    }
}

/// Returns `: reason` for the two errors that Solidity itself defines, nothing for custom ones.
fn reason(data: &Bytes) -> String {
    let standard = [[0x08, 0xc3, 0x79, 0xa0], [0x4e, 0x48, 0x7b, 0x71]];
    if !standard.iter().any(|selector| data.starts_with(selector)) {
        return String::new();
    }
    match decode_revert_reason(data) {
        Some(text) => format!(": {}", text.strip_prefix("revert: ").unwrap_or(&text)),
        None => String::new(),
    }
}

pub(super) fn halt_text(reason: &HaltReason) -> String {
    match reason {
        HaltReason::OutOfGas(_) => "out of gas".to_owned(),
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode => "invalid opcode".to_owned(),
        HaltReason::InvalidJump => "invalid jump destination".to_owned(),
        HaltReason::StackUnderflow => "stack underflow".to_owned(),
        HaltReason::StackOverflow => "stack limit reached 1024".to_owned(),
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection".to_owned()
        }
        HaltReason::CallTooDeep => "max call depth exceeded".to_owned(),
        HaltReason::CreateCollision => "contract address collision".to_owned(),
        HaltReason::CreateContractSizeLimit => "max code size exceeded".to_owned(),
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        other => other.to_string(),
    }
}

fn invalid_text(error: &InvalidTransaction) -> String {
    match error {
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
            format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        InvalidTransaction::GasPriceLessThanBasefee => "max fee per gas less than block base fee".to_owned(),
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas".to_owned()
        }
        InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
            format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}")
        }
        InvalidTransaction::NonceTooLow { tx, state } => format!("nonce too low: tx: {tx} state: {state}"),
        InvalidTransaction::NonceTooHigh { tx, state } => format!("nonce too high: tx: {tx} state: {state}"),
        other => other.to_string(),
    }
}
