//! What operators refuse, in the order in which they look, with their words.

use nexus_devnet::dkg::{Conduct, Phases, Reply};
use nexus_dkg::wire::{Init, MessageType, MultipleSignedTransports, SignedTransport, Ssz as _, Transport};
use nexus_primitives::Gwei;

use super::table::{SECOND, Table};

const UNENCODABLE: &str = "something went really wrong, failed to ssz encode error. Please check.";

#[track_caller]
fn check_init(change: impl FnOnce(&mut Init), expected: &str) {
    let mut table = Table::new(Phases::default());
    change(&mut table.init);
    let opening = table.opening().encode();
    let expected = format!("operator 1, failed to initialize instance, err: {expected}");
    assert_eq!(table.refused("/init", &opening), expected);
}

#[track_caller]
fn check_opening(change: impl FnOnce(&mut SignedTransport), expected: &str) {
    let mut table = Table::new(Phases::default());
    let mut opening = table.opening();
    change(&mut opening);
    assert_eq!(table.refused("/init", &opening.encode()), expected);
}

#[test]
fn openings_must_be_for_operators_that_can_make_a_key() {
    check_init(|init| init.operators.swap(0, 1), "operators not unique or not ordered");
    check_init(|init| init.operators[0].id = 0, "operators not unique or not ordered");
    check_init(|init| init.operators[3].id = 3, "operators not unique or not ordered");
    check_init(|init| init.threshold = 4, "threshold set is invalid");
    check_init(|init| drop(init.operators.pop()), "threshold set is invalid");
    let amount = "amount should be in range between 32 ETH and 2048 ETH";
    check_init(|init| init.amount = Gwei::new(31_999_999_999), amount);
    check_init(|init| init.amount = Gwei::new(2_048_000_000_001), amount);
    check_init(|init| init.withdrawal_credentials[0] = 3, "invalid withdrawal credentials");
    check_init(|init| init.operators[0].pubkey[600] ^= 1, "init: failed to create instance: wrong operator");
    check_init(
        |init| {
            let first = init.operators[0].pubkey.clone();
            init.operators[0].pubkey = std::mem::replace(&mut init.operators[1].pubkey, first);
        },
        "init: failed to create instance: wrong operator ID: want 1, got 2",
    );
}

#[test]
fn openings_must_be_signed_messages_of_this_version() {
    let prefix = "operator 1, failed to initialize instance, err:";
    check_opening(
        |opening| opening.message.version = "v3.0.3".to_owned(),
        &format!("{prefix} wrong version: remote v3.0.3 local v3.1.0"),
    );
    check_opening(
        |opening| opening.message.kind = MessageType::Exchange,
        "operator 1, err: not init message to init route",
    );
    check_opening(
        |opening| opening.message.data.truncate(100),
        &format!(
            "{prefix} init: failed to unmarshal init message: \
             Init.WithdrawalCredentials: expected an offset from 56 to 100, got 2568"
        ),
    );
    check_opening(
        |opening| opening.signer = b"nobody".to_vec(),
        &format!("{prefix} init: failed parse initiator public key: key is not base64 of a PEM text"),
    );
    check_opening(
        |opening| opening.signature[0] ^= 1,
        &format!("{prefix} init: initiator signature isn't valid: crypto/rsa: verification error"),
    );
    let mut table = Table::new(Phases::default());
    let text = table.refused("/init", b"GET");
    assert!(text.starts_with("operator 1, err: SignedTransport."), "{text}");
}

#[test]
fn the_version_that_an_operator_demands_is_its_own() {
    let mut table = Table::new(Phases::default());
    table.conducts[0] = Conduct::OtherVersion("v3.1.1".to_owned());
    let opening = table.opening().encode();
    let text = table.refused("/init", &opening);
    assert!(text.ends_with("wrong version: remote v3.1.0 local v3.1.1"), "{text}");
}

#[test]
fn openings_are_not_taken_twice_within_a_minute() {
    let mut table = Table::new(Phases::default());
    let opening = table.opening().encode();
    assert!(matches!(table.post(0, "/init", &opening).reply, Reply::Response { status: 200, .. }));
    let exists = "operator 1, failed to initialize instance, err: got init msg for existing instance";
    assert_eq!(table.refused("/init", &opening), exists);
    table.now = SECOND * 59;
    assert_eq!(table.refused("/init", &opening), exists);
    table.now = SECOND * 60;
    assert!(matches!(table.post(0, "/init", &opening).reply, Reply::Response { status: 200, .. }));
}

#[test]
fn messages_are_not_taken_twice() {
    let mut table = Table::new(Phases::default());
    let exchange = table.exchange().encode();
    let answers = table.post_all("/dkg", &exchange);
    let duplicate = "operator 1, err: process message: failed to process dkg message: duplicate message";
    assert_eq!(table.refused("/dkg", &exchange), duplicate);
    let deals = table.bundle(answers.into_iter().map(|(signed, _)| signed).collect()).encode();
    table.post_all("/dkg", &deals);
    assert_eq!(table.refused("/dkg", &exchange), duplicate);
    assert_eq!(
        table.refused("/dkg", &deals),
        "operator 1, err: process message: timed out waiting for response: context deadline exceeded"
    );
}

#[test]
fn deals_are_not_taken_before_the_exchange() {
    let mut deals = Table::new(Phases::default()).deals();
    let mut table = Table::new(Phases::default());
    let opening = table.opening().encode();
    table.post_all("/init", &opening);
    let fault = "operator 1, err: process message: failed to process dkg message:";
    assert_eq!(table.refused("/dkg", &deals.encode()), format!("{fault} DKG is not started"));
    deals.messages.truncate(3);
    let bundle = table.bundle(deals.messages).encode();
    let incomplete = "operator 1, err: at init all operators should send messages";
    assert_eq!(table.refused("/dkg", &bundle), incomplete);
}

/// Changes the messages of the bundle of exchange keys; the initiator signs what came of it.
#[track_caller]
fn check_messages(change: impl FnOnce(&mut Vec<SignedTransport>), expected: &str) {
    let mut table = Table::new(Phases::default());
    let mut messages = table.exchange().messages;
    change(&mut messages);
    let bundle = table.bundle(messages).encode();
    assert_eq!(table.refused("/dkg", &bundle), format!("operator 1, err: {expected}"));
}

/// Changes the bundle that the initiator signed.
#[track_caller]
fn check_bundle(change: impl FnOnce(&mut MultipleSignedTransports), expected: &str) {
    let mut table = Table::new(Phases::default());
    let mut bundle = table.exchange();
    change(&mut bundle);
    assert_eq!(table.refused("/dkg", &bundle.encode()), expected);
}

#[test]
fn bundles_must_be_of_a_known_ceremony_and_its_initiator() {
    check_bundle(
        |bundle| bundle.identifier[0] ^= 1,
        "operator 1, err: got message to instance that I don't have, send Init first",
    );
    // Real operators quote a key in these words, and then the words don't fit.
    check_bundle(|bundle| bundle.signature[0] ^= 1, UNENCODABLE);
    check_bundle(|bundle| bundle.messages.swap(0, 1), UNENCODABLE);
}

#[test]
fn bundles_must_have_a_signed_message_of_every_operator() {
    let incomplete = "at init all operators should send messages";
    check_messages(|messages| drop(messages.pop()), incomplete);
    check_messages(|messages| messages[3] = messages[2].clone(), incomplete);
    check_messages(|messages| messages[3].signer[600] ^= 1, "wrong operator");
    let fault = "process message: failed to process dkg message:";
    check_messages(
        |messages| messages[3].message.data[20] ^= 1,
        &format!("{fault} crypto/rsa: verification error"),
    );
    check_messages(|messages| messages.push(messages[0].clone()), &format!("{fault} duplicate message"));
}

#[test]
fn documents_are_taken_from_the_initiator_of_a_ceremony_only() {
    let mut table = Table::new(Phases::default());
    let message = |kind| Transport { kind, identifier: [0; 24], data: vec![1], version: String::new() };
    let other = table.sign(message(MessageType::Init)).encode();
    assert_eq!(table.refused("/results", &other), "received wrong message type");
    let malformed = table.sign(message(MessageType::Results)).encode();
    assert_eq!(table.refused("/results", &malformed), "failed to write results");
}
