//! What an operator makes of its share: the two signatures it gives, and the proof.

use nexus_dkg::{
    InstanceId, Network,
    wire::{Init, Output, Proof},
};
use nexus_primitives::{
    Gwei, OwnerNonce, Root, ValidatorPubkey,
    signing::{Domain, DomainType, SigningRoot, bytes_root, chunk, merkle_root},
};
use nexus_ssv::Registration;
use rand_core::CryptoRng;

use super::key_generation::KeyShare;
use crate::operators::DevnetOperator;

/// The result can't be made; operators keep the reason in their log.
#[derive(Debug)]
pub(super) struct Failed;

/// Signs what the ceremony is for with the share, and encrypts the share to the operator's own key.
///
/// `amount` is what the deposit is signed for; the opening's, unless the operator is to lie.
pub(super) fn make_output(
    operator: &DevnetOperator,
    instance: InstanceId,
    init: &Init,
    amount: Gwei,
    share: &KeyShare,
    rng: &mut dyn CryptoRng,
) -> Result<Output, Failed> {
    Network::try_from(init.fork).map_err(|_| Failed)?;
    let deposit = deposit_signing_root(share.validator, init, amount);
    let registration = Registration::new(init.owner, OwnerNonce::new(init.nonce));
    let encrypted =
        operator.private_key.public_key().encrypt_digits(&share.secret, rng).map_err(|_| Failed)?;
    let proof = Proof {
        validator_pubkey: share.validator,
        encrypted_share: encrypted.as_bytes().to_vec(),
        share_pubkey: share.secret.pubkey(),
        owner: init.owner,
    };
    Ok(Output {
        operator_id: operator.id.get(),
        request_id: *instance.as_bytes(),
        deposit_signature: share.secret.sign_message(deposit.as_bytes()).map_err(|_| Failed)?,
        owner_nonce_signature: share.secret.sign_message(&registration.digest()).map_err(|_| Failed)?,
        signed_proof: proof.sign(&operator.private_key, rng).map_err(|_| Failed)?,
    })
}

fn deposit_signing_root(validator: ValidatorPubkey, init: &Init, amount: Gwei) -> SigningRoot {
    let message = merkle_root(&[
        bytes_root(validator.as_bytes()).into_bytes(),
        init.withdrawal_credentials,
        chunk(&amount.get().to_le_bytes()),
    ]);
    Domain::new(DomainType::Deposit, init.fork, Root::new([0; 32])).signing_root(message)
}
