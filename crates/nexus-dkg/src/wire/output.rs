//! What an operator has at the end: its share's public key, its partial signatures, and a proof of its share.

use nexus_primitives::{
    Address, BlsSignature, Root, ValidatorPubkey,
    signing::{bytes_root, chunk, merkle_root},
};

use super::{
    DecodeError, Ssz,
    codec::{Decoder, Encoder},
    limits::MAX_ENCRYPTED_SHARE,
};

/// An operator's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Whose result this is.
    pub operator_id: u64,
    /// The instance id.
    pub request_id: [u8; 24],
    /// Signature of the share over the deposit.
    pub deposit_signature: BlsSignature,
    /// Signature of the share over `owner:nonce`.
    pub owner_nonce_signature: BlsSignature,
    /// The operator's statement about its share.
    pub signed_proof: SignedProof,
}

/// A proof with the operator's RSA signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedProof {
    /// What is signed: its [root](Proof::root).
    pub proof: Proof,
    /// RSA-PSS signature.
    pub signature: [u8; 256],
}

/// An operator's statement about its share; needed to sign or share again later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The validator's public key.
    pub validator_pubkey: ValidatorPubkey,
    /// The share, encrypted to the operator.
    pub encrypted_share: Vec<u8>,
    /// The share's public key.
    pub share_pubkey: ValidatorPubkey,
    /// The owner the key was made for.
    pub owner: Address,
}

const OUTPUT: usize = 228;
const SIGNED_PROOF: usize = 260;
const PROOF: usize = 120;
const MAX_PROOF: usize = PROOF + MAX_ENCRYPTED_SHARE;

impl Proof {
    /// Returns `hash_tree_root(Proof)`, the 32 bytes that the operator signs.
    pub fn root(&self) -> Root {
        merkle_root(&[
            bytes_root(self.validator_pubkey.as_bytes()).into_bytes(),
            list_root(&self.encrypted_share).into_bytes(),
            bytes_root(self.share_pubkey.as_bytes()).into_bytes(),
            chunk(self.owner.as_bytes()),
        ])
    }
}

/// `hash_tree_root` of a byte list with room for an encrypted share: chunks padded to the limit, length mixed in.
fn list_root(bytes: &[u8]) -> Root {
    let mut chunks: Vec<_> = bytes.chunks(32).map(chunk).collect();
    chunks.resize(MAX_ENCRYPTED_SHARE.div_euclid(32).max(chunks.len()), [0; 32]);
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    merkle_root(&[merkle_root(&chunks).into_bytes(), chunk(&length.to_le_bytes())])
}

impl Ssz for Output {
    const NAME: &'static str = "Result";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, OUTPUT);
        let operator_id = fields.u64("OperatorID")?;
        let request_id = fields.array("RequestID")?;
        let deposit_signature = BlsSignature::new(fields.array("DepositPartialSignature")?);
        let owner_nonce_signature = BlsSignature::new(fields.array("OwnerNoncePartialSignature")?);
        fields.offset("SignedProof", SIGNED_PROOF + MAX_PROOF)?;
        let [signed_proof] = fields.finish()?;
        let signed_proof = SignedProof::decode(signed_proof)?;
        Ok(Self { operator_id, request_id, deposit_signature, owner_nonce_signature, signed_proof })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(OUTPUT)
            .u64(self.operator_id)
            .array(&self.request_id)
            .array(self.deposit_signature.as_bytes())
            .array(self.owner_nonce_signature.as_bytes())
            .variable(&self.signed_proof.encode())
            .finish()
    }
}

impl Ssz for SignedProof {
    const NAME: &'static str = "SignedProof";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, SIGNED_PROOF);
        fields.offset("Proof", MAX_PROOF)?;
        let signature = fields.array("Signature")?;
        let [proof] = fields.finish()?;
        Ok(Self { proof: Proof::decode(proof)?, signature })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(SIGNED_PROOF).variable(&self.proof.encode()).array(&self.signature).finish()
    }
}

impl Ssz for Proof {
    const NAME: &'static str = "Proof";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, PROOF);
        let validator_pubkey = ValidatorPubkey::new(fields.array("ValidatorPubKey")?);
        fields.offset("EncryptedShare", MAX_ENCRYPTED_SHARE)?;
        let share_pubkey = ValidatorPubkey::new(fields.array("SharePubKey")?);
        let owner = Address::new(fields.array("Owner")?);
        let [encrypted_share] = fields.finish()?;
        Ok(Self { validator_pubkey, encrypted_share: encrypted_share.to_vec(), share_pubkey, owner })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(PROOF)
            .array(self.validator_pubkey.as_bytes())
            .variable(&self.encrypted_share)
            .array(self.share_pubkey.as_bytes())
            .array(self.owner.as_bytes())
            .finish()
    }
}
