//! Step 6: operators make the keys of a second rollup, and nobody ever holds one whole.

use std::{
    fs::{self, DirEntry, OpenOptions},
    io::Write as _,
    path::PathBuf,
};

use anyhow::Context as _;
use nexus_devnet::{
    NexusStatus, World,
    consensus::ValidatorStatus,
    deploy::RollupConfig,
    dkg::{Conduct, DkgOperatorHandle, DkgOperators},
};
use nexus_dkg::{FolderReport, verify_folder};
use nexus_primitives::{OperatorId, OperatorSet};
use nexus_ssv::Operator;

use super::{
    checks::{Ledger, narrate},
    inspection::{
        Count, Position, calls_before_exits, closed, closings_are_right, deposits_are_right, exits_are_right,
        position_is, registrations_are_right,
    },
    scene::{Moment, Rollup, Scene},
    secrecy,
    story::{answered, percent},
    witness::{Witness, beacon_statuses, bot_nonce, deposit_count, registered, with_status},
};

/// Validators that this step makes; one of them leaves.
pub(super) const VALIDATORS: usize = 4;

/// The rollup's cluster, and who is in it.
const CLUSTER: u64 = 5;
const OPERATORS: [u64; 4] = [5, 6, 7, 8];
/// The one that lets the others down.
const FAULTY: u64 = 7;
/// Slots for which it goes on doing so after the first failure; operators are asked again after a minute, and then after
/// two.
const FAULTY_SLOTS: usize = 8;

/// Tells the step.
pub(super) async fn tell(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let beta = register(scene, ledger).await?;
    operators_make_keys(scene, ledger, beta).await?;
    operators_sign_an_exit(scene, ledger, beta).await?;
    operator_fails(scene, ledger, beta).await?;
    operator_is_back(scene, ledger, beta).await
}

/// Has a second rollup register, and the bot told how its keys are made, as whoever runs it would.
async fn register(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<Rollup> {
    scene.stop_bot();
    let config = RollupConfig { cluster: CLUSTER, ..RollupConfig::new("beta", percent(40)) };
    let beta = Rollup::from(&scene.devnet.register_rollup(config)?);
    let section = format!("\n[[rollup]]\nadmin = \"{}\"\nkeys = \"dkg\"\n", beta.admin);
    OpenOptions::new().append(true).open(&scene.files.config)?.write_all(section.as_bytes())?;
    scene.start_bot().await?;
    narrate(format!("rollup beta: admin {}, bridge {}", beta.admin, beta.bridge));
    narrate("the bot was stopped, told of beta's keys in nexus-bot.toml, and started again:");
    section.lines().skip(1).for_each(|line| narrate(format!("    {line}")));
    let on_chain = scene.devnet.rollup_on_chain(beta.admin)?;
    ledger.equal("cluster on Nexus", on_chain.map_or(0, |rollup| rollup.cluster.get()), CLUSTER);
    Ok(beta)
}

async fn operators_make_keys(scene: &mut Scene, ledger: &mut Ledger, beta: Rollup) -> anyhow::Result<()> {
    scene.bridge_in(beta, 250)?;
    narrate("250 ETH is bridged to it: three validators are wanted.");
    let slots = scene.live_until(Moment::Settled, |world, seen| all_registered(world, seen, beta, 3)).await?;
    answered(ledger, "operators 5 to 8 made three keys, deposited and registered", slots);
    let made = Count { of_rollup: 3, in_all: 9 };
    deposits_are_right(scene, ledger, beta, made).await?;
    let shared = with_status(&scene.devnet, &scene.witness.pubkeys_of(beta), NexusStatus::ShareDeposited)?;
    ledger.equal("with status SHARE_DEPOSITED on Nexus", shared.len(), 3);
    registrations_are_right(scene, ledger, beta, made)?;
    ledger.all(
        "ceremonies that each of the four was asked for",
        &asked(scene, |id| OPERATORS.contains(&id))?,
        &3,
    );
    ledger.all(
        "ceremonies that each of the other nine was asked for",
        &asked(scene, |id| !OPERATORS.contains(&id))?,
        &0,
    );
    documents_are_right(scene, ledger, beta, "6, 7, 8")?;
    let envelopes = envelopes(scene)?;
    ledger.holds(
        "the vault has a mnemonic of alpha, and none of beta",
        envelopes == [secrecy::envelope_path(scene, scene.alpha)],
        format!("{} envelope", envelopes.len()),
    );
    let position = Position { ether: 154, validators: 3, share_bps: 3_840, limit: percent(40) };
    position_is(scene, ledger, beta, position).await?;
    ledger.equal("transactions of the bot: 1 deposit and 3 registrations more", bot_nonce(&scene.devnet), 19);
    Ok(())
}

async fn operators_sign_an_exit(scene: &mut Scene, ledger: &mut Ledger, beta: Rollup) -> anyhow::Result<()> {
    let slots = scene
        .live_until(Moment::Settled, |world, seen| {
            Ok(beacon_statuses(world, &seen.pubkeys_of(beta)) == [ValidatorStatus::ActiveOngoing; 3])
        })
        .await?;
    answered(ledger, "three validators are active", slots);
    ledger.equal("active and run by no operators", scene.devnet.offline_validators().len(), 0);

    scene.set_limit(beta, percent(30))?;
    narrate("beta's limit drops to 30 %: one is too many. The bot has no key of it and can only ask.");
    let exits = scene.witness.exits.len();
    let slots = scene.live_until(Moment::Any, |_, seen| Ok(seen.exits.len() > exits)).await?;
    answered(ledger, "one call to Nexus, and its operators signed an exit together", slots);
    exits_are_right(scene, ledger, beta, Count { of_rollup: 1, in_all: 5 })?;
    ledger.equal("transactions of the bot that it took: 1", bot_nonce(&scene.devnet), 20);

    let slots = scene
        .live_until(Moment::Settled, |world, seen| Ok(closed(world, &seen.pubkeys_of(beta))? == 1))
        .await?;
    answered(ledger, "it was closed", slots);
    let delays: Vec<_> = calls_before_exits(scene, beta)?.into_values().collect();
    ledger.all("slots from the call to the exit in a block", &delays, &5);
    closings_are_right(scene, ledger, beta, 1)?;
    let position = Position { ether: 186, validators: 2, share_bps: 2_560, limit: percent(30) };
    position_is(scene, ledger, beta, position).await?;
    ledger.equal("transactions of the bot: the closing more", bot_nonce(&scene.devnet), 21);
    Ok(())
}

async fn operator_fails(scene: &mut Scene, ledger: &mut Ledger, beta: Rollup) -> anyhow::Result<()> {
    operator(scene, FAULTY)?.behave(Conduct::StopsAfterExchange);
    scene.bridge_in(beta, 80)?;
    narrate(format!(
        "80 ETH is bridged: one more is wanted, and operator {FAULTY} breaks off every ceremony."
    ));
    let bystander = operator(scene, OPERATORS[0])?.clone();
    let before = bystander.request_counts().ceremonies;
    let tries = || bystander.request_counts().ceremonies - before;
    let slots = scene.live_until(Moment::Any, |_, _| Ok(tries() > 0)).await?;
    answered(ledger, "a ceremony was tried", slots);
    let failure = scene.bot()?.state.ceremony_failure(&operator_set()?)?;
    let reason = failure.map_or_else(|| "no failure".to_owned(), |failure| failure.reason);
    let is_named = reason.contains(&format!("operator {FAULTY}"));
    let told = reason.split(" (").next().unwrap_or_default();
    ledger.holds("the bot knows who is at fault", is_named, told);
    for _ in 0..FAULTY_SLOTS {
        scene.live().await?;
    }
    ledger.equal("tries: at once, and after a minute", tries(), 2);
    ledger.equal(
        "deposits by the deposit contract's counter: none more",
        deposit_count(&scene.devnet).await?,
        9,
    );
    ledger.equal("transactions of the bot: none more", bot_nonce(&scene.devnet), 21);
    Ok(())
}

async fn operator_is_back(scene: &mut Scene, ledger: &mut Ledger, beta: Rollup) -> anyhow::Result<()> {
    operator(scene, FAULTY)?.behave(Conduct::Faithful);
    let slots = scene.live_until(Moment::Settled, |world, seen| all_registered(world, seen, beta, 3)).await?;
    answered(ledger, "the operator behaves again: a fourth key was made and registered", slots);
    let made = Count { of_rollup: VALIDATORS, in_all: 6 + VALIDATORS };
    deposits_are_right(scene, ledger, beta, made).await?;
    registrations_are_right(scene, ledger, beta, made)?;
    documents_are_right(scene, ledger, beta, "6, 7, 8, 9")?;
    let position = Position { ether: 234, validators: 3, share_bps: 2_909, limit: percent(30) };
    position_is(scene, ledger, beta, position).await?;
    ledger.equal("transactions of the bot: 1 deposit and 1 registration more", bot_nonce(&scene.devnet), 23);
    Ok(())
}

fn all_registered(world: &World, seen: &Witness, rollup: Rollup, count: usize) -> anyhow::Result<bool> {
    Ok(registered(world, &seen.pubkeys_of(rollup))? == count)
}

/// Checks that the vault has the documents of every deposited key, and none of another.
fn documents_are_right(
    scene: &Scene,
    ledger: &mut Ledger,
    rollup: Rollup,
    nonces: &str,
) -> anyhow::Result<()> {
    let reports = documents(scene)?;
    let problems: Vec<_> = reports.iter().flat_map(|report| &report.problems).collect();
    ledger.equal("problems with the documents in the vault", problems.len(), 0);
    let mut validators: Vec<_> = reports.iter().flat_map(|report| &report.validators).collect();
    validators.sort_by_key(|validator| validator.registration().nonce);
    let stored: Vec<_> = validators.iter().map(|validator| validator.pubkey()).collect();
    let deposited = scene.witness.pubkeys_of(rollup);
    ledger.holds(
        "they are of the deposited keys, in this order",
        stored == deposited,
        format!("{} of {}", stored.len(), deposited.len()),
    );
    let found: Vec<_> =
        validators.iter().map(|validator| validator.registration().nonce.to_string()).collect();
    ledger.equal("nonces they are good for", found.join(", "), nonces.to_owned());
    let operators: Vec<_> = validators.iter().map(|validator| ids_text(validator.operators())).collect();
    ledger.all("operators who have the shares", &operators, &operator_set()?.to_string());
    Ok(())
}

/// Checks every ceremony's folder in the vault.
fn documents(scene: &Scene) -> anyhow::Result<Vec<FolderReport>> {
    let folders = fs::read_dir(scene.files.vault.join("ceremonies"))?;
    folders.map(|folder| Ok(verify_folder(&folder?.path()))).collect()
}

fn ids_text(operators: &[Operator]) -> String {
    operators.iter().map(|operator| operator.id.to_string()).collect::<Vec<_>>().join(",")
}

/// Returns the sealed mnemonics in the vault.
fn envelopes(scene: &Scene) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(&scene.files.vault)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries
        .iter()
        .map(DirEntry::path)
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect())
}

/// Returns how many ceremonies each of the operators was asked for.
fn asked(scene: &Scene, is_meant: impl Fn(u64) -> bool) -> anyhow::Result<Vec<u64>> {
    let all = dkg_operators(scene)?.all().iter();
    let meant = all.filter(|operator| is_meant(operator.id().get()));
    Ok(meant.map(|operator| operator.request_counts().ceremonies).collect())
}

fn operator(scene: &Scene, id: u64) -> anyhow::Result<&DkgOperatorHandle> {
    dkg_operators(scene)?.get(OperatorId::new(id)?).context("operators 1 to 13 make keys")
}

fn dkg_operators(scene: &Scene) -> anyhow::Result<&DkgOperators> {
    scene.devnet.dkg_operators().context("nobody makes keys in this world")
}

fn operator_set() -> anyhow::Result<OperatorSet> {
    Ok(OperatorSet::try_from(OPERATORS.to_vec())?)
}
