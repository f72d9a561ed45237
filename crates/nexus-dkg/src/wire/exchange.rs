//! The messages of the key generation proper.

use super::{
    DecodeError, KyberType, Ssz,
    codec::{Decoder, Encoder},
    limits::{MAX_KEY, MAX_KYBER},
};

/// An operator's ephemeral key, to which the others encrypt what they deal it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// A compressed G1 point, 48 bytes.
    pub pk: Vec<u8>,
    /// Empty, except when shares are made anew for an existing key.
    pub commits: Vec<u8>,
}

/// A step of the key generation, opaque JSON to the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KyberMessage {
    /// Which step.
    pub kind: KyberType,
    /// Its JSON.
    pub data: Vec<u8>,
}

const EXCHANGE: usize = 8;
const KYBER: usize = 12;

impl Ssz for Exchange {
    const NAME: &'static str = "Exchange";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, EXCHANGE);
        fields.offset("PK", MAX_KEY)?;
        fields.offset("Commits", MAX_KEY)?;
        let [pk, commits] = fields.finish()?;
        Ok(Self { pk: pk.to_vec(), commits: commits.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(EXCHANGE).variable(&self.pk).variable(&self.commits).finish()
    }
}

impl Ssz for KyberMessage {
    const NAME: &'static str = "KyberMessage";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, KYBER);
        let kind = fields.u64("Type")?;
        fields.offset("Data", MAX_KYBER)?;
        let [data] = fields.finish()?;
        Ok(Self { kind: KyberType::decode::<Self>("Type", kind)?, data: data.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(KYBER).u64(self.kind.number()).variable(&self.data).finish()
    }
}
