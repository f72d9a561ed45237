//! Where the validator's balance goes, for both kinds of validator that operators make keys for.

use std::fmt;

use nexus_primitives::{Address, WithdrawalCredentials};

/// First byte of credentials of a validator that compounds (EIP-7251).
const COMPOUNDING: u8 = 0x02;

/// Withdrawal credentials that pay to an execution address.
///
/// Nexus stakes with `0x01` only ([`WithdrawalCredentials`]); ceremonies of other people's files have `0x02` as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// Prefix `0x01`: everything above 32 ETH is paid out.
    Execution(WithdrawalCredentials),
    /// Prefix `0x02`: up to 2048 ETH stay staked.
    Compounding(Address),
}

/// Bytes that are no credentials paying to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("withdrawal credentials are not 0x01 or 0x02, eleven zero bytes and an address")]
pub struct CredentialsError;

impl Credentials {
    /// Returns the 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = WithdrawalCredentials::to_address(self.address()).to_bytes();
        if let (Self::Compounding(_), Some(prefix)) = (self, bytes.first_mut()) {
            *prefix = COMPOUNDING;
        }
        bytes
    }

    /// Returns the address that is paid.
    pub const fn address(self) -> Address {
        match self {
            Self::Execution(credentials) => credentials.address(),
            Self::Compounding(address) => address,
        }
    }
}

impl From<WithdrawalCredentials> for Credentials {
    fn from(credentials: WithdrawalCredentials) -> Self {
        Self::Execution(credentials)
    }
}

impl TryFrom<[u8; 32]> for Credentials {
    type Error = CredentialsError;

    fn try_from(bytes: [u8; 32]) -> Result<Self, CredentialsError> {
        let [prefix, rest @ ..] = bytes;
        let execution = WithdrawalCredentials::try_from(if prefix == COMPOUNDING {
            let mut execution = [0x01; 32];
            execution.split_at_mut(1).1.copy_from_slice(&rest);
            execution
        } else {
            bytes
        });
        let execution = execution.map_err(|_| CredentialsError)?;
        Ok(if prefix == COMPOUNDING {
            Self::Compounding(execution.address())
        } else {
            Self::Execution(execution)
        })
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_prefixes_round_trip_and_every_other_or_a_wrong_padding_is_refused() {
        let address = Address::new([0xaa; 20]);
        for prefix in 0..=255 {
            let mut bytes = WithdrawalCredentials::to_address(address).to_bytes();
            bytes[0] = prefix;
            let read = Credentials::try_from(bytes);
            assert_eq!(read.is_ok(), matches!(prefix, 1 | 2), "{prefix}");
            if let Ok(credentials) = read {
                assert_eq!((credentials.to_bytes(), credentials.address()), (bytes, address));
            }
            bytes[5] = 1;
            assert_eq!(Credentials::try_from(bytes), Err(CredentialsError));
        }
    }
}
