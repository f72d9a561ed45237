//! Deposits against deposit-cli's files and independently computed roots.

use std::error::Error as _;

use nexus_keys::{
    DepositDataJson, DepositEntryError, DepositError, DepositJsonError, DepositMessage, SignedDeposit,
};
use nexus_primitives::{
    Address, BlsSignature, ForkVersion, Gwei, Root, WithdrawalCredentials, WithdrawalCredentialsError,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{self, str_at};

const MAINNET_FILE: &str = "deposit-cli/mainnet/deposit_data.json";

fn fork_of(network: &str) -> ForkVersion {
    let roots = fixture::json("generated/kat-signing-roots.json");
    str_at(&roots, &format!("/networks/{network}/genesis")).parse().unwrap()
}

fn credentials() -> WithdrawalCredentials {
    WithdrawalCredentials::to_address("0xc0cb8f6c08ab23de6c2a73c49481fe112704f1b6".parse().unwrap())
}

/// Reads the mainnet file after `change` was made to it.
fn read_changed(change: impl FnOnce(&mut Value)) -> Result<Vec<SignedDeposit>, DepositJsonError> {
    let mut file = fixture::json(MAINNET_FILE);
    change(&mut file);
    DepositDataJson::read_file(&file.to_string())
}

#[track_caller]
fn entry_error(result: Result<Vec<SignedDeposit>, DepositJsonError>) -> DepositEntryError {
    match result {
        Err(DepositJsonError::Entry { source, .. }) => source,
        other => panic!("expected a wrong entry, got {other:?}"),
    }
}

#[test]
fn roots_and_signatures_match_the_independent_ones() {
    let roots = fixture::json("generated/kat-signing-roots.json");
    let cases = roots["deposit"].as_array().unwrap();
    let (compounding, cases): (Vec<_>, Vec<_>) =
        cases.iter().partition(|case| str_at(case, "/network") == "mainnet_compounding");
    assert_eq!((compounding.len(), cases.len()), (1, 4));
    for case in cases {
        let fork = fork_of(str_at(case, "/network"));
        let message = DepositMessage {
            pubkey: str_at(case, "/pubkey").parse().unwrap(),
            withdrawal_credentials: str_at(case, "/withdrawal_credentials").parse().unwrap(),
            amount: Gwei::new(case["amount_gwei"].as_u64().unwrap()),
        };
        assert_eq!(message.root().to_string(), str_at(case, "/deposit_message_root"));
        let signing_root = Root::new(*message.signing_root(fork).as_bytes());
        assert_eq!(signing_root.to_string(), str_at(case, "/signing_root"));

        let signature = str_at(case, "/signature").parse().unwrap();
        let data_root = str_at(case, "/deposit_data_root").parse().unwrap();
        let deposit = SignedDeposit::verify(message, signature, data_root, fork).unwrap();
        assert_eq!(deposit.deposit_data_root(), data_root);
        assert_eq!(SignedDeposit::verify_signature(message, signature, fork), Ok(deposit));
    }
}

#[test]
fn a_file_of_the_deposit_tool_is_read_and_written_byte_for_byte() {
    let file = fixture::text(MAINNET_FILE);
    let deposits = DepositDataJson::read_file(&file).unwrap();
    assert_eq!(deposits.len(), 2);
    assert_eq!(DepositDataJson::write_file(&deposits, "ignored: mainnet has a name"), file);
}

#[cfg(feature = "mnemonic")]
#[test]
fn signing_from_the_mnemonic_gives_the_deposit_tools_file() {
    let phrase = zeroize::Zeroizing::new(format!("{}about", "abandon ".repeat(11)));
    let seed = nexus_keys::Mnemonic::from_phrase(phrase).unwrap().seed("");
    let deposits = [0, 1].map(|index| {
        let key = seed.derive_validator(nexus_primitives::DerivationIndex::new(index));
        SignedDeposit::sign(&key, credentials(), Gwei::VALIDATOR_DEPOSIT, ForkVersion::MAINNET).unwrap()
    });
    assert_eq!(DepositDataJson::write_file(&deposits, ""), fixture::text(MAINNET_FILE));
}

#[test]
fn compounding_credentials_are_refused_by_name() {
    let file = fixture::text("deposit-cli/mainnet_compounding/deposit_data.json");
    let error = entry_error(DepositDataJson::read_file(&file));
    assert!(matches!(error, DepositEntryError::WithdrawalCredentials(WithdrawalCredentialsError::Prefix(2))));
    assert_eq!(error.source().unwrap().to_string(), "withdrawal credentials start with 0x02, expected 0x01");
}

#[test]
fn a_signature_for_another_network_is_refused() {
    let error = entry_error(read_changed(|file| {
        file[0]["fork_version"] = json!("10000910");
        file[0]["network_name"] = json!("hoodi");
    }));
    assert!(matches!(error, DepositEntryError::Deposit(DepositError::Signature { .. })), "{error:?}");
}

#[test]
fn name_and_fork_version_of_a_network_have_to_agree() {
    for (name, fork) in [("hoodi", "00000000"), ("mainnet", "10000910"), ("sepolia", "12345678")] {
        let error = entry_error(read_changed(|file| {
            file[0]["network_name"] = json!(name);
            file[0]["fork_version"] = json!(fork);
        }));
        assert!(matches!(error, DepositEntryError::Network { .. }), "{name} {fork}: {error:?}");
    }
}

#[test]
fn networks_without_a_common_name_carry_the_given_one() {
    let key = fixture::key("0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    for name in ["mainnet", "hoodi", "holesky", "sepolia"] {
        let deposit =
            SignedDeposit::sign(&key, credentials(), Gwei::VALIDATOR_DEPOSIT, fork_of(name)).unwrap();
        assert_eq!(DepositDataJson::new(&deposit, "devnet").network_name, name);
    }
    let fork = ForkVersion::new([1, 2, 3, 4]);
    let deposit = SignedDeposit::sign(&key, credentials(), Gwei::VALIDATOR_DEPOSIT, fork).unwrap();
    let file = DepositDataJson::write_file(&[deposit], "devnet");
    assert!(file.contains(r#""fork_version": "01020304", "network_name": "devnet""#), "{file}");
    assert_eq!(DepositDataJson::read_file(&file).unwrap(), [deposit]);
}

#[test]
fn a_validator_listed_twice_is_refused() {
    let result = read_changed(|file| file[1] = file[0].clone());
    assert!(matches!(result, Err(DepositJsonError::Duplicate { index: 1, .. })), "{result:?}");
}

#[test]
fn every_changed_digit_of_an_entry_is_refused() {
    let fields =
        ["pubkey", "withdrawal_credentials", "signature", "deposit_message_root", "deposit_data_root"];
    for field in fields {
        let length = str_at(&fixture::json(MAINNET_FILE), &format!("/0/{field}")).len();
        for at in (0..length).step_by(7) {
            let result = read_changed(|file| {
                let mut digits = file[0][field].as_str().unwrap().to_owned();
                let digit = if &digits[at..=at] == "0" { "1" } else { "0" };
                digits.replace_range(at..=at, digit);
                file[0][field] = json!(digits);
            });
            assert!(result.is_err(), "{field} digit {at}");
        }
    }
    assert!(read_changed(|file| file[0]["amount"] = json!(31_999_999_999_u64)).is_err());
}

#[test]
fn unknown_and_missing_fields_are_refused() {
    assert!(matches!(read_changed(|file| file[0]["extra"] = json!(1)), Err(DepositJsonError::Json(_))));
    for field in ["pubkey", "amount", "fork_version", "deposit_cli_version"] {
        let result = read_changed(|file| drop(file[0].as_object_mut().unwrap().remove(field)));
        assert!(matches!(result, Err(DepositJsonError::Json(_))), "{field}");
    }
    for text in ["", "{}", "[", "null", "[[]]"] {
        assert!(matches!(DepositDataJson::read_file(text), Err(DepositJsonError::Json(_))), "{text:?}");
    }
    assert_eq!(DepositDataJson::read_file("[]").unwrap(), []);
}

#[test]
fn amounts_no_validator_needs_are_refused() {
    let key = fixture::key("0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    for (gwei, taken) in [
        (0, false),
        (999_999_999, false),
        (1_000_000_000, true),
        (32_000_000_000, true),
        (32_000_000_001, false),
        (u64::MAX, false),
    ] {
        let deposit = SignedDeposit::sign(&key, credentials(), Gwei::new(gwei), ForkVersion::HOODI);
        assert_eq!(deposit.is_ok(), taken, "{gwei}");
    }
}

#[test]
fn a_foreign_signature_or_root_is_refused() {
    let [ours, other] = DepositDataJson::read_file(&fixture::text(MAINNET_FILE)).unwrap()[..] else {
        panic!("the file has two entries")
    };
    let swapped = SignedDeposit::verify(
        *ours.message(),
        *other.signature(),
        ours.message().data_root(other.signature()),
        ours.fork_version(),
    );
    assert!(matches!(swapped, Err(DepositError::Signature { .. })), "{swapped:?}");
    let garbage =
        SignedDeposit::verify_signature(*ours.message(), BlsSignature::new([0xff; 96]), ours.fork_version());
    assert!(matches!(garbage, Err(DepositError::Signature { .. })), "{garbage:?}");
    let root = SignedDeposit::verify(
        *ours.message(),
        *ours.signature(),
        other.deposit_data_root(),
        ours.fork_version(),
    );
    assert!(matches!(root, Err(DepositError::Root { which: "deposit_data_root", .. })), "{root:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_is_signed_verifies_and_survives_its_file(
        scalar in 1_u64..,
        address: [u8; 20],
        gwei in 1_000_000_000_u64..=32_000_000_000,
        fork: [u8; 4],
    ) {
        let key = fixture::key(&format!("{scalar:064x}"));
        let credentials = WithdrawalCredentials::to_address(Address::new(address));
        let deposit =
            SignedDeposit::sign(&key, credentials, Gwei::new(gwei), ForkVersion::new(fork)).unwrap();
        let verified = SignedDeposit::verify(
            *deposit.message(),
            *deposit.signature(),
            deposit.deposit_data_root(),
            deposit.fork_version(),
        );
        prop_assert_eq!(verified, Ok(deposit));
        let file = DepositDataJson::write_file(&[deposit], "devnet");
        prop_assert_eq!(DepositDataJson::read_file(&file).unwrap(), [deposit]);
    }
}
