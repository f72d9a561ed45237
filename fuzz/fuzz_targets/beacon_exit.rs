//! Signed voluntary exits, as files and requests carry them.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_beacon::UnverifiedVoluntaryExit;
use nexus_fuzz::{mutate_json, round_trip_json};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 0)
});

fuzz_target!(|text: &str| {
    round_trip_json::<UnverifiedVoluntaryExit>(text);
});
