//! What a call reverted with: any contract's bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_chain::{Revert, decode_revert};
use nexus_fuzz::{assert_one_line, round_trip_json};

fuzz_target!(|data: &[u8]| {
    let revert = decode_revert(data);
    assert_eq!(revert == Revert::Empty, data.is_empty());
    // A hexadecimal digit for every four bits, and a decimal one for fewer.
    assert_one_line(&revert.to_string(), 200 + 3 * data.len());
    let json = serde_json::to_string(&revert).expect("it goes into the journal");
    assert_eq!(round_trip_json(&json), Some(revert));
});
