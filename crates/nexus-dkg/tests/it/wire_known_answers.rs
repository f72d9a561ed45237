//! Ids, hashes, roots and RSA signatures of the recordings, recomputed.

use nexus_dkg::{
    InitiatorIdentity, InstanceId,
    wire::{Init, InitOperator, MultipleSignedTransports, Output, SignedTransport, Ssz as _},
};
use nexus_primitives::{Gwei, keccak256};
use nexus_ssv::{OperatorPublicKey, PssMismatch};
use serde_json::Value;

use crate::transcript::{Hex, Recorded, both, four_real, read};

#[test]
fn the_first_message_is_built_from_its_inputs_byte_for_byte() {
    for recorded in both() {
        let input = &recorded.init;
        let operators = input.operators.iter();
        let init = Init {
            operators: operators
                .map(|operator| InitOperator { id: operator.id, pubkey: operator.public_key.clone().into() })
                .collect(),
            threshold: input.threshold,
            withdrawal_credentials: input.withdrawal_credentials.0.as_slice().try_into().unwrap(),
            fork: input.fork.parse().unwrap(),
            owner: input.owner.parse().unwrap(),
            nonce: input.nonce,
            amount: Gwei::new(input.amount_gwei),
        };
        assert_eq!(hex::encode(init.encode()), hex::encode(&recorded.init_ssz.0));
        assert_eq!(Hex(init.message_hash().to_vec()), recorded.init_message_hash);
    }
}

#[test]
fn the_instance_id_follows_from_key_message_and_request() {
    for recorded in both() {
        let init = Init::decode(&recorded.init_ssz.0).unwrap();
        let initiator = &recorded.initiator_public_key_encoded;
        let id = InstanceId::derive(initiator, &init, recorded.request_id());
        assert_eq!(id, recorded.instance_id());
    }
    // Values of the fact sheet, computed outside this repository.
    let recorded = four_real();
    let init = Init::decode(&recorded.init_ssz.0).unwrap();
    assert_eq!(
        hex::encode(keccak256(&init.encode())),
        "ca65977efad4a45c55cf0ef88a6254c0dfc6a1e385cbfe759471377b1ece977b"
    );
    assert_eq!(
        hex::encode(init.message_hash()),
        "4572add2b7d974200b270ff73f0aa98687cb9dbb3895bb3cb813d2643440a4d2"
    );
    assert_eq!(recorded.instance_id().to_string(), "cfdbd1885b93034a4572add2b7d974200e23c9c332e848c0");
}

#[test]
fn the_session_id_is_the_one_that_an_independent_operator_had() {
    let recorded: Value = read("transcript-4ops-one-reimplemented.json");
    let instance: [u8; 24] =
        hex::decode(recorded["instance_id"].as_str().unwrap()).unwrap().try_into().unwrap();
    let session = hex::encode(InstanceId::new(instance).session_id());
    assert_eq!(session, recorded["operator44_internal"]["session_id"]);
}

#[test]
fn the_initiators_key_has_the_recorded_encoding() {
    for recorded in both() {
        let identity = InitiatorIdentity::from_pem(&recorded.initiator_private_key_pem).unwrap();
        assert_eq!(identity.public_text(), recorded.initiator_public_key_encoded);
        assert_eq!(identity.public_text().len(), 612);
    }
}

#[test]
fn signatures_of_operators_and_initiator_verify_and_only_under_their_own_key() {
    for recorded in both() {
        let initiator: OperatorPublicKey = recorded.initiator_public_key_encoded.parse().unwrap();
        let (exchanges, deals) = (&recorded.exchange_responses, &recorded.deal_responses);
        for answers in [exchanges, deals, &recorded.output_responses, &recorded.pongs] {
            for (id, Hex(answer)) in answers {
                let operator = recorded.operator(id);
                let signed = SignedTransport::decode(answer).unwrap();
                assert_eq!(signed.signer, operator.key.to_text().as_bytes());
                assert_eq!(signed.verify(&operator.key), Ok(()));
                assert_eq!(signed.verify(&initiator), Err(PssMismatch));
            }
        }
        for Hex(request) in [&recorded.init_request, &recorded.results_request] {
            assert_eq!(SignedTransport::decode(request).unwrap().verify(&initiator), Ok(()));
        }
        for Hex(request) in [&recorded.exchange_request, &recorded.deal_request] {
            let mut bundle = MultipleSignedTransports::decode(request).unwrap();
            assert_eq!(bundle.verify(&initiator), Ok(()));
            bundle.messages.reverse();
            assert_eq!(bundle.verify(&initiator), Err(PssMismatch));
        }
    }
}

#[test]
fn signatures_of_failed_ceremonies_verify() {
    let operators = four_real();
    for name in ["failed-late.json", "failed-baddeal.json", "failed-badfork.json"] {
        let recorded: Value = read(name);
        let answers: Recorded = serde_json::from_value(recorded["output_responses"].clone()).unwrap();
        for (id, Hex(answer)) in &answers {
            let signed = SignedTransport::decode(answer).unwrap();
            assert_eq!(signed.verify(&operators.operator(id).key), Ok(()));
        }
    }
}

#[test]
fn proofs_have_the_recorded_roots_and_signatures() {
    for recorded in both() {
        for (id, Hex(answer)) in &recorded.output_responses {
            let signed = SignedTransport::decode(answer).unwrap();
            let output = Output::decode(&signed.message.data).unwrap();
            let root = output.signed_proof.proof.root();
            assert_eq!(Hex(root.as_bytes().to_vec()), recorded.proof_roots[id]);
            let key = recorded.operator(id).key;
            assert_eq!(output.signed_proof.verify(&key), Ok(()));
            // The root is signed, not the proof's encoding.
            let encoding = output.signed_proof.proof.encode();
            assert_eq!(key.verify_pss(&encoding, &output.signed_proof.signature), Err(PssMismatch));
        }
    }
}
