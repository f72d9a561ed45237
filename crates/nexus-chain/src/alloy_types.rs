//! The door between this workspace's newtypes and alloy's: the only place where one becomes the other.

use alloy::primitives as alloy;
use nexus_primitives::{Address, OperatorSet, ValidatorPubkey};

pub(crate) fn to_alloy(address: Address) -> alloy::Address {
    alloy::Address::from(address.into_bytes())
}

pub(crate) fn from_alloy(address: alloy::Address) -> Address {
    Address::new(address.into_array())
}

pub(crate) fn pubkey_bytes(pubkey: &ValidatorPubkey) -> alloy::Bytes {
    alloy::Bytes::copy_from_slice(pubkey.as_bytes())
}

pub(crate) fn operator_ids(operators: &OperatorSet) -> Vec<u64> {
    operators.to_u64s()
}
