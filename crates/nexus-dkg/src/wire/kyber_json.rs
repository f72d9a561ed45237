//! The JSON inside [`KyberMessage`](super::KyberMessage)s.
//!
//! Operators read any JSON, with keys in any case. Here the keys must be spelled as operators spell them and nothing
//! may be added: with two spellings of one key a dealer could tell the others something else than us. Nor may a list
//! stand for an object, which serde would read and operators don't: those who refuse it would seem to be at fault.

use base64::{Engine, prelude::BASE64_STANDARD};
use nexus_primitives::BlsSignature;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeSeq as _};
use serde_json::{Serializer as JsonSerializer, Value, ser::PrettyFormatter};
use sha2::{Digest as _, Sha256};

/// A compressed G1 point.
pub type PointBytes = [u8; 48];

/// A dealer's message to all others ([`KyberType::DealBundle`](super::KyberType)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealBundle {
    /// The dealer: its operator id minus one.
    pub dealer_index: u32,
    /// An encrypted share for each of the others, ascending.
    pub deals: Vec<Deal>,
    /// Which ceremony.
    pub session_id: [u8; 32],
    /// Signature with the dealer's exchange key over [`Self::hash`].
    pub signature: BlsSignature,
    /// The dealer's polynomial, a point for each coefficient.
    pub commitments: Vec<PointBytes>,
}

/// One encrypted share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Deal {
    /// Whom it is for: its operator id minus one.
    pub share_index: u32,
    /// ECIES: an ephemeral point, 32 encrypted bytes, a tag.
    #[serde(with = "base64_array")]
    pub encrypted_share: [u8; 96],
}

/// What an operator says about the others' deals ([`KyberType::ResponseBundle`](super::KyberType)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ResponseBundle {
    /// Who speaks: its operator id minus one.
    pub share_index: u32,
    /// What it says about each dealer.
    pub responses: Vec<DealResponse>,
    /// Which ceremony.
    #[serde(rename = "SessionID", with = "base64_array")]
    pub session_id: [u8; 32],
    /// Signature with the speaker's exchange key.
    #[serde(with = "base64_signature")]
    pub signature: BlsSignature,
}

/// What an operator says about one dealer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DealResponse {
    /// The dealer: its operator id minus one.
    pub dealer_index: u32,
    /// Whether its deal was good.
    pub status: bool,
}

impl DealBundle {
    /// Reads the JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let read: DealJson = serde_json::from_slice(json)?;
        let mut given: Value = serde_json::from_slice(json)?;
        if let Some(deal) = given.get_mut("Deal").and_then(Value::as_object_mut) {
            deal.entry("Public").or_insert(Value::Null);
        }
        check_spelling(&given, &read)?;
        let DealJson { deal, public: Commitments(commitments) } = read;
        let BundleJson { dealer_index, deals, public: (), session_id, signature } = deal;
        Ok(Self { dealer_index, deals, session_id, signature, commitments })
    }

    /// Writes the JSON as operators do, with one space of indentation.
    pub fn to_json(&self) -> Vec<u8> {
        to_json(&DealJson {
            deal: BundleJson {
                dealer_index: self.dealer_index,
                deals: self.deals.clone(),
                public: (),
                session_id: self.session_id,
                signature: self.signature,
            },
            public: Commitments(self.commitments.clone()),
        })
    }

    /// Returns the hash that the dealer signs.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new().chain_update(self.dealer_index.to_be_bytes());
        for commitment in &self.commitments {
            hash.update(commitment);
        }
        for deal in &self.deals {
            hash.update(deal.share_index.to_be_bytes());
            hash.update(deal.encrypted_share);
        }
        hash.chain_update(self.session_id).finalize().into()
    }
}

impl ResponseBundle {
    /// Reads the JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let read = serde_json::from_slice(json)?;
        check_spelling(&serde_json::from_slice(json)?, &read)?;
        Ok(read)
    }

    /// Writes the JSON as operators do, with one space of indentation.
    pub fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Returns the hash that the speaker signs.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new().chain_update(self.share_index.to_be_bytes());
        for response in &self.responses {
            hash.update(response.dealer_index.to_be_bytes());
            hash.update([u8::from(response.status)]);
        }
        hash.chain_update(self.session_id).finalize().into()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DealJson {
    deal: BundleJson,
    public: Commitments,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct BundleJson {
    dealer_index: u32,
    deals: Vec<Deal>,
    /// Always `null`: points have no JSON of their own there, they travel beside the bundle.
    #[serde(default)]
    public: (),
    #[serde(rename = "SessionID", with = "base64_array")]
    session_id: [u8; 32],
    #[serde(with = "base64_signature")]
    signature: BlsSignature,
}

/// Points as hexadecimal.
struct Commitments(Vec<PointBytes>);

impl Serialize for Commitments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for point in &self.0 {
            sequence.serialize_element(&hex::encode(point))?;
        }
        sequence.end()
    }
}

impl<'de> Deserialize<'de> for Commitments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let points = texts.iter().map(|text| {
            let mut point = [0; 48];
            hex::decode_to_slice(text, &mut point).map(|()| point)
        });
        let points = points.collect::<Result<_, _>>();
        points.map(Self).map_err(|_| de::Error::custom("a commitment is not hexadecimal of 48 bytes"))
    }
}

mod base64_array {
    use super::{BASE64_STANDARD, Deserialize, Deserializer, Engine, Serializer, de};

    pub(super) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        let bytes = BASE64_STANDARD.decode(String::deserialize(deserializer)?);
        let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| de::Error::custom(format!("expected base64 of {N} bytes")))
    }
}

mod base64_signature {
    use super::{BlsSignature, Deserializer, Serializer, base64_array};

    pub(super) fn serialize<S: Serializer>(
        signature: &BlsSignature,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        base64_array::serialize(signature.as_bytes(), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BlsSignature, D::Error> {
        base64_array::deserialize(deserializer).map(BlsSignature::new)
    }
}

/// Refuses what was read from another JSON than would be written, but for spaces and the order of keys.
fn check_spelling<T: Serialize>(given: &Value, read: &T) -> Result<(), serde_json::Error> {
    if *given == serde_json::to_value(read)? {
        return Ok(());
    }
    Err(de::Error::custom("not spelled as operators spell it"))
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut json = Vec::new();
    let mut serializer = JsonSerializer::with_formatter(&mut json, PrettyFormatter::with_indent(b" "));
    value.serialize(&mut serializer).expect("texts and numbers serialize, and a Vec takes every write");
    json
}
