//! Asking the operators' libraries about validators: `dkg-operator verify`.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use nexus_dkg::{CeremonyTerms, InstanceId};
use nexus_primitives::ValidatorPubkey;
use nexus_ssv::Operator;
use serde::{Deserialize, Serialize};

use crate::{checks::Checks, driver, stage::Stage, world::dkg_fleet::COMPONENT};

/// A validator's folder, and what it should hold.
#[derive(Serialize)]
pub(super) struct Question {
    folder: PathBuf,
    operators: Vec<OperatorWire>,
    owner: String,
    nonce: u64,
    fork: String,
    credentials: String,
    amount: u64,
    instance: String,
    results: Vec<String>,
}

#[derive(Serialize)]
struct OperatorWire {
    id: u64,
    public_key: String,
    private_key: PathBuf,
}

#[derive(Serialize)]
struct Request<'a> {
    validators: &'a [Question],
}

#[derive(Deserialize)]
struct Reply {
    validators: Vec<Verdict>,
}

/// Each answer is `None` when dkg-spec has nothing against it.
#[derive(Deserialize)]
pub(super) struct Verdict {
    /// Terms, roots and signature of the deposit.
    pub(super) deposit: Option<String>,
    /// Owner and nonce, operators and share keys in the keyshares.
    pub(super) keyshares: Option<String>,
    /// Each operator's proof.
    pub(super) proofs: Vec<Option<String>>,
    /// The results, all together; nothing when none were handed in.
    pub(super) results: Vec<Option<String>>,
    /// Whether both signatures made of the results are those of the documents.
    pub(super) signatures: Vec<Option<String>>,
    /// Each share that was decrypted; nothing without the operators' keys.
    pub(super) shares: Vec<Option<String>>,
    /// The validator's key made of the first and of the last shares.
    pub(super) recovered: Vec<Option<String>>,
}

impl Question {
    /// Asks about documents alone.
    pub(super) fn new<'a>(
        folder: PathBuf,
        operators: impl IntoIterator<Item = &'a Operator>,
        terms: &CeremonyTerms,
    ) -> Self {
        let operators = operators.into_iter().map(|operator| OperatorWire {
            id: operator.id.get(),
            public_key: operator.key.to_text(),
            private_key: PathBuf::new(),
        });
        Self {
            folder,
            operators: operators.collect(),
            owner: terms.registration.owner.to_checksum(),
            nonce: terms.registration.nonce.get(),
            fork: hex::encode(terms.network.fork_version().as_bytes()),
            credentials: hex::encode(terms.credentials.to_bytes()),
            amount: terms.amount.get(),
            instance: String::new(),
            results: Vec::new(),
        }
    }

    /// Asks about operators' results in this ceremony as well.
    pub(super) fn with_results(mut self, instance: InstanceId, results: &[Vec<u8>]) -> Self {
        self.instance = hex::encode(instance.as_bytes());
        self.results = results.iter().map(hex::encode).collect();
        self
    }

    /// Asks about the shares as well: files with the operators' RSA keys.
    pub(super) fn with_keys(mut self, key_files: Vec<PathBuf>) -> Self {
        for (operator, key_file) in self.operators.iter_mut().zip(key_files) {
            operator.private_key = key_file;
        }
        self
    }
}

/// Returns a validator's folder in its ceremony's.
pub(super) fn validator_folder(ceremony: &Path, terms: &CeremonyTerms, pubkey: ValidatorPubkey) -> PathBuf {
    ceremony.join(format!("{:06}-{pubkey}", terms.registration.nonce.get()))
}

/// Returns one verdict for each question.
pub(super) async fn ask(stage: &Stage, questions: &[Question]) -> anyhow::Result<Vec<Verdict>> {
    let request = Request { validators: questions };
    let reply: Reply = driver::go(stage, COMPONENT, "verify", &request).await?;
    let (asked, answered) = (questions.len(), reply.validators.len());
    ensure!(asked == answered, "asked about {asked} validators, answered about {answered}");
    Ok(reply.validators)
}

/// Counts answers under a name, as many as there must be: one that is missing is no answer in favour.
pub(super) fn count<'a>(
    name: &str,
    answers: impl IntoIterator<Item = &'a Option<String>>,
    expected: usize,
    checks: &mut Checks,
) {
    let mut got = 0;
    for answer in answers {
        got += 1;
        checks.that(name, answer.is_none(), || answer.clone().unwrap_or_default());
    }
    if got != expected {
        checks.that(name, false, || format!("{got} answers, expected {expected}"));
    }
}
