//! Signatures with operators' RSA keys. What real operators signed is verified in nexus-dkg, with the recordings.

use nexus_ssv::{PssMismatch, PssSalt};

use crate::fixtures::operators;

#[test]
fn signatures_with_either_salt_verify_and_any_change_is_noticed() {
    let mut rng = rand::rng();
    let operators = operators();
    let [signer, other, ..] = operators.as_slice() else { panic!("thirteen operators") };
    for salt in [PssSalt::Digest, PssSalt::Maximum] {
        let signature = signer.private_key.sign_pss(b"message", salt, &mut rng).unwrap();
        assert_eq!(signer.operator.key.verify_pss(b"message", &signature), Ok(()));

        assert_eq!(signer.operator.key.verify_pss(b"massage", &signature), Err(PssMismatch));
        assert_eq!(other.operator.key.verify_pss(b"message", &signature), Err(PssMismatch));
        let mut damaged = signature;
        damaged[100] ^= 1;
        assert_eq!(signer.operator.key.verify_pss(b"message", &damaged), Err(PssMismatch));
        for wrong_length in [&[][..], &signature[1..], &[&signature[..], &[0]].concat()] {
            assert_eq!(signer.operator.key.verify_pss(b"message", wrong_length), Err(PssMismatch));
        }
    }
}

#[test]
fn two_signatures_over_one_message_differ() {
    let mut rng = rand::rng();
    let operators = operators();
    let mut sign = || operators[0].private_key.sign_pss(b"message", PssSalt::Digest, &mut rng).unwrap();
    assert_ne!(sign(), sign());
}
