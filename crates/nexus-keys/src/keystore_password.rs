//! Passwords as EIP-2335 hashes them.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Brings a password to the bytes that EIP-2335 hashes: NFKD, control codes stripped, UTF-8.
///
/// The length is counted first, so that growing the buffer never leaves a copy behind.
pub(crate) fn normalize(password: &str) -> Zeroizing<String> {
    let length = normalized_chars(password).map(char::len_utf8).sum();
    let mut normalized = Zeroizing::new(String::with_capacity(length));
    normalized_chars(password).for_each(|character| normalized.push(character));
    normalized
}

/// Control codes are C0, C1 and Delete (EIP-2335, "Password requirements"): Unicode's category Cc.
fn normalized_chars(password: &str) -> impl Iterator<Item = char> {
    password.nfkd().filter(|character| !character.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_decomposed_and_control_codes_dropped() {
        assert_eq!(*normalize("𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑"), "testpassword🔑");
        assert_eq!(*normalize("a\u{0}b\u{1f}c\u{7f}d\u{80}e\u{9f}f\n"), "abcdef");
        assert_eq!(*normalize("\u{e9}"), "e\u{301}");
        assert_eq!(*normalize("\u{a0}"), " ");
    }
}
