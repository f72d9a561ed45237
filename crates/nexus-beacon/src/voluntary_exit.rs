//! Voluntary exits: the message, its signing root, and the signed form that nodes take.

use nexus_primitives::{
    BlsSignature, Epoch, Root, ValidatorIndex, ValidatorPubkey,
    bls::{self, BlsError},
    signing::{Domain, DomainType, SigningRoot, chunk, merkle_root},
};
use serde::{Deserialize, Serialize};

use crate::{NetworkSpec, quoted};

/// A validator's wish to leave (consensus specification, `VoluntaryExit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VoluntaryExit {
    /// Earliest epoch in which the exit may be processed.
    #[serde(with = "quoted")]
    pub epoch: Epoch,
    /// Who leaves.
    #[serde(with = "quoted")]
    pub validator_index: ValidatorIndex,
}

/// An exit whose signature has been checked against the validator's key: the only kind that can be submitted.
///
/// Serializes in the beacon API's form. Reading goes through [`UnverifiedVoluntaryExit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedVoluntaryExit {
    message: VoluntaryExit,
    signature: BlsSignature,
}

/// A signed exit in the beacon API's form, as read from a file or request; nobody has checked the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnverifiedVoluntaryExit {
    /// What is signed.
    pub message: VoluntaryExit,
    /// What should be the validator's signature over it.
    pub signature: BlsSignature,
}

/// Why an exit and a signature don't belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExitError {
    /// The signature isn't this key's over this exit on this network.
    #[error(
        "exit of validator {validator_index} is not signed by {pubkey} for the network with genesis validators root \
         {genesis_validators_root}: check key, validator index and network"
    )]
    Signature {
        /// Who would leave.
        validator_index: ValidatorIndex,
        /// The key that should have signed.
        pubkey: ValidatorPubkey,
        /// The network it should have signed for.
        genesis_validators_root: Root,
        /// What the verification found.
        #[source]
        source: BlsError,
    },
}

impl VoluntaryExit {
    /// Returns the SSZ hash-tree root.
    pub fn hash_tree_root(&self) -> Root {
        merkle_root(&[
            chunk(&self.epoch.get().to_le_bytes()),
            chunk(&self.validator_index.get().to_le_bytes()),
        ])
    }

    /// Returns the 32 bytes to sign, with the Capella fork version in the domain whatever fork is current (EIP-7044).
    pub fn signing_root(&self, spec: &NetworkSpec) -> SigningRoot {
        Domain::new(DomainType::VoluntaryExit, spec.exit_fork_version(), spec.genesis_validators_root)
            .signing_root(self.hash_tree_root())
    }
}

impl SignedVoluntaryExit {
    /// Joins an exit and its signature after verifying that `pubkey` signed it for this network.
    pub fn assemble(
        message: VoluntaryExit,
        signature: BlsSignature,
        pubkey: &ValidatorPubkey,
        spec: &NetworkSpec,
    ) -> Result<Self, ExitError> {
        bls::verify(pubkey, message.signing_root(spec).as_bytes(), &signature).map_err(|source| {
            ExitError::Signature {
                validator_index: message.validator_index,
                pubkey: *pubkey,
                genesis_validators_root: spec.genesis_validators_root,
                source,
            }
        })?;
        Ok(Self { message, signature })
    }

    /// Returns what is signed.
    pub const fn message(&self) -> &VoluntaryExit {
        &self.message
    }

    /// Returns the verified signature.
    pub const fn signature(&self) -> &BlsSignature {
        &self.signature
    }
}

impl UnverifiedVoluntaryExit {
    /// Verifies that `pubkey` signed the exit for this network.
    pub fn verify(
        self,
        pubkey: &ValidatorPubkey,
        spec: &NetworkSpec,
    ) -> Result<SignedVoluntaryExit, ExitError> {
        SignedVoluntaryExit::assemble(self.message, self.signature, pubkey, spec)
    }
}
