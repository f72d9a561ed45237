//! What operators say, and when: the times of real operators, without waiting for them.

use std::{collections::BTreeMap, time::Duration};

use nexus_devnet::dkg::{Answer, Conduct, Phases, Reply, Request};
use nexus_dkg::wire::{
    DealResponse, KyberMessage, KyberType, MessageType, Output, ResponseBundle, SignedTransport, Ssz as _,
};
use nexus_primitives::ForkVersion;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use super::{
    id,
    table::{SECOND, Table},
};

fn kinds(answers: &[(SignedTransport, Duration)]) -> Vec<MessageType> {
    answers.iter().map(|(signed, _)| signed.message.kind).collect()
}

fn due(answers: &[(SignedTransport, Duration)]) -> Vec<Duration> {
    answers.iter().map(|(_, due)| *due).collect()
}

fn complaint(signed: &SignedTransport) -> ResponseBundle {
    assert_eq!(signed.message.kind, MessageType::Kyber);
    let kyber = KyberMessage::decode(&signed.message.data).unwrap();
    assert_eq!(kyber.kind, KyberType::ResponseBundle);
    ResponseBundle::from_json(&kyber.data).unwrap()
}

#[test]
fn official_operators_tell_results_after_twenty_seconds_and_never_earlier() {
    let mut table = Table::new(Phases::OFFICIAL);
    table.now = SECOND;
    let opening = table.opening().encode();
    assert_eq!(due(&table.post_all("/init", &opening)), [SECOND; 4]);

    let mut table = Table::new(Phases::OFFICIAL);
    table.now = SECOND * 2;
    let deals = table.deals().encode();
    table.now = SECOND * 5;
    let answers = table.post_all("/dkg", &deals);
    assert_eq!(kinds(&answers), [MessageType::Output; 4]);
    assert_eq!(due(&answers), [SECOND * 22; 4]);
}

#[test]
fn prompt_operators_answer_as_soon_as_they_have_everything() {
    let mut table = Table::new(Phases::default());
    let deals = table.deals().encode();
    table.now = SECOND * 9;
    let answers = table.post_all("/dkg", &deals);
    assert_eq!(kinds(&answers), [MessageType::Output; 4]);
    assert_eq!(due(&answers), [SECOND * 9; 4]);
    for (at, (signed, _)) in answers.iter().enumerate() {
        let output = Output::decode(&signed.message.data).unwrap();
        assert_eq!(output.operator_id, at as u64 + 1);
        assert_eq!(output.request_id, *table.instance().as_bytes());
    }
}

#[test]
fn deals_that_come_too_late_are_all_complained_about() {
    for phases in [Phases::OFFICIAL, Phases::default()] {
        let mut table = Table::new(phases);
        let deals = table.deals().encode();
        table.now = SECOND * 10 + Duration::from_millis(1);
        let answers = table.post_all("/dkg", &deals);
        assert_eq!(due(&answers), [table.now; 4]);
        let complaint = complaint(&answers[1].0);
        assert_eq!((complaint.share_index, complaint.session_id), (1, table.instance().session_id()));
        let bad = |dealer_index| DealResponse { dealer_index, status: false };
        assert_eq!(complaint.responses, [bad(0), bad(2), bad(3)]);
    }
}

#[test]
fn complaints_have_the_form_of_recorded_ones() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/dkg/live-v3.1.0/failed-late.json");
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let answer = hex::decode(recorded["output_responses"]["22"].as_str().unwrap()).unwrap();
    let recorded = SignedTransport::decode(&answer).unwrap();

    let mut table = Table::new(Phases::OFFICIAL);
    let deals = table.deals().encode();
    table.now = SECOND * 11;
    let answers = table.post_all("/dkg", &deals);
    // Everything but ids, hashes and signatures, which are as long.
    let skeleton = |signed: &SignedTransport| {
        let kyber = KyberMessage::decode(&signed.message.data).unwrap();
        let text = String::from_utf8(kyber.data).unwrap();
        let lines = text.lines().map(|line| line.split(": ").next().unwrap().to_owned());
        (signed.message.kind, signed.message.version.clone(), kyber.kind, lines.collect::<Vec<_>>())
    };
    assert_eq!(skeleton(&answers[1].0), skeleton(&recorded));
}

#[test]
fn a_wrong_share_is_complained_about_when_deals_are_opened() {
    let mut table = Table::new(Phases::OFFICIAL);
    table.conducts[3] = Conduct::WrongShareTo(id(1));
    let deals = table.deals().encode();
    table.now = SECOND * 3;
    let answers = table.post_all("/dkg", &deals);
    assert_eq!(due(&answers), [10, 20, 20, 20].map(|seconds| SECOND * seconds));
    assert_eq!(complaint(&answers[0].0).responses, [DealResponse { dealer_index: 3, status: false }]);
    assert_eq!(kinds(&answers[1..]), [MessageType::Output; 3]);
}

#[test]
fn an_unknown_network_fails_at_the_end() {
    let mut table = Table::new(Phases::OFFICIAL);
    table.init.fork = ForkVersion::new([0x10, 0, 0x13, 0x37]);
    let deals = table.deals().encode();
    let answers = table.post_all("/dkg", &deals);
    assert_eq!(kinds(&answers), [MessageType::Error; 4]);
    assert_eq!(due(&answers), [SECOND * 20; 4]);
    assert_eq!(answers[0].0.message.data, br#""CEREMONY_FAILED""#);
}

#[test]
fn slowness_adds_to_every_answer() {
    let mut table = Table::new(Phases::OFFICIAL);
    table.conducts = vec![Conduct::Slow(SECOND); 4];
    table.now = SECOND * 5;
    let opening = table.opening().encode();
    assert_eq!(due(&table.post_all("/init", &opening)), [SECOND * 6; 4]);
}

#[test]
fn health_and_wrong_places_are_answered() {
    let mut table = Table::new(Phases::default());
    let rng = &mut StdRng::seed_from_u64(1);
    let mut status = |method, path| {
        let request = Request { method, path, body: &[] };
        match table.operators[0].answer(&request, SECOND, &Conduct::Faithful, rng) {
            Answer { reply: Reply::Response { status, body }, due: SECOND } => (status, body.len()),
            answer => panic!("{answer:?}"),
        }
    };
    // As long as a real operator's (facts recorded in fixtures/dkg).
    assert_eq!(status("GET", "/health_check"), (200, 1552));
    assert_eq!(status("POST", "/health_check"), (405, 0));
    assert_eq!(status("GET", "/init"), (405, 0));
    assert_eq!(status("POST", "/resign"), (404, 19));
}

#[test]
fn messages_are_as_long_as_real_operators() {
    let mut table = Table::new(Phases::default());
    let opening = table.opening().encode();
    let introduction = table.post_all("/init", &opening);
    let mut table = Table::new(Phases::default());
    let exchange = table.exchange();
    let deals = table.post_all("/dkg", &exchange.encode());
    let bundle = table.bundle(deals.iter().map(|(signed, _)| signed.clone()).collect());
    let outputs = table.post_all("/dkg", &bundle.encode());
    let lengths = BTreeMap::from([
        ("init", opening.len()),
        ("exchange", introduction[0].0.encode().len()),
        ("exchange bundle", exchange.encode().len()),
        ("output", outputs[0].0.encode().len()),
    ]);
    let expected = [("init", 3526), ("exchange", 982), ("exchange bundle", 4232), ("output", 1790)];
    assert_eq!(lengths, BTreeMap::from(expected));
    // Indices have one digit here and two there: the dealer's own and three recipients'.
    assert_eq!(deals[0].0.encode().len() + 4, 2100);
}

#[test]
fn operators_that_are_gone_break_connections_off() {
    let mut table = Table::new(Phases::default());
    table.conducts[0] = Conduct::Absent;
    let opening = table.opening().encode();
    assert_eq!(table.post(0, "/init", &opening).reply, Reply::BrokenOff);
    table.conducts[0] = Conduct::StopsAfterExchange;
    let exchange = table.exchange().encode();
    assert_eq!(table.post(0, "/dkg", &exchange).reply, Reply::BrokenOff);
}
