//! One new validator's documents as texts, to be kept somewhere and read again.

use std::{borrow::Cow, fmt, path::PathBuf};

use crate::{
    CeremonyOutput, CheckedValidator, FolderProblem, Problem, documents,
    documents::SignedProofJson,
    folder_check::Documents,
    output_folder::{DEPOSIT_FILE, KEYSHARES_FILE},
    validator_check::check_documents,
};

/// The three documents of one validator, as they stand in the files of its folder. Nothing in them is secret: shares are
/// encrypted, and all of it but the proofs becomes public with deposit and registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyDocuments {
    /// `deposit_data.json`.
    pub deposit_data: String,
    /// `keyshares.json`.
    pub keyshares: String,
    /// `proofs.json`.
    pub proofs: String,
}

/// Documents that don't hold, with everything that is wrong.
#[derive(Debug)]
pub struct DocumentsError(pub Vec<FolderProblem>);

impl CeremonyDocuments {
    /// Checks the documents as [`verify_folder`](crate::verify_folder) checks those of a folder. What they are *for* is
    /// the caller's to compare.
    pub fn check(&self) -> Result<CheckedValidator, DocumentsError> {
        let text = |file| {
            Ok(Cow::Borrowed(match file {
                DEPOSIT_FILE => self.deposit_data.as_str(),
                KEYSHARES_FILE => self.keyshares.as_str(),
                _ => self.proofs.as_str(),
            }))
        };
        let documents: Documents<SignedProofJson> = Documents::read(text).map_err(DocumentsError::new)?;
        let (validator, problems) = check_documents(&documents);
        validator.ok_or_else(|| {
            DocumentsError::new(problems.into_iter().map(|(file, problem)| (file.unwrap_or("."), problem)))
        })
    }
}

impl From<&CeremonyOutput> for CeremonyDocuments {
    fn from(output: &CeremonyOutput) -> Self {
        Self {
            deposit_data: documents::deposit_file(&[output]),
            keyshares: documents::keyshares_file(&[output], output.created_at()),
            proofs: documents::proofs_file(output),
        }
    }
}

impl DocumentsError {
    fn new(problems: impl IntoIterator<Item = (&'static str, Problem)>) -> Self {
        let problem = |(file, problem)| FolderProblem { file: PathBuf::from(file), problem };
        Self(problems.into_iter().map(problem).collect())
    }
}

impl std::error::Error for DocumentsError {}

impl fmt::Display for DocumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            let separator = if position > 0 { "; " } else { "" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
