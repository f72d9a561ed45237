//! Whole ceremonies over HTTPS, and what is right about what comes out.

use nexus_devnet::{
    dkg::{Conduct, DkgOperators},
    operators::operators,
};
use nexus_dkg::{
    BulkSize, CeremonyClient as _, CeremonyOutput, CeremonyRequest, Deadlines, OutputFolder, run_ceremonies,
    verify_folder,
};
use nexus_http::{Certificates, HttpClient, HttpLimits};
use nexus_primitives::{OperatorId, ValidatorPubkey};
use nexus_ssv::{Expectation, Operator, ShareSecret, decrypt_share, recombine};
use rsa::{Pkcs1v15Encrypt, pkcs1::DecodeRsaPrivateKey as _};

use super::{client, id, request, run, start};

/// Opens every operator's share.
fn open_shares(output: &CeremonyOutput) -> Vec<(OperatorId, ShareSecret)> {
    let keyshares = output.keyshares().keyshares();
    let shares = keyshares.shares_data().encrypted_shares().zip(keyshares.shares_data().share_pubkeys());
    let ids = keyshares.operators().ids().iter();
    ids.zip(shares)
        .map(|(id, (encrypted, pubkey))| {
            let operator = operators().iter().find(|operator| operator.id == *id).unwrap();
            (*id, decrypt_share(&operator.private_key, encrypted, pubkey).unwrap())
        })
        .collect()
}

/// Recombines the shares of as many operators as the threshold, for as many choices as there are operators.
fn check_thresholds(output: &CeremonyOutput) {
    let threshold = output.keyshares().keyshares().operators().threshold().get();
    for first in 0..output.proofs().len() {
        let mut shares = open_shares(output);
        shares.rotate_left(first);
        shares.truncate(threshold);
        assert_eq!(recombine(&shares).unwrap().pubkey(), output.pubkey());
        shares.pop();
        assert_ne!(recombine(&shares).unwrap().pubkey(), output.pubkey());
    }
}

fn check_documents(output: CeremonyOutput, request: &CeremonyRequest) -> ValidatorPubkey {
    let parties: Vec<Operator> =
        request.operators().iter().map(|operator| operator.operator.clone()).collect();
    let expectation = Expectation::none()
        .pubkey(output.pubkey())
        .registration(request.terms().registration)
        .operators(&parties);
    output.keyshares().verify(&expectation).unwrap();
    let keys = operators().iter().map(|operator| (operator.id, &operator.private_key));
    output.keyshares().verify_decryption(keys.take(parties.len())).unwrap();

    let pubkey = output.pubkey();
    let dir = tempfile::tempdir().unwrap();
    let stored = OutputFolder::open(dir.path()).unwrap().store(vec![output]).unwrap();
    let report = verify_folder(&stored.path);
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.validators[0].pubkey(), pubkey);
    pubkey
}

async fn check(count: usize) {
    let operators = start(count).await;
    let request = request(&operators);
    let client = client(Deadlines::default(), 1).await;
    let output = client.run_ceremony(&request).await.unwrap();
    check_thresholds(&output);
    assert!(client.post_results(request.operators(), &output.clone().stored()).await.is_empty());
    check_documents(output, &request);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_operators_make_a_key() {
    check(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seven_operators_make_a_key() {
    check(7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_operators_make_a_key() {
    check(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirteen_operators_make_a_key() {
    check(13).await;
}

#[tokio::test]
async fn shares_are_encrypted_as_operators_write_them() {
    let operators = start(4).await;
    let output = run(&operators).await.unwrap();
    let recorded: serde_json::Value = serde_json::from_str(include_str!("../../../operators.json")).unwrap();
    let encrypted = *output.keyshares().keyshares().shares_data().encrypted_shares().next().unwrap();
    let key = rsa::PrivateKey::from_pkcs1_pem(recorded[0]["privateKeyPem"].as_str().unwrap()).unwrap();
    let text = key.decrypt(Pkcs1v15Encrypt, encrypted.as_bytes()).unwrap();
    assert_eq!(text.len(), 64);
    assert!(text.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')));
}

#[tokio::test]
async fn operators_of_both_releases_make_a_key_together() {
    let operators = start(4).await;
    for number in [2, 3] {
        operators.get(id(number)).unwrap().behave(Conduct::OtherVersion("v3.1.1".to_owned()));
    }
    let reports = client(Deadlines::default(), 0).await.check_health(&operators.to_dkg_operators()).await;
    let versions: Vec<_> =
        reports.into_iter().map(|report| report.health.unwrap().version.to_string()).collect();
    assert_eq!(versions, ["v3.1.0", "v3.1.1", "v3.1.1", "v3.1.0"]);
    check_documents(run(&operators).await.unwrap(), &request(&operators));
}

#[tokio::test]
async fn several_validators_are_made_at_once_and_each_has_a_key_of_its_own() {
    let operators = start(4).await;
    let first = request(&operators);
    let client = client(Deadlines::default(), 5).await;
    let report = run_ceremonies(&client, &first, BulkSize::new(5, 3).unwrap()).await;
    assert!(report.is_complete(), "{:?}", report.failure());
    let outputs = report.into_usable();
    let nonces: Vec<_> = outputs.iter().map(|output| output.nonce().get()).collect();
    assert_eq!(nonces, [3, 4, 5, 6, 7]);
    let mut pubkeys: Vec<_> = outputs.iter().map(CeremonyOutput::pubkey).collect();
    pubkeys.dedup();
    assert_eq!(pubkeys.len(), 5);
    let dir = tempfile::tempdir().unwrap();
    let stored = OutputFolder::open(dir.path()).unwrap().store(outputs).unwrap();
    assert!(verify_folder(&stored.path).is_sound());
}

#[tokio::test]
async fn documents_are_refused_by_operators_that_were_not_there() {
    let (present, absent) = (start(4).await, start(4).await);
    let output = run(&present).await.unwrap().stored();
    let client = client(Deadlines::default(), 0).await;
    let faults = client.post_results(&absent.to_dkg_operators(), &output).await;
    let texts: Vec<_> = faults.iter().map(|fault| fault.fault.to_string()).collect();
    assert_eq!(texts, ["refused with status 400: failed to write results"; 4]);
}

#[tokio::test]
async fn the_service_speaks_http_as_operators_do() {
    let operators = start(1).await;
    let endpoint = operators.to_dkg_operators()[0].endpoint.clone();
    let http = HttpClient::with_certificates(HttpLimits::default(), Certificates::Any).unwrap();
    let unknown = http.get(&endpoint, "/reshare/nothing", &[]).await.unwrap();
    assert_eq!((unknown.status.as_u16(), unknown.body.as_ref()), (404, &b"404 page not found\n"[..]));
    let wrong_method = http.post_bytes(&endpoint, "/health_check", Vec::new().into()).await.unwrap();
    assert_eq!((wrong_method.status.as_u16(), wrong_method.body.len()), (405, 0));
    let malformed = http.post_bytes(&endpoint, "/dkg", vec![1, 2, 3].into()).await.unwrap();
    assert_eq!(malformed.status.as_u16(), 400);
    assert_eq!(malformed.body[..4], [4, 0, 0, 0]);
    let text = str::from_utf8(&malformed.body[4..]).unwrap();
    assert!(
        text.starts_with("operator 1, err: process message: failed to unmarshal dkg message: "),
        "{text}"
    );
}

#[tokio::test]
async fn operators_that_were_stopped_are_gone() {
    let operators: DkgOperators = start(4).await;
    let parties = operators.to_dkg_operators();
    let client = client(Deadlines::default(), 0).await;
    assert!(client.check_health(&parties).await.iter().all(|report| report.health.is_ok()));
    operators.shutdown().await;
    assert!(client.check_health(&parties).await.iter().all(|report| report.health.is_err()));
}
