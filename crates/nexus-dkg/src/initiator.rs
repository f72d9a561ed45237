//! Who opens a ceremony, and the signatures under its messages.

use nexus_ssv::{
    OperatorPrivateKey, OperatorPrivateKeyError, OperatorPublicKey, PssError, PssMismatch, PssSalt,
};
use rand_core::CryptoRng;

use crate::wire::{MultipleSignedTransports, Proof, SignedProof, SignedTransport, Ssz as _, Transport};

/// The RSA-2048 key with which the initiator signs the messages of one ceremony.
///
/// It identifies nobody: it only tells the operators that one party speaks throughout. So every ceremony gets a fresh
/// one, which is consumed by it, never stored, and overwritten at its end. It is a key of the same kind as an
/// operator's, in the same encoding, hence the type inside.
///
/// # Security
/// No `Clone`, `Debug`, `Display` or `Serialize`. Whoever learns it while its ceremony runs can disturb that ceremony;
/// no key or share can be learnt with it.
pub struct InitiatorIdentity(OperatorPrivateKey);

impl InitiatorIdentity {
    /// Draws a new key. Takes a tenth of a second in release builds, more in others: draw ahead where that matters.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Result<Self, OperatorPrivateKeyError> {
        OperatorPrivateKey::generate(rng).map(Self)
    }

    /// Reads a key in PEM, to replay a recorded ceremony. A real ceremony must not use a key twice.
    pub fn from_pem(text: &str) -> Result<Self, OperatorPrivateKeyError> {
        OperatorPrivateKey::from_pem(text).map(Self)
    }

    /// Returns the public key in the encoding that travels, 612 characters.
    pub fn public_text(&self) -> String {
        self.0.public_key().to_text()
    }

    pub(crate) fn sign<R: CryptoRng + ?Sized>(
        &self,
        message: Transport,
        rng: &mut R,
    ) -> Result<SignedTransport, PssError> {
        message.sign(&self.0, PssSalt::Digest, rng)
    }

    pub(crate) fn sign_bundle<R: CryptoRng + ?Sized>(
        &self,
        identifier: [u8; 24],
        messages: Vec<SignedTransport>,
        rng: &mut R,
    ) -> Result<MultipleSignedTransports, PssError> {
        let mut bundle = MultipleSignedTransports { identifier, messages, signature: Vec::new() };
        bundle.signature = self.0.sign_pss(&bundle.signed_bytes(), PssSalt::Digest, rng)?.to_vec();
        Ok(bundle)
    }
}

impl Transport {
    /// Signs the message with a party's RSA key. Operators use [`PssSalt::Maximum`].
    pub fn sign<R: CryptoRng + ?Sized>(
        self,
        key: &OperatorPrivateKey,
        salt: PssSalt,
        rng: &mut R,
    ) -> Result<SignedTransport, PssError> {
        let signature = key.sign_pss(&self.encode(), salt, rng)?.to_vec();
        let signer = key.public_key().to_text().into_bytes();
        Ok(SignedTransport { message: self, signer, signature })
    }
}

impl SignedTransport {
    /// Verifies the signature under `key`. Whether that is the key named in the message is for the caller to compare.
    pub fn verify(&self, key: &OperatorPublicKey) -> Result<(), PssMismatch> {
        key.verify_pss(&self.signed_bytes(), &self.signature)
    }
}

impl MultipleSignedTransports {
    /// Verifies the initiator's signature over the bundle. The messages inside carry signatures of their own.
    pub fn verify(&self, initiator: &OperatorPublicKey) -> Result<(), PssMismatch> {
        initiator.verify_pss(&self.signed_bytes(), &self.signature)
    }
}

impl Proof {
    /// Signs the proof's root with the operator's RSA key.
    pub fn sign<R: CryptoRng + ?Sized>(
        self,
        key: &OperatorPrivateKey,
        rng: &mut R,
    ) -> Result<SignedProof, PssError> {
        let signature = key.sign_pss(self.root().as_bytes(), PssSalt::Maximum, rng)?;
        Ok(SignedProof { proof: self, signature })
    }
}

impl SignedProof {
    /// Verifies the operator's signature over the proof's root.
    pub fn verify(&self, operator: &OperatorPublicKey) -> Result<(), PssMismatch> {
        operator.verify_pss(self.proof.root().as_bytes(), &self.signature)
    }
}
