//! Recordings of the operators' own program, checked by the libraries that the row's operators are made of.

use std::{collections::BTreeMap, fs};

use anyhow::Context as _;
use nexus_dkg::{
    Answers, CeremonyOutput, CeremonyRequest, CeremonyTerms, Credentials, DkgOperator, Initiated,
    InitiatorIdentity, Network, OperatorVersion, OutputFolder, RequestId, verify_folder,
    wire::{SignedTransport, Ssz as _},
};
use nexus_primitives::{ForkVersion, Gwei, OperatorId, OwnerNonce};
use nexus_ssv::{Operator, Registration};
use serde::Deserialize;

use super::dkg_verdict::{Question, ask, count, validator_folder};
use crate::{checks::Checks, stage::Stage};

const OFFICIAL: &str = "recorded output of the official initiator: sound for us and for dkg-spec";
const REPLAYED: &str = "recorded results of real operators, combined by us, for dkg-spec";

/// Of real operators, led by the official initiator.
const OFFICIAL_FOLDER: &str = "dkg/live-v3.1.0/official-initiator-output/ceremony-2026-11-23--09-05-42.515";
/// Of real operators, and of three with one that was written independently.
const TRANSCRIPTS: [&str; 2] = ["transcript-4ops", "transcript-4ops-one-reimplemented"];

/// Operators in each of them.
const RECORDED_OPERATORS: usize = 4;

/// A ceremony, byte for byte (`fixtures/dkg/README.md`); byte strings are hexadecimal.
#[derive(Deserialize)]
struct Transcript {
    version: String,
    initiator_private_key_pem: String,
    init: RecordedInit,
    new_id: String,
    exchange_responses: BTreeMap<u64, String>,
    deal_responses: BTreeMap<u64, String>,
    output_responses: BTreeMap<u64, String>,
}

#[derive(Deserialize)]
struct RecordedInit {
    operators: Vec<RecordedOperator>,
    withdrawal_credentials: String,
    fork: String,
    owner: String,
    nonce: u64,
    amount_gwei: u64,
}

#[derive(Deserialize)]
struct RecordedOperator {
    id: u64,
    public_key: String,
}

/// Checks the official initiator's files. Whether the terms are the right ones nobody knows here: those that our reader
/// finds are the ones that dkg-spec must find.
pub(super) async fn check_official_output(stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
    let ceremony = stage.layout.fixtures.join(OFFICIAL_FOLDER);
    let report = verify_folder(&ceremony);
    checks.that(OFFICIAL, report.is_sound(), || format!("{:?}", report.problems));
    let validator = report.validators.first().context("the recorded folder holds no sound validator")?;
    let terms = CeremonyTerms {
        credentials: validator.deposit.credentials(),
        amount: validator.deposit.amount(),
        network: validator.deposit.network(),
        registration: validator.registration(),
    };
    let folder = validator_folder(&ceremony, &terms, validator.pubkey());
    for verdict in ask(stage, &[Question::new(folder, validator.operators(), &terms)]).await? {
        count(OFFICIAL, [&verdict.deposit, &verdict.keyshares], 2, checks);
        count(OFFICIAL, &verdict.proofs, RECORDED_OPERATORS, checks);
    }
    Ok(())
}

/// Leads recorded ceremonies once more: real operators' answers in, our documents out, which dkg-spec compares with what
/// it makes of the same answers.
pub(super) async fn check_replays(stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
    let folder = OutputFolder::open(stage.work.join("replayed"))?;
    let mut questions = Vec::new();
    for name in TRANSCRIPTS {
        let path = stage.layout.fixtures.join("dkg/live-v3.1.0").join(name).with_extension("json");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let transcript: Transcript = serde_json::from_str(&text)?;
        let request = transcript.request()?;
        let Some(output) = checks.ok(REPLAYED, transcript.replay(stage, &request)) else { continue };
        let (instance, pubkey) = (output.instance_id(), output.pubkey());
        let ceremony = folder.store(vec![output])?.path;
        let operators = request.operators().iter().map(|operator| &operator.operator);
        let validator = validator_folder(&ceremony, request.terms(), pubkey);
        let question = Question::new(validator, operators, request.terms());
        questions.push(question.with_results(instance, &transcript.results()?));
    }
    for verdict in ask(stage, &questions).await? {
        count(REPLAYED, [&verdict.deposit, &verdict.keyshares], 2, checks);
        for (answers, expected) in
            [(&verdict.proofs, RECORDED_OPERATORS), (&verdict.results, 1), (&verdict.signatures, 2)]
        {
            count(REPLAYED, answers, expected, checks);
        }
    }
    Ok(())
}

impl Transcript {
    fn request(&self) -> anyhow::Result<CeremonyRequest> {
        let operators = self.init.operators.iter().map(|operator| {
            let operator = Operator::parse(OperatorId::new(operator.id)?, &operator.public_key)?;
            Ok(DkgOperator::new(operator, "https://operator.example")?)
        });
        let credentials: [u8; 32] = bytes(&self.init.withdrawal_credentials)?;
        let fork: ForkVersion = self.init.fork.parse()?;
        let terms = CeremonyTerms {
            credentials: Credentials::try_from(credentials)?,
            amount: Gwei::new(self.init.amount_gwei),
            network: Network::try_from(fork)?,
            registration: Registration::new(self.init.owner.parse()?, OwnerNonce::new(self.init.nonce)),
        };
        Ok(CeremonyRequest::new(&operators.collect::<anyhow::Result<Vec<_>>>()?, terms)?)
    }

    fn replay(&self, stage: &Stage, request: &CeremonyRequest) -> anyhow::Result<CeremonyOutput> {
        let mut rng = stage.rng();
        let version: OperatorVersion = self.version.parse()?;
        let ids = request.operator_set().ids();
        let versions = ids.iter().map(|id| (*id, version.clone())).collect();
        let identity = InitiatorIdentity::from_pem(&self.initiator_private_key_pem)?;
        let request_id = RequestId::new(bytes(&self.new_id)?);
        let initiated = Initiated::new(request.clone(), request_id, identity, &versions, &mut rng)?;
        let exchanged = initiated.accept(answers(&self.exchange_responses)?, &mut rng)?;
        let dealt = exchanged.accept(answers(&self.deal_responses)?, &mut rng)?;
        let created_at = "2026-11-23T08:58:25.912Z".parse()?;
        Ok(dealt.accept(answers(&self.output_responses)?, created_at, &mut rng)?)
    }

    /// The operators' results, ascending by id, out of the signed messages around them.
    fn results(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let messages = self.output_responses.values();
        messages.map(|message| Ok(SignedTransport::decode(&hex::decode(message)?)?.message.data)).collect()
    }
}

fn answers(recorded: &BTreeMap<u64, String>) -> anyhow::Result<Answers> {
    recorded.iter().map(|(id, answer)| Ok((OperatorId::new(*id)?, Ok(hex::decode(answer)?)))).collect()
}

fn bytes<const N: usize>(text: &str) -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)?;
    Ok(bytes)
}
