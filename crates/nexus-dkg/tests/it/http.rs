//! Ceremonies over real sockets: recorded operators played back, puppets, and services that fail.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use nexus_dkg::{
    CeremonyClient as _, CeremonyError, CeremonyRequest, CeremonyTerms, Credentials, Deadlines, Disposition,
    DkgOperator, Fault, HttpCeremonyClient, InitiatorIdentity, InstanceId, Network, RequestId, Round,
    wire::{
        Init, MessageType, MultipleSignedTransports, Pong, Results, SignedTransport, Ssz as _, Transport,
    },
};
use nexus_primitives::{Clock, ForkVersion, Gwei, OwnerNonce, UnixSeconds};
use nexus_ssv::{Operator, Registration};
use rand::{
    SeedableRng as _,
    rand_core::{TryCryptoRng, TryRng},
    rngs::StdRng,
};

use crate::{
    puppets::{Puppets, terms},
    replay,
    server::{Behaviour, Reply, nobody, ok, refusal, serve},
    transcript::{Transcript, four_real},
};

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(1_795_424_305)
    }
}

/// Gives the recorded request id first, and real randomness afterwards.
struct RecordedRng(Vec<u8>);

impl TryRng for RecordedRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(rand::random())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(rand::random())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if self.0.len() == bytes.len() {
            bytes.copy_from_slice(&std::mem::take(&mut self.0));
        } else {
            rand::fill(bytes);
        }
        Ok(())
    }
}

impl TryCryptoRng for RecordedRng {}

fn client(deadlines: Deadlines) -> HttpCeremonyClient {
    HttpCeremonyClient::new(deadlines, Arc::new(FixedClock), StdRng::from_rng(&mut rand::rng())).unwrap()
}

/// Paths and bodies of all requests.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A recorded operator: answers what it answered, whatever it is asked, and notes what that was.
fn recorded(transcript: &Transcript, operator: &str, asked: &Asked) -> Behaviour {
    let answer = |round: &BTreeMap<String, _>| -> Vec<u8> {
        let crate::transcript::Hex(bytes) = &round[operator];
        bytes.clone()
    };
    let pong = answer(&transcript.pongs);
    let exchange = answer(&transcript.exchange_responses);
    let rounds = Mutex::new(vec![answer(&transcript.output_responses), answer(&transcript.deal_responses)]);
    let asked = Arc::clone(asked);
    Arc::new(move |path, body| {
        asked.lock().unwrap().push((path.to_owned(), body.to_vec()));
        match path {
            "/health_check" => ok(pong.clone()),
            "/init" => ok(exchange.clone()),
            "/dkg" => ok(rounds.lock().unwrap().pop().unwrap()),
            "/results" => ok([]),
            _ => Reply::Answer(404, b"404 page not found\n".to_vec()),
        }
    })
}

#[tokio::test]
async fn a_recorded_ceremony_plays_over_https_to_the_recorded_validator() {
    let transcript = four_real();
    let asked = Asked::default();
    let mut operators = Vec::new();
    for operator in transcript.operators() {
        let behaviour = recorded(&transcript, &operator.id.to_string(), &asked);
        operators.push(serve(operator, behaviour).await);
    }
    let terms = *replay::request(&transcript).terms();
    let request = CeremonyRequest::new(&operators, terms).unwrap();

    let rng = RecordedRng(transcript.new_id.0.clone());
    let client = HttpCeremonyClient::new(Deadlines::default(), Arc::new(FixedClock), rng).unwrap();
    client.prepare(InitiatorIdentity::from_pem(&transcript.initiator_private_key_pem).unwrap()).await;
    let output = client.run_ceremony(&request).await.unwrap();
    assert_eq!(output.instance_id(), transcript.instance_id());
    assert_eq!(hex::encode(output.pubkey().as_bytes()), transcript.deposit_data["pubkey"]);
    assert_eq!(output.created_at().to_string(), "2026-11-23T08:58:25.000Z");

    let stored = output.stored();
    assert!(client.post_results(&operators, &stored).await.is_empty());
    let asked = asked.lock().unwrap();
    let paths = |path: &str| asked.iter().filter(|(asked, _)| asked == path).count();
    assert_eq!([paths("/health_check"), paths("/init"), paths("/dkg"), paths("/results")], [4, 4, 8, 4]);
    let (_, results) = asked.last().unwrap();
    assert_eq!(results, stored.output().results_message());
}

/// Puppets behind services: they read what they are sent, as operators do.
struct Stage {
    puppets: Arc<Mutex<Puppets>>,
    operators: Vec<DkgOperator>,
}

type Change = Arc<dyn Fn(usize, &str) -> Option<Reply> + Send + Sync>;

/// Starts a service for each puppet; `change` may answer in its place.
async fn stage(count: usize, change: Change) -> Stage {
    let puppets = Arc::new(Mutex::new(Puppets::new(count)));
    let identities: Vec<Operator> =
        puppets.lock().unwrap().operators().into_iter().map(|operator| operator.operator).collect();
    let mut operators = Vec::new();
    for (at, operator) in identities.into_iter().enumerate() {
        let (puppets, change) = (Arc::clone(&puppets), Arc::clone(&change));
        let behaviour: Behaviour = Arc::new(move |path, body| {
            let changed = change(at, path);
            changed.unwrap_or_else(|| ok(perform(&mut puppets.lock().unwrap(), at, path, body)))
        });
        operators.push(serve(operator, behaviour).await);
    }
    Stage { puppets, operators }
}

fn perform(puppets: &mut Puppets, at: usize, path: &str, body: &[u8]) -> Vec<u8> {
    if path == "/results" {
        let signed = SignedTransport::decode(body).unwrap();
        assert_eq!(signed.message.kind, MessageType::Results);
        Results::decode(&signed.message.data).unwrap();
        return Vec::new();
    }
    let message = match path {
        "/health_check" => pong(puppets, at, "v3.1.0"),
        "/init" => {
            let opening = SignedTransport::decode(body).unwrap();
            let initiator = String::from_utf8(opening.signer.clone()).unwrap();
            opening.verify(&initiator.parse().unwrap()).unwrap();
            let init = Init::decode(&opening.message.data).unwrap();
            puppets.terms = terms_of(&init);
            let request_id = RequestId::new(opening.message.identifier);
            let instance = InstanceId::derive(&initiator, &init, request_id);
            Puppets::transport(MessageType::Exchange, instance, puppets.exchange(at).encode())
        }
        "/dkg" => {
            let bundle = MultipleSignedTransports::decode(body).unwrap();
            let instance = InstanceId::new(bundle.identifier);
            if bundle.messages[0].message.kind == MessageType::Exchange {
                let data = Puppets::kyber(&puppets.deal(at, instance));
                Puppets::transport(MessageType::Kyber, instance, data)
            } else {
                let data = puppets.output(at, instance).encode();
                Puppets::transport(MessageType::Output, instance, data)
            }
        }
        _ => panic!("{path}"),
    };
    puppets.sign(at, message).encode()
}

fn terms_of(init: &Init) -> CeremonyTerms {
    CeremonyTerms {
        credentials: Credentials::try_from(init.withdrawal_credentials).unwrap(),
        amount: Gwei::new(init.amount.get()),
        network: Network::try_from(ForkVersion::new(*init.fork.as_bytes())).unwrap(),
        registration: Registration::new(init.owner, OwnerNonce::new(init.nonce)),
    }
}

fn pong(puppets: &Puppets, at: usize, version: &str) -> Transport {
    let puppet = &puppets.all[at];
    let pong = Pong {
        id: puppet.id.get(),
        pubkey: puppet.rsa.public_key().to_text().into_bytes(),
        multisig: true,
        eth_client_connected: false,
    };
    let (data, version) = (pong.encode(), version.to_owned());
    Transport { kind: MessageType::Pong, identifier: [0; 24], data, version }
}

fn honest() -> Change {
    Arc::new(|_, _| None)
}

/// Answers for one operator on one path.
fn only(at: usize, path: &'static str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Change {
    Arc::new(move |asked, asked_path| (asked == at && asked_path == path).then(&reply))
}

async fn run(stage: &Stage, deadlines: Deadlines) -> Result<nexus_dkg::CeremonyOutput, CeremonyError> {
    let client = client(deadlines);
    client.prepare(InitiatorIdentity::from_pem(&four_real().initiator_private_key_pem).unwrap()).await;
    let request = CeremonyRequest::new(&stage.operators, terms()).unwrap();
    client.run_ceremony(&request).await
}

#[tokio::test]
async fn seven_operators_make_a_key_with_an_initiators_key_drawn_on_the_spot() {
    let stage = stage(7, honest()).await;
    let client = client(Deadlines::default());
    let request = CeremonyRequest::new(&stage.operators, terms()).unwrap();
    let output = client.run_ceremony(&request).await.unwrap();
    assert_eq!(output.pubkey(), stage.puppets.lock().unwrap().validator_pubkey());
    assert!(client.post_results(&stage.operators, &output.stored()).await.is_empty());
}

#[track_caller]
fn check(error: &CeremonyError, disposition: Disposition, expected: &str) {
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.disposition(), disposition);
}

#[tokio::test]
async fn a_refusal_ends_the_ceremony_with_the_operators_words() {
    let limited =
        only(1, "/init", || Reply::Answer(429, br#"{"error": "too many requests to /init"}"#.to_vec()));
    check(
        &run(&stage(4, limited).await, Deadlines::default()).await.unwrap_err(),
        Disposition::Retry,
        "ceremony failed in the init round: operator 2: refused with status 429: too many requests to /init",
    );
    let stranger = only(3, "/dkg", || refusal("operator 4, err: at init all operators should send messages"));
    check(
        &run(&stage(4, stranger).await, Deadlines::default()).await.unwrap_err(),
        Disposition::ReplaceOperator,
        "ceremony failed in the exchange round: operator 4: refused with status 400: \
         operator 4, err: at init all operators should send messages",
    );
    let all = Arc::new(|_, path: &str| (path == "/init").then(|| refusal("invalid amount")));
    let error = run(&stage(4, all).await, Deadlines::default()).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::GiveUp, "{error}");
}

#[tokio::test]
async fn an_operator_that_keeps_silent_is_named_at_the_rounds_deadline() {
    let stage = stage(4, only(2, "/dkg", || Reply::Silence)).await;
    let deadlines = Deadlines { exchange: Duration::from_millis(300), ..Deadlines::default() };
    let error = run(&stage, deadlines).await.unwrap_err();
    let CeremonyError::Round(failed) = &error else { panic!("{error}") };
    assert_eq!(failed.round, Round::Exchange);
    assert_eq!(failed.faults.len(), 1);
    assert_eq!(failed.faults[0].operator.get(), 3);
    assert!(matches!(failed.faults[0].fault, Fault::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("did not answer completely within 0.3 s"), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry);
}

#[tokio::test]
async fn health_is_believed_only_under_the_expected_key_and_id() {
    let stage = stage(4, honest()).await;
    let mut operators = stage.operators.clone();
    // Another's key, another's address, nobody at all, and a page of something else.
    operators[1].operator.key = operators[0].operator.key.clone();
    operators[2].endpoint = operators[3].endpoint.clone();
    let vacant = nobody(stage.operators[0].operator.clone()).await;
    let website: Behaviour = Arc::new(|_, _| Reply::Answer(404, b"404 page not found\n".to_vec()));
    let website = serve(stage.operators[1].operator.clone(), website).await;
    operators.extend([vacant, website]);

    let reports = client(Deadlines::default()).check_health(&operators).await;
    let texts: Vec<_> = reports
        .iter()
        .map(|report| match &report.health {
            Ok(health) => format!("{} {}", report.operator, health.version),
            Err(fault) => format!("{} {fault}", report.operator),
        })
        .collect();
    let vacant =
        format!("1 connecting to {}: is the service running and the URL right?", operators[4].endpoint);
    assert_eq!(
        texts,
        [
            "1 v3.1.0",
            "2 answer is signed with another key than this operator's",
            "3 answer is signed with another key than this operator's",
            "4 v3.1.0",
            &vacant,
            "2 refused with status 404: 404 page not found",
        ]
    );
}

#[tokio::test]
async fn an_operator_of_another_version_ends_the_ceremony_before_it_begins() {
    let puppets = Mutex::new(Puppets::new(4));
    let old = only(1, "/health_check", move || {
        let mut puppets = puppets.lock().unwrap();
        let message = pong(&puppets, 1, "v3.0.3");
        ok(puppets.sign(1, message).encode())
    });
    check(
        &run(&stage(4, old).await, Deadlines::default()).await.unwrap_err(),
        Disposition::ReplaceOperator,
        "ceremony failed in the health round: operator 2: operator's software has version v3.0.3, \
         expected v3.1.x: ask the operator to update",
    );
}

#[tokio::test]
async fn a_pong_about_somebody_else_is_refused() {
    let change_pong = |change: fn(&mut Pong)| {
        let puppets = Mutex::new(Puppets::new(4));
        only(1, "/health_check", move || {
            let mut puppets = puppets.lock().unwrap();
            let mut message = pong(&puppets, 1, "v3.1.0");
            let mut pong = Pong::decode(&message.data).unwrap();
            change(&mut pong);
            message.data = pong.encode();
            ok(puppets.sign(1, message).encode())
        })
    };
    let id = stage(4, change_pong(|pong| pong.id = 9)).await;
    let key = stage(4, change_pong(|pong| pong.pubkey[500] ^= 1)).await;
    let client = client(Deadlines::default());
    let fault = |mut reports: Vec<nexus_dkg::HealthReport>| reports.remove(1).health.unwrap_err().to_string();
    assert_eq!(fault(client.check_health(&id.operators).await), "says it is operator 9");
    assert_eq!(fault(client.check_health(&key.operators).await), "says it has another RSA key");
}

#[tokio::test]
async fn results_that_an_operator_refuses_cost_nothing() {
    let stage = stage(4, only(0, "/results", || refusal("failed to write results"))).await;
    let output = run(&stage, Deadlines::default()).await.unwrap();
    let faults = client(Deadlines::default()).post_results(&stage.operators, &output.stored()).await;
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["operator 1: refused with status 400: failed to write results"]);
}
