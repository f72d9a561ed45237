//! The operators of the embedded SSV network.

use std::sync::LazyLock;

use nexus_primitives::OperatorId;
use nexus_ssv::OperatorPrivateKey;
use serde::Deserialize;

/// Recorded key pairs, in the order of registration; they were made for tests and have never held anything.
const RECORDED: &str = include_str!("../operators.json");

/// One of thirteen operators whose RSA keys are known to everyone.
pub struct DevnetOperator {
    /// The id SSV gives it when all are registered in order: 1 to 13.
    pub id: OperatorId,
    /// What is registered on chain: base64 of the public key's PEM.
    pub key_text: String,
    /// What decrypts its shares.
    pub private_key: OperatorPrivateKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    id: u64,
    operator_key: String,
    private_key_pem: String,
}

/// Returns the operators in ascending order of their ids.
pub fn operators() -> &'static [DevnetOperator] {
    static OPERATORS: LazyLock<Vec<DevnetOperator>> = LazyLock::new(read);
    &OPERATORS
}

fn read() -> Vec<DevnetOperator> {
    let recorded: Vec<Recorded> = serde_json::from_str(RECORDED).expect("the file is part of the crate");
    recorded.into_iter().map(DevnetOperator::from).collect()
}

impl From<Recorded> for DevnetOperator {
    fn from(recorded: Recorded) -> Self {
        Self {
            id: OperatorId::new(recorded.id).expect("ids in the file start at 1"),
            key_text: recorded.operator_key,
            private_key: OperatorPrivateKey::from_pem(&recorded.private_key_pem)
                .expect("the file holds RSA keys of 2048 bits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_pairs_belong_together() {
        let ids: Vec<_> = operators().iter().map(|operator| operator.id.get()).collect();
        assert_eq!(ids, (1..=13).collect::<Vec<_>>());
        for operator in operators() {
            assert_eq!(operator.private_key.public_key().to_text(), operator.key_text);
        }
    }
}
