//! One `bytes` value in Solidity's ABI encoding: offset, length, content padded to whole words.

/// Bytes of an ABI word.
const WORD: usize = 32;

/// Returns the content when `encoded` is exactly one ABI-encoded `bytes` value.
pub(crate) fn unwrap(encoded: &[u8]) -> Option<&[u8]> {
    let (offset, rest) = encoded.split_first_chunk()?;
    let (length, content) = rest.split_first_chunk()?;
    let length = number(length)?;
    let padded = length.checked_next_multiple_of(WORD)?;
    (number(offset) == Some(WORD) && content.len() == padded).then(|| content.get(..length))?
}

/// Encodes `content` as one `bytes` value.
pub(crate) fn wrap(content: &[u8]) -> Vec<u8> {
    let mut encoded = [word(WORD), word(content.len())].concat();
    encoded.extend_from_slice(content);
    encoded.resize(encoded.len().next_multiple_of(WORD), 0);
    encoded
}

fn number(word: &[u8; WORD]) -> Option<usize> {
    let (high, low) = word.split_last_chunk::<8>()?;
    let low = usize::try_from(u64::from_be_bytes(*low)).ok()?;
    high.iter().all(|byte| *byte == 0).then_some(low)
}

fn word(number: usize) -> [u8; WORD] {
    let mut word = [0; WORD];
    for (byte, digit) in word.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte = digit;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_exact_value_is_unwrapped() {
        let encoded = wrap(b"operator");
        assert_eq!(encoded.len(), 96);
        assert_eq!(unwrap(&encoded), Some(&b"operator"[..]));
        assert_eq!(unwrap(&encoded[..95]), None);
        assert_eq!(unwrap(&[&encoded[..], &[0; 32]].concat()), None);
        assert_eq!(unwrap(b"operator"), None);
        let mut huge = encoded;
        huge[32..64].fill(0xff);
        assert_eq!(unwrap(&huge), None);
        assert_eq!(unwrap(&[word(WORD), [0xff; WORD]].concat()), None);
    }
}
