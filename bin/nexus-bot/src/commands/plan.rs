//! `plan`: observe and plan, send nothing.

use anyhow::Context as _;
use nexus_controller::{ActionReport, Guard, GuardContext, PlanReport, RollupReport, dry_run, pause_reason};
use nexus_primitives::{BasisPoints, Clock as _};

use super::Session;
use crate::{
    cli::PlanArgs,
    clock::SystemClock,
    compose::{self, Reader},
    exit_code::Exit,
    output::{self, Table, print_text},
    progress,
};

/// Runs the command; also beside a running bot.
pub(super) async fn run(session: &Session, args: &PlanArgs) -> anyhow::Result<Exit> {
    let config = session.config()?;
    let state = compose::read_state(&config)?;
    let reader = compose::reader(&config).await?;
    let spinner = progress::spinner("observing both chains");
    let observation = reader.observer.observe().await?;
    spinner.finish_and_clear();
    let context = guard_context(&reader, &state, &observation)?;
    let mut report = dry_run(&state, &reader.settings, &observation, &context)?.report();
    if let Some(admin) = args.rollup {
        report.rollups.retain(|rollup| rollup.admin == admin);
        let names_it = !report.rollups.is_empty();
        names_it.then_some(()).with_context(|| format!("rollup {admin} is not registered with Nexus"))?;
    }
    session.print(&report, || print(&report));
    Ok(Exit::Done)
}

/// Gathers what the guards look at beside the observation, writing nothing.
pub(super) fn guard_context(
    reader: &Reader,
    state: &nexus_controller::StateFile,
    observation: &nexus_controller::Observation,
) -> anyhow::Result<GuardContext> {
    Ok(GuardContext {
        now: SystemClock.now(),
        signer: reader.signer,
        paused: pause_reason(&reader.settings),
        changed_code: state.changed_code(&observation.chain.deployment.code_hashes)?,
    })
}

/// Prints a plan for people.
pub(super) fn print(report: &PlanReport) {
    let observed = &report.observed;
    print_text(&format!("at {} block {} ({})\n\n", observed.at, observed.block_number, observed.block_hash));
    let mut table = Table::new([
        "rollup",
        "name",
        "limit",
        "staked",
        "locked ETH",
        "balance ETH",
        "validators",
        "exiting",
        "in flight",
        "target",
        "action",
    ]);
    report.rollups.iter().for_each(|rollup| table.row(row(rollup)));
    table.print("no rollup is registered");
    print_guards(&report.guards);
}

fn row(rollup: &RollupReport) -> [String; 11] {
    let percent = |bps| BasisPoints::new(bps).map_or_else(|_| bps.to_string(), |share| share.to_string());
    [
        rollup.admin.to_string(),
        rollup.name.clone(),
        percent(rollup.limit_bps),
        percent(rollup.staked_bps),
        rollup.locked_wei.to_ether_text(),
        rollup.balance_wei.to_ether_text(),
        rollup.validator_count.to_string(),
        rollup.exiting.to_string(),
        rollup.in_flight.to_string(),
        rollup.target_validators.to_string(),
        action(&rollup.action),
    ]
}

fn action(action: &ActionReport) -> String {
    match action {
        ActionReport::Create { count } => format!("create {count}"),
        ActionReport::Exit { pubkeys } => {
            let keys: Vec<_> = pubkeys.iter().map(nexus_primitives::ValidatorPubkey::short).collect();
            format!("exit {}", keys.join(" "))
        }
        ActionReport::Hold { reason } => format!("hold ({reason})"),
    }
}

/// Prints the guards that are down, if any.
pub(super) fn print_guards(guards: &[Guard]) {
    if guards.is_empty() {
        return;
    }
    print_text("\n");
    let mut table = Table::new(["guard", "rollup", "what it says"]);
    for guard in guards {
        table.row([guard.name.to_owned(), output::or_dash(guard.rollup), guard.message.clone()]);
    }
    table.print("");
}
