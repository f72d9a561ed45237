//! Whatever is read from a text of its own: units, identities, times, paths, URLs, phrases.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_fuzz::{mutate_json, round_trip_json, round_trip_text, show};
use nexus_http::Endpoint;
use nexus_keys::{KeyPath, Mnemonic};
use nexus_primitives::{
    Address, BasisPoints, BlsSignature, DerivationIndex, Epoch, ForkVersion, Gwei, OperatorId, OperatorSet,
    Root, ValidatorPubkey, Wei, WithdrawalCredentials,
};
use nexus_ssv::CreatedAt;
use zeroize::Zeroizing;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 0)
});

fuzz_target!(|text: &str| {
    round_trip_text::<Address>(text);
    round_trip_text::<ValidatorPubkey>(text);
    round_trip_text::<BlsSignature>(text);
    round_trip_text::<Root>(text);
    round_trip_text::<ForkVersion>(text);
    round_trip_text::<WithdrawalCredentials>(text);
    round_trip_text::<Epoch>(text);
    round_trip_text::<DerivationIndex>(text);
    round_trip_text::<KeyPath>(text);
    round_trip_text::<CreatedAt>(text);
    amounts(text);
    endpoint(text);
    phrase(text);

    round_trip_json::<Address>(text);
    round_trip_json::<Wei>(text);
    round_trip_json::<Gwei>(text);
    round_trip_json::<BasisPoints>(text);
    round_trip_json::<OperatorId>(text);
    if let Some(set) = round_trip_json::<OperatorSet>(text) {
        assert!(OperatorSet::SIZES.contains(&set.len()) && set.ids().is_sorted());
    }
});

fn amounts(text: &str) {
    if let Some(amount) = round_trip_text::<Wei>(text) {
        assert_eq!(Gwei::try_from(amount).map_or(amount, Wei::from), amount);
    }
    let (ether, gwei) = (Wei::from_ether_text(text), Wei::from_gwei_text(text));
    if let Ok(amount) = ether {
        assert_eq!(Wei::from_ether_text(&amount.to_ether_text()), Ok(amount));
        // Nine decimals fewer leave nothing that gwei couldn't say.
        if let Ok(gwei) = gwei {
            assert_eq!(gwei.checked_mul(1_000_000_000), Ok(amount));
        }
    }
}

fn endpoint(text: &str) {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let shown = endpoint.to_string();
            assert!(!shown.contains(['@', '?', '#']), "{shown}");
            if !shown.ends_with('…') {
                assert_eq!(shown.parse::<Endpoint>(), Ok(endpoint), "{shown}");
            }
        }
        Err(error) => show(&error),
    }
}

fn phrase(text: &str) {
    match Mnemonic::from_phrase(Zeroizing::new(text.to_owned())) {
        Ok(mnemonic) => {
            let phrase = mnemonic.expose_phrase();
            assert!(phrase.split(' ').eq(text.split_whitespace()));
            assert!(Mnemonic::from_phrase(Zeroizing::new(phrase.to_owned())).is_ok());
        }
        Err(error) => show(&error),
    }
}
