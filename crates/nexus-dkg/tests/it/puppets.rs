//! Operators that take part in a ceremony as they should, or as a test wants.
//!
//! They make real shares of a real key and sign everything, so that a lie is all that is wrong with a message. What
//! they deal each other isn't encrypted but noise: an initiator can't tell.

use std::{collections::BTreeMap, fs};

use bls12_381::Scalar;
use blst::min_pk::SecretKey;
use nexus_dkg::{
    Answers, CeremonyError, CeremonyOutput, CeremonyRequest, CeremonyTerms, DkgOperator, Initiated,
    InitiatorIdentity, InstanceId, Network, OperatorVersion, RequestId,
    wire::{
        Deal, DealBundle, Exchange, KyberMessage, KyberType, MessageType, Output, Proof, SignedTransport,
        Ssz as _, Transport,
    },
};
use nexus_primitives::{
    Address, BlsSignature, Gwei, OperatorId, OwnerNonce, Root, ValidatorPubkey, WithdrawalCredentials,
    signing::{Domain, DomainType, bytes_root, chunk, merkle_root},
};
use nexus_ssv::{Operator, OperatorPrivateKey, PssSalt, Registration, ShareSecret};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Deserialize;

use crate::transcript;

const NUL_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";

/// One operator with everything it keeps to itself.
pub(crate) struct Puppet {
    pub(crate) id: OperatorId,
    pub(crate) rsa: OperatorPrivateKey,
    pub(crate) exchange_secret: SecretKey,
    coefficients: Vec<Scalar>,
}

/// All operators of a ceremony.
pub(crate) struct Puppets {
    pub(crate) all: Vec<Puppet>,
    pub(crate) rng: StdRng,
    pub(crate) terms: CeremonyTerms,
}

/// A point of G1.
pub(crate) fn point(scalar: u64) -> [u8; 48] {
    secret(&Scalar::from(scalar)).sk_to_pk().compress()
}

fn secret(scalar: &Scalar) -> SecretKey {
    let mut bytes = scalar.to_bytes();
    bytes.reverse();
    SecretKey::from_bytes(&bytes).unwrap()
}

fn scalar(rng: &mut StdRng) -> Scalar {
    let mut wide = [0; 64];
    rng.fill(&mut wide[..]);
    Scalar::from_bytes_wide(&wide)
}

fn evaluate(coefficients: &[Scalar], x: u64) -> Scalar {
    let x = Scalar::from(x);
    coefficients.iter().rev().fold(Scalar::zero(), |sum, coefficient| sum.mul(&x).add(coefficient))
}

/// What the validator of these tests is for.
pub(crate) fn terms() -> CeremonyTerms {
    let owner = "0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9".parse().unwrap();
    CeremonyTerms {
        credentials: WithdrawalCredentials::to_address(Address::new([0xaa; 20])).into(),
        amount: Gwei::VALIDATOR_DEPOSIT,
        network: Network::Hoodi,
        registration: Registration::new(owner, OwnerNonce::new(3)),
    }
}

impl Puppets {
    /// The first `count` operators of the fixtures, with polynomials of their own.
    pub(crate) fn new(count: usize) -> Self {
        Self::with_terms(count, terms())
    }

    /// The same operators; other nonces get other keys.
    pub(crate) fn with_terms(count: usize, terms: CeremonyTerms) -> Self {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Item {
            id: u64,
            private_key_pem: String,
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keyshares/generated/operators.json");
        let items: Vec<Item> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let mut rng = StdRng::seed_from_u64(terms.registration.nonce.get());
        let threshold = count - (count - 1) / 3;
        let all = items.into_iter().take(count).map(|item| Puppet {
            id: transcript::id(item.id),
            rsa: OperatorPrivateKey::from_pem(&item.private_key_pem).unwrap(),
            exchange_secret: secret(&scalar(&mut rng)),
            coefficients: (0..threshold).map(|_| scalar(&mut rng)).collect(),
        });
        let all = all.collect();
        Self { all, rng, terms }
    }

    pub(crate) fn operators(&self) -> Vec<DkgOperator> {
        let operators = self.all.iter();
        operators
            .map(|puppet| {
                let operator = Operator { id: puppet.id, key: puppet.rsa.public_key() };
                DkgOperator::new(operator, "https://operator.example:3030").unwrap()
            })
            .collect()
    }

    pub(crate) fn request(&self) -> CeremonyRequest {
        CeremonyRequest::new(&self.operators(), self.terms).unwrap()
    }

    pub(crate) fn versions(&self) -> BTreeMap<OperatorId, OperatorVersion> {
        self.all.iter().map(|puppet| (puppet.id, "v3.1.0".parse().unwrap())).collect()
    }

    pub(crate) fn initiate(&mut self) -> Initiated {
        // A key that was thrown away long ago; drawing one takes a while.
        let identity =
            InitiatorIdentity::from_pem(&transcript::four_real().initiator_private_key_pem).unwrap();
        let request_id = RequestId::random(&mut self.rng);
        Initiated::new(self.request(), request_id, identity, &self.versions(), &mut self.rng).unwrap()
    }

    /// Signs a message as operator number `at`.
    pub(crate) fn sign(&mut self, at: usize, message: Transport) -> SignedTransport {
        message.sign(&self.all[at].rsa, PssSalt::Maximum, &mut self.rng).unwrap()
    }

    pub(crate) fn transport(kind: MessageType, instance: InstanceId, data: Vec<u8>) -> Transport {
        Transport { kind, identifier: *instance.as_bytes(), data, version: "v3.1.0".to_owned() }
    }

    pub(crate) fn exchange(&self, at: usize) -> Exchange {
        Exchange { pk: self.all[at].exchange_secret.sk_to_pk().compress().to_vec(), commits: Vec::new() }
    }

    pub(crate) fn deal(&self, at: usize, instance: InstanceId) -> DealBundle {
        let puppet = &self.all[at];
        let others = self.all.iter().filter(|other| other.id != puppet.id);
        let deals = others.map(|other| {
            let mut encrypted_share = [0x5a; 96];
            encrypted_share[..48].copy_from_slice(&point(other.id.get()));
            Deal { share_index: index(other.id), encrypted_share }
        });
        let commitments =
            puppet.coefficients.iter().map(|coefficient| secret(coefficient).sk_to_pk().compress());
        let mut bundle = DealBundle {
            dealer_index: index(puppet.id),
            deals: deals.collect(),
            session_id: instance.session_id(),
            signature: BlsSignature::new([0; 96]),
            commitments: commitments.collect(),
        };
        self.sign_deal(at, &mut bundle);
        bundle
    }

    /// Signs a bundle with the dealer's exchange key, as it is.
    pub(crate) fn sign_deal(&self, at: usize, bundle: &mut DealBundle) {
        let signature = self.all[at].exchange_secret.sign(&bundle.hash(), NUL_DST, &[]);
        bundle.signature = BlsSignature::new(signature.compress());
    }

    pub(crate) fn kyber(bundle: &DealBundle) -> Vec<u8> {
        KyberMessage { kind: KyberType::DealBundle, data: bundle.to_json() }.encode()
    }

    pub(crate) fn share(&self, at: usize) -> ShareSecret {
        let x = self.all[at].id.get();
        let dealt = self.all.iter().map(|dealer| evaluate(&dealer.coefficients, x));
        let sum = dealt.fold(Scalar::zero(), |sum, share| sum.add(&share));
        let mut bytes = sum.to_bytes();
        bytes.reverse();
        ShareSecret::from_bytes(&bytes.into()).unwrap()
    }

    pub(crate) fn validator_pubkey(&self) -> ValidatorPubkey {
        let constants = self.all.iter().map(|dealer| dealer.coefficients[0]);
        let key = constants.fold(Scalar::zero(), |sum, constant| sum.add(&constant));
        ValidatorPubkey::new(secret(&key).sk_to_pk().compress())
    }

    pub(crate) fn output(&mut self, at: usize, instance: InstanceId) -> Output {
        let share = self.share(at);
        let terms = self.terms;
        let encrypted = self.all[at].rsa.public_key().encrypt(&share, &mut self.rng).unwrap();
        let proof = Proof {
            validator_pubkey: self.validator_pubkey(),
            encrypted_share: encrypted.as_bytes().to_vec(),
            share_pubkey: share.pubkey(),
            owner: terms.registration.owner,
        };
        Output {
            operator_id: self.all[at].id.get(),
            request_id: *instance.as_bytes(),
            deposit_signature: share.sign_message(&self.deposit_root()).unwrap(),
            owner_nonce_signature: share.sign_message(&terms.registration.digest()).unwrap(),
            signed_proof: proof.sign(&self.all[at].rsa, &mut self.rng).unwrap(),
        }
    }

    /// The deposit's signing root, computed apart from the crate.
    pub(crate) fn deposit_root(&self) -> [u8; 32] {
        let terms = self.terms;
        let message = merkle_root(&[
            bytes_root(self.validator_pubkey().as_bytes()).into_bytes(),
            terms.credentials.to_bytes(),
            chunk(&terms.amount.get().to_le_bytes()),
        ]);
        let domain = Domain::new(DomainType::Deposit, terms.network.fork_version(), Root::new([0; 32]));
        *domain.signing_root(message).as_bytes()
    }

    pub(crate) fn exchange_answers(&mut self, instance: InstanceId) -> Answers {
        self.answers(|puppets, at| {
            let data = puppets.exchange(at).encode();
            Self::transport(MessageType::Exchange, instance, data)
        })
    }

    pub(crate) fn deal_answers(&mut self, instance: InstanceId) -> Answers {
        self.answers(|puppets, at| {
            let data = Self::kyber(&puppets.deal(at, instance));
            Self::transport(MessageType::Kyber, instance, data)
        })
    }

    pub(crate) fn output_answers(&mut self, instance: InstanceId) -> Answers {
        self.answers(|puppets, at| {
            let data = puppets.output(at, instance).encode();
            Self::transport(MessageType::Output, instance, data)
        })
    }

    fn answers(&mut self, mut answer: impl FnMut(&mut Self, usize) -> Transport) -> Answers {
        (0..self.all.len())
            .map(|at| {
                let message = answer(self, at);
                (self.all[at].id, Ok(self.sign(at, message).encode()))
            })
            .collect()
    }

    /// A whole ceremony, with each round's answers changed on the way.
    pub(crate) fn ceremony(
        &mut self,
        mut change: impl FnMut(&mut Self, usize, InstanceId, &mut Answers),
    ) -> Result<CeremonyOutput, CeremonyError> {
        let initiated = self.initiate();
        let instance = initiated.instance_id();
        let mut answers = self.exchange_answers(instance);
        change(self, 0, instance, &mut answers);
        let exchanged = initiated.accept(answers, &mut self.rng)?;
        let mut answers = self.deal_answers(instance);
        change(self, 1, instance, &mut answers);
        let dealt = exchanged.accept(answers, &mut self.rng)?;
        let mut answers = self.output_answers(instance);
        change(self, 2, instance, &mut answers);
        dealt.accept(answers, "2026-11-23T09:08:39Z".parse().unwrap(), &mut self.rng)
    }
}

pub(crate) fn index(operator: OperatorId) -> u32 {
    u32::try_from(operator.get() - 1).unwrap()
}
