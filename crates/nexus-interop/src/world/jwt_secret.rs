//! The secret that consensus and execution client share (Engine API, "Authentication").

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use nexus_primitives::Clock as _;
use sha2::Sha256;

use super::world_clock::SystemClock;

/// 32 bytes that both sides know.
#[derive(Debug, Clone)]
pub(crate) struct JwtSecret([u8; 32]);

impl JwtSecret {
    /// The secret of every node here; it protects nothing.
    pub(crate) const fn published() -> Self {
        Self([0x6e; 32])
    }

    /// Writes the file that nodes read it from.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        fs::write(path, format!("0x{}", hex::encode(self.0)))
    }

    /// Returns a token that is good for a minute.
    pub(crate) fn token(&self) -> String {
        self.token_at(SystemClock.now().get())
    }

    fn token_at(&self, issued: u64) -> String {
        let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":{issued}}}"#));
        let signed = format!("{header}.{claims}");
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_other_libraries() {
        // Node: createHmac('sha256', Buffer.alloc(32, 0x6e)) over the same header and claims.
        let expected = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3MDAwMDAwMDB9.vWybSs8hmMUhxLtQbfKqI2esfQGoGQqRhddm0sGgatM";
        assert_eq!(JwtSecret::published().token_at(1_700_000_000), expected);
    }
}
