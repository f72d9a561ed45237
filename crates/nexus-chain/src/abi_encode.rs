//! From a [`ContractCall`] to the bytes of a transaction.

use alloy::primitives::{Bytes, FixedBytes};
use alloy_sol_types::SolCall as _;
use nexus_primitives::Address;

use crate::{
    ClusterSnapshot, ContractCall, ValidatorDeposit,
    alloy_types::{operator_ids, pubkey_bytes, to_alloy},
    bindings::{nexus_main, nexus_ssv_exits},
};

/// A call in the contract ABI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedCall {
    /// The contract.
    pub to: Address,
    /// Selector and arguments.
    pub data: Vec<u8>,
}

/// Encodes a call to the Nexus contract at `nexus` (Contract ABI specification).
///
/// The variants of [`ContractCall`] say which ABI they belong to: `ReportExits` is encoded for the `main` version,
/// `ExitThroughSsv` for `ssv_exits`, everything else is the same in both.
pub fn encode_call(nexus: Address, call: &ContractCall) -> EncodedCall {
    let data = match call {
        ContractCall::DepositValidators { rollup, deposits } => nexus_main::depositValidatorRollupCall {
            rollupAdmin: to_alloy(rollup.address()),
            validators: deposits.iter().map(deposit_tuple).collect(),
        }
        .abi_encode(),
        ContractCall::DepositShares { rollup, pubkey, operators, shares_data, amount, cluster } => {
            nexus_main::depositValidatorSharesCall {
                rollupAdmin: to_alloy(rollup.address()),
                validatorShare: nexus_main::ValidatorShares {
                    pubKey: pubkey_bytes(pubkey),
                    operatorIds: operator_ids(operators),
                    sharesEncrypted: Bytes::copy_from_slice(shares_data),
                    amount: amount.get(),
                    cluster: cluster_tuple(cluster),
                },
            }
            .abi_encode()
        }
        ContractCall::ReportExits { rollup, pubkeys } => nexus_main::validatorExitCall {
            rollupAdmin: to_alloy(rollup.address()),
            pubkeys: pubkeys.iter().map(pubkey_bytes).collect(),
        }
        .abi_encode(),
        ContractCall::ExitThroughSsv { rollup, pubkey, operators } => nexus_ssv_exits::validatorExitCall {
            rollupAdmin: to_alloy(rollup.address()),
            pubkey: pubkey_bytes(pubkey),
            operatorIds: operator_ids(operators),
        }
        .abi_encode(),
        ContractCall::CloseValidator { rollup, pubkey, operators, cluster } => {
            nexus_main::validatorExitBalanceTransferredCall {
                rollupAdmin: to_alloy(rollup.address()),
                pubkey: pubkey_bytes(pubkey),
                operatorIds: operator_ids(operators),
                cluster: cluster_tuple(cluster),
            }
            .abi_encode()
        }
    };
    EncodedCall { to: nexus, data }
}

fn deposit_tuple(deposit: &ValidatorDeposit) -> nexus_main::DepositData {
    nexus_main::DepositData {
        pubKey: pubkey_bytes(&deposit.pubkey),
        withdrawalAddress: Bytes::copy_from_slice(&deposit.withdrawal_credentials.to_bytes()),
        signature: Bytes::copy_from_slice(deposit.signature.as_bytes()),
        depositRoot: FixedBytes(deposit.deposit_data_root.into_bytes()),
    }
}

fn cluster_tuple(cluster: &ClusterSnapshot) -> nexus_main::Cluster {
    nexus_main::Cluster {
        validatorCount: cluster.validator_count,
        networkFeeIndex: cluster.network_fee_index,
        index: cluster.index,
        active: cluster.active,
        balance: cluster.balance.get(),
    }
}

#[cfg(test)]
mod tests {
    use nexus_primitives::{OperatorSet, RollupAdmin, Root, ValidatorPubkey, Wei};
    use serde_json::Value;

    use super::*;

    const NEXUS: Address = Address::new([0x4e; 20]);
    const ROLLUP: RollupAdmin = RollupAdmin::new(Address::new([0x11; 20]));
    const SECOND_KEY: &str =
        "b3e445d43871965d890a398f719348a1405ac72e35b92727cc570026f54471af7ea7b2040622a8fd0b5bfb2a209b5911";

    /// The tuple that the vectors call a live cluster.
    const LIVE: ClusterSnapshot = ClusterSnapshot {
        validator_count: 5,
        network_fee_index: 123_456_789_012,
        index: 987_654_321_098,
        active: true,
        balance: Wei::new(nexus_primitives::U256::from_limbs([10_000_000_000_000_000_007, 0, 0, 0])),
    };

    fn fixture(path: &str) -> Value {
        let path = format!("{}/../../fixtures/keyshares/generated/{path}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// Calldata computed by another implementation (see `fixtures/keyshares/README.md`).
    fn known(name: &str) -> Vec<u8> {
        let vectors = fixture("kat-calldata.json");
        let case = vectors["calldata"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
        unhex(&case["calldata"])
    }

    fn unhex(value: &Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap()
    }

    fn shares() -> (ValidatorPubkey, OperatorSet, Vec<u8>) {
        let payload = fixture("keyshares-v1.2.0-4ops.json")["shares"][0]["payload"].clone();
        let operators = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
        (payload["publicKey"].as_str().unwrap().parse().unwrap(), operators, unhex(&payload["sharesData"]))
    }

    #[track_caller]
    fn check(call: &ContractCall, name: &str) {
        let encoded = encode_call(NEXUS, call);
        assert_eq!(encoded.to, NEXUS);
        assert_eq!(hex::encode(encoded.data), hex::encode(known(name)), "{name}");
    }

    #[test]
    fn registrations_match_the_known_calldata() {
        let (pubkey, operators, shares_data) = shares();
        let call = |amount, cluster| ContractCall::DepositShares {
            rollup: ROLLUP,
            pubkey,
            operators: operators.clone(),
            shares_data: shares_data.clone(),
            amount,
            cluster,
        };
        check(&call(Wei::from_ether(1), ClusterSnapshot::NEW), "Nexus.depositValidatorShares new cluster");
        check(&call(Wei::ZERO, LIVE), "Nexus.depositValidatorShares live cluster");
    }

    #[test]
    fn exits_and_closings_match_the_known_calldata_of_both_versions() {
        let (pubkey, operators, _) = shares();
        let pubkeys = vec![pubkey, SECOND_KEY.parse().unwrap()];
        check(&ContractCall::ReportExits { rollup: ROLLUP, pubkeys }, "Nexus(main).validatorExit");
        check(
            &ContractCall::ExitThroughSsv { rollup: ROLLUP, pubkey, operators: operators.clone() },
            "Nexus(ssv_exits).validatorExit",
        );
        check(
            &ContractCall::CloseValidator { rollup: ROLLUP, pubkey, operators, cluster: LIVE },
            "Nexus.validatorExitBalanceTransferred",
        );
    }

    #[test]
    fn deposits_match_the_known_calldata() {
        // The vector's deposit data isn't among the fixtures: its fields are cut out of the calldata by position.
        let known = known("Nexus.depositValidatorRollup");
        let word = |at: usize| 4 + 32 * at;
        let count = usize::from(known[word(3) - 1]);
        let entry = |at: usize| {
            let start =
                word(3) + usize::from(u16::from_be_bytes([known[word(4 + at) - 2], known[word(4 + at) - 1]]));
            let field = |offset: usize, len: usize| &known[start + offset..start + offset + len];
            ValidatorDeposit {
                pubkey: ValidatorPubkey::from_slice(field(160, 48)).unwrap(),
                withdrawal_credentials: <[u8; 32]>::try_from(field(256, 32)).unwrap().try_into().unwrap(),
                signature: nexus_primitives::BlsSignature::from_slice(field(320, 96)).unwrap(),
                deposit_data_root: Root::from_slice(field(96, 32)).unwrap(),
            }
        };
        let rollup = RollupAdmin::new(Address::new(known[16..36].try_into().unwrap()));
        let call = ContractCall::DepositValidators { rollup, deposits: (0..count).map(entry).collect() };
        assert!(count > 1, "the vector holds a batch");
        check(&call, "Nexus.depositValidatorRollup");
    }
}
