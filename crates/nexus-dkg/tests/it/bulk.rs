//! Several ceremonies: in the order of their nonces, and nothing usable behind a failure.

use std::sync::Mutex;

use async_trait::async_trait;
use nexus_dkg::{
    BulkError, BulkOutcome, BulkReport, BulkSize, CeremonyClient, CeremonyError, CeremonyFault,
    CeremonyOutput, CeremonyRequest, DkgOperator, HealthReport, StoredOutput, run_ceremonies,
};
use nexus_primitives::OwnerNonce;

use crate::puppets::Puppets;

/// Makes keys with puppets; ceremonies for some nonces fail.
#[derive(Default)]
struct PuppetClient {
    failing: Vec<u64>,
    begun: Mutex<Vec<u64>>,
    at_once: Mutex<(usize, usize)>,
}

#[async_trait]
impl CeremonyClient for PuppetClient {
    async fn check_health(&self, _: &[DkgOperator]) -> Vec<HealthReport> {
        Vec::new()
    }

    async fn run_ceremony(&self, request: &CeremonyRequest) -> Result<CeremonyOutput, CeremonyError> {
        let nonce = request.terms().registration.nonce.get();
        self.begun.lock().unwrap().push(nonce);
        {
            let mut at_once = self.at_once.lock().unwrap();
            at_once.0 += 1;
            at_once.1 = at_once.1.max(at_once.0);
        }
        tokio::task::yield_now().await;
        self.at_once.lock().unwrap().0 -= 1;
        if self.failing.contains(&nonce) {
            return Err(CeremonyError::NoKey);
        }
        Puppets::with_terms(4, *request.terms()).ceremony(|_, _, _, _| {})
    }

    async fn post_results(&self, _: &[DkgOperator], _: &StoredOutput) -> Vec<CeremonyFault> {
        Vec::new()
    }
}

/// Shows a report in short: nonce and outcome.
fn outcomes(report: &BulkReport) -> Vec<(u64, &'static str)> {
    let outcomes = report.entries.iter().map(|entry| {
        let outcome = match &entry.outcome {
            BulkOutcome::Usable(output) => {
                assert_eq!(output.nonce(), entry.nonce);
                "usable"
            }
            BulkOutcome::Failed(_) => "failed",
            BulkOutcome::Stranded { .. } => "stranded",
            _ => "not run",
        };
        (entry.nonce.get(), outcome)
    });
    outcomes.collect()
}

async fn run(client: &PuppetClient, count: u64, at_once: usize) -> BulkReport {
    run_ceremonies(client, &Puppets::new(4).request(), BulkSize::new(count, at_once).unwrap()).await
}

#[tokio::test]
async fn validators_come_in_the_order_of_their_nonces_and_no_more_at_once_than_allowed() {
    let client = PuppetClient::default();
    let report = run(&client, 5, 2).await;
    assert!(report.is_complete());
    assert!(report.failure().is_none());
    assert_eq!(outcomes(&report), [3, 4, 5, 6, 7].map(|nonce| (nonce, "usable")));
    assert_eq!(client.at_once.lock().unwrap().1, 2);
    let outputs = report.into_usable();
    let nonces: Vec<_> = outputs.iter().map(|output| output.nonce().get()).collect();
    assert_eq!(nonces, [3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn nothing_behind_a_failure_is_usable_and_no_more_is_begun() {
    let client = PuppetClient { failing: vec![4], ..PuppetClient::default() };
    let report = run(&client, 6, 3).await;
    assert_eq!(
        outcomes(&report),
        [(3, "usable"), (4, "failed"), (5, "stranded"), (6, "not run"), (7, "not run"), (8, "not run")]
    );
    let (nonce, error) = report.failure().unwrap();
    assert_eq!((nonce.get(), error.to_string()), (4, CeremonyError::NoKey.to_string()));
    assert_eq!(*client.begun.lock().unwrap(), [3, 4, 5]);
    assert_eq!(report.into_usable().len(), 1);
}

#[tokio::test]
async fn a_report_that_ends_with_the_nonces_is_not_complete() {
    let client = PuppetClient::default();
    for (start, entries, complete) in [(u64::MAX - 1, 2, true), (u64::MAX, 1, false)] {
        let first = Puppets::new(4).request().with_nonce(OwnerNonce::new(start));
        let report = run_ceremonies(&client, &first, BulkSize::new(2, 1).unwrap()).await;
        assert!(outcomes(&report).iter().all(|(_, outcome)| *outcome == "usable"));
        assert_eq!((report.entries.len(), report.is_complete()), (entries, complete));
    }
}

#[test]
fn sizes_are_those_that_operators_take() {
    assert!(BulkSize::new(100, 20).is_ok());
    assert_eq!(BulkSize::new(0, 1), Err(BulkError::Count(0)));
    assert_eq!(BulkSize::new(101, 1), Err(BulkError::Count(101)));
    assert_eq!(BulkSize::new(1, 0), Err(BulkError::AtOnce(0)));
    assert_eq!(BulkSize::new(1, 21), Err(BulkError::AtOnce(21)));
}
