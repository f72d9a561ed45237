//! Sealed mnemonics: read, never opened.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_fuzz::show;
use nexus_keys::SealedMnemonic;

fuzz_target!(|text: &str| {
    match SealedMnemonic::from_json(text) {
        Ok(sealed) => {
            assert_eq!(sealed.to_json(), text, "an envelope has one spelling");
            let cost = sealed.cost();
            let memory = (128_u128 << cost.log_n()) * u128::from(cost.r());
            assert!(memory <= 1 << 30 && memory * u128::from(cost.p()) <= 1 << 32, "{cost:?}");
        }
        Err(error) => show(&error),
    }
});
