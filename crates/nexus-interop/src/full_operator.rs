//! Operators whose private keys are at hand.

use std::fs;

use anyhow::Context as _;
use nexus_primitives::OperatorId;
use nexus_ssv::{Operator, OperatorPrivateKey};
use serde::Deserialize;

use crate::stage::Stage;

/// An operator with its private key, of `fixtures/keyshares/generated/operators.json`.
pub(crate) struct FullOperator {
    /// Its id and public key.
    pub(crate) operator: Operator,
    /// Its private key.
    pub(crate) private_key: OperatorPrivateKey,
    /// The public key, as SSV's libraries write it.
    pub(crate) key_text: String,
    /// The private key in PEM.
    pub(crate) pem: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OperatorFixture {
    id: u64,
    operator_key: String,
    private_key_pem: String,
}

impl FullOperator {
    /// Reads all thirteen, ascending by id.
    pub(crate) fn read_all(stage: &Stage) -> anyhow::Result<Vec<Self>> {
        let path = stage.layout.fixtures.join("keyshares/generated/operators.json");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let fixtures: Vec<OperatorFixture> = serde_json::from_str(&text)?;
        let operators = fixtures.into_iter().map(|fixture| {
            let OperatorFixture { id, operator_key: key_text, private_key_pem: pem } = fixture;
            Ok(Self {
                operator: Operator::parse(OperatorId::new(id)?, &key_text)?,
                private_key: OperatorPrivateKey::from_pem(&pem)?,
                key_text,
                pem,
            })
        });
        operators.collect()
    }
}
