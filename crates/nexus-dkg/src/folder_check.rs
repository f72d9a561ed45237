//! Checking a ceremony's folder, ours or the official tool's.

use std::{
    borrow::Cow,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use nexus_keys::DepositDataJson;
use nexus_primitives::ValidatorPubkey;
use nexus_ssv::{KeysharesFile, KeysharesItem, Operator, Registration};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CeremonyDeposit, FolderProblem, Problem,
    documents::{self, SignedProofJson},
    output_folder::{DEPOSIT_FILE, KEYSHARES_FILE, PROOFS_FILE},
    validator_check::check_validator,
};

/// File with which the official tool marks a ceremony that failed.
const FAILED_FILE: &str = "FAILED";
/// The documents of a hundred validators and thirteen operators have 2 MB.
const MAX_FILE: u64 = 16 << 20;

/// What a folder holds, and everything that is wrong with it.
#[derive(Debug)]
pub struct FolderReport {
    /// The validators whose own documents hold, ascending by nonce. What they are *for* is the caller's to compare:
    /// owner, nonce, credentials, amount, network and operators are as good as any to these checks.
    pub validators: Vec<CheckedValidator>,
    /// What is wrong; nothing, if the folder is to be used.
    pub problems: Vec<FolderProblem>,
}

/// A validator whose documents hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedValidator {
    /// Its deposit.
    pub deposit: CeremonyDeposit,
    /// Its keyshares with the operators' keys.
    pub keyshares: KeysharesItem,
}

impl CheckedValidator {
    /// Returns the validator's public key.
    pub fn pubkey(&self) -> ValidatorPubkey {
        self.deposit.pubkey()
    }

    /// Returns who must register it, and with which nonce.
    pub fn registration(&self) -> Registration {
        self.keyshares.keyshares().registration()
    }

    /// Returns the operators.
    pub fn operators(&self) -> &[Operator] {
        self.keyshares.operators()
    }
}

impl FolderReport {
    /// Says whether the folder can be used: it holds validators, and nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && !self.validators.is_empty()
    }
}

/// Checks the folder of a ceremony, of one validator or of several, or the folder of one validator.
///
/// Checked is everything that can be without the operators' private keys: deposit, roots and signature; keyshares,
/// their signature and that every threshold of shares makes the validator's key; each operator's proof, that it is
/// signed by the operator and that it is about this share; names; and that common files say what the validators' own
/// say. **Not** checked: what the encrypted shares hold, which each operator alone can tell.
pub fn verify_folder(path: &Path) -> FolderReport {
    // A validator's folder is told by its name, which `.` hasn't.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut check =
        FolderCheck { root: &path, report: FolderReport { validators: Vec::new(), problems: Vec::new() } };
    if nonce_of(&path).is_some() {
        check.validator(&path);
    } else {
        check.ceremony();
    }
    check.report
}

/// The three documents, of one validator or of all.
pub(crate) struct Documents<P> {
    pub(crate) deposits: Vec<DepositDataJson>,
    pub(crate) keyshares: KeysharesFile,
    pub(crate) keyshares_json: serde_json::Value,
    pub(crate) proofs: Vec<P>,
}

impl<P: Serialize + DeserializeOwned> Documents<P> {
    /// Reads all three, wherever their texts come from; returns everything that is wrong.
    pub(crate) fn read<'t>(
        text: impl Fn(&'static str) -> Result<Cow<'t, str>, Problem>,
    ) -> Result<Self, Vec<(&'static str, Problem)>> {
        let mut problems = Vec::new();
        let mut note = |file, problem| problems.push((file, problem));
        let deposits = text(DEPOSIT_FILE).and_then(|text| document(&text));
        let deposits = deposits.map_err(|problem| note(DEPOSIT_FILE, problem)).ok();
        let keyshares = text(KEYSHARES_FILE).and_then(|text| {
            let file = KeysharesFile::from_json(&text).map_err(Problem::KeysharesFile)?;
            Ok((file, serde_json::from_str(&text).map_err(Problem::Json)?))
        });
        let keyshares = keyshares.map_err(|problem| note(KEYSHARES_FILE, problem)).ok();
        let proofs = text(PROOFS_FILE).and_then(|text| document(&text));
        let proofs = proofs.map_err(|problem| note(PROOFS_FILE, problem)).ok();
        match (deposits, keyshares, proofs) {
            (Some(deposits), Some((keyshares, keyshares_json)), Some(proofs)) => {
                Ok(Self { deposits, keyshares, keyshares_json, proofs })
            }
            _ => Err(problems),
        }
    }
}

fn document<T: Serialize + DeserializeOwned>(text: &str) -> Result<T, Problem> {
    documents::read(text.as_bytes()).map_err(Problem::Json)
}

struct FolderCheck<'a> {
    root: &'a Path,
    report: FolderReport,
}

impl FolderCheck<'_> {
    fn ceremony(&mut self) {
        let dirs = match validator_dirs(self.root) {
            Ok(dirs) => dirs,
            Err(error) => return self.problem(self.root, Problem::Read(error)),
        };
        if self.root.join(FAILED_FILE).exists() {
            self.problem(&self.root.join(FAILED_FILE), Problem::Failed);
        }
        if dirs.is_empty() {
            return self.problem(self.root, Problem::NoValidator);
        }
        let own: Vec<_> = dirs.iter().map(|dir| self.validator(dir)).collect();
        if let [_] = own.as_slice() {
            for file in [DEPOSIT_FILE, KEYSHARES_FILE, PROOFS_FILE] {
                if self.root.join(file).exists() {
                    self.problem(&self.root.join(file), Problem::Surplus);
                }
            }
        } else {
            self.common_files(&own);
            self.sequence(&dirs);
        }
    }

    /// Checks one validator's folder and returns its documents, as far as they can be read.
    fn validator(&mut self, dir: &Path) -> Option<Documents<SignedProofJson>> {
        let documents = self.read_documents(dir)?;
        let (validator, problems) = check_validator(dir, &documents);
        for (file, problem) in problems {
            self.problem(&file.map_or_else(|| dir.to_owned(), |file| dir.join(file)), problem);
        }
        self.report.validators.extend(validator);
        Some(documents)
    }

    /// Compares the common files with the validators' own, which were checked.
    fn common_files(&mut self, own: &[Option<Documents<SignedProofJson>>]) {
        let root = self.root;
        let Some(common) = self.read_documents::<Vec<SignedProofJson>>(root) else { return };
        let got = [common.deposits.len(), common.keyshares.items.len(), common.proofs.len()];
        for (file, got) in [DEPOSIT_FILE, KEYSHARES_FILE, PROOFS_FILE].into_iter().zip(got) {
            if got != own.len() {
                self.problem(&root.join(file), Problem::Count { expected: own.len(), got });
            }
        }
        for (position, own) in own.iter().enumerate() {
            let Some(own) = own else { continue };
            let differs = [
                (DEPOSIT_FILE, common.deposits.get(position) != own.deposits.first()),
                (KEYSHARES_FILE, common.keyshares.items.get(position) != own.keyshares.items.first()),
                (PROOFS_FILE, common.proofs.get(position) != Some(&own.proofs)),
            ];
            for (file, _) in differs.into_iter().filter(|(_, differs)| *differs) {
                self.problem(&root.join(file), Problem::Differs { position });
            }
        }
    }

    /// Validators of one ceremony have one owner, the same operators, credentials and network, and nonces without gaps.
    fn sequence(&mut self, dirs: &[PathBuf]) {
        // When one isn't sound, its problems stand already, and those beside it can't be told to be in order.
        if self.report.validators.len() != dirs.len() {
            return;
        }
        let mut problems = Vec::new();
        let pairs = self.report.validators.iter().zip(self.report.validators.iter().skip(1));
        for ((left, right), dir) in pairs.zip(dirs.iter().skip(1)) {
            let (first, second) = (left.registration(), right.registration());
            if first.owner != second.owner || left.operators() != right.operators() {
                problems.push((dir, Problem::Mixed));
            }
            let (before, deposit) = (&left.deposit, &right.deposit);
            if before.credentials() != deposit.credentials() || before.network() != deposit.network() {
                problems.push((dir, Problem::MixedDeposits));
            }
            if first.nonce.checked_add(1) != Some(second.nonce) {
                problems.push((dir, Problem::Nonces { first: first.nonce, second: second.nonce }));
            }
        }
        for (dir, problem) in problems {
            self.problem(dir, problem);
        }
    }

    /// Reads all three documents; each that can't be read is a problem.
    fn read_documents<P: Serialize + DeserializeOwned>(&mut self, dir: &Path) -> Option<Documents<P>> {
        match Documents::read(|file| read_text(&dir.join(file)).map(Cow::Owned)) {
            Ok(documents) => Some(documents),
            Err(problems) => {
                for (file, problem) in problems {
                    self.problem(&dir.join(file), problem);
                }
                None
            }
        }
    }

    fn problem(&mut self, file: &Path, problem: Problem) {
        let file = file.strip_prefix(self.root).unwrap_or(file);
        let file = if file.as_os_str().is_empty() { Path::new(".") } else { file };
        self.report.problems.push(FolderProblem { file: file.to_owned(), problem });
    }
}

pub(crate) fn read_text(path: &Path) -> Result<String, Problem> {
    let file = fs::File::open(path).map_err(Problem::Read)?;
    let mut text = String::new();
    let read = file.take(MAX_FILE.saturating_add(1)).read_to_string(&mut text).map_err(Problem::Read)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_FILE) {
        return Ok(text);
    }
    Err(Problem::TooLarge { limit: MAX_FILE })
}

/// The folders of validators, in the order of their nonces.
fn validator_dirs(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if let Some(nonce) = nonce_of(&path).filter(|_| path.is_dir()) {
            dirs.push((nonce, path));
        }
    }
    dirs.sort_unstable();
    Ok(dirs.into_iter().map(|(_, path)| path).collect())
}

/// Returns the nonce in the name of a folder that is named like a validator's: a number, a dash, and `0x`.
fn nonce_of(path: &Path) -> Option<u64> {
    let (nonce, _) = path.file_name()?.to_str()?.split_once("-0x")?;
    nonce.parse().ok()
}
