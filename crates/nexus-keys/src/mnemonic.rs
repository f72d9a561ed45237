//! The words a rollup's keys grow from.

use bip39::Language;
use rand_core::CryptoRng;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::Seed;

/// An English BIP-39 mnemonic with a valid checksum.
///
/// New ones have 24 words (256 bits); existing ones may have any length BIP-39 allows.
///
/// # Security
/// Every key of a rollup follows from these words. They are overwritten when the value is dropped; there is no
/// `Clone`, `Debug`, `Display` or `Serialize`, and they are read only through [`Self::expose_phrase`].
pub struct Mnemonic(Zeroizing<String>);

/// Why a phrase isn't a mnemonic. Says where, never which word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MnemonicError {
    /// BIP-39 knows 12, 15, 18, 21 and 24 words.
    #[error("mnemonic has {0} words, expected 12, 15, 18, 21 or 24")]
    WordCount(usize),
    /// A word that isn't in the English list.
    #[error("word {position} of the mnemonic is not in the English BIP-39 list")]
    UnknownWord {
        /// Position from 1.
        position: usize,
    },
    /// All words exist, the last one doesn't fit the others: a word is mistyped or misplaced.
    #[error("mnemonic checksum does not match: a word is wrong or out of place")]
    Checksum,
}

impl Mnemonic {
    /// Draws a new mnemonic of 24 words.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut entropy = Zeroizing::new([0; 32]);
        rng.fill_bytes(entropy.as_mut_slice());
        let words = bip39::Mnemonic::from_entropy_in(Language::English, entropy.as_slice())
            .expect("BIP-39 takes 32 bytes of entropy");
        Self::from_words(&words)
    }

    /// Reads a mnemonic: words in lower case, separated by any white space.
    pub fn from_phrase(phrase: Zeroizing<String>) -> Result<Self, MnemonicError> {
        let words = bip39::Mnemonic::parse_in_normalized(Language::English, &phrase).map_err(refusal)?;
        Ok(Self::from_words(&words))
    }

    /// Stretches the words and an optional passphrase (empty for none) into the seed of the key tree (BIP-39).
    ///
    /// The passphrase is brought to NFKD form, as BIP-39 asks.
    pub fn seed(&self, passphrase: &str) -> Seed {
        let words = bip39::Mnemonic::parse_in_normalized(Language::English, &self.0)
            .expect("checked when the mnemonic was built");
        let mut bytes = words.to_seed(passphrase);
        let seed = Seed::from_array(&bytes);
        bytes.zeroize();
        seed
    }

    /// Returns the words, separated by single spaces.
    ///
    /// # Security
    /// Whoever reads this holds every key of the rollup. For sealing, and for an operator's explicit export to a
    /// terminal; never for a log or an error.
    pub fn expose_phrase(&self) -> &str {
        &self.0
    }

    /// Compares two mnemonics in constant time.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// The capacity holds 24 words of 8 letters, so that growing never leaves a copy behind.
    fn from_words(words: &bip39::Mnemonic) -> Self {
        let mut phrase = Zeroizing::new(String::with_capacity(24 * 9));
        for word in words.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        Self(phrase)
    }
}

fn refusal(error: bip39::Error) -> MnemonicError {
    match error {
        bip39::Error::BadWordCount(count) => MnemonicError::WordCount(count),
        bip39::Error::UnknownWord(index) => MnemonicError::UnknownWord { position: index.saturating_add(1) },
        _ => MnemonicError::Checksum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(phrase: &str) -> Result<Mnemonic, MnemonicError> {
        Mnemonic::from_phrase(Zeroizing::new(phrase.to_owned()))
    }

    #[test]
    fn white_space_does_not_matter() {
        let words = format!("{}\n  about\t", "abandon ".repeat(11));
        assert_eq!(parse(&words).unwrap().expose_phrase(), format!("{}about", "abandon ".repeat(11)));
    }

    #[test]
    fn refusals_say_where_and_not_what() {
        let zoo = "zoo ".repeat(11);
        assert_eq!(parse("").err(), Some(MnemonicError::WordCount(0)));
        assert_eq!(parse(&zoo).err(), Some(MnemonicError::WordCount(11)));
        assert_eq!(parse(&format!("{zoo}zoo")).err(), Some(MnemonicError::Checksum));
        let unknown = parse(&format!("{zoo}secretword")).err().unwrap();
        assert_eq!(unknown, MnemonicError::UnknownWord { position: 12 });
        assert!(!unknown.to_string().contains("secretword"));
    }
}
