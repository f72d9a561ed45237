//! Every recorded message reads, and writes back to the same bytes; damaged layouts are refused by name.

use nexus_dkg::wire::{
    DecodeError, DecodeProblem, ErrorText, Exchange, Init, InitOperator, KyberMessage, KyberType,
    MessageType, MultipleSignedTransports, Output, Pong, Results, SignedTransport, Ssz, Transport,
};
use serde_json::Value;

use crate::transcript::{Hex, Recorded, both, four_real, read};

/// Decodes and checks that encoding gives the very bytes back.
#[track_caller]
fn round_trip<T: Ssz>(bytes: &[u8]) -> T {
    let value = T::decode(bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(hex::encode(value.encode()), hex::encode(bytes));
    value
}

#[track_caller]
fn round_trip_answer<T: Ssz>(bytes: &[u8], kind: MessageType) -> T {
    let signed: SignedTransport = round_trip(bytes);
    assert_eq!(signed.message.kind, kind);
    round_trip(&signed.message.data)
}

#[test]
fn every_recorded_message_of_a_ceremony_round_trips() {
    for recorded in both() {
        round_trip_answer::<Init>(&recorded.init_request.0, MessageType::Init);
        for answer in recorded.exchange_responses.values() {
            let exchange: Exchange = round_trip_answer(&answer.0, MessageType::Exchange);
            assert_eq!((exchange.pk.len(), exchange.commits.len()), (48, 0));
        }
        for answer in recorded.deal_responses.values() {
            let kyber: KyberMessage = round_trip_answer(&answer.0, MessageType::Kyber);
            assert_eq!(kyber.kind, KyberType::DealBundle);
        }
        for answer in recorded.output_responses.values() {
            round_trip_answer::<Output>(&answer.0, MessageType::Output);
        }
        for answer in recorded.pongs.values() {
            round_trip_answer::<Pong>(&answer.0, MessageType::Pong);
        }
        round_trip_answer::<Results>(&recorded.results_request.0, MessageType::Results);
        let bundles = [
            (&recorded.exchange_request, &recorded.exchange_responses),
            (&recorded.deal_request, &recorded.deal_responses),
        ];
        for (request, answers) in bundles {
            let bundle: MultipleSignedTransports = round_trip(&request.0);
            assert_eq!(bundle.messages.len(), 4);
            for message in bundle.messages {
                assert!(answers.values().any(|Hex(answer)| *answer == message.encode()));
            }
        }
    }
}

#[test]
fn recorded_failures_round_trip() {
    for name in ["failed-late.json", "failed-baddeal.json", "failed-badfork.json"] {
        let recorded: Value = read(name);
        let answers: Recorded = serde_json::from_value(recorded["output_responses"].clone()).unwrap();
        for Hex(answer) in answers.values() {
            let signed: SignedTransport = round_trip(answer);
            if signed.message.kind == MessageType::Kyber {
                let kyber: KyberMessage = round_trip(&signed.message.data);
                assert_eq!(kyber.kind, KyberType::ResponseBundle);
            }
        }
    }
    let refusal = b"\x04\0\0\0operator 11, failed to initialize instance";
    assert_eq!(round_trip::<ErrorText>(refusal).error, "operator 11, failed to initialize instance");
}

#[track_caller]
fn check<T: Ssz + std::fmt::Debug + PartialEq>(bytes: &[u8], field: &'static str, problem: DecodeProblem) {
    let error = DecodeError { container: T::NAME, field, problem };
    assert_eq!(T::decode(bytes), Err(error), "{}", hex::encode(&bytes[..bytes.len().min(64)]));
}

fn transport() -> Transport {
    let (data, version) = (vec![1, 2, 3], "v3.1.0".to_owned());
    Transport { kind: MessageType::Output, identifier: [7; 24], data, version }
}

#[test]
fn a_container_cut_anywhere_names_a_field() {
    let bytes = transport().encode();
    for length in 0..bytes.len() {
        // The last field simply ends earlier, down to nothing.
        assert_eq!(Transport::decode(&bytes[..length]).is_ok(), length >= 43, "{length}");
    }
    check::<Transport>(&bytes[..7], "Type", DecodeProblem::Cut { expected: 8, got: 7 });
    check::<Transport>(&bytes[..20], "Identifier", DecodeProblem::Cut { expected: 24, got: 12 });
    check::<Transport>(&bytes[..38], "Version", DecodeProblem::Cut { expected: 4, got: 2 });
    check::<Transport>(&bytes[..42], "Version", DecodeProblem::Offset { from: 40, to: 42, got: 43 });
    assert_eq!(
        Transport::decode(&bytes[..42]).unwrap_err().to_string(),
        "Transport.Version: expected an offset from 40 to 42, got 43"
    );
}

#[test]
fn offsets_have_one_spelling() {
    let with = |at: usize, byte: u8| {
        let mut bytes = transport().encode();
        bytes[at] = byte;
        bytes
    };
    check::<Transport>(&with(32, 41), "Data", DecodeProblem::FirstOffset { expected: 40, got: 41 });
    check::<Transport>(&with(36, 39), "Version", DecodeProblem::Offset { from: 40, to: 49, got: 39 });
    check::<Transport>(&with(36, 50), "Version", DecodeProblem::Offset { from: 40, to: 49, got: 50 });
    check::<Transport>(&with(0, 16), "Type", DecodeProblem::Unknown { max: 15, got: 16 });
    check::<Transport>(&with(43, 0xff), "Version", DecodeProblem::Text);
}

#[test]
fn lengths_and_counts_have_limits() {
    let long = |version: usize| Transport { version: "v".repeat(version), ..transport() }.encode();
    assert!(Transport::decode(&long(128)).is_ok());
    check::<Transport>(&long(129), "Version", DecodeProblem::TooLong { max: 128, got: 129 });

    let operator = InitOperator { id: 1, pubkey: vec![0; 8] };
    let recorded = four_real();
    let init = |count| Init {
        operators: vec![operator.clone(); count],
        ..Init::decode(&recorded.init_ssz.0).unwrap()
    };
    for count in [0, 1, 13] {
        assert_eq!(Init::decode(&init(count).encode()), Ok(init(count)));
    }
    check::<Init>(&init(14).encode(), "Operators", DecodeProblem::TooMany { max: 13, got: 14 });
    let mut bytes = init(1).encode();
    bytes[56] = 6;
    check::<Init>(&bytes, "Operators", DecodeProblem::ListOffset { got: 6 });
    bytes[56] = 0;
    check::<Init>(&bytes, "Operators", DecodeProblem::ListOffset { got: 0 });

    let long = ErrorText { error: "e".repeat(513) }.encode();
    check::<ErrorText>(&long, "Error", DecodeProblem::TooLong { max: 512, got: 513 });
    let mut pong = Pong { id: 1, pubkey: Vec::new(), multisig: true, eth_client_connected: true }.encode();
    pong[12] = 2;
    check::<Pong>(&pong, "Multisig", DecodeProblem::Bool { got: 2 });
}

#[test]
fn credentials_of_another_length_are_refused() {
    let recorded = four_real();
    let bytes = recorded.init_ssz.0;
    check::<Init>(
        &bytes[..bytes.len() - 1],
        "WithdrawalCredentials",
        DecodeProblem::Length { expected: 32, got: 31 },
    );
    let longer = [&bytes[..], &[0]].concat();
    check::<Init>(&longer, "WithdrawalCredentials", DecodeProblem::TooLong { max: 32, got: 33 });
}
