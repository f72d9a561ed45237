//! Files written by the real `ssv-keys` 1.1.0 and 1.2.0, and values computed by independent tools.

use nexus_primitives::{Address, BlsSignature, OperatorId, OperatorSet, OwnerNonce, ValidatorPubkey, bls};
use nexus_ssv::{
    CombineError, Expectation, Keyshares, KeysharesFile, Registration, ShareSecret, SharesDataError,
    VerifyError, combine_pubkeys, combine_signatures, decrypt_share, recombine, verify, verify_decryption,
};
use serde::Deserialize;

use crate::fixtures::{Expected, id, json, keyshares_file, operators, private_key, text, validator_key};

/// Opens every share of a file of the CLI and takes the key apart and together again.
#[track_caller]
fn check_cli_file(name: &str) {
    let file = keyshares_file(&format!("generated/keyshares-{name}.json"));
    let expected: Expected = json(&format!("generated/expected-{name}.json"));
    let [item] = file.items.as_slice() else { panic!("one validator expected") };
    let keyshares = item.keyshares();
    let registration =
        Registration::new(expected.owner_address.parse().unwrap(), OwnerNonce::new(expected.owner_nonce));
    assert_eq!(keyshares.operators().to_u64s(), expected.operator_ids);
    assert_eq!(keyshares.operators().threshold().get(), expected.threshold);

    let all = operators();
    let cluster: Vec<_> = all
        .iter()
        .map(|o| &o.operator)
        .filter(|o| expected.operator_ids.contains(&o.id.get()))
        .cloned()
        .collect();
    let expectation = Expectation::none()
        .pubkey(expected.validator.public_key)
        .registration(registration)
        .operators(&cluster);
    item.verify(&expectation).unwrap();
    verify_decryption(keyshares, cluster.iter().map(|o| (o.id, private_key(&all, o.id)))).unwrap();

    let shares = open(keyshares);
    for ((_, share), expected) in shares.iter().zip(&expected.plaintext_shares) {
        assert_eq!(share.to_text().as_str(), expected.private_key);
        assert_eq!(share.pubkey(), expected.public_key);
    }
    let threshold = expected.threshold;
    for subset in shares.windows(threshold) {
        assert!(recombine(subset).unwrap().ct_eq(&validator_key(&expected.validator.private_key)));
    }
    assert!(recombine(&shares).unwrap().ct_eq(&validator_key(&expected.validator.private_key)));
    assert_ne!(recombine(&shares[1..threshold]).unwrap().pubkey(), expected.validator.public_key);
}

fn open(keyshares: &Keyshares) -> Vec<(OperatorId, ShareSecret)> {
    let all = operators();
    let data = keyshares.shares_data();
    let encrypted = data.encrypted_shares().zip(data.share_pubkeys());
    keyshares
        .operators()
        .ids()
        .iter()
        .zip(encrypted)
        .map(|(id, (encrypted, pubkey))| {
            (*id, decrypt_share(private_key(&all, *id), encrypted, pubkey).unwrap())
        })
        .collect()
}

#[test]
fn files_of_the_cli_open_and_recombine_for_4_operators() {
    check_cli_file("v1.1.0-4ops");
    check_cli_file("v1.2.0-4ops");
}

#[test]
fn files_of_the_cli_open_and_recombine_for_7_operators() {
    check_cli_file("v1.2.0-7ops");
}

#[test]
fn files_of_the_cli_open_and_recombine_for_10_operators() {
    check_cli_file("v1.1.0-10ops");
    check_cli_file("v1.2.0-10ops");
}

#[test]
fn files_of_the_cli_open_and_recombine_for_13_operators() {
    check_cli_file("v1.1.0-13ops");
}

#[test]
fn a_file_made_from_unsorted_operators_verifies() {
    let file = keyshares_file("generated/keyshares-v1.2.0-4ops-unsorted-input.json");
    let keyshares = file.items[0].keyshares();
    assert_eq!(keyshares.registration().nonce, OwnerNonce::new(1));
    assert_eq!(open(keyshares).len(), 4);
    verify(keyshares, &Expectation::none()).unwrap();
}

#[test]
fn writing_a_file_of_the_cli_gives_its_bytes_again() {
    for name in ["v1.2.0-4ops", "v1.2.0-4ops-unsorted-input", "v1.2.0-7ops"] {
        let original = text(&format!("generated/keyshares-{name}.json"));
        let file = KeysharesFile::from_json(&original).unwrap();
        assert_eq!(file.to_json(file.created_at.unwrap()), original);
        let compact = file.to_compact_json(file.created_at.unwrap());
        assert_eq!(compact, original.replace([' ', '\n'], ""));
    }
}

#[test]
fn an_owner_typed_in_lower_case_is_read_and_written_in_checksum_case() {
    let original = text("generated/keyshares-v1.2.0-10ops.json");
    let file = KeysharesFile::from_json(&original).unwrap();
    let written = file.to_json(file.created_at.unwrap());
    let owner = file.items[0].keyshares().registration().owner.to_string();
    assert_ne!(written, original);
    assert_eq!(written, original.replace(&owner.to_lowercase(), &owner));
}

#[test]
fn partial_signatures_of_a_threshold_make_the_validators_signature() {
    let file = keyshares_file("generated/keyshares-v1.2.0-7ops.json");
    let keyshares = file.items[0].keyshares();
    let message = [42; 32];
    let parts: Vec<_> =
        open(keyshares).iter().map(|(id, share)| (*id, share.sign_message(&message).unwrap())).collect();
    let whole = combine_signatures(&parts[2..]).unwrap();
    bls::verify(&keyshares.pubkey(), &message, &whole).unwrap();
    assert_eq!(combine_signatures(&parts).unwrap(), whole);
    let too_few = combine_signatures(&parts[3..]).unwrap();
    assert!(bls::verify(&keyshares.pubkey(), &message, &too_few).is_err());
}

#[test]
fn owner_and_nonce_are_signed_as_the_cli_signs_them() {
    #[derive(Deserialize)]
    struct Kat {
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Case {
        private_key: String,
        public_key: ValidatorPubkey,
        message: String,
        keccak256: String,
        signature: BlsSignature,
    }
    let kat: Kat = json("generated/kat-owner-nonce-signature.json");
    assert_eq!(kat.cases.len(), 30);
    for case in kat.cases {
        let (owner, nonce) = case.message.split_once(':').unwrap();
        let owner: Address = owner.to_lowercase().parse().unwrap();
        let registration = Registration::new(owner, nonce.parse().unwrap());
        assert_eq!(registration.message(), case.message);
        assert_eq!(format!("0x{}", hex::encode(registration.digest())), case.keccak256);
        assert_eq!(registration.sign(&validator_key(&case.private_key)), Ok(case.signature));
        assert_eq!(registration.verify(&case.public_key, &case.signature), Ok(()));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mutation {
    name: String,
    public_key: ValidatorPubkey,
    operator_ids: Vec<u64>,
    owner_address: String,
    owner_nonce: u64,
    shares_data: String,
}

fn decode(case: &Mutation) -> Result<Keyshares, SharesDataError> {
    let operators = OperatorSet::try_from(case.operator_ids.clone()).unwrap();
    // One of the recorded addresses has a wrong EIP-55 checksum; what counts here is that it is another owner.
    let owner = case.owner_address.to_lowercase().parse().unwrap();
    let registration = Registration::new(owner, OwnerNonce::new(case.owner_nonce));
    let bytes = hex::decode(&case.shares_data[2..]).unwrap();
    Keyshares::decode(case.public_key, operators, &bytes, registration)
}

#[test]
fn each_mutation_of_shares_data_is_refused_for_its_own_reason() {
    #[derive(Deserialize)]
    struct Mutations {
        cases: Vec<Mutation>,
    }
    let all = operators();
    let keys = || all[..4].iter().map(|full| (full.operator.id, &full.private_key));
    let mutations: Mutations = json("generated/negative-sharesdata.json");
    assert_eq!(mutations.cases.len(), 15);
    for case in mutations.cases {
        let verified = || verify(&decode(&case).unwrap(), &Expectation::none());
        match case.name.as_str() {
            "valid" => verified().unwrap(),
            "nonce off by one"
            | "other owner"
            | "signed over lower-case address"
            | "signed without keccak (raw message)"
            | "signed with raw 20-byte address" => {
                assert!(matches!(verified(), Err(VerifyError::Signature { .. })), "{}", case.name);
            }
            "signature truncated by one byte" | "one trailing byte" | "three operators worth of data" => {
                let got = case.shares_data.len() / 2 - 1;
                let expected = SharesDataError::Length { operators: 4, expected: 1312, got };
                assert_eq!(decode(&case), Err(expected), "{}", case.name);
            }
            "share public keys 0 and 1 swapped" => {
                assert!(matches!(verified(), Err(VerifyError::Recombination { .. })));
            }
            "ciphertexts 0 and 1 swapped" => {
                verified().unwrap();
                let opened = verify_decryption(&decode(&case).unwrap(), keys());
                let Err(VerifyError::Decrypt { operator, .. }) = opened else { panic!("{opened:?}") };
                assert_eq!(operator, id(1));
            }
            "layout interleaved (pk,enc per operator)" => {
                let wrong = CombineError::Pubkey { operator: id(2) };
                assert_eq!(verified(), Err(VerifyError::Share(wrong)));
            }
            // Sorting, uniqueness and size are refused before the bytes are looked at.
            "operator ids unsorted in payload" => {
                let error = KeysharesFile::from_json(&as_file(&case)).unwrap_err().to_string();
                assert_eq!(error, "shares[0]: payload.operatorIds: operator 1 follows 2, ids must ascend");
            }
            "duplicate operator id" => {
                let error = OperatorSet::try_from(case.operator_ids).unwrap_err();
                assert_eq!(error.to_string(), "operator 1 appears twice");
            }
            "five operators" => {
                let error = OperatorSet::try_from(case.operator_ids).unwrap_err();
                assert_eq!(error.to_string(), "5 operators: a cluster has 4, 7, 10 or 13");
            }
            other => panic!("unknown case {other:?}"),
        }
    }
}

fn as_file(case: &Mutation) -> String {
    let mut file: serde_json::Value = json("generated/keyshares-v1.2.0-4ops.json");
    let payload = &mut file["shares"][0]["payload"];
    payload["operatorIds"] = case.operator_ids.clone().into();
    payload["sharesData"] = case.shares_data.clone().into();
    file.to_string()
}

#[test]
fn shares_under_invented_operator_ids_do_not_recombine() {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct OnChain {
        public_key: ValidatorPubkey,
        operator_ids_guess_in_test: OperatorSet,
        shares_data: String,
    }
    let on_chain: OnChain = json("anchor/onchain-shares-4ops.json");
    let bytes = hex::decode(&on_chain.shares_data[2..]).unwrap();
    let registration = Registration::new(Address::ZERO, OwnerNonce::new(0));
    let ids = on_chain.operator_ids_guess_in_test;
    let keyshares = Keyshares::decode(on_chain.public_key, ids.clone(), &bytes, registration).unwrap();
    assert_eq!(keyshares.shares_data().encode(), bytes);

    let commitments: Vec<_> =
        ids.ids().iter().copied().zip(keyshares.shares_data().share_pubkeys().copied()).collect();
    let combined = combine_pubkeys(&commitments[..3]).unwrap();
    assert_ne!(combined, on_chain.public_key);
    assert!(verify(&keyshares, &Expectation::none()).is_err());
}

#[test]
fn the_older_single_item_layout_is_read_and_verifies() {
    for path in ["ssv-keys/old-shares.json", "ssv-keys/item-with-operators.json"] {
        let file = keyshares_file(path);
        let [item] = file.items.as_slice() else { panic!("one validator expected") };
        assert_eq!(item.keyshares().operators().to_u64s(), [5, 6, 7, 8]);
        let owner = "0x81592c3de184a3e2c0dcb5a261bc107bfa91f494".parse().unwrap();
        let registration = Registration::new(owner, OwnerNonce::new(1));
        item.verify(&Expectation::none().registration(registration)).unwrap();
    }
}

#[test]
fn the_layout_with_several_items_is_read_and_verifies() {
    let file = keyshares_file("ssv-keys/multi-shares.json");
    let [item] = file.items.as_slice() else { panic!("one validator expected") };
    assert_eq!(item.keyshares().operators().to_u64s(), [123, 456, 777, 789]);
    item.verify(&Expectation::none()).unwrap();
}
