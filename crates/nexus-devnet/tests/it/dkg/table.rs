//! Four operators without sockets, and an initiator that says what it likes.

use std::time::Duration;

use nexus_devnet::{
    dkg::{Answer, CeremonyOperator, Conduct, Phases, Reply, Request, VERSION},
    operators::operators,
};
use nexus_dkg::{
    InstanceId, RequestId,
    wire::{
        ErrorText, Init, InitOperator, MessageType, MultipleSignedTransports, SignedTransport, Ssz as _,
        Transport,
    },
};
use nexus_primitives::ForkVersion;
use nexus_ssv::{OperatorPrivateKey, PssSalt};
use rand::{SeedableRng as _, rngs::StdRng};

use super::terms;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Table {
    pub(super) operators: Vec<CeremonyOperator>,
    pub(super) conducts: Vec<Conduct>,
    pub(super) init: Init,
    pub(super) now: Duration,
    request_id: [u8; 24],
    rng: StdRng,
}

/// The initiator's key: any will do, even one that somebody else is known by.
pub(super) fn initiator() -> &'static OperatorPrivateKey {
    &operators()[12].private_key
}

fn init() -> Init {
    let terms = terms();
    let invited = operators()[..4].iter().map(|operator| InitOperator {
        id: operator.id.get(),
        pubkey: operator.key_text.clone().into_bytes(),
    });
    Init {
        operators: invited.collect(),
        threshold: 3,
        withdrawal_credentials: terms.credentials.to_bytes(),
        fork: ForkVersion::HOODI,
        owner: terms.registration.owner,
        nonce: terms.registration.nonce.get(),
        amount: terms.amount,
    }
}

impl Table {
    pub(super) fn new(phases: Phases) -> Self {
        let seats = operators()[..4].iter();
        Self {
            operators: seats.map(|operator| CeremonyOperator::new(operator, phases)).collect(),
            conducts: vec![Conduct::Faithful; 4],
            init: init(),
            now: Duration::ZERO,
            request_id: [7; 24],
            rng: StdRng::seed_from_u64(1),
        }
    }

    pub(super) fn instance(&self) -> InstanceId {
        let initiator = initiator().public_key().to_text();
        InstanceId::derive(&initiator, &self.init, RequestId::new(self.request_id))
    }

    /// The message that opens the ceremony, signed by the initiator.
    pub(super) fn opening(&mut self) -> SignedTransport {
        let message = Transport {
            kind: MessageType::Init,
            identifier: self.request_id,
            data: self.init.encode(),
            version: VERSION.to_owned(),
        };
        self.sign(message)
    }

    pub(super) fn sign(&mut self, message: Transport) -> SignedTransport {
        message.sign(initiator(), PssSalt::Digest, &mut self.rng).unwrap()
    }

    /// A bundle, signed by the initiator.
    pub(super) fn bundle(&mut self, messages: Vec<SignedTransport>) -> MultipleSignedTransports {
        let identifier = *self.instance().as_bytes();
        let mut bundle = MultipleSignedTransports { identifier, messages, signature: Vec::new() };
        let signed = bundle.signed_bytes();
        bundle.signature = initiator().sign_pss(&signed, PssSalt::Digest, &mut self.rng).unwrap().to_vec();
        bundle
    }

    /// Posts to the operator at a place.
    pub(super) fn post(&mut self, at: usize, path: &str, body: &[u8]) -> Answer {
        let request = Request { method: "POST", path, body };
        self.operators[at].answer(&request, self.now, &self.conducts[at], &mut self.rng)
    }

    /// Posts to all and returns what they say, and when.
    pub(super) fn post_all(&mut self, path: &str, body: &[u8]) -> Vec<(SignedTransport, Duration)> {
        (0..self.operators.len()).map(|at| said(&self.post(at, path, body))).collect()
    }

    /// Opens the ceremony and hands round the exchange keys.
    pub(super) fn exchange(&mut self) -> MultipleSignedTransports {
        let opening = self.opening().encode();
        let answers = self.post_all("/init", &opening);
        self.bundle(answers.into_iter().map(|(signed, _)| signed).collect())
    }

    /// Hands round the exchange keys and puts the deals together.
    pub(super) fn deals(&mut self) -> MultipleSignedTransports {
        let exchange = self.exchange().encode();
        let answers = self.post_all("/dkg", &exchange);
        self.bundle(answers.into_iter().map(|(signed, _)| signed).collect())
    }

    /// The text with which the first operator refuses.
    #[track_caller]
    pub(super) fn refused(&mut self, path: &str, body: &[u8]) -> String {
        match self.post(0, path, body) {
            Answer { reply: Reply::Response { status: 400, body }, due } => {
                assert_eq!(due, self.now, "refusals come at once");
                ErrorText::decode(&body).unwrap().error
            }
            answer => panic!("{answer:?}"),
        }
    }
}

/// Reads an answer that must be a message.
#[track_caller]
pub(super) fn said(answer: &Answer) -> (SignedTransport, Duration) {
    match &answer.reply {
        Reply::Response { status: 200, body } => (SignedTransport::decode(body).unwrap(), answer.due),
        reply => panic!("{reply:?}"),
    }
}
