//! The recordings in `fixtures/dkg/live-v3.1.0` (the README there names their origin).

use std::{collections::BTreeMap, fs, path::PathBuf};

use nexus_dkg::{InstanceId, RequestId};
use nexus_primitives::OperatorId;
use nexus_ssv::Operator;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// Bytes written as hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(hex::decode(String::deserialize(deserializer)?).unwrap()))
    }
}

/// One answer per operator.
pub(crate) type Recorded = BTreeMap<String, Hex>;

/// A whole ceremony, byte for byte.
#[derive(Deserialize)]
pub(crate) struct Transcript {
    pub(crate) version: String,
    pub(crate) initiator_private_key_pem: String,
    pub(crate) initiator_public_key_encoded: String,
    pub(crate) init: RecordedInit,
    pub(crate) init_ssz: Hex,
    pub(crate) init_message_hash: Hex,
    pub(crate) new_id: Hex,
    pub(crate) instance_id: Hex,
    pub(crate) init_request: Hex,
    pub(crate) exchange_responses: Recorded,
    pub(crate) exchange_request: Hex,
    pub(crate) deal_responses: Recorded,
    pub(crate) deal_request: Hex,
    pub(crate) output_responses: Recorded,
    pub(crate) results_request: Hex,
    pub(crate) pongs: Recorded,
    pub(crate) proof_roots: Recorded,
    pub(crate) deposit_data: Value,
    pub(crate) keyshares: Value,
    pub(crate) proofs: Value,
}

#[derive(Deserialize)]
pub(crate) struct RecordedInit {
    pub(crate) operators: Vec<RecordedOperator>,
    pub(crate) threshold: u64,
    pub(crate) withdrawal_credentials: Hex,
    pub(crate) fork: String,
    pub(crate) owner: String,
    pub(crate) nonce: u64,
    pub(crate) amount_gwei: u64,
}

#[derive(Deserialize)]
pub(crate) struct RecordedOperator {
    pub(crate) id: u64,
    pub(crate) public_key: String,
}

/// Where a recording is.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/dkg/live-v3.1.0")).join(name)
}

pub(crate) fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Four real operators, `0x01` credentials.
pub(crate) fn four_real() -> Transcript {
    read("transcript-4ops.json")
}

/// Three real operators and one written independently, `0x02` credentials.
pub(crate) fn one_reimplemented() -> Transcript {
    read("transcript-4ops-one-reimplemented.json")
}

pub(crate) fn both() -> [Transcript; 2] {
    [four_real(), one_reimplemented()]
}

pub(crate) fn id(id: u64) -> OperatorId {
    OperatorId::new(id).unwrap()
}

impl Transcript {
    pub(crate) fn operators(&self) -> Vec<Operator> {
        let operators = self.init.operators.iter();
        operators.map(|operator| Operator::parse(id(operator.id), &operator.public_key).unwrap()).collect()
    }

    pub(crate) fn operator(&self, text: &str) -> Operator {
        let id = id(text.parse().unwrap());
        self.operators().into_iter().find(|operator| operator.id == id).unwrap()
    }

    pub(crate) fn request_id(&self) -> RequestId {
        RequestId::new(self.new_id.0.as_slice().try_into().unwrap())
    }

    pub(crate) fn instance_id(&self) -> InstanceId {
        InstanceId::new(self.instance_id.0.as_slice().try_into().unwrap())
    }
}
