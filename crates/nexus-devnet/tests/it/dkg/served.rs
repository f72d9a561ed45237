//! Operators that belong to a served world.

use std::path::Path;

use nexus_devnet::{
    Devnet, DevnetConfig,
    dkg::{Conduct, DkgOperatorHandle, Phases},
    operators::operators,
};
use nexus_dkg::{
    CeremonyClient as _, CeremonyError, CeremonyRequest, CeremonyTerms, Deadlines, DkgOperator, Network,
    RoundFailed,
};
use nexus_primitives::{OperatorId, UnixSeconds};
use nexus_ssv::Operator;
use serde_json::{Value, json};

use super::{client, endpoint_on_chain, id, terms};

async fn serve(dkg: Option<Phases>) -> Devnet {
    let config = DevnetConfig { dkg, ..DevnetConfig::fast(UnixSeconds::new(1_700_000_000)) };
    Devnet::start(config).await.unwrap()
}

fn operator(devnet: &Devnet, id: OperatorId) -> &DkgOperatorHandle {
    devnet.dkg_operators().unwrap().get(id).unwrap()
}

/// Finds operators as a bot does: by what is on chain.
fn find(devnet: &Devnet, ids: impl IntoIterator<Item = u64>) -> Vec<DkgOperator> {
    let find = |number| {
        let known = operators().iter().find(|operator| operator.id == id(number)).unwrap();
        let operator = Operator { id: known.id, key: known.key_text.parse().unwrap() };
        DkgOperator::new(operator, &endpoint_on_chain(devnet, known.id)).unwrap()
    };
    ids.into_iter().map(find).collect()
}

/// A ceremony of the operators of cluster 5, for the world's own network.
fn request(devnet: &Devnet) -> CeremonyRequest {
    let fork_version = devnet.beacon().read().config().genesis_fork_version;
    let terms = CeremonyTerms { network: Network::try_from(fork_version).unwrap(), ..terms() };
    CeremonyRequest::new(&find(devnet, 5..=8), terms).unwrap()
}

fn ceremonies(devnet: &Devnet) -> Vec<u64> {
    let all = devnet.dkg_operators().unwrap().all().iter();
    all.map(|operator| operator.request_counts().ceremonies).collect()
}

fn written_config(devnet: &Devnet, dir: &Path) -> toml::Table {
    let paths = devnet.write_config(dir).unwrap();
    std::fs::read_to_string(paths.config).unwrap().parse().unwrap()
}

#[tokio::test]
async fn operators_are_found_on_chain_and_make_a_key() {
    let devnet = serve(Some(Phases::default())).await;
    for operator in devnet.dkg_operators().unwrap().all() {
        assert_eq!(endpoint_on_chain(&devnet, operator.id()), operator.url());
    }
    let output = client(Deadlines::default(), 1).await.run_ceremony(&request(&devnet)).await.unwrap();
    let made_by: Vec<_> = output.keyshares().keyshares().operators().ids().to_vec();
    assert_eq!(made_by, [5, 6, 7, 8].map(id));
    assert_eq!(ceremonies(&devnet), [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn operators_of_a_running_world_are_made_to_fail_and_to_recover() {
    let devnet = serve(Some(Phases::default())).await;
    let (client, request) = (client(Deadlines::default(), 2).await, request(&devnet));
    operator(&devnet, id(6)).behave(Conduct::WrongPartial);
    let failed = client.run_ceremony(&request).await.unwrap_err();
    let CeremonyError::Round(RoundFailed { faults, .. }) = failed else { panic!("{failed}") };
    assert_eq!(faults.iter().map(|fault| fault.operator).collect::<Vec<_>>(), [id(6)]);
    operator(&devnet, id(6)).behave(Conduct::Faithful);
    client.run_ceremony(&request).await.unwrap();
    assert_eq!(operator(&devnet, id(7)).request_counts().ceremonies, 2);
}

#[tokio::test]
async fn configuration_and_info_tell_of_operators_that_make_keys() {
    let devnet = serve(Some(Phases::default())).await;
    let dir = tempfile::tempdir().unwrap();
    let config = written_config(&devnet, dir.path());
    assert_eq!(config["dkg"]["allow_loopback"].as_bool(), Some(true));
    assert_eq!(config["network"]["chain_id"].as_integer(), Some(1337));
    assert_eq!(config["network"]["genesis_fork_version"].as_str(), Some("0x10000910"));
    let info = serde_json::to_value(devnet.info()).unwrap();
    let listed: Vec<_> = devnet.dkg_operators().unwrap().all().iter().map(entry).collect();
    assert_eq!((info["dkg_operators"].as_array(), listed.len()), (Some(&listed), 13));
}

fn entry(operator: &DkgOperatorHandle) -> Value {
    json!({"id": operator.id(), "url": operator.url()})
}

#[tokio::test]
async fn a_world_has_no_such_operators_unless_told_to() {
    let devnet = serve(None).await;
    assert!(devnet.dkg_operators().is_none());
    assert_eq!(endpoint_on_chain(&devnet, id(1)), "https://operator-1.invalid:3030");
    let dir = tempfile::tempdir().unwrap();
    let config = written_config(&devnet, dir.path());
    assert!(!config.contains_key("dkg"));
    assert_eq!(config["network"]["genesis_fork_version"].as_str(), Some("0x10001337"));
    assert_eq!(serde_json::to_value(devnet.info()).unwrap().get("dkg_operators"), None);
}

#[tokio::test]
async fn operators_stop_with_their_world() {
    let devnet = serve(Some(Phases::default())).await;
    let everybody = find(&devnet, 1..=13);
    let client = client(Deadlines::default(), 0).await;
    assert!(client.check_health(&everybody).await.iter().all(|report| report.health.is_ok()));
    devnet.shutdown().await;
    assert!(client.check_health(&everybody).await.iter().all(|report| report.health.is_err()));
}
