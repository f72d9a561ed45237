//! Recorded ceremonies through the rounds: same requests out, same documents at the end. And all sizes, with puppets.

use std::{collections::BTreeMap, fs};

use nexus_dkg::{
    Answers, CeremonyOutput, CeremonyRequest, CeremonyTerms, Credentials, DkgOperator, Initiated,
    InitiatorIdentity, Network, OutputFolder,
    wire::{DealBundle, Init, KyberMessage, MultipleSignedTransports, Results, SignedTransport, Ssz as _},
};
use nexus_primitives::{ForkVersion, Gwei, OwnerNonce};
use nexus_ssv::{CreatedAt, OperatorPublicKey, Registration};
use serde_json::{Value, json};

use crate::{
    puppets::{Puppets, terms},
    transcript::{self, Recorded, Transcript, both, id, read},
};

pub(crate) fn request(recorded: &Transcript) -> CeremonyRequest {
    let operators: Vec<_> = recorded
        .operators()
        .into_iter()
        .map(|operator| DkgOperator::new(operator, "https://operator.example").unwrap())
        .collect();
    let init = &recorded.init;
    let credentials: [u8; 32] = init.withdrawal_credentials.0.as_slice().try_into().unwrap();
    let fork: ForkVersion = init.fork.parse().unwrap();
    let terms = CeremonyTerms {
        credentials: Credentials::try_from(credentials).unwrap(),
        amount: Gwei::new(init.amount_gwei),
        network: Network::try_from(fork).unwrap(),
        registration: Registration::new(init.owner.parse().unwrap(), OwnerNonce::new(init.nonce)),
    };
    CeremonyRequest::new(&operators, terms).unwrap()
}

pub(crate) fn initiated(recorded: &Transcript) -> Initiated {
    let request = request(recorded);
    let identity = InitiatorIdentity::from_pem(&recorded.initiator_private_key_pem).unwrap();
    let version = recorded.version.parse().unwrap();
    let versions: BTreeMap<_, _> =
        recorded.operators().iter().map(|operator| (operator.id, Clone::clone(&version))).collect();
    Initiated::new(request, recorded.request_id(), identity, &versions, &mut rand::rng()).unwrap()
}

fn answers(recorded: &Recorded) -> Answers {
    recorded.iter().map(|(operator, answer)| (id(operator.parse().unwrap()), Ok(answer.0.clone()))).collect()
}

fn created_at(recorded: &Transcript) -> CreatedAt {
    recorded.keyshares["createdAt"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn replay(recorded: &Transcript) -> CeremonyOutput {
    let mut rng = rand::rng();
    let initiated = initiated(recorded);
    let exchanged = initiated.accept(answers(&recorded.exchange_responses), &mut rng).unwrap();
    let dealt = exchanged.accept(answers(&recorded.deal_responses), &mut rng).unwrap();
    dealt.accept(answers(&recorded.output_responses), created_at(recorded), &mut rng).unwrap()
}

/// The recording's time is spelled without milliseconds.
fn with_time(keyshares: &Value, created_at: CreatedAt) -> Value {
    let mut keyshares = keyshares.clone();
    keyshares["createdAt"] = json!(created_at.to_string());
    keyshares
}

#[test]
fn requests_are_the_recorded_ones_but_for_the_signatures_salt() {
    for recorded in both() {
        let initiator: OperatorPublicKey = recorded.initiator_public_key_encoded.parse().unwrap();
        let initiated = initiated(&recorded);
        assert_eq!(initiated.instance_id(), recorded.instance_id());
        let expected = SignedTransport::decode(&recorded.init_request.0).unwrap();
        for message in initiated.messages().values() {
            let message = SignedTransport::decode(message).unwrap();
            assert_eq!((&message.message, &message.signer), (&expected.message, &expected.signer));
            assert_eq!(message.verify(&initiator), Ok(()));
        }
        let check = |message: &[u8], recorded: &[u8]| {
            let bundle = MultipleSignedTransports::decode(message).unwrap();
            let mut expected = MultipleSignedTransports::decode(recorded).unwrap();
            // Any order will do; ours is by operator.
            expected.messages.sort_by_key(|message| {
                bundle.messages.iter().position(|other| other.signer == message.signer).unwrap()
            });
            assert_eq!((&bundle.identifier, &bundle.messages), (&expected.identifier, &expected.messages));
            assert_eq!(bundle.verify(&initiator), Ok(()));
        };
        let mut rng = rand::rng();
        let exchanged = initiated.accept(answers(&recorded.exchange_responses), &mut rng).unwrap();
        check(exchanged.message(), &recorded.exchange_request.0);
        let dealt = exchanged.accept(answers(&recorded.deal_responses), &mut rng).unwrap();
        check(dealt.message(), &recorded.deal_request.0);
    }
}

#[test]
fn the_output_and_the_results_message_hold_the_recorded_documents() {
    for recorded in both() {
        let output = replay(&recorded);
        assert_eq!(
            output.pubkey().to_string(),
            format!("0x{}", recorded.deposit_data["pubkey"].as_str().unwrap())
        );
        let message = SignedTransport::decode(output.results_message()).unwrap();
        let expected = SignedTransport::decode(&recorded.results_request.0).unwrap();
        assert_eq!(message.message.kind, expected.message.kind);
        let results = Results::decode(&message.message.data).unwrap();
        let expected = Results::decode(&expected.message.data).unwrap();
        assert_eq!((&results.operators, results.identifier), (&expected.operators, expected.identifier));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(&results.deposit_data), text(&expected.deposit_data));
        assert_eq!(text(&results.proofs), text(&expected.proofs));
        let time = output.created_at().to_string();
        let keyshares = text(&results.keyshares_data).replace(&time, &time.replace(".000", ""));
        assert_eq!(keyshares, text(&expected.keyshares_data));
        let initiator: OperatorPublicKey = recorded.initiator_public_key_encoded.parse().unwrap();
        assert_eq!(message.verify(&initiator), Ok(()));
    }
}

#[test]
fn the_stored_files_are_the_recorded_documents() {
    for recorded in both() {
        let output = replay(&recorded);
        let dir = tempfile::tempdir().unwrap();
        let folder = OutputFolder::open(dir.path()).unwrap();
        let stored = folder.store(vec![output.clone()]).unwrap();
        let validator = stored.path.join(format!("000011-{}", output.pubkey()));
        let read = |name: &str| -> Value {
            let text = fs::read_to_string(validator.join(name)).unwrap();
            assert!(text.ends_with('\n') && text.lines().count() == 1);
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(read("deposit_data.json"), json!([recorded.deposit_data]));
        assert_eq!(read("keyshares.json"), with_time(&recorded.keyshares, output.created_at()));
        assert_eq!(read("proofs.json"), recorded.proofs);
    }
}

#[test]
fn a_deposit_with_execution_credentials_is_one_of_the_workspace() {
    let [execution, compounding] = both().map(|recorded| *replay(&recorded).deposit());
    let deposit = execution.to_signed_deposit().unwrap();
    assert_eq!(deposit.deposit_data_root(), execution.deposit_data_root());
    assert_eq!(deposit.deposit_message_root(), execution.deposit_message_root());
    assert_eq!(compounding.to_signed_deposit(), None);
}

#[test]
fn deal_json_and_its_hash_are_the_recorded_ones() {
    for recorded in both() {
        for answer in recorded.deal_responses.values() {
            let signed = SignedTransport::decode(&answer.0).unwrap();
            let kyber = KyberMessage::decode(&signed.message.data).unwrap();
            let bundle = DealBundle::from_json(&kyber.data).unwrap();
            assert_eq!(String::from_utf8(bundle.to_json()).unwrap(), String::from_utf8(kyber.data).unwrap());
        }
    }
    let recorded: Value = read("transcript-4ops-one-reimplemented.json");
    for deal in recorded["operator44_internal"]["received_deals"].as_array().unwrap() {
        let bundle = DealBundle::from_json(deal["kyber_json"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(hex::encode(bundle.hash()), deal["bundle_hash_hex"]);
    }
}

#[test]
fn ceremonies_of_every_size_make_keys_whose_shares_their_operators_can_open() {
    for count in [4, 7, 10, 13] {
        let mut puppets = Puppets::new(count);
        let output = puppets.ceremony(|_, _, _, _| {}).unwrap();
        assert_eq!(output.pubkey(), puppets.validator_pubkey());
        assert_eq!(output.proofs().len(), count);
        let deposit = output.deposit().to_signed_deposit().unwrap();
        assert_eq!(deposit.message().amount, terms().amount);
        let keys = puppets.all.iter().map(|puppet| (puppet.id, &puppet.rsa));
        output.keyshares().verify_decryption(keys).unwrap();
    }
}

#[test]
fn each_operator_is_sent_its_own_version_of_the_same_message() {
    let mut puppets = Puppets::new(4);
    let mut versions = puppets.versions();
    let newer = puppets.all[2].id;
    versions.insert(newer, "v3.1.1".parse().unwrap());
    let identity = InitiatorIdentity::from_pem(&transcript::four_real().initiator_private_key_pem).unwrap();
    let request_id = transcript::four_real().request_id();
    let request = puppets.request();
    let initiated =
        Initiated::new(request.clone(), request_id, identity, &versions, &mut puppets.rng).unwrap();
    for (operator, message) in initiated.messages() {
        let message = SignedTransport::decode(message).unwrap().message;
        assert_eq!(message.version, if *operator == newer { "v3.1.1" } else { "v3.1.0" });
        assert_eq!(Init::decode(&message.data), Ok(request.to_init()));
    }

    versions.remove(&newer);
    let identity = InitiatorIdentity::from_pem(&transcript::four_real().initiator_private_key_pem).unwrap();
    let missing = Initiated::new(request, request_id, identity, &versions, &mut puppets.rng);
    assert_eq!(missing.err().unwrap().to_string(), format!("no version is known of operator {newer}"));
}

#[test]
fn documents_that_are_handed_out_hold_and_a_changed_one_is_named() {
    for recorded in both() {
        let request = SignedTransport::decode(&recorded.results_request.0).unwrap();
        let results = Results::decode(&request.message.data).unwrap();
        let validator = results.verify().unwrap();
        assert_eq!(hex::encode(validator.pubkey().as_bytes()), recorded.deposit_data["pubkey"]);

        let changed = |change: fn(&mut Results)| {
            let mut results = results.clone();
            change(&mut results);
            let problems = results.verify().unwrap_err();
            problems.iter().map(|problem| problem.file.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(changed(|results| results.deposit_data.truncate(9)), ["deposit_data.json"]);
        assert_eq!(changed(|results| results.keyshares_data[0] = 0xff), ["keyshares.json"]);
        let last = |results: &mut Results| {
            let proofs = String::from_utf8(results.proofs.clone()).unwrap();
            let end = proofs.rfind("\"}").unwrap();
            results.proofs[end - 1] = if results.proofs[end - 1] == b'0' { b'1' } else { b'0' };
        };
        assert_eq!(changed(last), ["proofs.json"]);
    }
}
