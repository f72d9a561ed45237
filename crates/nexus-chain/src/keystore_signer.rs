//! The bot's key from an encrypted file.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use aes::Aes128;
use alloy::signers::local::PrivateKeySigner;
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use nexus_primitives::{Address, keccak256};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::alloy_types::from_alloy;

/// A keystore is about 500 bytes.
const MAX_FILE_BYTES: u64 = 16 << 10;
/// scrypt takes `128 * n * r` bytes of memory: at most 1 GiB, four times what geth writes.
const MAX_SCRYPT_MEMORY: u64 = 1 << 30;
/// Forty times what common tools write.
const MAX_PBKDF2_ROUNDS: u64 = 10_000_000;

/// Signs with a key from a Web3 Secret Storage file (version 3), as geth, foundry and ethers write it.
///
/// # Security
/// The key stays in memory, in a type of `k256` that is wiped when dropped, and has no way out of this one.
pub struct KeystoreSigner {
    key: PrivateKeySigner,
}

/// Why a keystore couldn't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The file couldn't be read.
    #[error("reading keystore {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others than the owner may read the file.
    #[error("keystore {path} has mode {mode:04o}: others may read it, expected 0600 or 0400")]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file isn't a keystore.
    #[error("{path} is not a version 3 keystore: {problem}")]
    NotAKeystore {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the file's content.
        problem: String,
    },
    /// The key derivation would take more time or memory than any tool's does.
    #[error("keystore {path} asks for {parameter} = {value}, at most {limit} is accepted")]
    Cost {
        /// The file.
        path: PathBuf,
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// The password isn't the one the key was sealed with.
    #[error("wrong password for keystore {path}")]
    Password {
        /// The file.
        path: PathBuf,
    },
}

impl KeystoreSigner {
    /// Opens the file with the password. Takes about a second: the key derivation is slow on purpose.
    pub fn open(path: &Path, password: &Zeroizing<String>) -> Result<Self, KeystoreError> {
        let not_a_keystore = |problem: String| KeystoreError::NotAKeystore { path: path.to_owned(), problem };
        let text = read_private(path)?;
        let file: KeystoreFile = serde_json::from_slice(&text)
            .map_err(|error| not_a_keystore(format!("line {}, column {}", error.line(), error.column())))?;
        let sealed = file.sealed().map_err(not_a_keystore)?;
        file.crypto.kdfparams.check_cost(path)?;
        let secret = sealed.open(password.as_bytes());
        let secret = secret.ok_or_else(|| KeystoreError::Password { path: path.to_owned() })?;
        let key = PrivateKeySigner::from_slice(secret.as_slice())
            .map_err(|_| not_a_keystore("what it holds is no secp256k1 key".to_owned()))?;
        Ok(Self { key })
    }

    pub(crate) fn account(&self) -> Address {
        from_alloy(self.key.address())
    }

    pub(crate) const fn key(&self) -> &PrivateKeySigner {
        &self.key
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let read_error = |source| KeystoreError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read_error)?;
    let mode = file.metadata().map_err(read_error)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeystoreError::Mode { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(read_error)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        let problem = format!("longer than {MAX_FILE_BYTES} bytes");
        return Err(KeystoreError::NotAKeystore { path: path.to_owned(), problem });
    }
    Ok(text)
}

#[derive(Deserialize)]
struct KeystoreFile {
    version: u8,
    #[serde(alias = "Crypto")]
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParams {
    dklen: u64,
    salt: String,
    n: Option<u64>,
    r: Option<u64>,
    p: Option<u64>,
    c: Option<u64>,
    prf: Option<String>,
}

/// A keystore whose every field has been looked at.
struct Sealed {
    kdf: Kdf,
    salt: Vec<u8>,
    iv: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
}

enum Kdf {
    Scrypt(scrypt::Params),
    Pbkdf2 { rounds: u32 },
}

impl KeystoreFile {
    fn sealed(&self) -> Result<Sealed, String> {
        let crypto = &self.crypto;
        let params = &crypto.kdfparams;
        let checks = [
            (self.version == 3, "version"),
            (crypto.cipher == "aes-128-ctr", "cipher"),
            (params.dklen == 32, "dklen"),
        ];
        if let Some((_, field)) = checks.iter().find(|(holds, _)| !holds) {
            return Err(format!("unexpected {field}"));
        }
        Ok(Sealed {
            kdf: params.kdf(&crypto.kdf)?,
            salt: hex::decode(&params.salt).map_err(|_| "unexpected salt".to_owned())?,
            iv: bytes("iv", &crypto.cipherparams.iv)?,
            ciphertext: bytes("ciphertext", &crypto.ciphertext)?,
            mac: bytes("mac", &crypto.mac)?,
        })
    }
}

fn bytes<const N: usize>(field: &str, text: &str) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| format!("unexpected {field}"))?;
    Ok(bytes)
}

impl Sealed {
    /// Returns the secret; `None` when the password isn't the one (Web3 Secret Storage Definition, "PBKDF2-SHA-256").
    fn open(&self, password: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let derived = self.kdf.derive(password, &self.salt);
        let (cipher_key, mac_key) = derived.split_at(16);
        let mut authenticated = Zeroizing::new([0; 48]);
        authenticated[..16].copy_from_slice(mac_key);
        authenticated[16..].copy_from_slice(&self.ciphertext);
        if keccak256(authenticated.as_slice()) != self.mac {
            return None;
        }
        let mut secret = Zeroizing::new(self.ciphertext);
        let mut cipher = Ctr128BE::<Aes128>::new_from_slices(cipher_key, &self.iv).ok()?;
        cipher.apply_keystream(secret.as_mut_slice());
        Some(secret)
    }
}

impl Kdf {
    fn derive(&self, password: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        match self {
            Self::Scrypt(params) => scrypt::scrypt(password, salt, params, key.as_mut_slice())
                .expect("32 bytes is a length scrypt can give"),
            Self::Pbkdf2 { rounds } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, key.as_mut_slice());
            }
        }
        key
    }
}

impl KdfParams {
    fn kdf(&self, name: &str) -> Result<Kdf, String> {
        let incomplete = || format!("unexpected kdfparams for {name}");
        match name {
            "scrypt" => {
                let n = self.n.filter(|n| n.is_power_of_two()).ok_or_else(incomplete)?;
                let small = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
                let (r, p) = small(self.r).zip(small(self.p)).ok_or_else(incomplete)?;
                let log_n = u8::try_from(n.ilog2()).map_err(|_| incomplete())?;
                scrypt::Params::new(log_n, r, p).map(Kdf::Scrypt).map_err(|_| incomplete())
            }
            "pbkdf2" if self.prf.as_deref() == Some("hmac-sha256") => {
                let rounds = self.c.and_then(|rounds| u32::try_from(rounds).ok());
                rounds.map(|rounds| Kdf::Pbkdf2 { rounds }).ok_or_else(incomplete)
            }
            "pbkdf2" => Err(incomplete()),
            other => Err(format!("key derivation {other:?}, expected scrypt or pbkdf2")),
        }
    }

    fn check_cost(&self, path: &Path) -> Result<(), KeystoreError> {
        let (n, r, p) = (self.n.unwrap_or(1), self.r.unwrap_or(1), self.p.unwrap_or(1));
        let memory = n.saturating_mul(r).saturating_mul(128);
        let costs = [
            ("scrypt memory", memory, MAX_SCRYPT_MEMORY),
            ("scrypt p", p, 16),
            ("pbkdf2 c", self.c.unwrap_or(0), MAX_PBKDF2_ROUNDS),
        ];
        match costs.into_iter().find(|(_, value, limit)| value > limit) {
            Some((parameter, value, limit)) => {
                Err(KeystoreError::Cost { path: path.to_owned(), parameter, value, limit })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{fs, os::unix::fs::OpenOptionsExt as _};

    use super::*;

    /// The test vectors of the Web3 Secret Storage Definition ("Test Vectors"), both with password `testpassword`
    /// and the key `7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d`.
    const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
        "kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    const ADDRESS: &str = "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b";

    fn file(content: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        use std::io::Write as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        (dir, path)
    }

    fn open(content: &str, mode: u32, password: &str) -> Result<KeystoreSigner, KeystoreError> {
        let (_dir, path) = file(content, mode);
        KeystoreSigner::open(&path, &Zeroizing::new(password.to_owned()))
    }

    /// The key of the vectors, for the tests of signing.
    pub(crate) fn example_signer() -> KeystoreSigner {
        KeystoreSigner {
            key: "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d".parse().unwrap(),
        }
    }

    #[test]
    fn the_official_vector_opens() {
        let signer = open(PBKDF2, 0o600, "testpassword").ok().unwrap();
        assert_eq!(signer.account(), ADDRESS.parse().unwrap());
        assert_eq!(example_signer().account(), signer.account());
    }

    #[test]
    fn a_wrong_password_is_named_as_such() {
        assert!(matches!(open(PBKDF2, 0o600, "testpasswort"), Err(KeystoreError::Password { .. })));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        assert!(matches!(open(PBKDF2, 0o640, "testpassword"), Err(KeystoreError::Mode { mode: 0o640, .. })));
    }

    #[test]
    fn damaged_and_foreign_files_are_refused_before_any_derivation() {
        let damaged =
            |from: &str, to: &str| open(&PBKDF2.replacen(from, to, 1), 0o600, "testpassword").err().unwrap();
        for (from, to) in [
            (r#""dklen":32"#, r#""dklen":8"#),
            ("6087dab2", ""),
            ("5318b4d5", "53"),
            (r#""version":3"#, r#""version":1"#),
            ("pbkdf2", "argon2"),
            ("hmac-sha256", "hmac-sha512"),
            ("aes-128-ctr", "aes-256-ctr"),
        ] {
            let error = damaged(from, to);
            assert!(matches!(error, KeystoreError::NotAKeystore { .. }), "{from}: {error}");
        }
        assert!(matches!(damaged("262144", "4000000000"), KeystoreError::Cost { .. }));
        for content in ["", "{}", "[1", &" ".repeat(20_000)] {
            assert!(matches!(open(content, 0o600, "x"), Err(KeystoreError::NotAKeystore { .. })));
        }
        let missing =
            KeystoreSigner::open(Path::new("/nonexistent/key.json"), &Zeroizing::new(String::new()));
        assert!(matches!(missing, Err(KeystoreError::Read { .. })));
    }
}
