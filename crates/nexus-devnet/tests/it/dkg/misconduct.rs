//! Operators that are told to fail: no key, and the right one is named.

use std::{collections::BTreeSet, time::Duration};

use nexus_devnet::dkg::{Conduct, DkgOperatorHandle, DkgOperators};
use nexus_dkg::{
    CeremonyClient as _, CeremonyError, CeremonyFault, Deadlines, Disposition, Fault, OutputFault, Round,
    RoundFailed,
};

use super::{client, id, request, run, start};

/// Runs a ceremony in which operator 3 misbehaves.
async fn fail(conduct: Conduct) -> (DkgOperators, RoundFailed) {
    let operators = start(4).await;
    operators.get(id(3)).unwrap().behave(conduct);
    let Err(CeremonyError::Round(failed)) = run(&operators).await else { panic!("a round fails") };
    (operators, failed)
}

/// The one fault of the round, which must be operator 3's.
#[track_caller]
fn fault(failed: &RoundFailed, round: Round) -> &Fault {
    let [CeremonyFault { operator, fault }] = failed.faults.as_slice() else { panic!("{failed}") };
    assert_eq!((*operator, failed.round), (id(3), round), "{failed}");
    fault
}

#[tokio::test]
async fn an_absent_operator_is_unreachable_until_it_comes_back() {
    let (operators, failed) = fail(Conduct::Absent).await;
    assert!(matches!(fault(&failed, Round::Health), Fault::Unreachable(_)), "{failed}");
    assert_eq!(failed.disposition(), Disposition::Retry);

    let absent = operators.get(id(3)).unwrap();
    assert_eq!(absent.conduct(), Conduct::Absent);
    absent.behave(Conduct::Faithful);
    assert!(run(&operators).await.is_ok());
}

#[tokio::test]
async fn an_operator_that_leaves_keeps_no_connection_open() {
    let operators = start(4).await;
    let client = client(Deadlines::default(), 1).await;
    assert!(client.run_ceremony(&request(&operators)).await.is_ok());
    operators.get(id(3)).unwrap().behave(Conduct::Absent);
    let reports = client.check_health(&operators.to_dkg_operators()).await;
    let well: Vec<_> = reports.iter().map(|report| report.health.is_ok()).collect();
    assert_eq!(well, [true, true, false, true]);
}

#[tokio::test]
async fn a_slow_operator_misses_the_deadline() {
    let operators = start(4).await;
    operators.get(id(3)).unwrap().behave(Conduct::Slow(Duration::from_hours(1)));
    let deadlines = Deadlines { health: Duration::from_secs(2), ..Deadlines::default() };
    let error = client(deadlines, 1).await.run_ceremony(&request(&operators)).await;
    let Err(CeremonyError::Round(failed)) = error else { panic!("a round fails") };
    assert_eq!(failed.round, Round::Health);
    // On a machine that is busy enough others may be late as well.
    let slow = failed.faults.iter().find(|fault| fault.operator == id(3)).expect("it is named");
    assert!(matches!(slow.fault, Fault::Unreachable(_)), "{failed}");
    assert!(slow.to_string().contains("did not answer completely"), "{failed}");
}

#[tokio::test]
async fn a_wrong_share_is_complained_about_by_its_recipient() {
    let operators = start(4).await;
    operators.get(id(3)).unwrap().behave(Conduct::WrongShareTo(id(2)));
    let Err(CeremonyError::Round(failed)) = run(&operators).await else { panic!("a round fails") };
    let [CeremonyFault { operator, fault: Fault::Complaint { about } }] = failed.faults.as_slice() else {
        panic!("{failed}")
    };
    assert_eq!((*operator, about.as_slice(), failed.round), (id(2), [id(3)].as_slice(), Round::Deal));
    assert_eq!(failed.suspects(), BTreeSet::from([id(2), id(3)]));
}

#[tokio::test]
async fn messages_that_an_operator_did_not_sign_are_refused() {
    let (_, failed) = fail(Conduct::BadSignature).await;
    assert!(matches!(fault(&failed, Round::Init), Fault::Signature), "{failed}");
    assert_eq!(failed.suspects(), BTreeSet::from([id(3)]));
}

#[tokio::test]
async fn a_partial_signature_of_another_deposit_is_refused() {
    let (_, failed) = fail(Conduct::WrongPartial).await;
    let fault = fault(&failed, Round::Deal);
    assert!(matches!(fault, Fault::Output(OutputFault::DepositSignature(_))), "{failed}");
}

#[tokio::test]
async fn an_operator_of_an_old_release_takes_no_part() {
    let (_, failed) = fail(Conduct::OtherVersion("v3.0.3".to_owned())).await;
    assert!(matches!(fault(&failed, Round::Health), Fault::Version(_)), "{failed}");
}

#[tokio::test]
async fn an_answer_that_is_no_message_is_malformed() {
    let (_, failed) = fail(Conduct::GarbageAnswer).await;
    assert!(matches!(fault(&failed, Round::Init), Fault::Malformed(_)), "{failed}");
}

#[tokio::test]
async fn an_operator_that_stops_after_the_exchange_is_unreachable() {
    let (_, failed) = fail(Conduct::StopsAfterExchange).await;
    assert!(matches!(fault(&failed, Round::Exchange), Fault::Unreachable(_)), "{failed}");
}

/// How often the operators were asked after their health, and to how many ceremonies.
fn asked(operators: &DkgOperators) -> Vec<(u64, u64)> {
    let counts = operators.all().iter().map(DkgOperatorHandle::request_counts);
    counts.map(|counts| (counts.health_checks, counts.ceremonies)).collect()
}

#[tokio::test]
async fn operators_count_what_reaches_them() {
    let (operators, _) = fail(Conduct::Absent).await;
    assert_eq!(asked(&operators), [(1, 0), (1, 0), (0, 0), (1, 0)]);
    for (conduct, ceremonies) in [(Conduct::GarbageAnswer, 1), (Conduct::Faithful, 2)] {
        operators.get(id(3)).unwrap().behave(conduct);
        let _ = run(&operators).await;
        assert_eq!(operators.get(id(3)).unwrap().request_counts().ceremonies, ceremonies);
    }
    assert_eq!(asked(&operators), [(3, 2), (3, 2), (2, 2), (3, 2)]);
}
