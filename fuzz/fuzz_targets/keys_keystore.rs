//! EIP-2335 keystores: read, never opened.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_fuzz::{mutate_json, show};
use nexus_keys::{Keystore, KeystoreError, KeystoreKdf};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 0)
});

fuzz_target!(|text: &str| {
    match Keystore::from_json(text) {
        Ok(keystore) => check(&keystore),
        Err(error) => show(&error),
    }
});

fn check(keystore: &Keystore) {
    match keystore.kdf() {
        KeystoreKdf::Scrypt(cost) => {
            let memory = (128_u128 << cost.log_n()) * u128::from(cost.r());
            assert!(memory <= 1 << 30 && memory * u128::from(cost.p()) <= 1 << 32, "{cost:?}");
        }
        KeystoreKdf::Pbkdf2(rounds) => assert!((1..=10_000_000).contains(&rounds.get())),
        other => panic!("{other:?} has no bound here"),
    }
    let written = keystore.to_json();
    match Keystore::from_json(&written) {
        Ok(again) => {
            assert_eq!(again.to_json(), written);
            assert_eq!(
                (again.kdf(), again.pubkey(), again.path()),
                (keystore.kdf(), keystore.pubkey(), keystore.path())
            );
        }
        // What was left out is written, so that a text at the limit gets longer.
        Err(KeystoreError::TooLarge { .. }) => {}
        Err(error) => panic!("{written}: {error}"),
    }
}
