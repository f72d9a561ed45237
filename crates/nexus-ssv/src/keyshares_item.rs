//! One validator's entry in a keyshares file.

use nexus_primitives::{
    Address, AddressError, OperatorId, OperatorSet, OperatorSetError, OwnerNonce, ValidatorPubkey,
    ZeroOperatorId,
};

use crate::{
    ClusterError, Expectation, Keyshares, Operator, OperatorError, OperatorPrivateKey, Registration,
    SharesDataError, VerifyError, operator, verify, wire,
};

/// Keyshares together with the operators' RSA keys, as a file carries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysharesItem {
    keyshares: Keyshares,
    operators: Vec<Operator>,
}

/// Why an entry of a keyshares file isn't accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysharesItemError {
    /// A hexadecimal field isn't spelled as every tool spells it, so that no damage can hide in the spelling.
    #[error("{field}: expected 0x and lower-case hexadecimal digits")]
    Hex {
        /// Path of the field.
        field: &'static str,
    },
    /// A public key has another length.
    #[error("{field}: expected 48 bytes, got {got}")]
    PubkeyLength {
        /// Path of the field.
        field: &'static str,
        /// Bytes found.
        got: usize,
    },
    /// The owner isn't an address, or its EIP-55 checksum is wrong.
    #[error("data.ownerAddress: {0}")]
    Owner(AddressError),
    /// Zero as an operator id.
    #[error("{field}: {reason}")]
    ZeroOperator {
        /// Path of the field.
        field: &'static str,
        /// What is wrong with zero.
        reason: ZeroOperatorId,
    },
    /// Ids that don't ascend strictly; the contract refuses them (`UnsortedOperatorsList`,
    /// `OperatorsListNotUnique`).
    #[error("{field}: operator {second} follows {first}, ids must ascend")]
    NotAscending {
        /// Path of the field.
        field: &'static str,
        /// The id before.
        first: OperatorId,
        /// The id that isn't greater.
        second: OperatorId,
    },
    /// Wrong number of operators.
    #[error("payload.operatorIds: {0}")]
    OperatorIds(OperatorSetError),
    /// An operator's key can't be read.
    #[error("data.operators: {0}")]
    OperatorKey(OperatorError),
    /// The operators don't form a cluster.
    #[error("data.operators: {0}")]
    Cluster(ClusterError),
    /// `data` and `payload` name different validators.
    #[error("data.publicKey is {data}, payload.publicKey is {payload}")]
    PubkeysDiffer {
        /// The key in `data`.
        data: ValidatorPubkey,
        /// The key in `payload`.
        payload: ValidatorPubkey,
    },
    /// `data` and `payload` name different operators.
    #[error("data.operators are {data}, payload.operatorIds are {payload}")]
    OperatorsDiffer {
        /// The operators in `data`.
        data: OperatorSet,
        /// The operators in `payload`.
        payload: OperatorSet,
    },
    /// The shares have another length than the operators demand.
    #[error("payload.sharesData: {0}")]
    SharesData(SharesDataError),
}

impl KeysharesItem {
    /// Joins keyshares with the operators they were made for, given in any order.
    pub fn new(keyshares: Keyshares, operators: &[Operator]) -> Result<Self, KeysharesItemError> {
        let (sorted, set) = operator::cluster(operators).map_err(KeysharesItemError::Cluster)?;
        if set != *keyshares.operators() {
            let payload = keyshares.operators().clone();
            return Err(KeysharesItemError::OperatorsDiffer { data: set, payload });
        }
        Ok(Self { keyshares, operators: sorted.into_iter().cloned().collect() })
    }

    /// Returns the keyshares.
    pub fn keyshares(&self) -> &Keyshares {
        &self.keyshares
    }

    /// Returns the operators with their keys, ascending by id.
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// Verifies the keyshares ([`verify`](crate::verify())), and the operators' keys where they are expected.
    pub fn verify(&self, expectation: &Expectation<'_>) -> Result<(), VerifyError> {
        verify::verify(&self.keyshares, expectation)?;
        let expected = expectation.operators.unwrap_or_default();
        match self.operators.iter().find(|operator| {
            expected.iter().any(|expected| expected.id == operator.id && expected.key != operator.key)
        }) {
            Some(operator) => Err(VerifyError::OperatorKey { operator: operator.id }),
            None => Ok(()),
        }
    }

    /// Opens the share of each operator whose private key is given ([`verify_decryption`](crate::verify_decryption)),
    /// and checks that the file carries the public half of it.
    pub fn verify_decryption<'k>(
        &self,
        keys: impl IntoIterator<Item = (OperatorId, &'k OperatorPrivateKey)>,
    ) -> Result<(), VerifyError> {
        for (id, key) in keys {
            verify::verify_decryption(&self.keyshares, [(id, key)])?;
            if self.operators.iter().any(|operator| operator.id == id && operator.key != key.public_key()) {
                return Err(VerifyError::OperatorKey { operator: id });
            }
        }
        Ok(())
    }

    pub(crate) fn from_wire(item: &wire::Item) -> Result<Self, KeysharesItemError> {
        let (data, payload) = (&item.data, &item.payload);
        let pubkey = pubkey("payload.publicKey", &payload.public_key)?;
        let data_pubkey = self::pubkey("data.publicKey", &data.public_key)?;
        if data_pubkey != pubkey {
            return Err(KeysharesItemError::PubkeysDiffer { data: data_pubkey, payload: pubkey });
        }
        let set = ascending("payload.operatorIds", payload.operator_ids.iter().copied())?;
        ascending("data.operators", data.operators.iter().map(|operator| operator.id))?;
        let owner = data.owner_address.parse::<Address>().map_err(KeysharesItemError::Owner)?;
        let registration = Registration::new(owner, OwnerNonce::new(data.owner_nonce));
        let shares_data = hex_bytes("payload.sharesData", &payload.shares_data)?;
        let keyshares = Keyshares::decode(pubkey, set, &shares_data, registration)
            .map_err(KeysharesItemError::SharesData)?;
        Self::new(keyshares, &operators(&data.operators)?)
    }

    pub(crate) fn to_wire(&self) -> wire::Item {
        let keyshares = &self.keyshares;
        let public_key = keyshares.pubkey().to_string();
        let operators = self.operators.iter().map(|operator| wire::OperatorItem {
            id: operator.id.get(),
            operator_key: operator.key.to_text(),
        });
        wire::Item {
            data: wire::Data {
                owner_nonce: keyshares.registration().nonce.get(),
                owner_address: keyshares.registration().owner.to_checksum(),
                public_key: public_key.clone(),
                operators: operators.collect(),
            },
            payload: wire::Payload {
                public_key,
                operator_ids: keyshares.operators().to_u64s(),
                shares_data: format!("0x{}", hex::encode(keyshares.shares_data().encode())),
            },
        }
    }
}

fn operators(items: &[wire::OperatorItem]) -> Result<Vec<Operator>, KeysharesItemError> {
    items
        .iter()
        .map(|item| {
            let id = operator_id("data.operators", item.id)?;
            Operator::parse(id, &item.operator_key).map_err(KeysharesItemError::OperatorKey)
        })
        .collect()
}

fn operator_id(field: &'static str, id: u64) -> Result<OperatorId, KeysharesItemError> {
    OperatorId::new(id).map_err(|reason| KeysharesItemError::ZeroOperator { field, reason })
}

fn ascending(
    field: &'static str,
    ids: impl IntoIterator<Item = u64>,
) -> Result<OperatorSet, KeysharesItemError> {
    let ids = ids.into_iter().map(|id| operator_id(field, id)).collect::<Result<Vec<_>, _>>()?;
    for (first, second) in ids.iter().zip(ids.iter().skip(1)) {
        if first >= second {
            return Err(KeysharesItemError::NotAscending { field, first: *first, second: *second });
        }
    }
    OperatorSet::new(ids).map_err(KeysharesItemError::OperatorIds)
}

fn pubkey(field: &'static str, text: &str) -> Result<ValidatorPubkey, KeysharesItemError> {
    let bytes = hex_bytes(field, text)?;
    ValidatorPubkey::from_slice(&bytes)
        .map_err(|_| KeysharesItemError::PubkeyLength { field, got: bytes.len() })
}

fn hex_bytes(field: &'static str, text: &str) -> Result<Vec<u8>, KeysharesItemError> {
    let digits = text.strip_prefix("0x").ok_or(KeysharesItemError::Hex { field })?;
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return Err(KeysharesItemError::Hex { field });
    }
    hex::decode(digits).map_err(|_| KeysharesItemError::Hex { field })
}
