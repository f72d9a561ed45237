//! An operator's service without its socket: requests in, answers out, at times that are told.

use std::{collections::BTreeMap, time::Duration};

use nexus_dkg::{
    InstanceId,
    wire::{MessageType, MultipleSignedTransports, Pong, Results, SignedTransport, Ssz as _, Transport},
};
use nexus_ssv::PssSalt;
use rand_core::CryptoRng;

use super::{
    Conduct, Phases,
    ceremony::{Ceremony, Turn, Utterance},
    opening::Opening,
    refusal::{Refusal, envelope},
};
use crate::operators::DevnetOperator;

/// What operators run, unless they are told otherwise.
pub const VERSION: &str = "v3.1.0";

/// Ceremonies that are kept at most.
const MAX_CEREMONIES: usize = 1024;
/// How long a ceremony's name is taken.
const CEREMONY_LIFE: Duration = Duration::from_mins(1);

/// What a [`GarbageAnswer`](Conduct::GarbageAnswer) consists of.
const GARBAGE: &[u8] = b"<html>It works!</html>";

/// A request as HTTP has it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path, starting with a slash.
    pub path: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// What the operator replies, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it replies.
    pub reply: Reply,
    /// The time before which it doesn't, on the clock of the request.
    pub due: Duration,
}

/// What an operator replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An HTTP response.
    Response {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
    /// The connection ends without one.
    BrokenOff,
}

/// What has reached an operator, however it was answered. An absent one hears nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestCounts {
    /// Questions after its health. A ceremony begins with one, and ends there when somebody doesn't answer it well.
    pub health_checks: u64,
    /// Openings of ceremonies (`/init`).
    pub ceremonies: u64,
}

/// An operator: its key, and the ceremonies it takes part in. What it is asked, it decides at once; that an official one
/// takes its time shows in when the answer is [due](Answer::due).
///
/// It speaks the protocol of `ssv-dkg` v3.1.0, checks what that checks, in its order and with its words. It keeps no
/// files, has no limits on rates, and neither signs nor shares keys again (`/resign`, `/reshare`).
pub struct CeremonyOperator {
    operator: &'static DevnetOperator,
    phases: Phases,
    ceremonies: BTreeMap<InstanceId, Ceremony>,
    counts: RequestCounts,
}

impl CeremonyOperator {
    /// Starts without ceremonies.
    pub const fn new(operator: &'static DevnetOperator, phases: Phases) -> Self {
        let counts = RequestCounts { health_checks: 0, ceremonies: 0 };
        Self { operator, phases, ceremonies: BTreeMap::new(), counts }
    }

    /// Returns what it has been asked so far.
    pub const fn request_counts(&self) -> RequestCounts {
        self.counts
    }

    /// Answers a request that came at `now`: time since whenever, as long as it is the same for all requests.
    pub fn answer(
        &mut self,
        request: &Request<'_>,
        now: Duration,
        conduct: &Conduct,
        rng: &mut dyn CryptoRng,
    ) -> Answer {
        self.count(request, conduct);
        let turn = Turn { now, phases: self.phases, conduct };
        let answer = match (conduct, request.path, request.method) {
            (Conduct::Absent, ..) => Answer { reply: Reply::BrokenOff, due: now },
            (_, "/health_check", "GET") => response(200, self.pong(conduct, rng), now),
            (Conduct::GarbageAnswer, "/init" | "/dkg" | "/results", "POST") => {
                response(200, GARBAGE.to_vec(), now)
            }
            (Conduct::StopsAfterExchange, "/dkg" | "/results", "POST") => {
                Answer { reply: Reply::BrokenOff, due: now }
            }
            (_, "/init", "POST") => self.open(request.body, turn, rng),
            (_, "/dkg", "POST") => self.take(request.body, turn, rng),
            (_, "/results", "POST") => self.file(request.body, now),
            (_, "/health_check" | "/init" | "/dkg" | "/results", _) => response(405, Vec::new(), now),
            _ => response(404, b"404 page not found\n".to_vec(), now),
        };
        match conduct {
            Conduct::Slow(by) => Answer { due: answer.due.saturating_add(*by), ..answer },
            _ => answer,
        }
    }

    fn count(&mut self, request: &Request<'_>, conduct: &Conduct) {
        match (conduct, request.path, request.method) {
            (Conduct::Absent, ..) => {}
            (_, "/health_check", "GET") => self.counts.health_checks += 1,
            (_, "/init", "POST") => self.counts.ceremonies += 1,
            _ => {}
        }
    }

    /// Refuses a body of more than 105 MiB.
    pub(super) fn refuse_body(&self) -> Vec<u8> {
        envelope(format!("operator {}, err: {}", self.operator.id, Refusal::TooLarge))
    }

    fn pong(&self, conduct: &Conduct, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let pong = Pong {
            id: self.operator.id.get(),
            pubkey: self.operator.key_text.clone().into_bytes(),
            multisig: true,
            // There is an execution client in this world, but nothing that an operator would ask it.
            eth_client_connected: false,
        };
        let message = Transport {
            kind: MessageType::Pong,
            identifier: [0; 24],
            data: pong.encode(),
            version: version(conduct).to_owned(),
        };
        self.sign(message, rng).encode()
    }

    fn open(&mut self, body: &[u8], turn: Turn<'_>, rng: &mut dyn CryptoRng) -> Answer {
        let refuse = |refusal: Refusal| {
            let ceremony = match refusal {
                Refusal::Body(_) | Refusal::NoInit => "",
                _ => "failed to initialize instance, ",
            };
            let text = format!("operator {}, {ceremony}err: {refusal}", self.operator.id);
            response(400, envelope(text), turn.now)
        };
        match self.begin(body, turn, rng) {
            Ok(instance) => {
                let introduction = self.ceremonies.get(&instance).map(Ceremony::introduce);
                self.say(instance, introduction.expect("it was just begun"), turn, rng)
            }
            Err(refusal) => refuse(refusal),
        }
    }

    fn begin(&mut self, body: &[u8], turn: Turn<'_>, rng: &mut dyn CryptoRng) -> Result<InstanceId, Refusal> {
        let signed = SignedTransport::decode(body).map_err(Refusal::Body)?;
        if !Opening::is_one(&signed) {
            return Err(Refusal::NoInit);
        }
        let opening = Opening::read(&signed, version(turn.conduct))?;
        let instance = opening.instance;
        self.make_room(turn.now)?;
        let taken = self.ceremonies.get(&instance);
        if taken.is_some_and(|ceremony| is_alive(ceremony, turn.now)) {
            return Err(Refusal::Exists);
        }
        opening.check_invitation(self.operator.id, &self.operator.key_text)?;
        let ceremony = Ceremony::new(self.operator, opening, turn.now, rng);
        self.ceremonies.insert(instance, ceremony);
        Ok(instance)
    }

    /// Old ceremonies are forgotten only when there are too many.
    fn make_room(&mut self, now: Duration) -> Result<(), Refusal> {
        if self.ceremonies.len() >= MAX_CEREMONIES {
            self.ceremonies.retain(|_, ceremony| is_alive(ceremony, now));
        }
        if self.ceremonies.len() >= MAX_CEREMONIES { Err(Refusal::TooMany) } else { Ok(()) }
    }

    fn take(&mut self, body: &[u8], turn: Turn<'_>, rng: &mut dyn CryptoRng) -> Answer {
        let taken = MultipleSignedTransports::decode(body).map_err(Refusal::Bundle).and_then(|bundle| {
            let instance = InstanceId::new(bundle.identifier);
            let ceremony = self.ceremonies.get_mut(&instance).ok_or(Refusal::Unknown)?;
            Ok((instance, ceremony.take(&bundle, turn, rng)?))
        });
        match taken {
            Ok((instance, utterance)) => self.say(instance, utterance, turn, rng),
            Err(refusal) => {
                let text = format!("operator {}, err: {refusal}", self.operator.id);
                response(400, envelope(text), turn.now)
            }
        }
    }

    /// Takes the documents, which official operators write to their disk.
    fn file(&self, body: &[u8], now: Duration) -> Answer {
        match self.check_results(body) {
            Ok(()) => response(200, Vec::new(), now),
            Err(refusal) => response(400, envelope(refusal.to_string()), now),
        }
    }

    fn check_results(&self, body: &[u8]) -> Result<(), Refusal> {
        let signed = SignedTransport::decode(body).map_err(Refusal::Body)?;
        if signed.message.kind != MessageType::Results {
            return Err(Refusal::NoResults);
        }
        let results = Results::decode(&signed.message.data).map_err(|_| Refusal::Results)?;
        let ceremony = self.ceremonies.get(&InstanceId::new(results.identifier)).ok_or(Refusal::Results)?;
        signed.verify(ceremony.initiator()).map_err(|_| Refusal::Results)?;
        let key = self.operator.key_text.as_bytes();
        if !results.operators.iter().any(|operator| operator.pubkey == key) {
            return Err(Refusal::Results);
        }
        results.verify().map(drop).map_err(|_| Refusal::Results)
    }

    /// Puts what the operator says into a signed message.
    fn say(
        &self,
        instance: InstanceId,
        utterance: Utterance,
        turn: Turn<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Answer {
        let Utterance { kind, data, due } = utterance;
        let identifier = *instance.as_bytes();
        let version = version(turn.conduct).to_owned();
        let mut signed = self.sign(Transport { kind, identifier, data, version }, rng);
        if *turn.conduct == Conduct::BadSignature {
            signed.signature.reverse();
        }
        response(200, signed.encode(), due)
    }

    fn sign(&self, message: Transport, rng: &mut dyn CryptoRng) -> SignedTransport {
        let signed = message.sign(&self.operator.private_key, PssSalt::Maximum, rng);
        signed.expect("an RSA key of 2048 bits signs")
    }
}

fn version(conduct: &Conduct) -> &str {
    match conduct {
        Conduct::OtherVersion(version) => version,
        _ => VERSION,
    }
}

fn is_alive(ceremony: &Ceremony, now: Duration) -> bool {
    now < ceremony.opened_at().saturating_add(CEREMONY_LIFE)
}

const fn response(status: u16, body: Vec<u8>, due: Duration) -> Answer {
    Answer { reply: Reply::Response { status, body }, due }
}
