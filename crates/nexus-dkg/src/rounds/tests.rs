//! Flipping every byte that an operator sends: through the crate's inside, where a round can be tried more than once.

use std::{fs, thread};

use serde_json::Value;

use super::*;
use crate::{CeremonyTerms, Disposition, DkgOperator};

fn recording(name: &str) -> Value {
    let path = format!("{}/../../fixtures/dkg/live-v3.1.0/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn answers(recorded: &Value) -> BTreeMap<OperatorId, Vec<u8>> {
    let recorded = recorded.as_object().unwrap();
    recorded
        .iter()
        .map(|(id, answer)| (OperatorId::new(id.parse().unwrap()).unwrap(), bytes(answer)))
        .collect()
}

fn good(answers: &BTreeMap<OperatorId, Vec<u8>>) -> Answers {
    answers.iter().map(|(id, answer)| (*id, Ok(answer.clone()))).collect()
}

fn request(init: &Value) -> CeremonyRequest {
    let operators: Vec<_> = init["operators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operator| {
            let id = OperatorId::new(operator["id"].as_u64().unwrap()).unwrap();
            let operator = Operator::parse(id, operator["public_key"].as_str().unwrap()).unwrap();
            DkgOperator::new(operator, "https://operator.example:3030").unwrap()
        })
        .collect();
    let owner = init["owner"].as_str().unwrap().parse().unwrap();
    let nonce = nexus_primitives::OwnerNonce::new(init["nonce"].as_u64().unwrap());
    let terms = CeremonyTerms {
        credentials: array(&init["withdrawal_credentials"]).try_into().unwrap(),
        amount: nexus_primitives::Gwei::new(init["amount_gwei"].as_u64().unwrap()),
        network: nexus_primitives::ForkVersion::new(array(&init["fork"])).try_into().unwrap(),
        registration: nexus_ssv::Registration::new(owner, nonce),
    };
    CeremonyRequest::new(&operators, terms).unwrap()
}

fn initiated(recorded: &Value) -> Initiated {
    let request = request(&recorded["init"]);
    let versions = request.operator_set().ids().iter().map(|id| (*id, "v3.1.0".parse().unwrap())).collect();
    let identity =
        InitiatorIdentity::from_pem(recorded["initiator_private_key_pem"].as_str().unwrap()).unwrap();
    let request_id = RequestId::new(array(&recorded["new_id"]));
    Initiated::new(request, request_id, identity, &versions, &mut rand::rng()).unwrap()
}

/// Flips one bit in each byte of each answer, the position choosing the bit, and asserts that the round fails and
/// names the operator whose answer it was.
fn flip_every_byte(
    recorded: &BTreeMap<OperatorId, Vec<u8>>,
    examine: impl Fn(Answers) -> Result<(), CeremonyError> + Sync,
) {
    examine(good(recorded)).unwrap();
    let flipped = |operator: OperatorId, position: usize| {
        let mut answers = good(recorded);
        let answer = answers.get_mut(&operator).unwrap().as_mut().unwrap();
        answer[position] ^= 1 << (position % 8);
        match examine(answers) {
            Err(CeremonyError::Round(failed)) => {
                assert_eq!(failed.faults.len(), 1, "byte {position}: {failed}");
                assert_eq!(failed.faults[0].operator, operator, "byte {position}: {failed}");
                assert_eq!(failed.disposition(), Disposition::ReplaceOperator);
            }
            other => panic!("byte {position} of operator {operator}: {other:?}"),
        }
    };
    thread::scope(|scope| {
        for (operator, answer) in recorded {
            let flipped = &flipped;
            scope.spawn(move || (0..answer.len()).for_each(|position| flipped(*operator, position)));
        }
    });
}

#[test]
fn no_flipped_byte_of_an_operator_gets_through_any_round() {
    let recorded = recording("transcript-4ops.json");
    let mut rng = rand::rng();
    let created_at = "2026-11-23T09:08:39Z".parse().unwrap();
    let of = |round: &str| answers(&recorded[round]);
    let initiated = initiated(&recorded);

    let round = of("exchange_responses");
    flip_every_byte(&round, |answers| Ok(initiated.examine(answers).map(drop)?));
    let exchanged = initiated.accept(good(&round), &mut rng).unwrap();

    let round = of("deal_responses");
    flip_every_byte(&round, |answers| exchanged.examine(answers).map(drop));
    let dealt = exchanged.accept(good(&round), &mut rng).unwrap();

    let round = of("output_responses");
    flip_every_byte(&round, |answers| dealt.examine(answers).map(drop));
    dealt.accept(good(&round), created_at, &mut rng).unwrap();
}

/// Reads what operators answered in the last round of a ceremony that failed.
fn failed(name: &str) -> RoundFailed {
    let recorded = recording(name);
    let operators = request(&recording("transcript-4ops.json")["init"]).parties();
    let examination = Examination { round: Round::Deal, operators: &operators };
    let instance = InstanceId::new(array(&recorded["instance_id"]));
    let opened = examination.open_all(instance, good(&answers(&recorded["output_responses"]))).unwrap();
    let outputs =
        examination.check_all(&opened, |operator, signed| read_output(&operators, operator, &signed.message));
    outputs.unwrap_err()
}

#[test]
fn complaints_of_all_about_all_mean_that_the_deals_came_late() {
    let failed = failed("failed-late.json");
    assert_eq!(failed.disposition(), Disposition::Retry);
    assert_eq!(
        failed.to_string(),
        "ceremony failed in the deal round: \
         operator 11: complained about the deals of operators 22,33,44; \
         operator 22: complained about the deals of operators 11,33,44; \
         operator 33: complained about the deals of operators 11,22,44; \
         operator 44: complained about the deals of operators 11,22,33"
    );
}

#[test]
fn a_complaint_names_who_complained_about_whom() {
    let failed = failed("failed-baddeal.json");
    assert_eq!(failed.disposition(), Disposition::ReplaceOperator);
    let suspects: Vec<_> = failed.suspects().into_iter().map(OperatorId::get).collect();
    assert_eq!(suspects, [11, 44]);
    assert_eq!(
        failed.to_string(),
        "ceremony failed in the deal round: operator 11: complained about the deals of operators 44"
    );
}

#[test]
fn a_failure_that_all_report_is_the_requests() {
    let failed = failed("failed-badfork.json");
    assert_eq!(failed.disposition(), Disposition::GiveUp);
    assert_eq!(failed.faults.len(), 4);
    assert_eq!(failed.faults[0].to_string(), "operator 11: reported CEREMONY_FAILED; its log says why");
}
