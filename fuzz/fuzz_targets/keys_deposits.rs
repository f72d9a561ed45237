//! Deposit data files.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_fuzz::{mutate_json, round_trip_json, show};
use nexus_keys::DepositDataJson;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 0)
});

fuzz_target!(|text: &str| {
    round_trip_json::<Vec<DepositDataJson>>(text);
    match DepositDataJson::read_file(text) {
        Ok(deposits) => {
            let name = "somewhere";
            let written = DepositDataJson::write_file(&deposits, name);
            assert_eq!(DepositDataJson::read_file(&written).expect("its own file"), deposits);
        }
        Err(error) => show(&error),
    }
});
