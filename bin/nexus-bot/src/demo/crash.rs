//! Step 7: a real process, killed at the worst moments, finishes what it began.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use nexus_controller::{IntentSummary, ValidatorRecord};
use nexus_devnet::NexusStatus;
use nexus_primitives::DerivationIndex;
use tokio::process::{Child, Command};

use super::{
    ceremonies,
    checks::{Ledger, narrate},
    inspection::{Count, Position, deposits_are_right, position_is, registrations_are_right},
    pacer::Pacer,
    scene::Scene,
    story::{percent, wait_until_active},
    wire::{Cut, Moment, Wire},
    witness::{bot_nonce, with_status},
};
use crate::compose;

/// Real time between slots while the child runs.
const SLOT: Duration = Duration::from_millis(40);
/// What a child may take to come to a moment, or to its end.
const PATIENCE: Duration = Duration::from_mins(1);
/// `SIGKILL`.
const KILLED: i32 = 9;

/// Where the child is killed, in this order.
const CUTS: [Cut; 4] = [
    Cut { kind: "deposit", moment: Moment::Recorded },
    Cut { kind: "deposit", moment: Moment::Signed },
    Cut { kind: "deposit", moment: Moment::Broadcast },
    Cut { kind: "shares", moment: Moment::Signed },
];

/// A bot in a process of its own.
struct Theatre {
    wire: Wire,
    config: PathBuf,
    salt: PathBuf,
    log: PathBuf,
}

/// Tells the step.
pub(super) async fn tell(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    scene.stop_bot();
    let alpha = scene.alpha;
    scene.bridge_in(alpha, 450)?;
    narrate(
        "450 ETH is bridged to alpha: three more validators are wanted. From here on the bot is a child process, `run`,",
    );
    narrate(
        "with the state file and vault of the bot so far, over HTTP, on the system's clock; slots pass by themselves.",
    );
    let theatre = Theatre::open(scene).await?;
    let time = Pacer::start(scene.devnet.world(), SLOT);
    for cut in CUTS {
        theatre.kill_at(cut, scene, ledger).await?;
    }
    theatre.finish(ledger).await?;
    drop((theatre, time));
    scene.witness.look(&scene.devnet);
    nothing_is_lost_or_doubled(scene, ledger).await?;
    scene.start_bot().await?;
    wait_until_active(scene, ledger).await?;
    ledger.equal("active and run by no operators", scene.devnet.offline_validators().len(), 0);
    ledger.equal("transactions of the bot: 1 deposit and 3 registrations more", bot_nonce(&scene.devnet), 27);
    Ok(())
}

impl Theatre {
    async fn open(scene: &Scene) -> anyhow::Result<Self> {
        let config = scene.config()?;
        let wire =
            Wire::start(scene.devnet.world(), config.state.path.clone(), compose::identity(&config)).await?;
        let text = fs::read_to_string(&scene.files.config)?.replace(scene.devnet.rpc_url(), &wire.url());
        let config = scene.files.dir.join("nexus-bot-child.toml");
        fs::write(&config, text)?;
        let log = scene.files.dir.join("child.log");
        Ok(Self { wire, config, salt: scene.files.salt.clone(), log })
    }

    /// Starts this very program as a bot.
    fn start(&self, once: bool) -> anyhow::Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(&self.config).arg("--salt-file").arg(&self.salt);
        if once {
            command.arg("--once");
        }
        command.stdin(std::process::Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        command.spawn().context("starting the bot as a child process")
    }

    /// Starts the bot, kills it at the moment, and checks that it was this moment.
    async fn kill_at(&self, cut: Cut, scene: &Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
        let before = sent(scene);
        self.wire.arm(cut);
        let mut child = self.start(false)?;
        let reached = tokio::select! {
            () = self.wire.cut() => true,
            status = child.wait() => { status?; false }
            () = tokio::time::sleep(PATIENCE) => false,
        };
        // A child that has ended by itself can't be killed; its status tells.
        let _ = child.start_kill();
        let status = child.wait().await?;
        let (intent, is_out) = (newest_intent(scene)?, sent(scene) > before);
        let killed = reached && status.signal() == Some(KILLED);
        let held = killed && is_moment(cut, intent.as_ref(), is_out);
        ledger.holds(name(cut), held, describe(status, intent.as_ref(), is_out));
        if !killed {
            self.show_log()?;
        }
        Ok(())
    }

    /// Starts the bot once more and lets it finish.
    async fn finish(&self, ledger: &mut Ledger) -> anyhow::Result<()> {
        let mut child = self.start(true)?;
        let Ok(status) = tokio::time::timeout(PATIENCE, child.wait()).await else {
            child.kill().await?;
            ledger.holds(
                "started once more, it finishes",
                false,
                format!("still at work after {PATIENCE:?}"),
            );
            return Ok(());
        };
        let status = status?;
        if !status.success() {
            self.show_log()?;
        }
        ledger.equal("exit code of `run --once`, started once more", status.code().unwrap_or(-1), 0);
        Ok(())
    }

    /// Shows what the children logged.
    fn show_log(&self) -> anyhow::Result<()> {
        narrate(fs::read_to_string(&self.log)?);
        Ok(())
    }
}

/// Returns how many transactions the node has of the bot, mined or not.
fn sent(scene: &Scene) -> u64 {
    scene.devnet.execution().pending_nonce(scene.devnet.deployment().accounts.bot.address())
}

/// Returns what the bot did last, as its state file has it on disk.
fn newest_intent(scene: &Scene) -> anyhow::Result<Option<IntentSummary>> {
    Ok(compose::read_state(&scene.config()?)?.intents(1)?.into_iter().next())
}

fn name(Cut { kind, moment }: Cut) -> String {
    let what = if kind == "deposit" { "the deposit" } else { "a registration" };
    let when = match moment {
        Moment::Recorded => "was recorded, before it was signed",
        Moment::Signed => "was signed, before it was sent",
        Moment::Broadcast => "was sent, before the answer",
    };
    format!("killed after {what} {when}")
}

/// Whether what a killed bot left behind is what this moment leaves.
fn is_moment(cut: Cut, intent: Option<&IntentSummary>, is_out: bool) -> bool {
    let Some(intent) = intent.filter(|intent| intent.kind == cut.kind) else { return false };
    let signed = !intent.tx_hashes.is_empty();
    match cut.moment {
        Moment::Recorded => !signed && !is_out,
        Moment::Signed => signed && !is_out,
        Moment::Broadcast => signed && is_out,
    }
}

fn describe(status: ExitStatus, intent: Option<&IntentSummary>, is_out: bool) -> String {
    let signed = intent.is_some_and(|intent| !intent.tx_hashes.is_empty());
    let intent = intent.map_or("nothing", |intent| intent.state.as_str());
    let (signed, node) =
        (if signed { "signed" } else { "unsigned" }, if is_out { "node has it" } else { "node hasn't" });
    format!("{status}; on disk: {intent}, {signed}; {node}")
}

/// Checks what five processes have made together.
async fn nothing_is_lost_or_doubled(scene: &Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let (alpha, made) = (scene.alpha, Count { of_rollup: 9, in_all: 9 + ceremonies::VALIDATORS });
    deposits_are_right(scene, ledger, alpha, made).await?;
    let state = compose::read_state(&scene.config()?)?;
    let mut records = state.validators()?;
    ledger.equal("validators in the state file", records.len(), made.in_all);
    records.retain(|record| record.rollup == alpha.admin);
    let indices: BTreeSet<_> = records.iter().filter_map(|record| record.derivation_index).collect();
    let in_order = indices.iter().copied().eq((0..9).map(DerivationIndex::new));
    ledger.holds(
        "derivation indices 0 to 8, each used once",
        in_order && records.len() == 9,
        format!("{} keys", records.len()),
    );
    let recreated = recreated(scene, &records).await?;
    ledger.equal("deposited keys that the sealed mnemonic recreates", recreated, 9);
    registrations_are_right(scene, ledger, alpha, made)?;
    let shared = with_status(&scene.devnet, &scene.witness.pubkeys_of(alpha), NexusStatus::ShareDeposited)?;
    ledger.equal("with status SHARE_DEPOSITED on Nexus", shared.len(), 5);
    let position = Position { ether: 640, validators: 5, share_bps: 2_000, limit: percent(20) };
    position_is(scene, ledger, alpha, position).await
}

/// Returns how many of the keys deposited on chain are derived from the vault at the index the state file says.
async fn recreated(scene: &Scene, records: &[ValidatorRecord]) -> anyhow::Result<usize> {
    let config = scene.config()?;
    let keyring = compose::keyring(&config, Arc::clone(&compose::vault(&config)?), scene.salt()?);
    let deposited = scene.witness.pubkeys_of(scene.alpha);
    let mut count = 0;
    for record in records {
        let Some(index) = record.derivation_index else { continue };
        let key = keyring.derive(record.rollup, index).await?;
        count += usize::from(deposited.contains(&key.pubkey()));
    }
    Ok(count)
}
