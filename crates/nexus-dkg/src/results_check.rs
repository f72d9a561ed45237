//! Checking the documents that the initiator hands out, as an operator does before it files them.

use nexus_ssv::KeysharesFile;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CheckedValidator, FolderProblem, Problem,
    documents::{self, SignedProofJson},
    folder_check::Documents,
    output_folder::{DEPOSIT_FILE, KEYSHARES_FILE, PROOFS_FILE},
    validator_check::check_documents,
    wire::Results,
};

impl Results {
    /// Checks the documents by the rules for a ceremony's [folder](crate::verify_folder); problems name the file that
    /// each document would be.
    pub fn verify(&self) -> Result<CheckedValidator, Vec<FolderProblem>> {
        let (validator, problems) = check_documents(&self.documents()?);
        let problems = problems.into_iter().filter_map(|(file, problem)| Some(found(file?, problem)));
        validator.ok_or_else(|| problems.collect())
    }

    fn documents(&self) -> Result<Documents<SignedProofJson>, Vec<FolderProblem>> {
        let keyshares = str::from_utf8(&self.keyshares_data).unwrap_or_default();
        Ok(Documents {
            deposits: vec![json(DEPOSIT_FILE, &self.deposit_data)?],
            keyshares: KeysharesFile::from_json(keyshares)
                .map_err(|error| vec![found(KEYSHARES_FILE, Problem::KeysharesFile(error))])?,
            keyshares_json: json(KEYSHARES_FILE, &self.keyshares_data)?,
            proofs: json(PROOFS_FILE, &self.proofs)?,
        })
    }
}

fn json<T: Serialize + DeserializeOwned>(file: &'static str, text: &[u8]) -> Result<T, Vec<FolderProblem>> {
    documents::read(text).map_err(|error| vec![found(file, Problem::Json(error))])
}

fn found(file: &'static str, problem: Problem) -> FolderProblem {
    FolderProblem { file: file.into(), problem }
}
