//! Operators that make keys together, asked by the client that the bot uses, and by one that says what it likes.

mod ceremonies;
mod life;
mod misconduct;
mod protocol;
mod refusals;
mod served;
mod table;

use std::sync::Arc;

use alloy::{
    eips::BlockNumberOrTag,
    primitives::TxKind,
    rpc::types::TransactionRequest,
    sol_types::{SolCall as _, SolValue as _},
};
use nexus_devnet::{
    World,
    dkg::{DkgOperators, Phases},
    operators::operators,
};
use nexus_dkg::{
    CeremonyClient as _, CeremonyError, CeremonyOutput, CeremonyRequest, CeremonyTerms, Deadlines,
    HttpCeremonyClient, InitiatorIdentity, Network,
};
use nexus_primitives::{Address, Clock, Gwei, OperatorId, OwnerNonce, UnixSeconds, WithdrawalCredentials};
use nexus_ssv::Registration;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;

mod calls {
    alloy::sol! {
        function ssvDKGIP(uint64 operatorId) external view returns (string);
    }
}

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(1_795_424_305)
    }
}

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

/// What the contract says where an operator makes keys.
fn endpoint_on_chain(world: &World, operator: OperatorId) -> String {
    let call = calls::ssvDKGIPCall { operatorId: operator.get() }.abi_encode();
    let to = TxKind::Call(world.deployment().node_operator);
    let request = TransactionRequest { to: Some(to), ..Default::default() }.input(call.into());
    let answer = world.execution().call(&request, BlockNumberOrTag::Latest.into(), None, None).unwrap();
    String::abi_decode(&answer).unwrap()
}

/// Starts the first operators.
async fn start(count: usize) -> DkgOperators {
    DkgOperators::start(&operators()[..count], Phases::default(), &mut StdRng::from_rng(&mut rand::rng()))
        .await
        .unwrap()
}

/// A client with keys drawn long ago, as many as it will need: drawing one takes a while.
async fn client(deadlines: Deadlines, ceremonies: usize) -> HttpCeremonyClient {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/dkg/live-v3.1.0/transcript-4ops.json");
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let pem = recorded["initiator_private_key_pem"].as_str().unwrap();
    let rng = StdRng::from_rng(&mut rand::rng());
    let client = HttpCeremonyClient::new(deadlines, Arc::new(FixedClock), rng).unwrap();
    for _ in 0..ceremonies {
        client.prepare(InitiatorIdentity::from_pem(pem).unwrap()).await;
    }
    client
}

fn request(operators: &DkgOperators) -> CeremonyRequest {
    CeremonyRequest::new(&operators.to_dkg_operators(), terms()).unwrap()
}

async fn run(operators: &DkgOperators) -> Result<CeremonyOutput, CeremonyError> {
    client(Deadlines::default(), 1).await.run_ceremony(&request(operators)).await
}
