//! Deposits that make a validator.

use nexus_primitives::{
    BlsSignature, ForkVersion, Gwei, Root, ValidatorPubkey, WithdrawalCredentials,
    bls::{self, BlsError},
    signing::{Domain, DomainType, SigningRoot, bytes_root, chunk, merkle_root},
};

use crate::{KeyError, ValidatorKey};

/// Smallest amount the deposit contract takes: 1 ETH.
const MIN_AMOUNT: Gwei = Gwei::new(1_000_000_000);

/// What a depositor signs (consensus specification, `DepositMessage`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DepositMessage {
    /// The validator's public key.
    pub pubkey: ValidatorPubkey,
    /// Where the validator's balance is paid when it leaves.
    pub withdrawal_credentials: WithdrawalCredentials,
    /// Amount staked, in gwei.
    pub amount: Gwei,
}

/// A deposit whose roots and signature hold (consensus specification, `DepositData`).
///
/// The deposit contract doesn't check the signature: 32 ETH sent with a bad one are gone. A value of this type exists
/// only after the signature was verified, for the fork version it carries, and every root recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignedDeposit {
    message: DepositMessage,
    signature: BlsSignature,
    deposit_message_root: Root,
    deposit_data_root: Root,
    fork_version: ForkVersion,
}

/// Why there is no deposit to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DepositError {
    /// The deposit contract takes no less than 1 ETH; with `0x01` credentials more than 32 ETH earn nothing.
    #[error("deposit of {amount} gwei for {pubkey}: expected 1000000000 to 32000000000")]
    Amount {
        /// The validator.
        pubkey: ValidatorPubkey,
        /// The amount, in gwei.
        amount: Gwei,
    },
    /// The key couldn't sign.
    #[error("signing the deposit")]
    Key(#[from] KeyError),
    /// The signature isn't by this key, for this message, on this network.
    #[error("deposit signature of {pubkey} for fork version {fork_version}")]
    Signature {
        /// The validator.
        pubkey: ValidatorPubkey,
        /// Genesis fork version it was verified for.
        fork_version: ForkVersion,
        /// What verification said.
        source: BlsError,
    },
    /// A root that came with the deposit isn't the one its fields have.
    #[error("{which} is {stated}, the deposit's fields hash to {computed}")]
    Root {
        /// `deposit_message_root` or `deposit_data_root`.
        which: &'static str,
        /// The root that was given.
        stated: Root,
        /// The root of the fields.
        computed: Root,
    },
}

impl DepositMessage {
    /// Returns `hash_tree_root(DepositMessage)`.
    pub fn root(&self) -> Root {
        merkle_root(&self.leaves())
    }

    /// Returns what is signed on the network with this genesis fork version.
    pub fn signing_root(&self, fork_version: ForkVersion) -> SigningRoot {
        Domain::new(DomainType::Deposit, fork_version, Root::new([0; 32])).signing_root(self.root())
    }

    /// Returns `hash_tree_root(DepositData)`: the `deposit_data_root` argument of the deposit contract.
    pub fn data_root(&self, signature: &BlsSignature) -> Root {
        let [pubkey, credentials, amount] = self.leaves();
        merkle_root(&[pubkey, credentials, amount, bytes_root(signature.as_bytes()).into_bytes()])
    }

    fn leaves(&self) -> [[u8; 32]; 3] {
        [
            bytes_root(self.pubkey.as_bytes()).into_bytes(),
            self.withdrawal_credentials.to_bytes(),
            chunk(&self.amount.get().to_le_bytes()),
        ]
    }

    fn check_amount(&self) -> Result<(), DepositError> {
        if (MIN_AMOUNT..=Gwei::VALIDATOR_DEPOSIT).contains(&self.amount) {
            return Ok(());
        }
        Err(DepositError::Amount { pubkey: self.pubkey, amount: self.amount })
    }
}

impl SignedDeposit {
    /// Signs a deposit of `amount` for `key`, to be sent on the network with this genesis fork version.
    pub fn sign(
        key: &ValidatorKey,
        withdrawal_credentials: WithdrawalCredentials,
        amount: Gwei,
        fork_version: ForkVersion,
    ) -> Result<Self, DepositError> {
        let message = DepositMessage { pubkey: key.pubkey(), withdrawal_credentials, amount };
        message.check_amount()?;
        let signature = key.sign(&message.signing_root(fork_version))?;
        Ok(Self::with_roots(message, signature, fork_version))
    }

    /// Takes a deposit made elsewhere (a DKG ceremony, a file): the signature must verify and `deposit_data_root` must
    /// be the root of the fields.
    pub fn verify(
        message: DepositMessage,
        signature: BlsSignature,
        deposit_data_root: Root,
        fork_version: ForkVersion,
    ) -> Result<Self, DepositError> {
        let deposit = Self::verify_signature(message, signature, fork_version)?;
        check_root("deposit_data_root", deposit_data_root, deposit.deposit_data_root)?;
        Ok(deposit)
    }

    /// Like [`Self::verify`] where no root came along: it is computed.
    pub fn verify_signature(
        message: DepositMessage,
        signature: BlsSignature,
        fork_version: ForkVersion,
    ) -> Result<Self, DepositError> {
        message.check_amount()?;
        let pubkey = message.pubkey;
        bls::verify(&pubkey, message.signing_root(fork_version).as_bytes(), &signature)
            .map_err(|source| DepositError::Signature { pubkey, fork_version, source })?;
        Ok(Self::with_roots(message, signature, fork_version))
    }

    /// Returns what was signed.
    pub fn message(&self) -> &DepositMessage {
        &self.message
    }

    /// Returns the validator's public key.
    pub fn pubkey(&self) -> ValidatorPubkey {
        self.message.pubkey
    }

    /// Returns the signature over the message.
    pub fn signature(&self) -> &BlsSignature {
        &self.signature
    }

    /// Returns `hash_tree_root(DepositMessage)`.
    pub fn deposit_message_root(&self) -> Root {
        self.deposit_message_root
    }

    /// Returns `hash_tree_root(DepositData)`, the last argument of the deposit contract's `deposit`.
    pub fn deposit_data_root(&self) -> Root {
        self.deposit_data_root
    }

    /// Returns the genesis fork version of the one network on which the signature counts.
    pub fn fork_version(&self) -> ForkVersion {
        self.fork_version
    }

    fn with_roots(message: DepositMessage, signature: BlsSignature, fork_version: ForkVersion) -> Self {
        Self {
            message,
            signature,
            deposit_message_root: message.root(),
            deposit_data_root: message.data_root(&signature),
            fork_version,
        }
    }
}

pub(crate) fn check_root(which: &'static str, stated: Root, computed: Root) -> Result<(), DepositError> {
    if stated == computed { Ok(()) } else { Err(DepositError::Root { which, stated, computed }) }
}
