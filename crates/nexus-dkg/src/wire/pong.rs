//! Answers outside a ceremony: health, and refusals.

use super::{
    DecodeError, Ssz,
    codec::{Decoder, Encoder, text},
    limits::{MAX_ERROR, MAX_KEY},
};

/// An operator's answer to the health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pong {
    /// Its id.
    pub id: u64,
    /// Its encoded public key, 612 characters of ASCII.
    pub pubkey: Vec<u8>,
    /// Whether it accepts owners that are contracts; always in version 3.
    pub multisig: bool,
    /// Whether its execution client answers; needed only to sign or share again.
    pub eth_client_connected: bool,
}

/// The text with which an operator refuses a request (`ErrSSZ`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorText {
    /// The operator's own words.
    pub error: String,
}

const PONG: usize = 14;
const ERROR: usize = 4;

impl Ssz for Pong {
    const NAME: &'static str = "Pong";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, PONG);
        let id = fields.u64("ID")?;
        fields.offset("PubKey", MAX_KEY)?;
        let multisig = fields.bool("Multisig")?;
        let eth_client_connected = fields.bool("EthClientConnected")?;
        let [pubkey] = fields.finish()?;
        Ok(Self { id, pubkey: pubkey.to_vec(), multisig, eth_client_connected })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(PONG)
            .u64(self.id)
            .variable(&self.pubkey)
            .array(&[u8::from(self.multisig)])
            .array(&[u8::from(self.eth_client_connected)])
            .finish()
    }
}

impl Ssz for ErrorText {
    const NAME: &'static str = "ErrSSZ";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, ERROR);
        fields.offset("Error", MAX_ERROR)?;
        let [error] = fields.finish()?;
        Ok(Self { error: text::<Self>("Error", error)? })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(ERROR).variable(self.error.as_bytes()).finish()
    }
}
