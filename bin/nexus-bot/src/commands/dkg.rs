//! `dkg ping`, `dkg ceremony` and `dkg verify`: validator keys that nobody ever holds whole.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use nexus_dkg::{
    BulkOutcome, BulkReport, BulkSize, CeremonyRequest, CeremonyTerms, CheckedValidator, DkgOperator, Fault,
    HealthReport, Network, OperatorList, OutputFolder, StoredFolder, StoredOutput, run_ceremonies,
    verify_folder,
};
use nexus_primitives::{Address, ForkVersion, Gwei, OwnerNonce, WithdrawalCredentials};
use nexus_ssv::{Operator, Registration};
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
    /// Validators that were made and must not be deposited: one before them is missing.
    stranded: Vec<String>,
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

/// What validators must be for; what isn't given is not demanded.
struct Demands {
    first: Option<(Address, OwnerNonce)>,
    payee: Option<Address>,
    fork_version: Option<ForkVersion>,
    operators: Option<OperatorList>,
}

/// Runs one of the commands.
pub(super) async fn run(session: &Session, command: DkgCommand) -> anyhow::Result<Exit> {
    match command {
        DkgCommand::Ping { operators } => {
            let cluster = dkg_operators::find(session, &operators).await?;
            ping(session, &cluster).await
        }
        DkgCommand::Ceremony(args) => ceremony(session, &args).await,
        DkgCommand::Verify { folder, owner, nonce, withdraw_address, fork_version, operators } => {
            let demands = Demands {
                first: owner.zip(nonce),
                payee: withdraw_address,
                fork_version,
                operators: operators.map(|path| OperatorList::read(&path)).transpose()?,
            };
            Ok(verify(session, &folder, &demands))
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
    let faults: Vec<_> = reports.iter().filter_map(|report| report.health.as_ref().err()).collect();
    Ok(match faults.as_slice() {
        [] => Exit::Done,
        faults if faults.iter().all(|fault| matches!(fault, Fault::Unreachable(_))) => Exit::Unreachable,
        _ => Exit::Failed,
    })
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
    let (problem, stranded) = (problem(&report), stranded(&report));
    let outputs = report.into_usable();
    let stored = folder.store(outputs)?;
    let mut not_told = Vec::new();
    for output in &stored.outputs {
        let faults = client.post_results(request.operators(), output).await;
        not_told.extend(faults.iter().map(|fault| format!("{}: {fault}", output.output().pubkey())));
    }
    spinner.finish_and_clear();
    let complete = problem.is_none();
    let document = Ceremony::new(&stored, problem, stranded, not_told);
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
    let Some((nonce, error)) = report.failure() else {
        return (!report.is_complete()).then(|| "nonces have come to their end".to_owned());
    };
    let error = with_causes(error);
    Some(format!(
        "the ceremony for nonce {nonce} failed, and nothing made for later nonces can be used: {error}"
    ))
}

/// Tells an error with everything below it, on one line.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Returns the validators that were made for nonces behind one that failed.
fn stranded(report: &BulkReport) -> Vec<String> {
    let outcomes = report.entries.iter().map(|entry| &entry.outcome);
    outcomes
        .filter_map(|outcome| match outcome {
            BulkOutcome::Stranded { pubkey } => Some(pubkey.to_string()),
            _ => None,
        })
        .collect()
}

fn verify(session: &Session, folder: &Path, demands: &Demands) -> Exit {
    let spinner = progress::spinner("verifying documents");
    let report = verify_folder(folder);
    spinner.finish_and_clear();
    let mut problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    for (validator, position) in report.validators.iter().zip(0..) {
        let unexpected = demands.unexpected(validator, position);
        problems.extend(unexpected.into_iter().map(|problem| format!("{}: {problem}", validator.pubkey())));
    }
    let document = Verified { validators: report.validators.iter().map(Validator::from).collect(), problems };
    session.print(&document, || print_verified(&document, demands.operators.is_some()));
    let sound = report.is_sound() && document.problems.is_empty();
    if sound { Exit::Done } else { Exit::Failed }
}

impl Demands {
    /// Compares what the documents of the validator at this position are for with what was demanded.
    fn unexpected(&self, validator: &CheckedValidator, position: u64) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some((owner, nonce)) = self.first {
            let expected = nonce.checked_add(position).map(|nonce| Registration::new(owner, nonce).message());
            let got = validator.registration().message();
            if expected.as_ref() != Some(&got) {
                let expected = or_dash(expected);
                problems.push(format!("is for registration {got}, expected {expected}"));
            }
        }
        if let Some(payee) = self.payee {
            let (got, expected) =
                (validator.deposit.credentials(), WithdrawalCredentials::to_address(payee).into());
            if got != expected {
                problems.push(format!("withdrawals go to {got}, expected {expected}"));
            }
        }
        let got = validator.deposit.network().fork_version();
        if let Some(expected) = self.fork_version.filter(|expected| *expected != got) {
            problems.push(format!("is for the network with genesis fork version {got}, expected {expected}"));
        }
        if let Some(list) = &self.operators {
            let is_listed = |operator: &&Operator| list.iter().any(|listed| listed.operator == **operator);
            let strangers = validator.operators().iter().filter(|operator| !is_listed(operator));
            problems.extend(strangers.map(|operator| {
                format!("operator {} with this key is not in the list of operators", operator.id)
            }));
        }
        problems
    }
}

impl From<(&DkgOperator, &HealthReport)> for Ping {
    fn from((operator, report): (&DkgOperator, &HealthReport)) -> Self {
        let health = report.health.as_ref();
        Self {
            operator: operator.id().get(),
            endpoint: operator.endpoint.to_string(),
            version: health.ok().map(|health| health.version.to_string()),
            eth_client_connected: health.ok().map(|health| health.eth_client_connected),
            problem: health.err().map(|fault| with_causes(fault)),
        }
    }
}

impl Ceremony {
    fn new(
        stored: &StoredFolder,
        problem: Option<String>,
        stranded: Vec<String>,
        not_told: Vec<String>,
    ) -> Self {
        let validators = stored.outputs.iter().map(Validator::from).collect();
        Self { folder: stored.path.display().to_string(), validators, problem, stranded, not_told }
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
    for pubkey in &ceremony.stranded {
        output::print_text(&format!("made and of no use, not stored: {pubkey}\n"));
    }
}

fn print_verified(verified: &Verified, operators_compared: bool) {
    print_validators(&verified.validators);
    for problem in &verified.problems {
        output::print_text(&format!("wrong: {problem}\n"));
    }
    if verified.problems.is_empty() {
        let keys =
            if operators_compared { "compared" } else { "the folder's own, not compared (--operators)" };
        output::print_text(&format!(
            "all documents hold; encrypted shares not opened; operators' keys {keys}\n"
        ));
    }
}

fn print_validators(validators: &[Validator]) {
    let mut table =
        Table::new(["validator", "owner", "nonce", "withdrawal credentials", "gwei", "network", "operators"]);
    for validator in validators {
        let operators: Vec<_> = validator.operators.iter().map(ToString::to_string).collect();
        table.row([
            validator.pubkey.clone(),
            validator.owner.clone(),
            validator.nonce.to_string(),
            validator.withdrawal_credentials.clone(),
            validator.amount_gwei.to_string(),
            validator.network.to_owned(),
            operators.join(","),
        ]);
    }
    table.print("no validators");
}
