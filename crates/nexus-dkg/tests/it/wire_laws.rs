//! What holds for all messages: they read back as written, and no bytes make a decoder panic.

use nexus_dkg::{
    OperatorList, OperatorWords, Refusal,
    wire::{
        Deal, DealBundle, DealResponse, ErrorText, Exchange, Init, InitOperator, KyberMessage, KyberType,
        MessageType, MultipleSignedTransports, Output, Pong, Proof, ResponseBundle, Results, SignedProof,
        SignedTransport, Ssz, Transport,
    },
};
use nexus_primitives::{Address, BlsSignature, ForkVersion, Gwei, ValidatorPubkey};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::transcript::four_real;

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=max)
}

fn array<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

fn signature() -> impl Strategy<Value = BlsSignature> {
    array().prop_map(BlsSignature::new)
}

prop_compose! {
    fn transport()(
        kind in select(MessageType::ALL),
        identifier in array(),
        data in bytes(300),
        version in "\\PC{0,32}",
    ) -> Transport {
        Transport { kind, identifier, data, version }
    }
}

prop_compose! {
    fn signed()(message in transport(), signer in bytes(700), signature in bytes(300)) -> SignedTransport {
        SignedTransport { message, signer, signature }
    }
}

prop_compose! {
    fn operator()(id: u64, pubkey in bytes(700)) -> InitOperator {
        InitOperator { id, pubkey }
    }
}

prop_compose! {
    fn init()(
        operators in vec(operator(), 0..=13),
        (threshold, nonce, amount) in any::<(u64, u64, u64)>(),
        withdrawal_credentials in array(),
        fork in array().prop_map(ForkVersion::new),
        owner in array().prop_map(Address::new),
    ) -> Init {
        Init { operators, threshold, withdrawal_credentials, fork, owner, nonce, amount: Gwei::new(amount) }
    }
}

prop_compose! {
    fn output()(
        operator_id: u64,
        request_id in array(),
        (deposit_signature, owner_nonce_signature) in (signature(), signature()),
        rsa_signature in array(),
        (validator, share) in (array(), array()),
        owner in array().prop_map(Address::new),
        encrypted_share in bytes(512),
    ) -> Output {
        let proof = Proof {
            validator_pubkey: ValidatorPubkey::new(validator),
            encrypted_share,
            share_pubkey: ValidatorPubkey::new(share),
            owner,
        };
        let signed_proof = SignedProof { proof, signature: rsa_signature };
        Output { operator_id, request_id, deposit_signature, owner_nonce_signature, signed_proof }
    }
}

prop_compose! {
    fn results()(
        operators in vec(operator(), 0..=13),
        identifier in array(),
        (deposit_data, keyshares_data, proofs) in (bytes(300), bytes(300), bytes(300)),
    ) -> Results {
        Results { operators, identifier, deposit_data, keyshares_data, proofs }
    }
}

prop_compose! {
    fn deals()(
        dealer_index: u32,
        deals in vec((any::<u32>(), array()), 0..=12),
        session_id in array(),
        signature in signature(),
        commitments in vec(array(), 0..=9),
    ) -> DealBundle {
        let deals = deals.into_iter();
        let deals = deals.map(|(share_index, encrypted_share)| Deal { share_index, encrypted_share }).collect();
        DealBundle { dealer_index, deals, session_id, signature, commitments }
    }
}

fn round_trip<T: Ssz + PartialEq + std::fmt::Debug>(value: &T) -> Result<(), TestCaseError> {
    let encoded = value.encode();
    let decoded = T::decode(&encoded);
    prop_assert_eq!(decoded.as_ref(), Ok(value));
    Ok(())
}

/// Whatever a decoder takes, it would have written itself.
fn is_canonical<T: Ssz>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = T::decode(bytes) {
        prop_assert_eq!(value.encode(), bytes);
    }
    Ok(())
}

fn all_are_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    is_canonical::<Transport>(bytes)?;
    is_canonical::<SignedTransport>(bytes)?;
    is_canonical::<MultipleSignedTransports>(bytes)?;
    is_canonical::<InitOperator>(bytes)?;
    is_canonical::<Init>(bytes)?;
    is_canonical::<Exchange>(bytes)?;
    is_canonical::<KyberMessage>(bytes)?;
    is_canonical::<Output>(bytes)?;
    is_canonical::<SignedProof>(bytes)?;
    is_canonical::<Proof>(bytes)?;
    is_canonical::<Results>(bytes)?;
    is_canonical::<Pong>(bytes)?;
    is_canonical::<ErrorText>(bytes)
}

proptest! {
    #[test]
    fn envelopes_round_trip(
        message in signed(),
        messages in vec(signed(), 0..=13),
        identifier in array(),
        signature in bytes(300),
    ) {
        round_trip(&message)?;
        round_trip(&MultipleSignedTransports { identifier, messages, signature })?;
    }

    #[test]
    fn messages_round_trip(init in init(), output in output(), results in results()) {
        round_trip(&init)?;
        round_trip(&output)?;
        round_trip(&results)?;
    }

    #[test]
    fn small_messages_round_trip(
        (pk, commits, data) in (bytes(64), bytes(64), bytes(64)),
        kind in select(KyberType::ALL),
        (id, multisig, eth_client_connected) in any::<(u64, bool, bool)>(),
        error in "\\PC{0,100}",
    ) {
        round_trip(&Pong { id, pubkey: pk.clone(), multisig, eth_client_connected })?;
        round_trip(&Exchange { pk, commits })?;
        round_trip(&KyberMessage { kind, data })?;
        round_trip(&ErrorText { error })?;
    }

    #[test]
    fn json_of_the_key_generation_round_trips(
        bundle in deals(),
        (share_index, responses) in (any::<u32>(), vec(any::<(u32, bool)>(), 0..=12)),
    ) {
        let read = DealBundle::from_json(&bundle.to_json()).unwrap();
        prop_assert_eq!(&read, &bundle);
        prop_assert_eq!(read.hash(), bundle.hash());
        let responses = responses.into_iter();
        let responses = responses.map(|(dealer_index, status)| DealResponse { dealer_index, status }).collect();
        let DealBundle { session_id, signature, .. } = bundle;
        let bundle = ResponseBundle { share_index, responses, session_id, signature };
        prop_assert_eq!(ResponseBundle::from_json(&bundle.to_json()).unwrap(), bundle);
    }

    #[test]
    fn arbitrary_bytes_panic_no_reader(bytes in bytes(2_000)) {
        all_are_canonical(&bytes)?;
        let _ = DealBundle::from_json(&bytes);
        let _ = ResponseBundle::from_json(&bytes);
        let _ = OperatorList::from_json(&String::from_utf8_lossy(&bytes));
        prop_assert!(Refusal::read(400, &bytes).to_string().chars().count() < 600);
        prop_assert!(!OperatorWords::new(&bytes).as_str().contains(char::is_control));
    }

    #[test]
    fn recorded_messages_with_damage_panic_no_reader(
        which in 0..4_usize,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let recorded = four_real();
        let messages = [
            &recorded.init_request,
            &recorded.deal_request,
            &recorded.output_responses["11"],
            &recorded.results_request,
        ];
        let mut bytes = messages[which].0.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        all_are_canonical(&bytes)?;
        if let Ok(signed) = SignedTransport::decode(&bytes) {
            all_are_canonical(&signed.message.data)?;
        }
    }
}
