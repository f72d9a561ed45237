//! Positional parameters.

use alloy::eips::BlockId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::execution::RpcError;

/// The parameters of one call, read by position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a>(&'a [Value]);

impl<'a> Params<'a> {
    /// Takes an array; nothing counts as an empty one.
    pub(super) fn new(params: &'a Value) -> Result<Self, RpcError> {
        match params {
            Value::Array(values) => Ok(Self(values)),
            Value::Null => Ok(Self(&[])),
            _ => Err(RpcError::invalid_params("non-array args")),
        }
    }

    /// Reads a parameter that must be there.
    pub(super) fn get<T: DeserializeOwned>(self, index: usize) -> Result<T, RpcError> {
        let missing = || RpcError::invalid_params(format!("missing value for required argument {index}"));
        self.optional(index)?.ok_or_else(missing)
    }

    /// Reads a parameter that may be absent or `null`.
    pub(super) fn optional<T: DeserializeOwned>(self, index: usize) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value)
                .map(Some)
                .map_err(|error| RpcError::invalid_params(format!("invalid argument {index}: {error}"))),
        }
    }

    /// Reads a block parameter: number, tag, hash or EIP-1898 object; `latest` when absent.
    pub(super) fn block(self, index: usize) -> Result<BlockId, RpcError> {
        Ok(self.optional(index)?.unwrap_or_else(BlockId::latest))
    }

    /// Reads a number given as hexadecimal text, decimal text or a JSON number.
    pub(super) fn number(self, index: usize) -> Result<Option<u64>, RpcError> {
        let wrong = || RpcError::invalid_params(format!("invalid argument {index}: not a 64-bit number"));
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(wrong),
            Some(Value::String(text)) => {
                let parsed = match text.strip_prefix("0x") {
                    Some(digits) => u64::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                parsed.map(Some).map_err(|_| wrong())
            }
            Some(_) => Err(wrong()),
        }
    }
}
