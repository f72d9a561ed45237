//! The operator's secret that unlocks the vault.

use zeroize::Zeroizing;

/// The secret under which mnemonics are sealed; given by the operator at start, stored nowhere.
///
/// Called a salt by those who run the bot; it plays the part of a password, not of a public salt. Trailing newlines
/// are part of it: whoever reads it from a file or a terminal strips them.
///
/// # Security
/// Together with an envelope it reveals a mnemonic. Overwritten when dropped; no `Clone`, `Debug`, `Display` or
/// `Serialize`, and no way to read it outside this crate.
pub struct Salt(Zeroizing<Vec<u8>>);

/// A salt is too short to protect anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("salt has {0} bytes, expected at least {min}", min = Salt::MIN_LEN)]
pub struct SaltTooShort(pub usize);

impl Salt {
    /// Fewest bytes taken.
    pub const MIN_LEN: usize = 16;

    /// Takes the secret as it is.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SaltTooShort> {
        if bytes.len() < Self::MIN_LEN { Err(SaltTooShort(bytes.len())) } else { Ok(Self(bytes)) }
    }

    pub(crate) fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_bytes_are_too_few() {
        let short = Salt::from_bytes(Zeroizing::new(vec![1; 15])).err().unwrap();
        assert_eq!(short.to_string(), "salt has 15 bytes, expected at least 16");
        assert!(Salt::from_bytes(Zeroizing::new(vec![1; 16])).is_ok());
    }
}
