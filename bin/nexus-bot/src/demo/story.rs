//! The story, step by step. Each step lets something happen, waits for the bot's answer, and looks it up on chain.

use nexus_controller::Stage;
use nexus_devnet::{NexusStatus, World, consensus::ValidatorStatus};
use nexus_primitives::{BasisPoints, ValidatorPubkey, WithdrawalCredentials};

use super::{
    ceremonies,
    checks::{Ledger, narrate},
    crash,
    inspection::{
        Count, Position, closed, closings_are_right, deposits_are_right, exits_are_right, position_is,
        registrations_are_right, reports_follow_exits,
    },
    scene::{Moment, PATIENCE, Scene},
    secrecy, table,
    witness::{beacon_statuses, bot_nonce, on_beacon, registered, with_status},
};

/// Slots in which a bot that has nothing to do shows that it does nothing.
const IDLE_SLOTS: usize = 8;

/// Tells the whole story and returns what is left on stage.
pub(super) async fn tell(seed: u64, ledger: &mut Ledger) -> anyhow::Result<Scene> {
    ledger.begin(1, "A rollup registers with a 40 % limit and 4 operators");
    let mut scene = Scene::open(seed, percent(40)).await?;
    narrate(format!(
        "world {seed}: execution node {}, beacon node {}",
        scene.devnet.rpc_url(),
        scene.devnet.beacon_url()
    ));
    rollup_registers(&mut scene, ledger).await?;
    ledger.begin(2, "500 ETH is bridged: six validators are created");
    validators_are_created(&mut scene, ledger).await?;
    ledger.begin(3, "They activate, the limit drops to 20 %: three leave");
    limit_drops(&mut scene, ledger).await?;
    ledger.begin(4, "The sweep pays the bridge, they are closed and removed");
    three_are_closed(&mut scene, ledger).await?;
    ledger.begin(5, "Users withdraw 150 ETH: one more leaves");
    users_withdraw(&mut scene, ledger).await?;
    ledger.begin(6, "A second rollup has its operators make the keys");
    ceremonies::tell(&mut scene, ledger).await?;
    ledger.begin(7, "The bot is killed in the middle of a deposit and started again");
    crash::tell(&mut scene, ledger).await?;
    table::print(&scene)?;
    Ok(scene)
}

async fn rollup_registers(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let alpha = scene.alpha;
    let envelope = secrecy::envelope_path(scene, alpha);
    let slots = scene.live_until(Moment::Settled, |_, _| Ok(envelope.exists())).await?;
    answered(ledger, "the mnemonic was made and sealed", slots);
    let world = &scene.devnet;
    let rollup = world.rollup_on_chain(alpha.admin)?;
    narrate(format!("rollup alpha: admin {}, bridge {}", alpha.admin, alpha.bridge));
    ledger.equal("limit on Nexus, basis points", rollup.map_or(0, |rollup| rollup.limit.get()), 4_000);
    ledger.equal("cluster on Nexus", rollup.map_or(0, |rollup| rollup.cluster.get()), 1);
    let bridge = rollup.map(|rollup| rollup.bridge) == Some(alpha.bridge);
    ledger.holds("Nexus names the bridge", bridge, alpha.bridge);
    let signer = scene.bot_address()?;
    ledger.equal("the account Nexus takes calls from is the bot's", world.off_chain_bot()?, signer);
    ledger.equal("transactions of the bot so far", bot_nonce(world), 0);
    secrecy::check(scene, ledger)
}

async fn validators_are_created(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let alpha = scene.alpha;
    scene.bridge_in(alpha, 500)?;
    let registered_all =
        |world: &World, pubkeys: &[ValidatorPubkey]| registered(world, pubkeys).map(|n| n == 6);
    let slots = scene
        .live_until(Moment::Settled, |world, seen| registered_all(world, &seen.pubkeys_of(alpha)))
        .await?;
    answered(ledger, "six validators were deposited and registered", slots);
    deposits_are_right(scene, ledger, alpha, Count::alone(6)).await?;
    let (world, pubkeys) = (&scene.devnet, scene.witness.pubkeys_of(alpha));
    let shared = with_status(world, &pubkeys, NexusStatus::ShareDeposited)?;
    ledger.equal("with status SHARE_DEPOSITED on Nexus", shared.len(), 6);
    registrations_are_right(scene, ledger, alpha, Count::alone(6))?;
    let position = Position { ether: 308, validators: 6, share_bps: 3_840, limit: percent(40) };
    position_is(scene, ledger, alpha, position).await?;
    ledger.equal("transactions of the bot: 1 deposit, 6 registrations", bot_nonce(&scene.devnet), 7);
    Ok(())
}

async fn limit_drops(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let alpha = scene.alpha;
    let all_active = |world: &World, pubkeys: &[ValidatorPubkey]| {
        beacon_statuses(world, pubkeys) == [ValidatorStatus::ActiveOngoing; 6]
    };
    let slots = scene
        .live_until(Moment::Settled, |world, seen| Ok(all_active(world, &seen.pubkeys_of(alpha))))
        .await?;
    answered(ledger, "six validators are active", slots);
    let world = &scene.devnet;
    let credentials = WithdrawalCredentials::to_address(alpha.bridge);
    let on_beacon = on_beacon(world, &scene.witness.pubkeys_of(alpha));
    let to_bridge =
        on_beacon.iter().filter(|validator| validator.withdrawal_credentials == credentials.to_bytes());
    ledger.equal("whose credentials on the beacon chain are the bridge", to_bridge.count(), 6);
    ledger.equal("active and run by no operators", world.offline_validators().len(), 0);

    scene.set_limit(alpha, percent(20))?;
    let told = |world: &World, pubkeys: &[ValidatorPubkey]| {
        with_status(world, pubkeys, NexusStatus::ExitSubmitted).map(|pubkeys| pubkeys.len() == 3)
    };
    let slots = scene.live_until(Moment::Any, |world, seen| told(world, &seen.pubkeys_of(alpha))).await?;
    answered(ledger, "three exits were signed, broadcast and reported", slots);
    exits_are_right(scene, ledger, alpha, Count::alone(3))?;
    ledger.equal(
        "still registered with SSV: none is removed before it is paid",
        registered(&scene.devnet, &scene.witness.pubkeys_of(alpha))?,
        6,
    );
    Ok(())
}

async fn three_are_closed(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let alpha = scene.alpha;
    let slots = scene
        .live_until(Moment::Settled, |world, seen| Ok(closed(world, &seen.pubkeys_of(alpha))? == 3))
        .await?;
    answered(ledger, "three validators were closed", slots);
    closings_are_right(scene, ledger, alpha, 3)?;
    reports_follow_exits(scene, ledger, alpha, 3)?;
    let position = Position { ether: 404, validators: 3, share_bps: 1_920, limit: percent(20) };
    position_is(scene, ledger, alpha, position).await?;
    ledger.equal("transactions of the bot: 3 reports and 3 closings more", bot_nonce(&scene.devnet), 13);
    Ok(())
}

async fn users_withdraw(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let alpha = scene.alpha;
    scene.bridge_out(alpha, 150)?;
    let slots = scene
        .live_until(Moment::Settled, |world, seen| Ok(closed(world, &seen.pubkeys_of(alpha))? == 4))
        .await?;
    answered(ledger, "a fourth validator left and was closed", slots);
    exits_are_right(scene, ledger, alpha, Count::alone(4))?;
    closings_are_right(scene, ledger, alpha, 4)?;
    reports_follow_exits(scene, ledger, alpha, 4)?;
    let position = Position { ether: 286, validators: 2, share_bps: 1_828, limit: percent(20) };
    position_is(scene, ledger, alpha, position).await?;
    for _ in 0..IDLE_SLOTS {
        scene.live().await?;
    }
    ledger.equal(
        "transactions of the bot: two more, and none while nothing changes",
        bot_nonce(&scene.devnet),
        15,
    );
    Ok(())
}

/// Notes how long the bot took, or that it never did.
pub(super) fn answered(ledger: &mut Ledger, what: &str, slots: Option<usize>) {
    let told =
        slots.map_or_else(|| format!("not within {PATIENCE} slots"), |slots| format!("within {slots} slots"));
    ledger.holds(what, slots.is_some(), told);
}

/// Waits until every validator of the bot that isn't closed is active.
pub(super) async fn wait_until_active(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let mut slots = None;
    for passed in 1..=PATIENCE {
        scene.live().await?;
        let records = scene.bot()?.state.validators()?;
        if records.iter().all(|record| matches!(record.stage, Stage::Active | Stage::Closed)) {
            slots = Some(passed);
            break;
        }
    }
    answered(ledger, "everything is active or closed", slots);
    Ok(())
}

pub(super) fn percent(percent: u16) -> BasisPoints {
    BasisPoints::new(percent * 100).expect("at most 100 %")
}
