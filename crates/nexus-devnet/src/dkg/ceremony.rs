//! One ceremony at one operator: bundles of everybody's messages in, this operator's next message out.

use std::{collections::BTreeSet, time::Duration};

use blst::min_pk::PublicKey;
use nexus_dkg::{
    InstanceId,
    wire::{
        DealBundle, Exchange, KyberMessage, KyberType, MessageType, MultipleSignedTransports,
        SignedTransport, Ssz as _,
    },
};
use nexus_primitives::{Gwei, OperatorId};
use nexus_ssv::OperatorPublicKey;
use rand_core::CryptoRng;

use super::{
    Conduct, Phases,
    key_generation::{ExchangeKeys, KeyGeneration, KeyShare, NoShare},
    opening::Opening,
    output::{Failed, make_output},
    refusal::{MessageFault, Refusal},
};
use crate::operators::DevnetOperator;

/// What an operator reports when a ceremony fails on its side; the reason stays in its log.
const FAILED: &[u8] = br#""CEREMONY_FAILED""#;

/// What an operator keeps of a ceremony.
pub(super) struct Ceremony {
    operator: &'static DevnetOperator,
    opening: Opening,
    opened_at: Duration,
    generation: KeyGeneration,
    exchange_keys: ExchangeKeys,
    stage: Stage,
}

enum Stage {
    /// Exchange keys are missing.
    Exchanging,
    /// Deals are waited for since `start`.
    Dealing { start: Duration },
    /// The result is told, or there will be none.
    Over,
}

/// What the operator says, and when.
pub(super) struct Utterance {
    pub(super) kind: MessageType,
    pub(super) data: Vec<u8>,
    pub(super) due: Duration,
}

/// What a turn depends on besides what came in.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) now: Duration,
    pub(super) phases: Phases,
    pub(super) conduct: &'a Conduct,
}

impl Ceremony {
    /// Begins a ceremony that was opened at `now`.
    pub(super) fn new(
        operator: &'static DevnetOperator,
        opening: Opening,
        now: Duration,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let (operators, session_id) = (opening.operators.clone(), opening.instance.session_id());
        let generation = KeyGeneration::new(operator.id, operators, session_id, rng);
        let exchange_keys = ExchangeKeys::new();
        Self { operator, opening, opened_at: now, generation, exchange_keys, stage: Stage::Exchanging }
    }

    /// Returns when it was opened.
    pub(super) const fn opened_at(&self) -> Duration {
        self.opened_at
    }

    /// Returns the name of the ceremony.
    pub(super) const fn instance(&self) -> InstanceId {
        self.opening.instance
    }

    /// Returns who opened it, and alone may lead it.
    pub(super) const fn initiator(&self) -> &OperatorPublicKey {
        &self.opening.initiator
    }

    /// Introduces the operator: the key to which the others seal their deals.
    pub(super) fn introduce(&self) -> Utterance {
        let exchange = Exchange { pk: self.generation.exchange_key().to_vec(), commits: Vec::new() };
        Utterance { kind: MessageType::Exchange, data: exchange.encode(), due: self.opened_at }
    }

    /// Takes a bundle with a message of every operator: first their exchange keys, then their deals.
    pub(super) fn take(
        &mut self,
        bundle: &MultipleSignedTransports,
        turn: Turn<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Utterance, Refusal> {
        self.check_bundle(bundle)?;
        let mut deals = Vec::new();
        for signed in &bundle.messages {
            let sender = self.sender(signed)?;
            check_signature(signed)?;
            match signed.message.kind {
                MessageType::Exchange => self.take_exchange(sender, &signed.message.data)?,
                MessageType::Kyber => deals.extend(self.take_deal(&signed.message.data)?),
                _ => return Err(MessageFault::Kind.into()),
            }
        }
        match self.stage {
            Stage::Exchanging if self.exchange_keys.len() == self.opening.operators.len() => {
                self.stage = Stage::Dealing { start: turn.now };
                Ok(self.deal(turn, rng))
            }
            Stage::Dealing { start } if !deals.is_empty() => {
                self.stage = Stage::Over;
                Ok(self.finish(start, &deals, turn, rng))
            }
            // Nobody is there any more to say anything; official operators find that out after 60 s.
            _ => Err(Refusal::TimedOut),
        }
    }

    /// Checks that the initiator of this ceremony put the bundle together, of everybody's messages.
    fn check_bundle(&self, bundle: &MultipleSignedTransports) -> Result<(), Refusal> {
        let initiator = self.initiator();
        bundle
            .verify(initiator)
            .map_err(|_| Refusal::BundleSignature(hex::encode(initiator.to_text().as_bytes())))?;
        let senders = bundle.messages.iter().map(|signed| self.sender(signed));
        if senders.collect::<Result<BTreeSet<_>, _>>()?.len() == self.opening.operators.len() {
            return Ok(());
        }
        Err(Refusal::Incomplete)
    }

    /// Returns whose key a message names.
    fn sender(&self, signed: &SignedTransport) -> Result<OperatorId, Refusal> {
        let named = self.opening.init.operators.iter().find(|operator| operator.pubkey == signed.signer);
        named.and_then(|operator| OperatorId::new(operator.id).ok()).ok_or(Refusal::Signer)
    }

    fn take_exchange(&mut self, sender: OperatorId, data: &[u8]) -> Result<(), MessageFault> {
        let exchange = Exchange::decode(data)?;
        if self.exchange_keys.contains_key(&sender) {
            return Err(MessageFault::Duplicate);
        }
        let point = <[u8; 48]>::try_from(exchange.pk).map_err(|_| MessageFault::ExchangeKey)?;
        let key = PublicKey::key_validate(&point).map_err(|_| MessageFault::ExchangeKey)?;
        self.exchange_keys.insert(sender, key);
        Ok(())
    }

    /// Reads a deal. What else the key generation has to say is for operators that defend themselves; nobody carries it.
    fn take_deal(&self, data: &[u8]) -> Result<Option<DealBundle>, MessageFault> {
        if matches!(self.stage, Stage::Exchanging) {
            return Err(MessageFault::NotStarted);
        }
        let kyber = KyberMessage::decode(data)?;
        if kyber.kind != KyberType::DealBundle {
            return Ok(None);
        }
        DealBundle::from_json(&kyber.data).map(Some).map_err(|error| MessageFault::Json(error.to_string()))
    }

    fn deal(&self, turn: Turn<'_>, rng: &mut dyn CryptoRng) -> Utterance {
        let cheated = match turn.conduct {
            Conduct::WrongShareTo(victim) => Some(*victim),
            _ => None,
        };
        let bundle = self.generation.deal(&self.exchange_keys, cheated, rng);
        kyber(KyberType::DealBundle, bundle.to_json(), turn.now)
    }

    fn finish(
        &self,
        start: Duration,
        deals: &[DealBundle],
        turn: Turn<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Utterance {
        let outcome = if turn.now > turn.phases.deals_end(start) {
            Err(NoShare::BadDeals(self.generation.others()))
        } else {
            self.generation.finish(&self.exchange_keys, deals)
        };
        let output = match outcome {
            Ok(share) => self.make_output(&share, turn.conduct, rng),
            Err(NoShare::NoKey) => Err(Failed),
            Err(NoShare::BadDeals(dealers)) => {
                let complaint = self.generation.complain(&dealers).to_json();
                return kyber(
                    KyberType::ResponseBundle,
                    complaint,
                    turn.phases.complaint_due(start, turn.now),
                );
            }
        };
        let due = turn.phases.result_due(start, turn.now);
        match output {
            Ok(data) => Utterance { kind: MessageType::Output, data, due },
            Err(Failed) => Utterance { kind: MessageType::Error, data: FAILED.to_vec(), due },
        }
    }

    fn make_output(
        &self,
        share: &KeyShare,
        conduct: &Conduct,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, Failed> {
        let init = &self.opening.init;
        let amount = match conduct {
            Conduct::WrongPartial => Gwei::new(init.amount.get() + 1),
            _ => init.amount,
        };
        make_output(self.operator, self.instance(), init, amount, share, rng).map(|output| output.encode())
    }
}

/// Checks a message under the key that it names.
fn check_signature(signed: &SignedTransport) -> Result<(), MessageFault> {
    let key = String::from_utf8_lossy(&signed.signer).parse().map_err(|_| MessageFault::Signature)?;
    signed.verify(&key).map_err(|_| MessageFault::Signature)
}

fn kyber(kind: KyberType, json: Vec<u8>, due: Duration) -> Utterance {
    Utterance { kind: MessageType::Kyber, data: KyberMessage { kind, data: json }.encode(), due }
}
