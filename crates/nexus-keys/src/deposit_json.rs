//! The deposit data file that `deposit-cli` writes and launchpads read.

use std::{collections::BTreeSet, io};

use nexus_primitives::{ForkVersion, Gwei, HexError, ValidatorPubkey, WithdrawalCredentialsError};
use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};

use crate::{DepositError, DepositMessage, SignedDeposit, deposit::check_root};

/// The release of ethstaker-deposit-cli whose files these are compared with, byte for byte.
const DEPOSIT_CLI_VERSION: &str = "1.3.1-dev";

/// Genesis fork versions with a name that every tool agrees on.
const NETWORKS: [(ForkVersion, &str); 4] = [
    (ForkVersion::MAINNET, "mainnet"),
    (ForkVersion::HOODI, "hoodi"),
    (ForkVersion::new([0x01, 0x01, 0x70, 0x00]), "holesky"),
    (ForkVersion::new([0x90, 0x00, 0x00, 0x69]), "sepolia"),
];

/// One entry of a deposit data file: plain text as it stands there, nothing checked.
///
/// Byte strings are hexadecimal without `0x`. [`Self::verify`] turns an entry into a [`SignedDeposit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositDataJson {
    /// 48 bytes.
    pub pubkey: String,
    /// 32 bytes.
    pub withdrawal_credentials: String,
    /// In gwei.
    pub amount: u64,
    /// 96 bytes.
    pub signature: String,
    /// 32 bytes, `hash_tree_root(DepositMessage)`.
    pub deposit_message_root: String,
    /// 32 bytes, `hash_tree_root(DepositData)`.
    pub deposit_data_root: String,
    /// Genesis fork version, 4 bytes.
    pub fork_version: String,
    /// The network's name.
    pub network_name: String,
    /// The tool whose format this is.
    pub deposit_cli_version: String,
}

/// Why a deposit data file isn't accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepositJsonError {
    /// Not the JSON of a deposit data file.
    #[error("not a deposit data file")]
    Json(#[from] serde_json::Error),
    /// One entry is wrong; nothing of the file is used.
    #[error("entry {index} of the deposit data file")]
    Entry {
        /// Position in the array, from 0.
        index: usize,
        /// What is wrong with it.
        source: DepositEntryError,
    },
    /// Two entries for one validator: sending both would deposit 64 ETH.
    #[error("entry {index} of the deposit data file repeats validator {pubkey}")]
    Duplicate {
        /// Position of the second one, from 0.
        index: usize,
        /// The validator.
        pubkey: ValidatorPubkey,
    },
}

/// Why one entry of a deposit data file isn't accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepositEntryError {
    /// A field isn't hexadecimal of its length.
    #[error("malformed field")]
    Field(#[from] HexError),
    /// Credentials other than `0x01`, eleven zero bytes and an address; compounding ones (`0x02`) among them.
    #[error("unsupported withdrawal credentials")]
    WithdrawalCredentials(#[from] WithdrawalCredentialsError),
    /// The fork version belongs to a network with another name, or the name to another fork version.
    #[error("network {name:?} does not have genesis fork version {fork_version}")]
    Network {
        /// The name in the file.
        name: String,
        /// The fork version in the file.
        fork_version: ForkVersion,
    },
    /// A root or the signature doesn't hold.
    #[error("invalid deposit")]
    Deposit(#[from] DepositError),
}

impl DepositDataJson {
    /// Writes an entry. `custom_network` names networks other than mainnet, hoodi, holesky and sepolia.
    pub fn new(deposit: &SignedDeposit, custom_network: &str) -> Self {
        let message = deposit.message();
        Self {
            pubkey: hex::encode(message.pubkey.as_bytes()),
            withdrawal_credentials: hex::encode(message.withdrawal_credentials.to_bytes()),
            amount: message.amount.get(),
            signature: hex::encode(deposit.signature().as_bytes()),
            deposit_message_root: hex::encode(deposit.deposit_message_root().as_bytes()),
            deposit_data_root: hex::encode(deposit.deposit_data_root().as_bytes()),
            fork_version: hex::encode(deposit.fork_version().as_bytes()),
            network_name: known_name(deposit.fork_version()).unwrap_or(custom_network).to_owned(),
            deposit_cli_version: DEPOSIT_CLI_VERSION.to_owned(),
        }
    }

    /// Checks everything the entry says: lengths, credentials, network, both roots and the signature.
    pub fn verify(&self) -> Result<SignedDeposit, DepositEntryError> {
        let fork_version = self.checked_network()?;
        let message = DepositMessage {
            pubkey: self.pubkey.parse()?,
            withdrawal_credentials: self.withdrawal_credentials.parse()?,
            amount: Gwei::new(self.amount),
        };
        let data_root = self.deposit_data_root.parse()?;
        let deposit = SignedDeposit::verify(message, self.signature.parse()?, data_root, fork_version)?;
        let message_root = self.deposit_message_root.parse()?;
        check_root("deposit_message_root", message_root, deposit.deposit_message_root())?;
        Ok(deposit)
    }

    /// Writes a whole file, laid out as `deposit-cli` does it.
    pub fn write_file(deposits: &[SignedDeposit], custom_network: &str) -> String {
        let entries: Vec<_> = deposits.iter().map(|deposit| Self::new(deposit, custom_network)).collect();
        let mut json = Vec::new();
        entries
            .serialize(&mut Serializer::with_formatter(&mut json, SpacedFormatter))
            .expect("strings and numbers serialize, and a Vec takes every write");
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    /// Reads a whole file and verifies every entry. The deposits' fork version is left for the caller to compare.
    pub fn read_file(json: &str) -> Result<Vec<SignedDeposit>, DepositJsonError> {
        let entries: Vec<Self> = serde_json::from_str(json)?;
        let mut seen = BTreeSet::new();
        let mut deposits = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let deposit = entry.verify().map_err(|source| DepositJsonError::Entry { index, source })?;
            if !seen.insert(deposit.pubkey()) {
                return Err(DepositJsonError::Duplicate { index, pubkey: deposit.pubkey() });
            }
            deposits.push(deposit);
        }
        Ok(deposits)
    }

    fn checked_network(&self) -> Result<ForkVersion, DepositEntryError> {
        let fork_version = self.fork_version.parse()?;
        let name_is_taken = NETWORKS.iter().any(|(_, name)| *name == self.network_name);
        let agrees = match known_name(fork_version) {
            Some(name) => name == self.network_name,
            None => !name_is_taken,
        };
        if agrees {
            return Ok(fork_version);
        }
        Err(DepositEntryError::Network { name: self.network_name.clone(), fork_version })
    }
}

fn known_name(fork_version: ForkVersion) -> Option<&'static str> {
    NETWORKS.iter().find(|(known, _)| *known == fork_version).map(|(_, name)| *name)
}

/// JSON on one line with a space after `:` and `,`: the layout of Python's `json.dump`.
struct SpacedFormatter;

impl Formatter for SpacedFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
