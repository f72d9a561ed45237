//! What ceremonies made, checked again: by our code, and by the operators' libraries.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use nexus_dkg::{CeremonyFault, CeremonyRequest, CeremonyTerms, StoredOutput, verify_folder};
use nexus_keys::KeyError;
use nexus_primitives::OperatorId;
use nexus_ssv::{ShareSecret, decrypt_share, recombine};

use super::dkg_verdict::{Question, ask, count};
use crate::{checks::Checks, full_operator::FullOperator, stage::Stage, world::dkg_fleet::DkgFleet};

const TAKEN: &str = "documents taken by the operators, who check them with dkg-spec";
pub(super) const SOUND: &str = "stored folders sound for us";
pub(super) const DEPOSITS: &str = "deposits: terms, roots, signature (dkg-spec VerifyDepositData)";
const KEYSHARES: &str = "keyshares: owner and nonce, operators, share keys (dkg-spec)";
const PROOFS: &str = "operators' proofs (dkg-spec ValidateCeremonyProof)";
pub(super) const RESULTS: &str = "operators' results, as they sent them (dkg-spec ValidateResults)";
const SIGNATURES: &str = "signatures combined by us are those that dkg-spec combines";
const OPENED: &str = "shares decrypted by us";
const RECOMBINED: &str = "shares recombined by us to the validator key";
const THEIRS_OPENED: &str = "shares decrypted by dkg-spec";
const THEIRS_RECOVERED: &str = "shares recovered by their BLS library to the validator key";

/// A validator that a ceremony made, stored and handed out.
pub(super) struct MadeValidator {
    /// What it should be for.
    pub(super) terms: CeremonyTerms,
    /// What the operators were asked for.
    pub(super) request: CeremonyRequest,
    /// What came of it.
    pub(super) stored: StoredOutput,
    /// The validator's own folder.
    pub(super) folder: PathBuf,
    /// How long the ceremony took.
    pub(super) took: Duration,
    /// Operators that didn't take the documents.
    pub(super) faults: Vec<CeremonyFault>,
}

impl MadeValidator {
    /// Counts for each operator whether it took the documents.
    pub(super) fn count_takers(&self, checks: &mut Checks) {
        for operator in self.request.operators() {
            let fault = self.faults.iter().find(|fault| fault.operator == operator.id());
            checks.that(TAKEN, fault.is_none(), || fault.map(ToString::to_string).unwrap_or_default());
        }
    }

    /// Decrypts all shares with the operators' keys, and makes the validator's key of the first and of the last.
    fn open(&self, full: &[FullOperator], checks: &mut Checks) -> anyhow::Result<()> {
        let keyshares = self.stored.output().keyshares().keyshares();
        let (data, threshold) = (keyshares.shares_data(), keyshares.operators().threshold().get());
        let mut shares = Vec::new();
        let encrypted = data.encrypted_shares().zip(data.share_pubkeys());
        for (operator, (encrypted, pubkey)) in full.iter().zip(encrypted) {
            let share = checks.ok(OPENED, decrypt_share(&operator.private_key, encrypted, pubkey));
            shares.extend(share.map(|share| (operator.operator.id, share)));
        }
        ensure!(shares.len() >= threshold, "too few shares decrypt");
        for subset in [&shares[..threshold], &shares[shares.len() - threshold..]] {
            let subset = subset.iter().map(copy).collect::<Result<Vec<_>, _>>()?;
            if let Some(key) = checks.ok(RECOMBINED, recombine(&subset)) {
                checks.same(RECOMBINED, &key.pubkey(), &self.stored.output().pubkey());
            }
        }
        Ok(())
    }

    fn question(&self, fleet: &DkgFleet) -> anyhow::Result<Question> {
        let operators = self.request.operators();
        let instance = self.stored.output().instance_id();
        let results = fleet.results(instance, operators)?;
        let key_files = operators.iter().map(|operator| Ok(fleet.key_file(operator.id())?.to_owned()));
        let parties = operators.iter().map(|operator| &operator.operator);
        let question = Question::new(self.folder.clone(), parties, &self.terms);
        Ok(question.with_results(instance, &results).with_keys(key_files.collect::<anyhow::Result<_>>()?))
    }
}

/// Checks validators by our code and, all at once, by dkg-spec.
pub(super) async fn check_again(
    stage: &Stage,
    made: &[(&DkgFleet, &MadeValidator)],
    full: &[FullOperator],
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let mut questions = Vec::new();
    for (fleet, validator) in made {
        let report = verify_folder(&validator.folder);
        checks.that(SOUND, report.is_sound(), || format!("{:?}", report.problems));
        validator.open(full, checks)?;
        questions.push(validator.question(fleet)?);
    }
    for (verdict, (_, validator)) in ask(stage, &questions).await?.iter().zip(made) {
        let operators = validator.request.operators().len();
        count(DEPOSITS, [&verdict.deposit], 1, checks);
        count(KEYSHARES, [&verdict.keyshares], 1, checks);
        count(PROOFS, &verdict.proofs, operators, checks);
        count(RESULTS, &verdict.results, 1, checks);
        // There is nothing to compare with where the results are refused.
        let combined = if verdict.results.iter().all(Option::is_none) { 2 } else { 0 };
        count(SIGNATURES, &verdict.signatures, combined, checks);
        count(THEIRS_OPENED, &verdict.shares, operators, checks);
        count(THEIRS_RECOVERED, &verdict.recovered, 2, checks);
    }
    Ok(())
}

fn copy((id, share): &(OperatorId, ShareSecret)) -> Result<(OperatorId, ShareSecret), KeyError> {
    Ok((*id, ShareSecret::from_bytes(share.expose_secret())?))
}
