//! A mnemonic under the operator's salt.

use std::{fmt, str};

use aes_gcm::{
    Aes256Gcm,
    aead::{AeadInOut as _, KeyInit as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use nexus_primitives::{ChainId, RollupAdmin};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    KdfCost, KdfCostError, Mnemonic, MnemonicError, Salt,
    sealed_wire::{CipherWire, EnvelopeWire, KdfWire, VersionWire},
};

const VERSION: u32 = 1;
const KDF: &str = "scrypt";
const CIPHER: &str = "aes-256-gcm";
/// Phrases are padded with zeros to one length, so that a ciphertext tells nothing about its words.
const PLAINTEXT_LEN: usize = 256;
const TAG_LEN: usize = 16;

/// Whose mnemonic an envelope holds, and on which chain: it opens for nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VaultBinding {
    /// Chain id of the execution layer.
    pub chain_id: ChainId,
    /// The rollup.
    pub rollup: RollupAdmin,
}

/// A sealed mnemonic: safe to store where others may read it, useless without the salt.
///
/// AES-256-GCM under a key that scrypt derives from the salt. The associated data covers version, chain, rollup and
/// the parameters of both functions, so none of them can be exchanged. The JSON form is one line of fixed layout:
///
/// ```text
/// {"version":1,
///  "kdf":{"name":"scrypt","log_n":17,"r":8,"p":1,"salt":"<base64, 32 bytes>"},
///  "cipher":{"name":"aes-256-gcm","nonce":"<base64, 12 bytes>","ciphertext":"<base64, 272 bytes>"},
///  "chain_id":1,"rollup":"0x…"}
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SealedMnemonic {
    binding: VaultBinding,
    cost: KdfCost,
    kdf_salt: [u8; 32],
    nonce: [u8; 12],
    ciphertext: [u8; PLAINTEXT_LEN + TAG_LEN],
}

/// Why an envelope can't be read or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Not the JSON of an envelope.
    #[error("not a sealed mnemonic")]
    Json(#[from] serde_json::Error),
    /// Written by another version of this crate.
    #[error("sealed mnemonic has version {found}, this program reads version {supported}")]
    Version {
        /// Version of the envelope.
        found: u64,
        /// The one version that is read.
        supported: u32,
    },
    /// A function that version 1 doesn't use.
    #[error("sealed mnemonic field {field} is {found:?}, expected {expected:?}")]
    Function {
        /// `kdf.name` or `cipher.name`.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What version 1 has there.
        expected: &'static str,
    },
    /// Opening it would take more memory or time than allowed.
    #[error("sealed mnemonic key derivation")]
    Cost(#[from] KdfCostError),
    /// A byte string isn't base64 of the right length.
    #[error("sealed mnemonic field {field} is not base64 of {expected} bytes")]
    Bytes {
        /// Name of the field.
        field: &'static str,
        /// Length it has in version 1.
        expected: usize,
    },
    /// The same values, written differently than this crate writes them: edited, reformatted or damaged.
    #[error("sealed mnemonic was reformatted: expected one line, exactly as it was written")]
    NotCanonical,
    /// Sealed for another chain.
    #[error("sealed mnemonic belongs to chain {found}, expected chain {expected}")]
    OtherChain {
        /// Chain of the envelope.
        found: ChainId,
        /// Chain it was opened for.
        expected: ChainId,
    },
    /// Sealed for another rollup.
    #[error("sealed mnemonic belongs to rollup {found}, expected rollup {expected}")]
    OtherRollup {
        /// Rollup of the envelope.
        found: RollupAdmin,
        /// Rollup it was opened for.
        expected: RollupAdmin,
    },
    /// Decryption failed. The two causes can't be told apart.
    #[error("wrong salt, or the sealed mnemonic was tampered with")]
    WrongSalt,
    /// Decrypted, authentic, and not a mnemonic: sealed by another program.
    #[error("content of the sealed mnemonic")]
    Content(#[from] MnemonicError),
    /// Decrypted, authentic, and not even text.
    #[error("content of the sealed mnemonic is not text")]
    NotText,
}

impl SealedMnemonic {
    /// Seals `mnemonic` under `salt`. Takes the time and memory of `cost`, as will opening it.
    pub fn seal(
        mnemonic: &Mnemonic,
        salt: &Salt,
        binding: VaultBinding,
        cost: KdfCost,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let (mut kdf_salt, mut nonce) = ([0; 32], [0; 12]);
        rng.fill_bytes(&mut kdf_salt);
        rng.fill_bytes(&mut nonce);
        let mut sealed = Self { binding, cost, kdf_salt, nonce, ciphertext: [0; PLAINTEXT_LEN + TAG_LEN] };
        let mut plaintext = pad(mnemonic);
        let tag = sealed
            .cipher(salt)
            .encrypt_inout_detached(&nonce.into(), &sealed.associated_data(), plaintext.as_mut_slice().into())
            .expect("256 bytes are far below the limit of GCM");
        let (body, end) = sealed.ciphertext.split_at_mut(PLAINTEXT_LEN);
        body.copy_from_slice(plaintext.as_slice());
        end.copy_from_slice(&tag);
        sealed
    }

    /// Opens the envelope, which has to be the one of `binding`.
    pub fn open(&self, salt: &Salt, binding: VaultBinding) -> Result<Mnemonic, SealError> {
        self.check_binding(binding)?;
        let (body, tag) = self.ciphertext.split_at(PLAINTEXT_LEN);
        let tag: [u8; TAG_LEN] = tag.try_into().expect("272 - 256 bytes");
        let mut plaintext = Zeroizing::new([0; PLAINTEXT_LEN]);
        plaintext.copy_from_slice(body);
        self.cipher(salt)
            .decrypt_inout_detached(
                &self.nonce.into(),
                &self.associated_data(),
                plaintext.as_mut_slice().into(),
                &tag.into(),
            )
            .map_err(|_| SealError::WrongSalt)?;
        unpad(&plaintext)
    }

    /// Returns whose mnemonic this is said to be; proven only by [`Self::open`].
    pub fn binding(&self) -> VaultBinding {
        self.binding
    }

    /// Returns what opening it costs.
    pub fn cost(&self) -> KdfCost {
        self.cost
    }

    /// Returns the envelope as one line of JSON.
    pub fn to_json(&self) -> String {
        let wire = EnvelopeWire {
            version: VERSION,
            kdf: KdfWire {
                name: KDF.to_owned(),
                log_n: self.cost.log_n(),
                r: self.cost.r(),
                p: self.cost.p(),
                salt: BASE64.encode(self.kdf_salt),
            },
            cipher: CipherWire {
                name: CIPHER.to_owned(),
                nonce: BASE64.encode(self.nonce),
                ciphertext: BASE64.encode(self.ciphertext),
            },
            chain_id: self.binding.chain_id,
            rollup: self.binding.rollup,
        };
        serde_json::to_string(&wire).expect("strings and numbers serialize")
    }

    /// Reads an envelope: every field checked, the cost of opening it bounded, nothing decrypted.
    ///
    /// Only the exact text that [`Self::to_json`] wrote is taken, so that no byte of it can change unnoticed.
    pub fn from_json(json: &str) -> Result<Self, SealError> {
        let version = serde_json::from_str::<VersionWire>(json)?.version;
        if version != u64::from(VERSION) {
            return Err(SealError::Version { found: version, supported: VERSION });
        }
        let sealed = Self::from_wire(serde_json::from_str(json)?)?;
        if sealed.to_json() == json { Ok(sealed) } else { Err(SealError::NotCanonical) }
    }

    fn from_wire(wire: EnvelopeWire) -> Result<Self, SealError> {
        expect_function("kdf.name", wire.kdf.name, KDF)?;
        expect_function("cipher.name", wire.cipher.name, CIPHER)?;
        Ok(Self {
            binding: VaultBinding { chain_id: wire.chain_id, rollup: wire.rollup },
            cost: KdfCost::new(wire.kdf.log_n, wire.kdf.r, wire.kdf.p)?,
            kdf_salt: decode("kdf.salt", &wire.kdf.salt)?,
            nonce: decode("cipher.nonce", &wire.cipher.nonce)?,
            ciphertext: decode("cipher.ciphertext", &wire.cipher.ciphertext)?,
        })
    }

    fn check_binding(&self, expected: VaultBinding) -> Result<(), SealError> {
        let found = self.binding;
        if found.chain_id != expected.chain_id {
            return Err(SealError::OtherChain { found: found.chain_id, expected: expected.chain_id });
        }
        if found.rollup != expected.rollup {
            return Err(SealError::OtherRollup { found: found.rollup, expected: expected.rollup });
        }
        Ok(())
    }

    fn cipher(&self, salt: &Salt) -> Aes256Gcm {
        let key = self.cost.derive_key(salt.expose_secret(), &self.kdf_salt);
        Aes256Gcm::new_from_slice(key.as_slice()).expect("AES-256 takes 32 bytes")
    }

    /// Everything that is stored in the clear, in a fixed layout; the nonce is authenticated by GCM itself.
    fn associated_data(&self) -> Vec<u8> {
        [
            b"nexus sealed mnemonic\0scrypt\0aes-256-gcm\0".as_slice(),
            &VERSION.to_be_bytes(),
            &self.binding.chain_id.get().to_be_bytes(),
            self.binding.rollup.address().as_bytes(),
            &[self.cost.log_n()],
            &self.cost.r().to_be_bytes(),
            &self.cost.p().to_be_bytes(),
            &self.kdf_salt,
        ]
        .concat()
    }
}

/// Shows whose it is; there is nothing secret in an envelope, and nothing to see in its ciphertext.
impl fmt::Debug for SealedMnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedMnemonic")
            .field("binding", &self.binding)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

fn pad(mnemonic: &Mnemonic) -> Zeroizing<[u8; PLAINTEXT_LEN]> {
    let phrase = mnemonic.expose_phrase().as_bytes();
    let mut padded = Zeroizing::new([0; PLAINTEXT_LEN]);
    padded
        .split_at_mut_checked(phrase.len())
        .expect("24 words of 8 letters are 215 bytes")
        .0
        .copy_from_slice(phrase);
    padded
}

fn unpad(padded: &Zeroizing<[u8; PLAINTEXT_LEN]>) -> Result<Mnemonic, SealError> {
    let text = str::from_utf8(padded.as_slice()).map_err(|_| SealError::NotText)?;
    Ok(Mnemonic::from_phrase(Zeroizing::new(text.trim_end_matches('\0').to_owned()))?)
}

fn expect_function(field: &'static str, found: String, expected: &'static str) -> Result<(), SealError> {
    if found == expected { Ok(()) } else { Err(SealError::Function { field, found, expected }) }
}

fn decode<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], SealError> {
    let bytes = BASE64.decode(text).map_err(|_| SealError::Bytes { field, expected: N })?;
    bytes.try_into().map_err(|_| SealError::Bytes { field, expected: N })
}
