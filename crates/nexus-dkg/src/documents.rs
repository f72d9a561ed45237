//! The three JSON documents of a ceremony, as the official tool writes them: on one line, hexadecimal in lower case.

use nexus_keys::DepositDataJson;
use nexus_primitives::{Address, ValidatorPubkey};
use nexus_ssv::{CreatedAt, KeysharesFile};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;

use crate::{
    CeremonyDeposit, CeremonyOutput,
    wire::{Proof, SignedProof},
};

/// The release of the deposit tool whose format this is; launchpads refuse older ones.
pub(crate) const DEPOSIT_CLI_VERSION: &str = "2.7.0";

/// An entry of `proofs.json`: byte strings are hexadecimal without `0x`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedProofJson {
    pub(crate) proof: ProofJson,
    pub(crate) signature: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofJson {
    pub(crate) validator: String,
    pub(crate) encrypted_share: String,
    pub(crate) share_pub: String,
    pub(crate) owner: String,
}

/// A field of a proof that isn't what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected} bytes in lower-case hexadecimal without 0x")]
pub struct ProofFieldError {
    /// Path of the field.
    pub field: &'static str,
    /// Bytes expected.
    pub expected: usize,
}

impl SignedProofJson {
    fn new(signed: &SignedProof) -> Self {
        let proof = ProofJson {
            validator: hex::encode(signed.proof.validator_pubkey.as_bytes()),
            encrypted_share: hex::encode(&signed.proof.encrypted_share),
            share_pub: hex::encode(signed.proof.share_pubkey.as_bytes()),
            owner: hex::encode(signed.proof.owner.as_bytes()),
        };
        Self { proof, signature: hex::encode(signed.signature) }
    }

    pub(crate) fn read(&self) -> Result<SignedProof, ProofFieldError> {
        let Self { proof, signature } = self;
        Ok(SignedProof {
            proof: Proof {
                validator_pubkey: ValidatorPubkey::new(bytes("proof.validator", &proof.validator)?),
                encrypted_share: bytes::<256>("proof.encrypted_share", &proof.encrypted_share)?.to_vec(),
                share_pubkey: ValidatorPubkey::new(bytes("proof.share_pub", &proof.share_pub)?),
                owner: Address::new(bytes("proof.owner", &proof.owner)?),
            },
            signature: bytes("signature", signature)?,
        })
    }
}

fn bytes<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], ProofFieldError> {
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) if is_lower => Ok(bytes),
        _ => Err(ProofFieldError { field, expected: N }),
    }
}

/// Reads a document whose every word is read. serde takes a list for an object, which no other tool does.
pub(crate) fn read<T: Serialize + DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    let read = serde_json::from_slice(json)?;
    let given: Value = serde_json::from_slice(json)?;
    if given == serde_json::to_value(&read)? {
        return Ok(read);
    }
    Err(serde_json::Error::custom("a list where other tools expect an object"))
}

/// One deposit, an object.
pub(crate) fn deposit(deposit: &CeremonyDeposit) -> String {
    json(&deposit_json(deposit))
}

/// One validator's proofs, an array.
pub(crate) fn proofs(proofs: &[SignedProof]) -> String {
    json(&proofs_json(proofs))
}

/// `deposit_data.json`: an array, whether of one or of many.
pub(crate) fn deposit_file(outputs: &[&CeremonyOutput]) -> String {
    file(&outputs.iter().map(|output| deposit_json(output.deposit())).collect::<Vec<_>>())
}

/// `keyshares.json`.
pub(crate) fn keyshares_file(outputs: &[&CeremonyOutput], created_at: CreatedAt) -> String {
    let items = outputs.iter().map(|output| output.keyshares().clone()).collect();
    let mut text = KeysharesFile { created_at: None, items }.to_compact_json(created_at);
    text.push('\n');
    text
}

/// `proofs.json` of one validator: an array.
pub(crate) fn proofs_file(output: &CeremonyOutput) -> String {
    file(&proofs_json(output.proofs()))
}

/// `proofs.json` of many: an array of arrays.
pub(crate) fn all_proofs_file(outputs: &[&CeremonyOutput]) -> String {
    file(&outputs.iter().map(|output| proofs_json(output.proofs())).collect::<Vec<_>>())
}

fn deposit_json(deposit: &CeremonyDeposit) -> DepositDataJson {
    DepositDataJson {
        pubkey: hex::encode(deposit.pubkey().as_bytes()),
        withdrawal_credentials: hex::encode(deposit.credentials().to_bytes()),
        amount: deposit.amount().get(),
        signature: hex::encode(deposit.signature().as_bytes()),
        deposit_message_root: hex::encode(deposit.deposit_message_root().as_bytes()),
        deposit_data_root: hex::encode(deposit.deposit_data_root().as_bytes()),
        fork_version: hex::encode(deposit.network().fork_version().as_bytes()),
        network_name: deposit.network().name().to_owned(),
        deposit_cli_version: DEPOSIT_CLI_VERSION.to_owned(),
    }
}

fn proofs_json(proofs: &[SignedProof]) -> Vec<SignedProofJson> {
    proofs.iter().map(SignedProofJson::new).collect()
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers always serialize")
}

fn file<T: Serialize>(value: &T) -> String {
    json(value) + "\n"
}
