//! Operators that make keys together, asked by an initiator that says what it likes.

mod protocol;
mod refusals;
mod table;

use nexus_dkg::{CeremonyTerms, Network};
use nexus_primitives::{Address, Gwei, OperatorId, OwnerNonce, WithdrawalCredentials};
use nexus_ssv::Registration;

fn id(id: u64) -> OperatorId {
    OperatorId::new(id).unwrap()
}

fn terms() -> CeremonyTerms {
    let owner = "0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9".parse().unwrap();
    CeremonyTerms {
        credentials: WithdrawalCredentials::to_address(Address::new([0xaa; 20])).into(),
        amount: Gwei::VALIDATOR_DEPOSIT,
        network: Network::Hoodi,
        registration: Registration::new(owner, OwnerNonce::new(3)),
    }
}
