//! All messages of a ceremony. An input is offered to every decoder, and so is what an envelope holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_dkg::wire::{
    ErrorText, Exchange, Init, InitOperator, KyberMessage, MAX_MESSAGES, MAX_OPERATORS, MessageType,
    MultipleSignedTransports, Output, Pong, Proof, Results, SignedProof, SignedTransport, Ssz, Transport,
};
use nexus_fuzz::{assert_one_line, show};

fuzz_target!(|bytes: &[u8]| {
    if let Some(init) = canonical::<Init>(bytes) {
        assert!(init.operators.len() <= MAX_OPERATORS);
    }
    if let Some(results) = canonical::<Results>(bytes) {
        assert!(results.operators.len() <= MAX_OPERATORS);
    }
    if let Some(bundle) = canonical::<MultipleSignedTransports>(bytes) {
        assert!(bundle.messages.len() <= MAX_MESSAGES);
        assert!(bundle.signed_bytes().len() <= bytes.len());
    }
    if let Some(signed) = canonical::<SignedTransport>(bytes) {
        assert_eq!(canonical::<Transport>(&signed.signed_bytes()).as_ref(), Some(&signed.message));
        offer(&signed.message);
    }
    canonical::<Transport>(bytes);
    canonical::<InitOperator>(bytes);
    canonical::<Exchange>(bytes);
    canonical::<KyberMessage>(bytes);
    canonical::<Output>(bytes);
    canonical::<SignedProof>(bytes);
    canonical::<Proof>(bytes);
    canonical::<Pong>(bytes);
    canonical::<ErrorText>(bytes);
});

/// Reads what a transport holds, as its receiver would.
fn offer(message: &Transport) {
    let data = &message.data;
    match message.kind {
        MessageType::Init => drop(canonical::<Init>(data)),
        MessageType::Exchange => drop(canonical::<Exchange>(data)),
        MessageType::Kyber => drop(canonical::<KyberMessage>(data)),
        MessageType::Output => drop(canonical::<Output>(data)),
        MessageType::Pong => drop(canonical::<Pong>(data)),
        MessageType::Results => drop(canonical::<Results>(data)),
        _ => {}
    }
}

/// Whatever a decoder takes, it would have written itself: no two byte strings mean one message.
fn canonical<T: Ssz>(bytes: &[u8]) -> Option<T> {
    match T::decode(bytes) {
        Ok(value) => {
            assert!(value.encode() == bytes, "{} is read from other bytes than it is written to", T::NAME);
            Some(value)
        }
        Err(error) => {
            assert_one_line(&error.to_string(), 120);
            show(&error);
            None
        }
    }
}
