//! The JSON that operators deal each other.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_dkg::wire::{DealBundle, ResponseBundle};
use nexus_fuzz::{mutate_json, show};
use serde_json::Value;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 0)
});

fuzz_target!(|json: &[u8]| {
    match DealBundle::from_json(json) {
        Ok(bundle) => {
            let written = bundle.to_json();
            assert_eq!(content(json), content(&written), "read is what others read, and nothing else");
            let again = DealBundle::from_json(&written).expect("its own JSON");
            assert_eq!((again.hash(), again), (bundle.hash(), bundle));
        }
        Err(error) => show(&error),
    }
    match ResponseBundle::from_json(json) {
        Ok(bundle) => {
            let written = bundle.to_json();
            assert_eq!(content(json), content(&written), "read is what others read, and nothing else");
            let again = ResponseBundle::from_json(&written).expect("its own JSON");
            assert_eq!((again.hash(), again), (bundle.hash(), bundle));
        }
        Err(error) => show(&error),
    }
});

/// What the JSON says, without the one field that may be left out.
fn content(json: &[u8]) -> Value {
    let mut content: Value = serde_json::from_slice(json).expect("it was read");
    if let Some(deal) = content.get_mut("Deal").and_then(Value::as_object_mut)
        && deal.get("Public") == Some(&Value::Null)
    {
        deal.remove("Public");
    }
    content
}
