//! The documents that an initiator hands out. The first byte chooses which of the recorded ones is replaced by the rest:
//! deposit, keyshares or proofs.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_dkg::{
    CeremonyDocuments,
    wire::{Results, SignedTransport, Ssz as _},
};
use nexus_fuzz::{mutate_json, show};
use nexus_keys::DepositDataJson;
use nexus_ssv::KeysharesFile;
use serde_json::Value;

/// What the initiator of a recorded ceremony handed out.
static RECORDED: LazyLock<Results> = LazyLock::new(|| {
    let recording = include_str!("../../fixtures/dkg/live-v3.1.0/transcript-4ops.json");
    let recording: Value = serde_json::from_str(recording).expect("JSON");
    let message = hex::decode(recording["results_request"].as_str().expect("a text")).expect("hexadecimal");
    let message = SignedTransport::decode(&message).expect("a message").message;
    Results::decode(&message.data).expect("documents")
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 1)
});

fuzz_target!(|input: &[u8]| {
    let [which, document @ ..] = input else { return };
    let mut results = RECORDED.clone();
    match which % 3 {
        0 => results.deposit_data = document.to_vec(),
        1 => results.keyshares_data = document.to_vec(),
        _ => results.proofs = document.to_vec(),
    }
    let documents = as_files(&results);
    let is_sound = documents.is_some_and(|documents| documents.check().map_err(|error| show(&error)).is_ok());
    assert_eq!(results.verify().is_ok(), is_sound, "kept documents are judged as handed out ones");
    match results.verify() {
        Ok(validator) => {
            let deposit = as_written::<DepositDataJson>(&results.deposit_data);
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            assert!(deposit.deposit_cli_version.split('.').all(digits), "{deposit:?}");

            // What is sound is sound when it is written anew from what was read.
            let keyshares = KeysharesFile { created_at: None, items: vec![validator.keyshares.clone()] };
            let created_at = "2026-11-23T09:08:39Z".parse().expect("a time");
            let written = Results {
                deposit_data: serde_json::to_vec(&deposit).expect("texts"),
                keyshares_data: keyshares.to_compact_json(created_at).into_bytes(),
                ..results
            };
            assert_eq!(written.verify().expect("it says the same"), validator);
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused for nothing");
            for problem in &problems {
                show(problem);
            }
        }
    }
});

/// Returns the documents as they are kept, where a deposit stands in a list.
fn as_files(results: &Results) -> Option<CeremonyDocuments> {
    let [deposit, keyshares, proofs] = [&results.deposit_data, &results.keyshares_data, &results.proofs]
        .map(|document| String::from_utf8(document.clone()).ok());
    Some(CeremonyDocuments {
        deposit_data: format!("[{}]", deposit?),
        keyshares: keyshares?,
        proofs: proofs?,
    })
}

/// Reads a document that says nothing but what is read from it.
fn as_written<T: serde::Serialize + serde::de::DeserializeOwned>(json: &[u8]) -> T {
    let read = serde_json::from_slice(json).expect("it was read before");
    let given: Value = serde_json::from_slice(json).expect("it was read before");
    assert_eq!(serde_json::to_value(&read).expect("texts and numbers"), given);
    read
}
