//! SSV DKG ceremonies, led by our client among operators that are made of the operators' own libraries.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use nexus_dkg::{
    BulkSize, CeremonyClient as _, CeremonyError, CeremonyOutput, CeremonyRequest, CeremonyTerms,
    Credentials, Deadlines, DkgOperator, Fault, HealthReport, HttpCeremonyClient, InitiatorIdentity, Network,
    OutputFolder, Round, RoundFailed, StoredFolder, run_ceremonies, verify_folder,
};
use nexus_primitives::{Address, Gwei, OperatorId, OwnerNonce, WithdrawalCredentials};
use nexus_ssv::Registration;
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    dkg_bot::check_bot,
    dkg_verdict::validator_folder,
    made_validator::{DEPOSITS, MadeValidator, RESULTS, SOUND, check_again},
    recorded_ceremony::{check_official_output, check_replays},
};
use crate::{
    checks::Checks,
    full_operator::FullOperator,
    pace::Pace,
    row::Row,
    sabotage::Sabotage,
    stage::Stage,
    world::{
        dkg_fleet::{COMPONENT, DkgFleet},
        world_clock::SystemClock,
    },
};

const FOUND: &str = "operators found by the health check: key, id, version";
const LED: &str = "ceremonies of 4, 7, 10 and 13 operators, named v3.1.0 and v3.1.1, led to their end";
const OFFICIAL_PACE: &str = "a ceremony at the operators' official pace, of 20 s";
const BULK: &str = "20 validators of consecutive nonces made at once, at the official pace";
const KILLED: &str = "an operator killed in a ceremony is named, and no validator is left";
const REVIVED: &str = "the same operators make the validator once it is back";

/// Length of a phase; a ceremony has two. Thirteen operators' deals go round in half a second, but other rows keep the
/// machine busy.
const PHASE: Duration = Duration::from_secs(3);
/// What it is in the operators' own program.
const OFFICIAL_PHASE: Duration = Duration::from_secs(10);
const VERSIONS: [&str; 2] = ["v3.1.0", "v3.1.1"];
/// Validators made in bulk, all at once: as many as the official initiator makes at a time.
const BULK_COUNT: usize = 20;
/// Ceremonies that get as far as needing an initiator's key: one per case, bulk, killed, revived, official pace.
const CEREMONIES: usize = CASES.len() + BULK_COUNT + 2 + 1;
/// Where documents are stored, in the row's working folder.
const OUTPUT: &str = "output";

/// Validators of each size of cluster, of all kinds.
const CASES: [Case; 4] = [
    Case { size: 4, network: Network::Hoodi, compounds: false, amount: Gwei::VALIDATOR_DEPOSIT },
    Case { size: 7, network: Network::Mainnet, compounds: false, amount: Gwei::VALIDATOR_DEPOSIT },
    Case { size: 10, network: Network::Holesky, compounds: true, amount: Gwei::new(2_048_000_000_000) },
    Case { size: 13, network: Network::Sepolia, compounds: true, amount: Gwei::VALIDATOR_DEPOSIT },
];

/// A validator to be made.
#[derive(Clone, Copy)]
struct Case {
    size: usize,
    network: Network,
    compounds: bool,
    amount: Gwei,
}

/// The `dkg` row.
pub(crate) struct Dkg;

#[async_trait]
impl Row for Dkg {
    fn name(&self) -> &'static str {
        "dkg"
    }

    fn promise(&self) -> &'static str {
        "validators made in ceremonies of 4, 7, 10 and 13 operators, which are programs around SSV's own libraries"
    }

    fn components(&self) -> &'static [&'static str] {
        &[COMPONENT]
    }

    fn pace(&self) -> Pace {
        Pace::RealTime
    }

    fn red_under(&self, sabotage: Sabotage) -> &'static [&'static str] {
        match sabotage {
            Sabotage::WrongForkVersion => &[DEPOSITS, RESULTS],
            Sabotage::WrongLagrangeCoefficient | Sabotage::WrongPadding | Sabotage::SwappedOperatorIds => &[],
        }
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let full = FullOperator::read_all(stage)?;
        let initiator = Initiator::new(stage).await?;
        if stage.sabotage.is_some() {
            let fleet = DkgFleet::start(stage, "quick", &full[..4], &VERSIONS, PHASE).await?;
            let made = initiator.lead_cases(&fleet, &CASES[..1], checks).await;
            return check_again(stage, &of_fleet(&fleet, &made), &full, checks).await;
        }
        let mut quick = DkgFleet::start(stage, "quick", &full, &VERSIONS, PHASE).await?;
        let slow = DkgFleet::start(stage, "slow", &full[..4], &VERSIONS[..1], OFFICIAL_PHASE).await?;
        let (at_leisure, made) = tokio::join!(
            initiator.lead(&slow, CASES[0], OwnerNonce::new(0)),
            initiator.lead_quick_ones(&mut quick, checks)
        );
        let (mut at_leisure, made) = (Vec::from_iter(checks.ok(OFFICIAL_PACE, at_leisure)), made?);
        for validator in &at_leisure {
            let seconds = validator.took.as_secs_f64();
            checks.that(OFFICIAL_PACE, (20.0..25.0).contains(&seconds), || format!("took {seconds:.1} s"));
            validator.count_takers(checks);
        }
        // By itself: the work of eighty parties at once would come in the way of quicker clocks.
        at_leisure.extend(initiator.lead_bulk(&slow, checks).await?);
        check_bot(stage, &mut quick, checks).await?;
        let all = [of_fleet(&quick, &made), of_fleet(&slow, &at_leisure)].concat();
        check_official_output(stage, checks).await?;
        check_replays(stage, checks).await?;
        check_again(stage, &all, &full, checks).await
    }
}

fn of_fleet<'a>(fleet: &'a DkgFleet, made: &'a [MadeValidator]) -> Vec<(&'a DkgFleet, &'a MadeValidator)> {
    made.iter().map(|validator| (fleet, validator)).collect()
}

/// Our side: the client, the folder of its documents, and who the validators are for.
struct Initiator<'a> {
    stage: &'a Stage,
    client: HttpCeremonyClient,
    folder: OutputFolder,
    owner: Address,
    bridge: Address,
}

impl<'a> Initiator<'a> {
    /// Keys are drawn ahead, lest the machine be busy with them while operators' clocks run.
    async fn new(stage: &'a Stage) -> anyhow::Result<Self> {
        let mut rng = stage.rng();
        let mut drawing = StdRng::from_rng(&mut rng);
        let client = HttpCeremonyClient::new(Deadlines::default(), Arc::new(SystemClock), rng)?;
        let draw = move || (0..CEREMONIES).map(|_| InitiatorIdentity::generate(&mut drawing)).collect();
        let identities: Result<Vec<_>, _> = spawn_blocking(draw).await?;
        for identity in identities? {
            client.prepare(identity).await;
        }
        Ok(Self {
            stage,
            client,
            folder: OutputFolder::open(stage.work.join(OUTPUT))?,
            owner: "0xDCc846fA10C7CfCE9e6Eb37e06eD93b666cFC5E9".parse()?,
            bridge: "0x81592c3DE184A3E2c0DCB5a261BC107Bfa91f494".parse()?,
        })
    }

    async fn lead_quick_ones(
        &self,
        fleet: &mut DkgFleet,
        checks: &mut Checks,
    ) -> anyhow::Result<Vec<MadeValidator>> {
        self.check_health(fleet, checks).await?;
        let mut made = self.lead_cases(fleet, &CASES, checks).await;
        made.extend(self.lead_with_a_killing(fleet, checks).await?);
        Ok(made)
    }

    async fn check_health(&self, fleet: &DkgFleet, checks: &mut Checks) -> anyhow::Result<()> {
        for HealthReport { operator, health } in self.client.check_health(&fleet.operators()).await {
            if let Some(health) = checks.ok(FOUND, health) {
                checks.same(FOUND, &health.version.as_str(), &fleet.version(operator)?);
            }
        }
        Ok(())
    }

    /// One ceremony after the other, each among the first operators of the fleet.
    async fn lead_cases(&self, fleet: &DkgFleet, cases: &[Case], checks: &mut Checks) -> Vec<MadeValidator> {
        let mut all = Vec::new();
        for (case, nonce) in cases.iter().zip(1..) {
            let led = self.lead(fleet, *case, OwnerNonce::new(nonce)).await;
            let Some(made) = checks.ok(LED, led) else { continue };
            println!("dkg: {} operators made a validator in {:.1} s", case.size, made.took.as_secs_f64());
            made.count_takers(checks);
            all.push(made);
        }
        all
    }

    async fn lead(&self, fleet: &DkgFleet, case: Case, nonce: OwnerNonce) -> anyhow::Result<MadeValidator> {
        let terms = self.terms(case, nonce);
        let request = self.request(&fleet.operators()[..case.size], terms)?;
        let begun = Instant::now();
        let output = self.client.run_ceremony(&request).await?;
        let mut made = self.keep(&request, terms, vec![output], begun.elapsed()).await?;
        made.pop().context("what was stored is returned")
    }

    async fn lead_bulk(&self, fleet: &DkgFleet, checks: &mut Checks) -> anyhow::Result<Vec<MadeValidator>> {
        let first = OwnerNonce::new(100);
        let terms = self.terms(CASES[0], first);
        let request = self.request(&fleet.operators()[..CASES[0].size], terms)?;
        let begun = Instant::now();
        let size = BulkSize::new(u64::try_from(BULK_COUNT)?, BULK_COUNT)?;
        let report = run_ceremonies(&self.client, &request, size).await;
        let took = begun.elapsed();
        if let Some((nonce, error)) = report.failure() {
            checks.that(BULK, false, || format!("nonce {nonce}: {error}"));
        }
        let outputs = report.into_usable();
        ensure!(!outputs.is_empty(), "no validator was made in bulk");
        checks.same(BULK, &outputs.len(), &BULK_COUNT);
        let each = (took / u32::try_from(outputs.len())?).as_secs_f64();
        let (count, seconds) = (outputs.len(), took.as_secs_f64());
        println!("dkg: 4 operators made {count} validators at once in {seconds:.1} s, {each:.2} s each");
        let made = self.keep(&request, terms, outputs, took).await?;
        for (validator, nonce) in made.iter().zip(first.get()..) {
            checks.same(BULK, &validator.stored.output().nonce().get(), &nonce);
            validator.count_takers(checks);
        }
        let ceremony = made[0].folder.parent().context("a validator's folder is in its ceremony's")?;
        let report = verify_folder(ceremony);
        checks.that(SOUND, report.is_sound(), || format!("{:?}", report.problems));
        Ok(made)
    }

    /// A ceremony in which an operator goes away while it should think about the deals, and the same once it is back.
    async fn lead_with_a_killing(
        &self,
        fleet: &mut DkgFleet,
        checks: &mut Checks,
    ) -> anyhow::Result<Option<MadeValidator>> {
        let nonce = OwnerNonce::new(200);
        let terms = self.terms(CASES[0], nonce);
        let request = self.request(&fleet.operators()[..CASES[0].size], terms)?;
        let victim = request.operators()[2].id();
        let earlier = fleet.ceremonies(victim)?;
        let (outcome, killed) =
            tokio::join!(self.client.run_ceremony(&request), fleet.kill_with_deals(victim, earlier));
        killed?;
        check_named(checks, outcome, Round::Deal, victim);
        check_named(checks, self.client.run_ceremony(&request).await, Round::Health, victim);
        let is_left = self.has_stored(nonce)?;
        checks.that(KILLED, !is_left, || "a validator was stored".to_owned());

        fleet.run(victim).await?;
        let made = checks.ok(REVIVED, self.lead(fleet, CASES[0], nonce).await);
        if let Some(made) = &made {
            made.count_takers(checks);
        }
        Ok(made)
    }

    fn terms(&self, case: Case, nonce: OwnerNonce) -> CeremonyTerms {
        let credentials = if case.compounds {
            Credentials::Compounding(self.bridge)
        } else {
            WithdrawalCredentials::to_address(self.bridge).into()
        };
        let registration = Registration::new(self.owner, nonce);
        CeremonyTerms { credentials, amount: case.amount, network: case.network, registration }
    }

    /// What the operators are asked for; sabotaged, it is for another network than the validator is meant for.
    fn request(&self, operators: &[DkgOperator], terms: CeremonyTerms) -> anyhow::Result<CeremonyRequest> {
        let is_sabotaged = self.stage.is_sabotaged(Sabotage::WrongForkVersion);
        let network = if is_sabotaged { Network::Prater } else { terms.network };
        Ok(CeremonyRequest::new(operators, CeremonyTerms { network, ..terms })?)
    }

    /// Stores what ceremonies made, and only then hands the documents out.
    async fn keep(
        &self,
        request: &CeremonyRequest,
        terms: CeremonyTerms,
        outputs: Vec<CeremonyOutput>,
        took: Duration,
    ) -> anyhow::Result<Vec<MadeValidator>> {
        let StoredFolder { path, outputs } = self.folder.store(outputs)?;
        let mut made = Vec::new();
        for stored in outputs {
            let faults = self.client.post_results(request.operators(), &stored).await;
            let registration = Registration::new(self.owner, stored.output().nonce());
            let terms = CeremonyTerms { registration, ..terms };
            made.push(MadeValidator {
                terms,
                request: request.with_nonce(registration.nonce),
                folder: validator_folder(&path, &terms, stored.output().pubkey()),
                stored,
                took,
                faults,
            });
        }
        Ok(made)
    }

    /// Tells whether the output folder holds a validator of this nonce.
    fn has_stored(&self, nonce: OwnerNonce) -> anyhow::Result<bool> {
        let prefix = format!("{:06}-", nonce.get());
        for ceremony in fs::read_dir(self.stage.work.join(OUTPUT))? {
            for validator in fs::read_dir(ceremony?.path())? {
                if validator?.file_name().to_string_lossy().starts_with(&prefix) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Counts a ceremony that must have failed in this round, because one operator couldn't be reached.
fn check_named(
    checks: &mut Checks,
    outcome: Result<CeremonyOutput, CeremonyError>,
    due: Round,
    victim: OperatorId,
) {
    let (is_named, found) = match outcome {
        Err(CeremonyError::Round(failed)) => {
            let RoundFailed { round, faults, .. } = &failed;
            let is_named = faults.iter().map(|fault| fault.operator).eq([victim])
                && faults.iter().all(|fault| matches!(fault.fault, Fault::Unreachable(_)));
            (is_named && *round == due, failed.to_string())
        }
        Err(error) => (false, error.to_string()),
        Ok(_) => (false, format!("succeeded without operator {victim}")),
    };
    checks.that(KILLED, is_named, || found);
}
