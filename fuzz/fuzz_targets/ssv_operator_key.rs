//! Operators' RSA keys, as a text and as the bytes of an event.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_fuzz::{round_trip_text, show};
use nexus_ssv::OperatorPublicKey;

fuzz_target!(|bytes: &[u8]| {
    match OperatorPublicKey::from_event_bytes(bytes) {
        Ok(key) => {
            let written = key.to_event_bytes();
            assert_eq!(written.len(), 704, "SSV's nodes know no other length");
            assert_eq!(OperatorPublicKey::from_event_bytes(&written), Ok(key));
        }
        Err(error) => show(&error),
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Some(key) = round_trip_text::<OperatorPublicKey>(text) {
        assert_eq!(OperatorPublicKey::from_event_bytes(bytes), Ok(key), "the bare text is an event's too");
    }
});
