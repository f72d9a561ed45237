//! What is told of operators, and what they say: their list, versions, refusals.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_dkg::{OperatorList, OperatorVersion, OperatorWords, Refusal};
use nexus_fuzz::{assert_one_line, mutate_json, round_trip_text, show};
use nexus_ssv::Operator;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 0)
});

fuzz_target!(|bytes: &[u8]| {
    assert_one_line(OperatorWords::new(bytes).as_str(), 512);
    let refusal = Refusal::read(400, bytes);
    assert_one_line(&refusal.to_string(), 600);
    let _ = refusal.disposition();

    let Ok(text) = str::from_utf8(bytes) else { return };
    round_trip_text::<OperatorVersion>(text);
    match OperatorList::from_json(text) {
        Ok(list) => check(&list),
        Err(error) => show(&error),
    }
});

fn check(list: &OperatorList) {
    let ids: Vec<_> = list.iter().map(nexus_dkg::DkgOperator::id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "one twice");
    let chosen = list.select(&ids).expect("all are there");
    assert!(chosen.iter().eq(list.iter()));
    for operator in list.iter() {
        assert!(operator.endpoint.is_encrypted() || operator.endpoint.is_loopback());
        let written = operator.operator.key.to_text();
        assert_eq!(Operator::parse(operator.id(), &written).as_ref(), Ok(&operator.operator));
    }
}
