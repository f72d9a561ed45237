//! `sharesData`: the first byte chooses the number of operators, the rest is what was registered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_fuzz::show;
use nexus_primitives::{OperatorId, OperatorSet};
use nexus_ssv::SharesData;

fuzz_target!(|input: &[u8]| {
    let [size, bytes @ ..] = input else { return };
    let size = OperatorSet::SIZES[usize::from(*size) % OperatorSet::SIZES.len()];
    let ids = (1..).filter_map(|id| OperatorId::new(id).ok()).take(size);
    let operators = OperatorSet::new(ids).expect("ids ascend");
    match SharesData::decode(bytes, &operators) {
        Ok(shares) => {
            assert_eq!((shares.share_count(), shares.share_pubkeys().len()), (size, size));
            assert_eq!(shares.encrypted_shares().len(), size);
            assert!(shares.encode() == bytes, "every byte counts");
        }
        Err(error) => {
            assert_ne!(bytes.len(), SharesData::encoded_len(size));
            show(&error);
        }
    }
});
