//! The deposit that the operators signed together.

use nexus_keys::{DepositMessage, SignedDeposit};
use nexus_primitives::{
    BlsSignature, Gwei, Root, ValidatorPubkey,
    bls::{self, BlsError},
    signing::{Domain, DomainType, SigningRoot, bytes_root, chunk, merkle_root},
};

use crate::{Credentials, Network};

/// What the operators sign: [`DepositMessage`], with credentials of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DepositTerms {
    pub(crate) pubkey: ValidatorPubkey,
    pub(crate) credentials: Credentials,
    pub(crate) amount: Gwei,
    pub(crate) network: Network,
}

/// A deposit whose signature verifies; every root is computed here, none taken from an operator or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CeremonyDeposit {
    terms: DepositTerms,
    signature: BlsSignature,
}

impl DepositTerms {
    pub(crate) fn root(&self) -> Root {
        merkle_root(&self.leaves())
    }

    pub(crate) fn signing_root(&self) -> SigningRoot {
        let domain = Domain::new(DomainType::Deposit, self.network.fork_version(), Root::new([0; 32]));
        domain.signing_root(self.root())
    }

    fn leaves(&self) -> [[u8; 32]; 3] {
        [
            bytes_root(self.pubkey.as_bytes()).into_bytes(),
            self.credentials.to_bytes(),
            chunk(&self.amount.get().to_le_bytes()),
        ]
    }
}

impl CeremonyDeposit {
    /// Verifies the signature under the validator's key.
    pub(crate) fn verify(terms: DepositTerms, signature: BlsSignature) -> Result<Self, BlsError> {
        bls::verify(&terms.pubkey, terms.signing_root().as_bytes(), &signature)?;
        Ok(Self { terms, signature })
    }

    /// Returns the validator's public key.
    pub const fn pubkey(&self) -> ValidatorPubkey {
        self.terms.pubkey
    }

    /// Returns where the validator's balance goes.
    pub const fn credentials(&self) -> Credentials {
        self.terms.credentials
    }

    /// Returns the amount that was signed.
    pub const fn amount(&self) -> Gwei {
        self.terms.amount
    }

    /// Returns the one network on which the signature counts.
    pub const fn network(&self) -> Network {
        self.terms.network
    }

    /// Returns the signature over the deposit.
    pub const fn signature(&self) -> &BlsSignature {
        &self.signature
    }

    /// Returns `hash_tree_root(DepositMessage)`.
    pub fn deposit_message_root(&self) -> Root {
        self.terms.root()
    }

    /// Returns `hash_tree_root(DepositData)`, the last argument of the deposit contract's `deposit`.
    pub fn deposit_data_root(&self) -> Root {
        let [pubkey, credentials, amount] = self.terms.leaves();
        merkle_root(&[pubkey, credentials, amount, bytes_root(self.signature.as_bytes()).into_bytes()])
    }

    /// Returns the deposit as the rest of the workspace knows it; `None` for a compounding validator.
    pub fn to_signed_deposit(&self) -> Option<SignedDeposit> {
        let Credentials::Execution(withdrawal_credentials) = self.terms.credentials else { return None };
        let message =
            DepositMessage { pubkey: self.terms.pubkey, withdrawal_credentials, amount: self.terms.amount };
        SignedDeposit::verify_signature(message, self.signature, self.terms.network.fork_version()).ok()
    }
}
