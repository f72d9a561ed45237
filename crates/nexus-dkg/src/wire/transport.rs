//! The envelopes that every message travels in.

use super::{
    DecodeError, MAX_MESSAGES, MessageType, Ssz,
    codec::{Decoder, Encoder, decode_list, encode_list, text},
    limits::{MAX_DATA, MAX_KEY, MAX_VERSION, list},
};

/// A message with what it is and which ceremony it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// What the data is.
    pub kind: MessageType,
    /// The ceremony: the request id in the first message, the instance id afterwards, zeros in a pong.
    pub identifier: [u8; 24],
    /// The message.
    pub data: Vec<u8>,
    /// Version of the sender's software, `v3.1.0` for example.
    pub version: String,
}

/// A transport signed with the sender's RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransport {
    /// What is signed: the encoding of this.
    pub message: Transport,
    /// The sender's encoded public key, 612 characters of ASCII.
    pub signer: Vec<u8>,
    /// RSA-PSS signature.
    pub signature: Vec<u8>,
}

/// All operators' messages of one round, put together and signed by the initiator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipleSignedTransports {
    /// The instance id.
    pub identifier: [u8; 24],
    /// The messages; what is signed are their encodings one after the other.
    pub messages: Vec<SignedTransport>,
    /// RSA-PSS signature of the initiator.
    pub signature: Vec<u8>,
}

const TRANSPORT: usize = 40;
const SIGNED: usize = 12;
const MULTIPLE: usize = 32;
const MAX_TRANSPORT: usize = TRANSPORT + MAX_DATA + MAX_VERSION;
const MAX_SIGNED: usize = SIGNED + MAX_TRANSPORT + 2 * MAX_KEY;

impl SignedTransport {
    /// Returns the bytes that the signature is over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        self.message.encode()
    }
}

impl MultipleSignedTransports {
    /// Returns the bytes that the signature is over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        self.messages.iter().flat_map(Ssz::encode).collect()
    }
}

impl Ssz for Transport {
    const NAME: &'static str = "Transport";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, TRANSPORT);
        let kind = fields.u64("Type")?;
        let identifier = fields.array("Identifier")?;
        fields.offset("Data", MAX_DATA)?;
        fields.offset("Version", MAX_VERSION)?;
        let [data, version] = fields.finish()?;
        let kind = MessageType::decode::<Self>("Type", kind)?;
        Ok(Self { kind, identifier, data: data.to_vec(), version: text::<Self>("Version", version)? })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(TRANSPORT)
            .u64(self.kind.number())
            .array(&self.identifier)
            .variable(&self.data)
            .variable(self.version.as_bytes())
            .finish()
    }
}

impl Ssz for SignedTransport {
    const NAME: &'static str = "SignedTransport";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, SIGNED);
        fields.offset("Message", MAX_TRANSPORT)?;
        fields.offset("Signer", MAX_KEY)?;
        fields.offset("Signature", MAX_KEY)?;
        let [message, signer, signature] = fields.finish()?;
        let message = Transport::decode(message)?;
        Ok(Self { message, signer: signer.to_vec(), signature: signature.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(SIGNED)
            .variable(&self.message.encode())
            .variable(&self.signer)
            .variable(&self.signature)
            .finish()
    }
}

impl Ssz for MultipleSignedTransports {
    const NAME: &'static str = "MultipleSignedTransports";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, MULTIPLE);
        let identifier = fields.array("Identifier")?;
        fields.offset("Messages", list(MAX_MESSAGES, MAX_SIGNED))?;
        fields.offset("Signature", MAX_KEY)?;
        let [messages, signature] = fields.finish()?;
        let messages = decode_list::<Self, _>("Messages", messages, MAX_MESSAGES)?;
        Ok(Self { identifier, messages, signature: signature.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(MULTIPLE)
            .array(&self.identifier)
            .variable(&encode_list(&self.messages))
            .variable(&self.signature)
            .finish()
    }
}
