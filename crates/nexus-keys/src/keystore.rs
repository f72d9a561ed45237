//! A validator key in a file under a password.

use aes::Aes128;
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use nexus_primitives::{HexError, ValidatorPubkey};
use rand_core::CryptoRng;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    KdfCostError, KeyError, KeyPath, KeystoreKdf, ValidatorKey,
    keystore_password::normalize,
    keystore_wire::{Aes128CtrWire, CryptoWire, KeystoreWire, ModuleWire},
};

/// An EIP-2335 keystore, version 4: parsed and bounded, still encrypted.
///
/// ```
/// use nexus_keys::{KdfCost, Keystore, KeystoreKdf, ValidatorKey};
/// use zeroize::Zeroizing;
///
/// let key = ValidatorKey::from_bytes(&Zeroizing::new([7; 32]))?;
/// let kdf = KeystoreKdf::Scrypt(KdfCost::new(4, 8, 1)?); // far too cheap for a real key
/// let keystore = Keystore::encrypt(&key, "correct horse", None, kdf, &mut rand::rng())?;
/// assert!(key.ct_eq(&Keystore::decrypt(&keystore.to_json(), "correct horse")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Keystore {
    kdf: KeystoreKdf,
    kdf_salt: Vec<u8>,
    checksum: [u8; 32],
    iv: [u8; 16],
    ciphertext: [u8; 32],
    description: String,
    pubkey: Option<ValidatorPubkey>,
    path: Option<KeyPath>,
    uuid: String,
}

/// Why a keystore can't be read, opened or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// Not the JSON of a keystore.
    #[error("not an EIP-2335 keystore")]
    Json(#[from] serde_json::Error),
    /// More text than a keystore has.
    #[error("keystore of {bytes} bytes, expected at most {limit}")]
    TooLarge {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Another version than 4.
    #[error("keystore version {0}, expected 4")]
    Version(u64),
    /// The parameters of a function aren't those it takes.
    #[error("keystore field {field}")]
    Params {
        /// Where in the keystore.
        field: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A function or parameter this crate doesn't know.
    #[error("keystore field {field} is {found:?}, which is not supported")]
    Unsupported {
        /// Where in the keystore.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// Not hexadecimal, or of the wrong length.
    #[error("keystore field {field} is not hexadecimal of the right length")]
    Hex {
        /// Where in the keystore.
        field: &'static str,
    },
    /// The path isn't empty and isn't a key path.
    #[error("keystore field path")]
    Path(#[from] crate::ParseKeyPathError),
    /// The public key isn't 48 bytes of hexadecimal.
    #[error("keystore field pubkey")]
    Pubkey(#[from] HexError),
    /// The key derivation would take more memory or time than allowed.
    #[error("keystore key derivation")]
    Cost(#[from] KdfCostError),
    /// A password of which nothing is left after control codes are stripped.
    #[error("keystore password is empty")]
    EmptyPassword,
    /// The checksum doesn't match.
    #[error("wrong password, or the keystore was changed")]
    WrongPassword,
    /// The checksum matches and the content isn't a key.
    #[error("keystore content")]
    Key(#[from] KeyError),
    /// The keystore says it holds another validator's key.
    #[error("keystore is labelled {stated} and holds the key of {derived}")]
    PubkeyMismatch {
        /// The `pubkey` field.
        stated: ValidatorPubkey,
        /// Public key of the content.
        derived: ValidatorPubkey,
    },
}

impl Keystore {
    const VERSION: u64 = 4;
    const MAX_JSON: usize = 64 * 1024;

    /// Reads a keystore and opens it.
    pub fn decrypt(json: &str, password: &str) -> Result<ValidatorKey, KeystoreError> {
        Self::from_json(json)?.open(password)
    }

    /// Reads a keystore: every field is checked, the cost of opening it bounded, nothing is decrypted.
    pub fn from_json(json: &str) -> Result<Self, KeystoreError> {
        if json.len() > Self::MAX_JSON {
            return Err(KeystoreError::TooLarge { bytes: json.len(), limit: Self::MAX_JSON });
        }
        check_version(json)?;
        let wire: KeystoreWire = serde_json::from_str(json)?;
        expect_function("crypto.checksum.function", &wire.crypto.checksum, "sha256")?;
        expect_function("crypto.cipher.function", &wire.crypto.cipher, "aes-128-ctr")?;
        let cipher: Aes128CtrWire = params("crypto.cipher.params", &wire.crypto.cipher)?;
        let (kdf, kdf_salt) = KeystoreKdf::from_wire(&wire.crypto.kdf)?;
        Ok(Self {
            kdf,
            kdf_salt,
            checksum: decode_array("crypto.checksum.message", &wire.crypto.checksum.message)?,
            iv: decode_array("crypto.cipher.params.iv", &cipher.iv)?,
            ciphertext: decode_array("crypto.cipher.message", &wire.crypto.cipher.message)?,
            description: wire.description,
            pubkey: wire.pubkey.as_deref().map(str::parse).transpose()?,
            path: if wire.path.is_empty() { None } else { Some(wire.path.parse()?) },
            uuid: wire.uuid,
        })
    }

    /// Decrypts the key and compares its public key with the one the keystore is labelled with.
    ///
    /// The password is normalised as EIP-2335 says. Takes the time and memory that [`Self::kdf`] asks for.
    pub fn open(&self, password: &str) -> Result<ValidatorKey, KeystoreError> {
        let decryption_key = self.kdf.derive_key(normalize(password).as_bytes(), &self.kdf_salt);
        if !bool::from(checksum(&decryption_key, &self.ciphertext).ct_eq(&self.checksum)) {
            return Err(KeystoreError::WrongPassword);
        }
        let mut scalar = Zeroizing::new(self.ciphertext);
        apply_cipher(&decryption_key, self.iv, scalar.as_mut_slice());
        let key = ValidatorKey::from_bytes(&scalar)?;
        match self.pubkey {
            Some(stated) if stated != key.pubkey() => {
                Err(KeystoreError::PubkeyMismatch { stated, derived: key.pubkey() })
            }
            _ => Ok(key),
        }
    }

    /// Encrypts a key under a password, with fresh salt, initialisation vector and UUID.
    pub fn encrypt(
        key: &ValidatorKey,
        password: &str,
        path: Option<KeyPath>,
        kdf: KeystoreKdf,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, KeystoreError> {
        let password = normalize(password);
        if password.is_empty() {
            return Err(KeystoreError::EmptyPassword);
        }
        let (kdf_salt, iv): ([u8; 32], [u8; 16]) = (draw(rng), draw(rng));
        let decryption_key = kdf.derive_key(password.as_bytes(), &kdf_salt);
        let mut scalar = key.expose_secret().clone();
        apply_cipher(&decryption_key, iv, scalar.as_mut_slice());
        let ciphertext = *scalar;
        Ok(Self {
            kdf,
            kdf_salt: kdf_salt.to_vec(),
            checksum: checksum(&decryption_key, &ciphertext),
            iv,
            ciphertext,
            description: String::new(),
            pubkey: Some(key.pubkey()),
            path,
            uuid: uuid::Builder::from_random_bytes(draw(rng)).into_uuid().to_string(),
        })
    }

    /// Returns the keystore's JSON.
    pub fn to_json(&self) -> String {
        let wire = KeystoreWire {
            crypto: CryptoWire {
                kdf: self.kdf.to_wire(&self.kdf_salt),
                checksum: module("sha256", json!({}), &self.checksum),
                cipher: module("aes-128-ctr", json!({"iv": hex::encode(self.iv)}), &self.ciphertext),
            },
            description: self.description.clone(),
            pubkey: self.pubkey.map(|pubkey| hex::encode(pubkey.as_bytes())),
            path: self.path.as_ref().map(ToString::to_string).unwrap_or_default(),
            uuid: self.uuid.clone(),
            version: Self::VERSION,
        };
        serde_json::to_string(&wire).expect("strings and numbers serialize")
    }

    /// Returns the public key the keystore is labelled with; proven only by [`Self::open`].
    pub fn pubkey(&self) -> Option<ValidatorPubkey> {
        self.pubkey
    }

    /// Returns the path the key was derived at, where the keystore tells.
    pub fn path(&self) -> Option<&KeyPath> {
        self.path.as_ref()
    }

    /// Returns how the password is stretched.
    pub fn kdf(&self) -> KeystoreKdf {
        self.kdf
    }
}

/// Reads a function's parameters.
pub(crate) fn params<T: DeserializeOwned>(
    field: &'static str,
    module: &ModuleWire,
) -> Result<T, KeystoreError> {
    serde_json::from_value(module.params.clone()).map_err(|source| KeystoreError::Params { field, source })
}

pub(crate) fn decode_hex(field: &'static str, text: &str) -> Result<Vec<u8>, KeystoreError> {
    hex::decode(text).map_err(|_| KeystoreError::Hex { field })
}

fn decode_array<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], KeystoreError> {
    decode_hex(field, text)?.try_into().map_err(|_| KeystoreError::Hex { field })
}

/// Other versions have other fields, so the version is looked at first.
fn check_version(json: &str) -> Result<(), KeystoreError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    match serde_json::from_str(json)? {
        Versioned { version: Keystore::VERSION } => Ok(()),
        Versioned { version } => Err(KeystoreError::Version(version)),
    }
}

fn expect_function(
    field: &'static str,
    module: &ModuleWire,
    expected: &'static str,
) -> Result<(), KeystoreError> {
    if module.function == expected {
        return Ok(());
    }
    Err(KeystoreError::Unsupported { field, found: module.function.clone() })
}

fn module(function: &str, params: Value, message: &[u8]) -> ModuleWire {
    ModuleWire { function: function.to_owned(), params, message: hex::encode(message) }
}

/// `SHA256(decryption_key[16..32] ++ cipher_message)` (EIP-2335, "Password verification").
fn checksum(decryption_key: &Zeroizing<[u8; 32]>, ciphertext: &[u8; 32]) -> [u8; 32] {
    let (_, second_half) = decryption_key.split_at(16);
    Sha256::new().chain_update(second_half).chain_update(ciphertext).finalize().into()
}

/// AES-128-CTR under the first half of the decryption key; the same operation both ways.
fn apply_cipher(decryption_key: &Zeroizing<[u8; 32]>, iv: [u8; 16], text: &mut [u8]) {
    let key = decryption_key.first_chunk::<16>().expect("32 bytes have a first half");
    Ctr128BE::<Aes128>::new(key.into(), &iv.into()).apply_keystream(text);
}

fn draw<const N: usize>(rng: &mut (impl CryptoRng + ?Sized)) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
