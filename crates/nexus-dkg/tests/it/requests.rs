//! Requests that no operator should ever see.

use nexus_dkg::{
    CeremonyRequest, CeremonyTerms, Credentials, DkgOperator, Network, RequestError, UnknownNetwork,
};
use nexus_primitives::{Address, ForkVersion, Gwei, OperatorId, WithdrawalCredentials};
use nexus_ssv::{ClusterError, Operator};

use crate::puppets::{Puppets, terms};

#[track_caller]
fn check(change: impl FnOnce(&mut CeremonyTerms), expected: &str) {
    let mut terms = terms();
    change(&mut terms);
    let error = CeremonyRequest::new(&Puppets::new(4).operators(), terms).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn amounts_depend_on_the_kind_of_credentials() {
    let address = Address::new([0xaa; 20]);
    let execution = "deposit of 32000000001 gwei with credentials \
                     0x010000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: \
                     expected 32000000000: with 0x01 the rest would earn nothing";
    check(|terms| terms.amount = Gwei::new(32_000_000_001), execution);
    check(
        |terms| {
            terms.credentials = Credentials::Compounding(address);
            terms.amount = Gwei::new(31_999_999_999);
        },
        "deposit of 31999999999 gwei with credentials \
         0x020000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: \
         expected 32000000000 to 2048000000000",
    );
    for amount in [32_000_000_000, 33_000_000_001, 2_048_000_000_000] {
        let (credentials, amount) = (Credentials::Compounding(address), Gwei::new(amount));
        let terms = CeremonyTerms { credentials, amount, ..terms() };
        assert!(CeremonyRequest::new(&Puppets::new(4).operators(), terms).is_ok());
    }
}

#[test]
fn zero_addresses_are_refused() {
    check(|terms| terms.registration.owner = Address::ZERO, "the owner is the zero address");
    check(
        |terms| terms.credentials = WithdrawalCredentials::to_address(Address::ZERO).into(),
        "the withdrawal address is the zero address",
    );
}

#[test]
fn networks_are_those_that_operators_know() {
    for network in Network::ALL {
        assert_eq!(Network::try_from(network.fork_version()), Ok(network));
    }
    let devnet = ForkVersion::new([0x10, 0, 0, 0x38]);
    assert_eq!(Network::try_from(devnet), Err(UnknownNetwork(devnet)));
}

#[test]
fn operators_are_sorted_and_must_form_a_cluster_of_different_parties() {
    let puppets = Puppets::new(7);
    let mut operators = puppets.operators();
    operators.reverse();
    let request = CeremonyRequest::new(&operators, terms()).unwrap();
    assert!(request.operators().is_sorted_by_key(DkgOperator::id));
    assert!(request.to_init().operators.is_sorted_by_key(|operator| operator.id));
    assert_eq!(request.to_init().threshold, 5);

    let wrong_size = CeremonyRequest::new(&operators[..5], terms());
    assert!(matches!(wrong_size, Err(RequestError::Cluster(ClusterError::Ids(_)))));
    operators[1].operator.key = operators[0].operator.key.clone();
    let one_key = CeremonyRequest::new(&operators, terms());
    assert!(matches!(one_key, Err(RequestError::Cluster(ClusterError::SharedKey { .. }))));
}

#[test]
fn ids_must_fit_the_operators_own_numbering() {
    let with_id = |id: u64| {
        let mut operators = Puppets::new(4).operators();
        operators[3].operator.id = OperatorId::new(id).unwrap();
        CeremonyRequest::new(&operators, terms()).map(drop)
    };
    assert_eq!(with_id(1 << 32), Ok(()));
    let id = OperatorId::new((1 << 32) + 1).unwrap();
    assert_eq!(with_id(id.get()), Err(RequestError::OperatorId(id)));
}

#[test]
fn services_are_reached_over_https_or_on_this_machine() {
    let operator: Operator = Puppets::new(4).operators()[0].operator.clone();
    let new =
        |url: &str| DkgOperator::new(operator.clone(), url).map(drop).map_err(|error| error.to_string());
    assert_eq!(new("https://operator.example:3030/"), Ok(()));
    assert_eq!(new("http://127.0.0.1:3030"), Ok(()));
    assert_eq!(
        new("http://operator.example:3030"),
        Err("address of operator 1's DKG service is http://operator.example:3030, expected https://".into())
    );
    assert_eq!(new("operator.example:3030"), Err("address of operator 1's DKG service".into()));
}
