//! `dkg ping`, `dkg ceremony` and `dkg verify`: validator keys that nobody ever holds whole.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use nexus_dkg::{
    BulkOutcome, BulkReport, BulkSize, CeremonyRequest, CeremonyTerms, CheckedValidator, DkgOperator,
    FolderReport, HealthReport, Network, OutputFolder, StoredFolder, StoredOutput, run_ceremonies,
    verify_folder,
};
use nexus_primitives::{Address, Gwei, OwnerNonce, WithdrawalCredentials};
use nexus_ssv::Registration;
use serde::Serialize;

use super::{Session, dkg_operators};
use crate::{
    cli::{CeremonyArgs, DkgCommand},
    compose,
    exit_code::Exit,
    output::{self, Table, or_dash},
    progress,
};

#[derive(Serialize)]
struct Ping {
    operator: u64,
    endpoint: String,
    version: Option<String>,
    eth_client_connected: Option<bool>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Ceremony {
    folder: String,
    validators: Vec<Validator>,
    /// Why there are fewer validators than were asked for.
    problem: Option<String>,
    /// Operators that didn't take the documents; the validators are as good without.
    not_told: Vec<String>,
}

#[derive(Serialize)]
struct Verified {
    validators: Vec<Validator>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Validator {
    pubkey: String,
    owner: String,
    nonce: u64,
    withdrawal_credentials: String,
    amount_gwei: u64,
    network: &'static str,
    operators: Vec<u64>,
}

/// Runs one of the commands.
pub(super) async fn run(session: &Session, command: DkgCommand) -> anyhow::Result<Exit> {
    match command {
        DkgCommand::Ping { operators } => {
            let cluster = dkg_operators::find(session, &operators).await?;
            ping(session, &cluster).await
        }
        DkgCommand::Ceremony(args) => ceremony(session, &args).await,
        DkgCommand::Verify { folder, owner, nonce, withdraw_address } => {
            Ok(verify(session, &folder, owner.zip(nonce), withdraw_address))
        }
    }
}

async fn ping(session: &Session, cluster: &dkg_operators::Cluster) -> anyhow::Result<Exit> {
    let client = compose::ceremony_client(cluster.dkg)?;
    let spinner = progress::spinner("asking operators");
    let reports = client.check_health(&cluster.operators).await;
    spinner.finish_and_clear();
    let pings: Vec<_> = cluster.operators.iter().zip(&reports).map(Ping::from).collect();
    session.print(&pings, || print_pings(&pings));
    let all_well = pings.iter().all(|ping| ping.problem.is_none());
    Ok(if all_well { Exit::Done } else { Exit::Unreachable })
}

async fn ceremony(session: &Session, args: &CeremonyArgs) -> anyhow::Result<Exit> {
    let cluster = dkg_operators::find(session, &args.operators).await?;
    let request = request(args, &cluster)?;
    let size = BulkSize::new(args.validators, usize::from(args.at_once))?;
    // Before the operators work for nothing: a folder that can't be written.
    let folder = OutputFolder::open(&args.out)?;
    let client = compose::ceremony_client(cluster.dkg)?;
    let spinner = progress::spinner(format!("{} ceremonies of 20 seconds", args.validators));
    let report = run_ceremonies(client.as_ref(), &request, size).await;
    if report.entries.iter().all(|entry| !matches!(entry.outcome, BulkOutcome::Usable(_))) {
        return Err(failure(report));
    }
    let problem = problem(&report);
    let outputs = report.into_usable();
    let stored = folder.store(outputs)?;
    let mut not_told = Vec::new();
    for output in &stored.outputs {
        let faults = client.post_results(request.operators(), output).await;
        not_told.extend(faults.iter().map(|fault| format!("{}: {fault}", output.output().pubkey())));
    }
    spinner.finish_and_clear();
    let complete = problem.is_none();
    let document = Ceremony::new(&stored, problem, not_told);
    session.print(&document, || print_ceremony(&document));
    Ok(if complete { Exit::Done } else { Exit::Failed })
}

/// Puts what the arguments say before what the contracts say; the command line demands one of the two.
fn request(args: &CeremonyArgs, cluster: &dkg_operators::Cluster) -> anyhow::Result<CeremonyRequest> {
    let chain = cluster.on_chain.as_ref();
    let missing = |what| move || format!("{what} is not given");
    let owner = args.owner.or(chain.map(|chain| chain.owner)).with_context(missing("--owner"))?;
    let nonce = args.nonce.or(chain.map(|chain| chain.nonce)).with_context(missing("--nonce"))?;
    let payee = args.withdraw_address.or(chain.map(|chain| chain.bridge));
    let payee = payee.with_context(missing("--withdraw-address"))?;
    let fork_version = args.fork_version.or(chain.map(|chain| chain.fork_version));
    let fork_version = fork_version.with_context(missing("--fork-version"))?;
    let terms = CeremonyTerms {
        credentials: WithdrawalCredentials::to_address(payee).into(),
        amount: Gwei::VALIDATOR_DEPOSIT,
        network: Network::try_from(fork_version)?,
        registration: Registration::new(owner, nonce),
    };
    Ok(CeremonyRequest::new(&cluster.operators, terms)?)
}

/// Returns why there is no validator at all.
fn failure(report: BulkReport) -> anyhow::Error {
    let failed = report.entries.into_iter().find_map(|entry| match entry.outcome {
        BulkOutcome::Failed(error) => Some((entry.nonce, error)),
        _ => None,
    });
    failed.map_or_else(
        || anyhow!("no ceremony was begun: nonces end at {}", u64::MAX),
        |(nonce, error)| anyhow::Error::from(error).context(format!("ceremony for nonce {nonce}")),
    )
}

/// Says what kept a report from being complete.
fn problem(report: &BulkReport) -> Option<String> {
    let (nonce, error) = report.failure()?;
    let error = anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Some(format!(
        "the ceremony for nonce {nonce} failed, and nothing made for later nonces can be used: {error}"
    ))
}

fn verify(
    session: &Session,
    folder: &Path,
    first: Option<(Address, OwnerNonce)>,
    payee: Option<Address>,
) -> Exit {
    let spinner = progress::spinner("verifying documents");
    let report = verify_folder(folder);
    spinner.finish_and_clear();
    let mut problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    problems.extend(unexpected(&report, first, payee));
    let document = Verified { validators: report.validators.iter().map(Validator::from).collect(), problems };
    session.print(&document, || print_verified(&document));
    let sound = report.is_sound() && document.problems.is_empty();
    if sound { Exit::Done } else { Exit::Failed }
}

/// Compares what the documents are for with what was demanded.
fn unexpected(
    report: &FolderReport,
    first: Option<(Address, OwnerNonce)>,
    payee: Option<Address>,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (validator, position) in report.validators.iter().zip(0..) {
        let pubkey = validator.pubkey();
        let got = validator.registration();
        if let Some((owner, nonce)) = first {
            let expected = nonce.checked_add(position).map(|nonce| Registration::new(owner, nonce));
            if expected != Some(got) {
                let expected = expected.map_or("none".to_owned(), |expected| expected.message());
                problems
                    .push(format!("{pubkey}: is for registration {}, expected {expected}", got.message()));
            }
        }
        let got = validator.deposit.credentials().address();
        if let Some(expected) = payee.filter(|payee| *payee != got) {
            problems.push(format!("{pubkey}: withdrawals go to {got}, expected {expected}"));
        }
    }
    problems
}

impl From<(&DkgOperator, &HealthReport)> for Ping {
    fn from((operator, report): (&DkgOperator, &HealthReport)) -> Self {
        let health = report.health.as_ref();
        Self {
            operator: operator.id().get(),
            endpoint: operator.endpoint.to_string(),
            version: health.ok().map(|health| health.version.to_string()),
            eth_client_connected: health.ok().map(|health| health.eth_client_connected),
            problem: health.err().map(|fault| {
                let chain = anyhow::Chain::new(fault).map(ToString::to_string);
                chain.collect::<Vec<_>>().join(": ")
            }),
        }
    }
}

impl Ceremony {
    fn new(stored: &StoredFolder, problem: Option<String>, not_told: Vec<String>) -> Self {
        let validators = stored.outputs.iter().map(Validator::from).collect();
        Self { folder: stored.path.display().to_string(), validators, problem, not_told }
    }
}

impl Validator {
    fn new(deposit: &nexus_dkg::CeremonyDeposit, keyshares: &nexus_ssv::Keyshares) -> Self {
        Self {
            pubkey: deposit.pubkey().to_string(),
            owner: keyshares.registration().owner.to_string(),
            nonce: keyshares.registration().nonce.get(),
            withdrawal_credentials: deposit.credentials().to_string(),
            amount_gwei: deposit.amount().get(),
            network: deposit.network().name(),
            operators: keyshares.operators().to_u64s(),
        }
    }
}

impl From<&StoredOutput> for Validator {
    fn from(stored: &StoredOutput) -> Self {
        Self::new(stored.output().deposit(), stored.output().keyshares().keyshares())
    }
}

impl From<&CheckedValidator> for Validator {
    fn from(checked: &CheckedValidator) -> Self {
        Self::new(&checked.deposit, checked.keyshares.keyshares())
    }
}

fn print_pings(pings: &[Ping]) {
    let mut table = Table::new(["operator", "address", "version", "execution client", "result"]);
    for ping in pings {
        let client = ping.eth_client_connected.map(|connected| if connected { "connected" } else { "away" });
        table.row([
            ping.operator.to_string(),
            ping.endpoint.clone(),
            or_dash(ping.version.as_ref()),
            or_dash(client),
            ping.problem.clone().unwrap_or_else(|| "well".to_owned()),
        ]);
    }
    table.print("no operators");
}

fn print_ceremony(ceremony: &Ceremony) {
    print_validators(&ceremony.validators);
    output::print_text(&format!("\nstored in {}\n", ceremony.folder));
    for fault in &ceremony.not_told {
        output::print_text(&format!("not told (the validator is as good without): {fault}\n"));
    }
    if let Some(problem) = &ceremony.problem {
        output::print_text(&format!("incomplete: {problem}\n"));
    }
}

fn print_verified(verified: &Verified) {
    print_validators(&verified.validators);
    for problem in &verified.problems {
        output::print_text(&format!("wrong: {problem}\n"));
    }
    if verified.problems.is_empty() {
        output::print_text("all documents hold; encrypted shares not opened\n");
    }
}

fn print_validators(validators: &[Validator]) {
    let mut table =
        Table::new(["validator", "owner", "nonce", "withdrawal credentials", "network", "operators"]);
    for validator in validators {
        let operators: Vec<_> = validator.operators.iter().map(ToString::to_string).collect();
        table.row([
            validator.pubkey.clone(),
            validator.owner.clone(),
            validator.nonce.to_string(),
            validator.withdrawal_credentials.clone(),
            validator.network.to_owned(),
            operators.join(","),
        ]);
    }
    table.print("no validators");
}
