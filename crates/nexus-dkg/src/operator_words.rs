//! Texts that operators send, made fit to be shown.

use std::fmt;

/// Characters that are kept.
const SHOWN: usize = 512;

/// An operator's own words: of bounded length, without control characters, so that they can go into a log line.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorWords(String);

impl OperatorWords {
    /// Takes what an operator sent; what isn't UTF-8 is replaced.
    pub fn new(bytes: &[u8]) -> Self {
        // A character takes at most four bytes.
        let start = bytes.get(..SHOWN.saturating_mul(4)).unwrap_or(bytes);
        let text = String::from_utf8_lossy(start);
        let shown = text.trim().chars().take(SHOWN);
        Self(shown.map(|c| if c.is_control() { ' ' } else { c }).collect())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for OperatorWords {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl fmt::Display for OperatorWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "nothing" } else { &self.0 })
    }
}

impl fmt::Debug for OperatorWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_into_one_line_of_a_log() {
        assert_eq!(OperatorWords::from("a\nb\x1b[31mc ").to_string(), "a b [31mc");
        assert_eq!(OperatorWords::new(&[b'x', 0xff]).as_str(), "x\u{fffd}");
        assert_eq!(OperatorWords::new("ü".repeat(5_000).as_bytes()).as_str().chars().count(), SHOWN);
        assert_eq!(OperatorWords::from("").to_string(), "nothing");
    }
}
