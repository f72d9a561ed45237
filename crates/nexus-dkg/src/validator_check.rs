//! Checking one validator's documents against each other.

use std::path::Path;

use nexus_ssv::{Expectation, KeysharesItem};

use crate::{
    CheckedValidator, Problem, ProofProblem,
    deposit_check::check_deposit,
    documents::SignedProofJson,
    folder_check::Documents,
    output_folder::{DEPOSIT_FILE, KEYSHARES_FILE, PROOFS_FILE, validator_name},
};

/// A problem in a file of the folder, or of the folder itself.
type Found = (Option<&'static str>, Problem);

/// Checks the documents in the folder `dir`; the validator is returned when nothing is wrong.
pub(crate) fn check_validator(
    dir: &Path,
    documents: &Documents<SignedProofJson>,
) -> (Option<CheckedValidator>, Vec<Found>) {
    let (validator, mut problems) = check_documents(documents);
    if let [keyshares] = documents.keyshares.items.as_slice() {
        let shares = keyshares.keyshares();
        let expected = validator_name(shares.registration().nonce, shares.pubkey());
        if dir.file_name().is_none_or(|name| *name != *expected) {
            problems.push((None, Problem::Name { expected }));
        }
    }
    (validator.filter(|_| problems.is_empty()), problems)
}

/// Checks documents, wherever they are; the validator is returned when nothing is wrong.
pub(crate) fn check_documents(
    documents: &Documents<SignedProofJson>,
) -> (Option<CheckedValidator>, Vec<Found>) {
    let mut problems = Vec::new();
    let ([entry], [keyshares]) = (documents.deposits.as_slice(), documents.keyshares.items.as_slice()) else {
        let counts =
            [(DEPOSIT_FILE, documents.deposits.len()), (KEYSHARES_FILE, documents.keyshares.items.len())];
        let wrong = counts.into_iter().filter(|(_, got)| *got != 1);
        problems.extend(wrong.map(|(file, got)| (Some(file), Problem::Count { expected: 1, got })));
        return (None, problems);
    };
    let deposit = match check_deposit(entry) {
        Ok(deposit) => Some(deposit),
        Err(problem) => {
            problems.push((Some(DEPOSIT_FILE), Problem::Deposit(problem)));
            None
        }
    };
    let expectation =
        deposit.map_or(Expectation::none(), |deposit| Expectation::none().pubkey(deposit.pubkey()));
    if let Err(error) = keyshares.verify(&expectation) {
        problems.push((Some(KEYSHARES_FILE), Problem::Keyshares(error)));
    }
    let owner = keyshares.keyshares().registration().owner;
    let spelled = documents.keyshares_json.pointer("/shares/0/data/ownerAddress");
    if spelled.and_then(|owner| owner.as_str()) != Some(owner.to_checksum().as_str()) {
        problems.push((Some(KEYSHARES_FILE), Problem::OwnerSpelling(owner)));
    }
    problems.extend(check_proofs(keyshares, &documents.proofs).map(|problem| (Some(PROOFS_FILE), problem)));

    let is_sound = problems.is_empty();
    let validator = deposit.filter(|_| is_sound);
    (validator.map(|deposit| CheckedValidator { deposit, keyshares: keyshares.clone() }), problems)
}

/// Checks each operator's proof against its part of the keyshares.
fn check_proofs(keyshares: &KeysharesItem, proofs: &[SignedProofJson]) -> impl Iterator<Item = Problem> {
    let operators = keyshares.operators().len();
    let count =
        (proofs.len() != operators).then_some(Problem::Count { expected: operators, got: proofs.len() });
    let parts = proofs.iter().enumerate().take(operators).filter_map(|(position, proof)| {
        let problem = check_proof(keyshares, position, proof).err()?;
        Some(Problem::Proof { position, problem })
    });
    count.into_iter().chain(parts)
}

fn check_proof(
    keyshares: &KeysharesItem,
    position: usize,
    proof: &SignedProofJson,
) -> Result<(), ProofProblem> {
    let signed = proof.read()?;
    let (proof, shares) = (&signed.proof, keyshares.keyshares());
    let (expected, got) = (shares.pubkey(), proof.validator_pubkey);
    if got != expected {
        return Err(ProofProblem::Validator { expected, got });
    }
    let (expected, got) = (shares.registration().owner, proof.owner);
    if got != expected {
        return Err(ProofProblem::Owner { expected, got });
    }
    if shares.shares_data().share_pubkeys().nth(position) != Some(&proof.share_pubkey) {
        return Err(ProofProblem::SharePubkey);
    }
    let encrypted = shares.shares_data().encrypted_shares().nth(position);
    if encrypted.is_none_or(|share| share.as_bytes().as_slice() != proof.encrypted_share) {
        return Err(ProofProblem::EncryptedShare);
    }
    let operator = keyshares.operators().get(position).ok_or(ProofProblem::Signature)?;
    signed.verify(&operator.key).map_err(|_| ProofProblem::Signature)
}
