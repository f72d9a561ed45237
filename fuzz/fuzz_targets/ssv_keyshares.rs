//! `keyshares.json`.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_fuzz::{mutate_json, show};
use nexus_primitives::OperatorSet;
use nexus_ssv::KeysharesFile;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 0)
});

fuzz_target!(|text: &str| {
    match KeysharesFile::from_json(text) {
        Ok(file) => check(&file),
        Err(error) => show(&error),
    }
});

fn check(file: &KeysharesFile) {
    for item in &file.items {
        let keyshares = item.keyshares();
        assert!(OperatorSet::SIZES.contains(&item.operators().len()));
        assert!(
            item.operators().iter().map(|operator| operator.id).eq(keyshares
                .operators()
                .ids()
                .iter()
                .copied())
        );
        assert_eq!(keyshares.shares_data().share_count(), item.operators().len());
    }
    let now = "2026-11-23T09:08:39.5Z".parse().expect("a time");
    let created_at = file.created_at.unwrap_or(now);
    let expected = KeysharesFile { created_at: Some(created_at), items: file.items.clone() };
    for written in [file.to_json(created_at), file.to_compact_json(created_at)] {
        assert_eq!(KeysharesFile::from_json(&written).expect("its own file"), expected);
    }
}
