//! Operators that lie in one field and sign it: the lie is found, and the liar named.

use blst::min_pk::SecretKey;
use nexus_dkg::{
    Answers, CeremonyError, Disposition, InstanceId,
    wire::{
        DealBundle, DealResponse, Exchange, KyberMessage, KyberType, MessageType, Output, ResponseBundle,
        SignedTransport, Ssz as _, Transport,
    },
};
use nexus_primitives::{Address, BlsSignature, OperatorId};

use serde_json::Value;

use crate::puppets::{Puppets, point};

/// The position of the liar among the operators; its id in the fixtures is 3.
const LIAR: usize = 2;

/// Runs a ceremony in which `change` replaces the liar's answer in one round, and compares the error.
#[track_caller]
fn check_answer(
    round: usize,
    change: impl FnOnce(&mut Puppets, InstanceId) -> Vec<u8>,
    expected: &str,
) -> CeremonyError {
    let mut puppets = Puppets::new(4);
    let mut change = Some(change);
    let error = puppets.ceremony(|puppets, at, instance, answers| {
        if at == round {
            let change = change.take().expect("each round comes once");
            answers.insert(puppets.all[LIAR].id, Ok(change(puppets, instance)));
        }
    });
    let error = error.unwrap_err();
    let names = ["init", "exchange", "deal"];
    let expected = format!("ceremony failed in the {} round: operator 3: {expected}", names[round]);
    assert_eq!(error.to_string(), expected);
    error
}

#[track_caller]
fn check_transport(round: usize, change: impl FnOnce(&mut Transport), expected: &str) {
    check_answer(
        round,
        |puppets, instance| {
            let mut message = honest(puppets, round, instance);
            change(&mut message);
            puppets.sign(LIAR, message).encode()
        },
        expected,
    );
}

fn honest(puppets: &mut Puppets, round: usize, instance: InstanceId) -> Transport {
    let (kind, data) = match round {
        0 => (MessageType::Exchange, puppets.exchange(LIAR).encode()),
        1 => (MessageType::Kyber, Puppets::kyber(&puppets.deal(LIAR, instance))),
        _ => (MessageType::Output, puppets.output(LIAR, instance).encode()),
    };
    Puppets::transport(kind, instance, data)
}

#[track_caller]
fn check_exchange(change: impl FnOnce(&mut Exchange), expected: &str) {
    check_transport(
        0,
        |message| {
            let mut exchange = Exchange::decode(&message.data).unwrap();
            change(&mut exchange);
            message.data = exchange.encode();
        },
        expected,
    );
}

/// Changes the deal and signs it again with the exchange key.
#[track_caller]
fn check_deal(change: impl FnOnce(&mut DealBundle), expected: &str) {
    check_answer(
        1,
        |puppets, instance| {
            let mut bundle = puppets.deal(LIAR, instance);
            change(&mut bundle);
            puppets.sign_deal(LIAR, &mut bundle);
            let message = Puppets::transport(MessageType::Kyber, instance, Puppets::kyber(&bundle));
            puppets.sign(LIAR, message).encode()
        },
        expected,
    );
}

/// Changes the deal's JSON as a text.
#[track_caller]
fn check_deal_json(from: &str, to: &str, expected: &str) {
    check_transport(
        1,
        |message| {
            let mut kyber = KyberMessage::decode(&message.data).unwrap();
            let json = String::from_utf8(kyber.data).unwrap();
            assert!(json.contains(from), "{json}");
            kyber.data = json.replacen(from, to, 1).into_bytes();
            message.data = kyber.encode();
        },
        expected,
    );
}

/// Changes the output; its proof is signed again, as the operator could.
#[track_caller]
fn check_output(change: impl FnOnce(&mut Output), expected: &str) {
    check_answer(
        2,
        |puppets, instance| {
            let mut output = puppets.output(LIAR, instance);
            change(&mut output);
            let proof = output.signed_proof.proof.clone();
            output.signed_proof = proof.sign(&puppets.all[LIAR].rsa, &mut puppets.rng).unwrap();
            let message = Puppets::transport(MessageType::Output, instance, output.encode());
            puppets.sign(LIAR, message).encode()
        },
        expected,
    );
}

fn suspects(error: &CeremonyError) -> Vec<u64> {
    let CeremonyError::Round(failed) = error else { panic!("{error}") };
    failed.suspects().into_iter().map(OperatorId::get).collect()
}

#[test]
fn every_answers_envelope_is_checked_in_every_round() {
    for round in 0..3 {
        check_transport(round, |message| message.identifier[23] ^= 1, "answer is of another ceremony");
        let due = ["Exchange", "Kyber", "Output"][round];
        let expected = format!("answered Pong, expected {due}");
        check_transport(round, |message| message.kind = MessageType::Pong, &expected);
        check_transport(
            round,
            |message| {
                message.kind = MessageType::Error;
                message.data = b"\"CEREMONY_FAILED\"".to_vec();
            },
            "reported CEREMONY_FAILED; its log says why",
        );
        let cut = [
            "Exchange.PK: expected 4 bytes, 3 are left",
            "KyberMessage.Type: expected 8 bytes, 3 are left",
            "Result.OperatorID: expected 8 bytes, 3 are left",
        ];
        let expected = format!("malformed answer: {}", cut[round]);
        check_transport(round, |message| message.data.truncate(3), &expected);
    }
}

#[test]
fn an_answer_signed_by_another_operator_is_refused_though_that_one_takes_part() {
    for round in 0..3 {
        let signed_by_another = |puppets: &mut Puppets, instance| {
            let message = honest(puppets, round, instance);
            puppets.sign(1, message).encode()
        };
        let expected = "answer is signed with another key than this operator's";
        check_answer(round, signed_by_another, expected);
        let in_the_liars_name = |puppets: &mut Puppets, instance| {
            let message = honest(puppets, round, instance);
            let signer = puppets.all[LIAR].rsa.public_key().to_text().into_bytes();
            SignedTransport { signer, ..puppets.sign(1, message) }.encode()
        };
        check_answer(round, in_the_liars_name, "RSA signature under the answer does not verify");
    }
}

#[test]
fn an_answer_that_is_no_message_is_refused() {
    for round in 0..3 {
        let expected = "malformed answer: SignedTransport.Message: expected 4 bytes, 0 are left";
        let error = check_answer(round, |_, _| Vec::new(), expected);
        assert_eq!(error.disposition(), Disposition::ReplaceOperator);
    }
}

#[test]
fn one_missing_answer_ends_the_ceremony_and_all_missing_ones_are_named() {
    let mut puppets = Puppets::new(4);
    let error = puppets.ceremony(|puppets, round, _, answers: &mut Answers| {
        if round == 1 {
            answers.remove(&puppets.all[0].id);
            answers.remove(&puppets.all[3].id);
            answers.insert(crate::transcript::id(99), Ok(Vec::new()));
        }
    });
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ceremony failed in the exchange round: operator 1: gave no answer; operator 4: gave no answer; \
         operator 99: answered without taking part in the ceremony"
    );
}

#[test]
fn exchange_keys_must_be_points_of_different_operators() {
    let no_point = "exchange key is not a valid G1 point of 48 bytes";
    check_exchange(|exchange| exchange.pk[47] ^= 1, no_point);
    check_exchange(|exchange| exchange.pk.truncate(47), no_point);
    check_exchange(|exchange| exchange.pk = infinity(48), no_point);
    check_exchange(
        |exchange| exchange.commits = point(1).to_vec(),
        "committed to an existing key with its exchange key",
    );
    let error = check_answer(
        0,
        |puppets, instance| {
            let copied = puppets.exchange(0).encode();
            puppets.sign(LIAR, Puppets::transport(MessageType::Exchange, instance, copied)).encode()
        },
        "has the same exchange key as operator 1",
    );
    assert_eq!(suspects(&error), [1, 3]);
}

fn infinity(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bytes[0] = 0xc0;
    bytes
}

#[test]
fn every_field_of_a_deal_is_checked() {
    check_deal(|deal| deal.dealer_index = 1, "deal: dealer index is 1, expected 2");
    check_deal(|deal| deal.session_id[0] ^= 1, "deal: session id is another ceremony's");
    check_deal(|deal| deal.commitments.truncate(2), "deal: expected 3 commitments, got 2");
    check_deal(|deal| deal.commitments.push(point(5)), "deal: expected 3 commitments, got 4");
    check_deal(|deal| deal.commitments[1][47] ^= 1, "deal: commitment 1 is not a valid G1 point");
    check_deal(
        |deal| deal.commitments[2] = infinity(48).try_into().unwrap(),
        "deal: commitment 2 is not a valid G1 point",
    );
    let recipients = "deal: encrypted shares are not one for each of the other operators in ascending order";
    check_deal(|deal| deal.deals.truncate(2), recipients);
    check_deal(|deal| deal.deals.swap(0, 1), recipients);
    check_deal(|deal| deal.deals[0].share_index = 2, recipients);
    check_deal(|deal| deal.deals.push(deal.deals[2]), recipients);
    check_deal(
        |deal| deal.deals[2].encrypted_share[5] ^= 1,
        "deal: encrypted share for operator 4 does not start with a valid G1 point",
    );
}

#[test]
fn a_deal_must_be_signed_with_the_exchange_key_of_the_first_round() {
    let signed_by = |sign: fn(&Puppets, &mut DealBundle)| {
        check_answer(
            1,
            |puppets, instance| {
                let mut bundle = puppets.deal(LIAR, instance);
                sign(puppets, &mut bundle);
                let message = Puppets::transport(MessageType::Kyber, instance, Puppets::kyber(&bundle));
                puppets.sign(LIAR, message).encode()
            },
            "deal: bundle signature does not verify under the operator's exchange key",
        );
    };
    signed_by(|puppets, bundle| puppets.sign_deal(0, bundle));
    signed_by(|_, bundle| bundle.signature = BlsSignature::new(infinity(96).try_into().unwrap()));
    signed_by(|_, bundle| bundle.deals[0].encrypted_share[95] ^= 1);
    // Ethereum's own signature scheme over the same bytes.
    signed_by(|puppets, bundle| {
        let secret: &SecretKey = &puppets.all[LIAR].exchange_secret;
        let signature = secret.sign(&bundle.hash(), nexus_primitives::bls::ETHEREUM_DST, &[]);
        bundle.signature = BlsSignature::new(signature.compress());
    });
}

#[test]
fn json_that_others_could_read_differently_is_refused() {
    let second_spelling = "malformed deal or complaint: unknown field `dealerIndex`, expected one of \
                           `DealerIndex`, `Deals`, `Public`, `SessionID`, `Signature` at line 4 column 15";
    check_deal_json(r#""DealerIndex": 2,"#, "\"DealerIndex\": 2,\n  \"dealerIndex\": 1,", second_spelling);
    let twice = "malformed deal or complaint: duplicate field `DealerIndex` at line 3 column 33";
    check_deal_json(r#""DealerIndex": 2,"#, r#""DealerIndex": 2, "DealerIndex": 1,"#, twice);
    let points = "malformed deal or complaint: invalid type: sequence, expected unit at line 18 column 12";
    check_deal_json(r#""Public": null"#, r#""Public": [1]"#, points);
    check_deal_list();
    let step = "answered ResponseBundle, expected DealBundle";
    let wrong_step = |message: &mut Transport| {
        let kyber = KyberMessage::decode(&message.data).unwrap();
        message.data = KyberMessage { kind: KyberType::ResponseBundle, ..kyber }.encode();
    };
    check_transport(1, wrong_step, step);
}

/// Lists in the place of objects: the whole, the bundle, and one deal.
fn check_deal_list() {
    let lists: [fn(&mut Value); 3] =
        [list, |json| list(&mut json["Deal"]), |json| list(&mut json["Deal"]["Deals"][1])];
    for change in lists {
        check_transport(
            1,
            |message| {
                let mut kyber = KyberMessage::decode(&message.data).unwrap();
                let mut json = serde_json::from_slice(&kyber.data).unwrap();
                change(&mut json);
                kyber.data = json.to_string().into_bytes();
                message.data = kyber.encode();
            },
            "malformed deal or complaint: not spelled as operators spell it",
        );
    }
}

/// Makes a list of an object, in the order in which serde reads its fields.
fn list(object: &mut Value) {
    let order =
        ["Deal", "DealerIndex", "Deals", "ShareIndex", "EncryptedShare", "Public", "SessionID", "Signature"];
    let fields = order.iter().filter_map(|key| object.get(key).cloned()).collect();
    *object = Value::Array(fields);
}

#[test]
fn public_may_be_left_out_and_no_list_stands_for_an_object() {
    let bundle = Puppets::new(4).deal(LIAR, InstanceId::new([7; 24]));
    let mut json: Value = serde_json::from_slice(&bundle.to_json()).unwrap();
    json["Deal"].as_object_mut().unwrap().remove("Public").unwrap();
    assert_eq!(DealBundle::from_json(json.to_string().as_bytes()).unwrap(), bundle);
    let complaint = ResponseBundle {
        share_index: 2,
        responses: vec![DealResponse { dealer_index: 3, status: false }],
        session_id: [7; 32],
        signature: BlsSignature::new([0; 96]),
    };
    let mut json: Value = serde_json::from_slice(&complaint.to_json()).unwrap();
    assert_eq!(ResponseBundle::from_json(json.to_string().as_bytes()).unwrap(), complaint);
    json["Responses"][0] = serde_json::json!([3, false]);
    let error = ResponseBundle::from_json(json.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "not spelled as operators spell it");
}

#[test]
fn every_field_of_an_output_is_checked() {
    check_output(|output| output.operator_id = 2, "result: operator id is 2");
    check_output(|output| output.request_id[3] ^= 1, "result: request id is another ceremony's");
    check_output(
        |output| output.signed_proof.proof.owner = Address::new([1; 20]),
        "result: proof is for owner 0x0101010101010101010101010101010101010101, \
         expected 0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9",
    );
    check_output(
        |output| output.signed_proof.proof.encrypted_share.truncate(255),
        "result: encrypted share has 255 bytes, expected 256",
    );
    check_output(
        |output| output.deposit_signature = output.owner_nonce_signature,
        "result: partial signature of the deposit: signature does not verify",
    );
    check_output(
        |output| output.owner_nonce_signature = BlsSignature::new([0xff; 96]),
        "result: partial signature of owner and nonce: signature is not a valid G2 point",
    );
}

#[test]
fn keys_other_than_those_that_follow_from_the_deals_are_refused() {
    let puppets = Puppets::new(4);
    let (validator, share) = (puppets.validator_pubkey(), puppets.share(LIAR).pubkey());
    let other = nexus_primitives::ValidatorPubkey::new(point(5));
    check_output(
        |output| output.signed_proof.proof.validator_pubkey = other,
        &format!("result: validator key is {other}, the commitments add up to {validator}"),
    );
    check_output(
        |output| output.signed_proof.proof.share_pubkey = other,
        &format!("result: share key is {other}, from the commitments follows {share}"),
    );
}

#[test]
fn a_proof_must_be_signed_by_its_operator() {
    check_answer(
        2,
        |puppets, instance| {
            let mut output = puppets.output(LIAR, instance);
            // A ciphertext that was swapped after signing.
            output.signed_proof.proof.encrypted_share[0] ^= 1;
            let message = Puppets::transport(MessageType::Output, instance, output.encode());
            puppets.sign(LIAR, message).encode()
        },
        "result: RSA signature under the proof does not verify",
    );
}

#[test]
fn a_complaint_ends_the_ceremony_and_names_both_sides() {
    let complaint = |share_index: u32, about: &[u32]| {
        let bad =
            about.iter().map(|dealer_index| DealResponse { dealer_index: *dealer_index, status: false });
        let responses: Vec<_> =
            [DealResponse { dealer_index: 0, status: true }].into_iter().chain(bad).collect();
        move |puppets: &mut Puppets, instance: InstanceId| {
            let bundle = ResponseBundle {
                share_index,
                responses,
                session_id: instance.session_id(),
                signature: BlsSignature::new([0; 96]),
            };
            let kyber = KyberMessage { kind: KyberType::ResponseBundle, data: bundle.to_json() };
            let message = Puppets::transport(MessageType::Kyber, instance, kyber.encode());
            puppets.sign(LIAR, message).encode()
        }
    };
    let error = check_answer(2, complaint(2, &[3]), "complained about the deals of operators 4");
    assert_eq!(suspects(&error), [3, 4]);
    let other = "malformed deal or complaint: complaint in another operator's name";
    check_answer(2, complaint(1, &[3]), other);
    // Itself, a stranger, and one operator twice.
    let error =
        check_answer(2, complaint(2, &[3, 2, 98, 3, 1]), "complained about the deals of operators 2,4");
    assert_eq!(suspects(&error), [2, 3, 4]);
    let nobody = "malformed deal or complaint: complaint about no other operator";
    for about in [&[][..], &[2], &[2, 98]] {
        let error = check_answer(2, complaint(2, about), nobody);
        assert_eq!(suspects(&error), [3]);
    }
}

#[test]
fn contributions_that_cancel_out_make_no_key() {
    let mut puppets = Puppets::new(4);
    let error = puppets.ceremony(|puppets, round, instance, answers| {
        if round != 1 {
            return;
        }
        // The last dealer saw all others' commitments and deals their negative: a point's sign is one bit.
        let mut bundle = puppets.deal(LIAR, instance);
        let others = (0..4).filter(|at| *at != LIAR).map(|at| puppets.deal(at, instance).commitments[0]);
        let keys: Vec<_> = others.map(|key| blst::min_pk::PublicKey::key_validate(&key).unwrap()).collect();
        let keys: Vec<_> = keys.iter().collect();
        let sum = blst::min_pk::AggregatePublicKey::aggregate(&keys, false).unwrap().to_public_key();
        bundle.commitments[0] = sum.compress();
        bundle.commitments[0][0] ^= 0x20;
        puppets.sign_deal(LIAR, &mut bundle);
        let message = Puppets::transport(MessageType::Kyber, instance, Puppets::kyber(&bundle));
        let answer = puppets.sign(LIAR, message).encode();
        answers.insert(puppets.all[LIAR].id, Ok(answer));
    });
    assert!(matches!(error, Err(CeremonyError::NoKey)), "{error:?}");
}
