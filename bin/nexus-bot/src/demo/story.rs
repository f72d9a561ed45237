//! The story, step by step. Each step lets something happen, waits for the bot's answer, and looks it up on chain.

use std::collections::BTreeMap;

use anyhow::Context as _;
use nexus_controller::{Stage, ValidatorRecord};
use nexus_devnet::{NexusStatus, World, consensus::ValidatorStatus};
use nexus_primitives::{
    Address, BasisPoints, Gwei, Slot, VALIDATOR_DEPOSIT, ValidatorPubkey, Wei, WithdrawalCredentials,
};

use super::{
    checks::{Ledger, narrate},
    crash,
    scene::{Moment, PATIENCE, Scene},
    secrecy, table,
    witness::{
        accepted, balance, beacon_statuses, block_of, bot_nonce, deposit_count, on_beacon, registered,
        removed, with_status,
    },
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
    ledger.begin(6, "A second rollup with keys from a DKG ceremony");
    narrate(
        "not told: key ceremonies are not part of this version. Nothing was done and nothing was checked.",
    );
    ledger.begin(7, "The bot is killed in the middle of a deposit and started again");
    crash::tell(&mut scene, ledger).await?;
    table::print(&scene)?;
    Ok(scene)
}

async fn rollup_registers(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let envelope = secrecy::envelope_path(scene);
    let slots = scene.live_until(Moment::Settled, |_, _| Ok(envelope.exists())).await?;
    answered(ledger, "the mnemonic was made and sealed", slots);
    let world = &scene.devnet;
    let rollup = world.rollup_on_chain(scene.rollup.admin)?;
    narrate(format!("rollup alpha: admin {}, bridge {}", scene.rollup.admin, scene.rollup.bridge));
    ledger.equal("limit on Nexus, basis points", rollup.map_or(0, |rollup| rollup.limit.get()), 4_000);
    ledger.equal("cluster on Nexus", rollup.map_or(0, |rollup| rollup.cluster.get()), 1);
    let bridge = rollup.map(|rollup| rollup.bridge) == Some(scene.rollup.bridge);
    ledger.holds("Nexus names the bridge", bridge, scene.rollup.bridge);
    let signer = scene.bot_address()?;
    ledger.equal("the account Nexus takes calls from is the bot's", world.off_chain_bot()?, signer);
    ledger.equal("transactions of the bot so far", bot_nonce(world), 0);
    secrecy::check(scene, ledger)
}

async fn validators_are_created(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    scene.bridge_in(500)?;
    let registered_all =
        |world: &World, pubkeys: &[ValidatorPubkey]| registered(world, pubkeys).map(|n| n == 6);
    let slots =
        scene.live_until(Moment::Settled, |world, seen| registered_all(world, &seen.pubkeys())).await?;
    answered(ledger, "six validators were deposited and registered", slots);
    deposits_are_right(scene, ledger, 6).await?;
    let (world, pubkeys) = (&scene.devnet, scene.witness.pubkeys());
    let shared = with_status(world, &pubkeys, NexusStatus::ShareDeposited)?;
    ledger.equal("with status SHARE_DEPOSITED on Nexus", shared.len(), 6);
    registrations_are_right(scene, ledger, 6)?;
    position(scene, ledger, 308, 6, 3_840, percent(40)).await?;
    ledger.equal("transactions of the bot: 1 deposit, 6 registrations", bot_nonce(&scene.devnet), 7);
    Ok(())
}

/// Checks every deposit there is, by the deposit contract's log and counter.
pub(super) async fn deposits_are_right(
    scene: &Scene,
    ledger: &mut Ledger,
    count: usize,
) -> anyhow::Result<()> {
    let (witness, world) = (&scene.witness, &scene.devnet);
    ledger.equal("deposits by the deposit contract's counter", deposit_count(world).await?, count as u64);
    ledger.equal("different keys among them", witness.distinct(), count);
    let amounts: Vec<_> = witness.deposits.iter().map(|deposit| deposit.amount).collect();
    ledger.all("amount of each, in gwei", &amounts, &Gwei::VALIDATOR_DEPOSIT);
    let credentials = WithdrawalCredentials::to_address(scene.rollup.bridge);
    let pay_bridge =
        witness.deposits.iter().filter(|deposit| deposit.withdrawal_credentials == credentials.to_bytes());
    ledger.equal("that pay the bridge: 0x01, eleven zero bytes, its address", pay_bridge.count(), count);
    ledger.equal("with a signature the beacon chain takes", witness.valid_signatures(world), count);
    Ok(())
}

/// Checks that the SSV operators run every key: each expected the nonce, and each can open its share.
pub(super) fn registrations_are_right(scene: &Scene, ledger: &mut Ledger, made: u64) -> anyhow::Result<()> {
    let (world, pubkeys) = (&scene.devnet, scene.witness.pubkeys());
    let count = usize::try_from(made).expect("a handful");
    let gone = removed(world, &pubkeys);
    ledger.equal("registered with SSV", registered(world, &pubkeys)?, count - gone);
    ledger.equal(
        "whose nonce was right and whose shares every operator opened",
        accepted(world, &pubkeys),
        count - gone,
    );
    let nexus = Address::new(world.deployment().nexus.into_array());
    ledger.equal("nonce the operators expect next", world.ssv_operators().nonce(nexus).get(), made);
    Ok(())
}

async fn limit_drops(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let all_active = |world: &World, pubkeys: &[ValidatorPubkey]| {
        beacon_statuses(world, pubkeys) == [ValidatorStatus::ActiveOngoing; 6]
    };
    let slots =
        scene.live_until(Moment::Settled, |world, seen| Ok(all_active(world, &seen.pubkeys()))).await?;
    answered(ledger, "six validators are active", slots);
    let world = &scene.devnet;
    let credentials = WithdrawalCredentials::to_address(scene.rollup.bridge);
    let on_beacon = on_beacon(world, &scene.witness.pubkeys());
    let to_bridge =
        on_beacon.iter().filter(|validator| validator.withdrawal_credentials == credentials.to_bytes());
    ledger.equal("whose credentials on the beacon chain are the bridge", to_bridge.count(), 6);
    ledger.equal("active and run by no operators", world.offline_validators().len(), 0);

    scene.set_limit(percent(20))?;
    let told = |world: &World, pubkeys: &[ValidatorPubkey]| {
        with_status(world, pubkeys, NexusStatus::ExitSubmitted).map(|pubkeys| pubkeys.len() == 3)
    };
    let slots = scene.live_until(Moment::Any, |world, seen| told(world, &seen.pubkeys())).await?;
    answered(ledger, "three exits were signed, broadcast and reported", slots);
    exits_are_right(scene, ledger, 3)?;
    ledger.equal(
        "still registered with SSV: none is removed before it is paid",
        registered(&scene.devnet, &scene.witness.pubkeys())?,
        6,
    );
    Ok(())
}

/// Checks every exit there is: in a block, signed for the right domain, and told to Nexus.
fn exits_are_right(scene: &Scene, ledger: &mut Ledger, count: usize) -> anyhow::Result<()> {
    let (witness, world) = (&scene.witness, &scene.devnet);
    ledger.equal("exits in beacon blocks", witness.exits.len(), count);
    let verified = witness.verified_exits(world);
    ledger.equal("whose signature verifies under the Capella domain (EIP-7044)", verified.len(), count);
    let mut told = with_status(world, &witness.pubkeys(), NexusStatus::ExitSubmitted)?;
    told.extend(with_status(world, &witness.pubkeys(), NexusStatus::Exited)?);
    let known = told.iter().filter(|pubkey| verified.contains_key(pubkey)).count();
    ledger.equal("that Nexus was told of", known, count);
    ledger.equal("and of no other", told.len(), count);
    Ok(())
}

/// Returns how many exits' reports were mined later than the exits. A slot is a block here.
fn reported_later(scene: &Scene, exits: &BTreeMap<ValidatorPubkey, Slot>) -> anyhow::Result<usize> {
    let later = |record: &ValidatorRecord| {
        let block = block_of(&scene.devnet, record.exit_tx?)?;
        Some(block.get() > exits.get(&record.pubkey?)?.get())
    };
    Ok(scene.bot()?.state.validators()?.iter().filter(|record| later(record) == Some(true)).count())
}

async fn three_are_closed(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    let slots =
        scene.live_until(Moment::Settled, |world, seen| Ok(closed(world, &seen.pubkeys())? == 3)).await?;
    answered(ledger, "three validators were closed", slots);
    closings_are_right(scene, ledger, 3)?;
    position(scene, ledger, 404, 3, 1_920, percent(20)).await?;
    ledger.equal("transactions of the bot: 3 reports and 3 closings more", bot_nonce(&scene.devnet), 13);
    Ok(())
}

async fn users_withdraw(scene: &mut Scene, ledger: &mut Ledger) -> anyhow::Result<()> {
    scene.bridge_out(150)?;
    let slots =
        scene.live_until(Moment::Settled, |world, seen| Ok(closed(world, &seen.pubkeys())? == 4)).await?;
    answered(ledger, "a fourth validator left and was closed", slots);
    exits_are_right(scene, ledger, 4)?;
    closings_are_right(scene, ledger, 4)?;
    position(scene, ledger, 286, 2, 1_828, percent(20)).await?;
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

fn closed(world: &World, pubkeys: &[ValidatorPubkey]) -> anyhow::Result<usize> {
    Ok(with_status(world, pubkeys, NexusStatus::Exited)?.len())
}

/// Checks that closed validators are gone everywhere, and that the others run on.
fn closings_are_right(scene: &Scene, ledger: &mut Ledger, count: usize) -> anyhow::Result<()> {
    let (world, pubkeys) = (&scene.devnet, scene.witness.pubkeys());
    let closed = with_status(world, &pubkeys, NexusStatus::Exited)?;
    ledger.equal("with status VALIDATOR_EXITED on Nexus", closed.len(), count);
    ledger.all(
        "their beacon statuses",
        &status_names(world, &closed),
        &ValidatorStatus::WithdrawalDone.as_str(),
    );
    let balances: Vec<_> = on_beacon(world, &closed).iter().map(|validator| validator.balance).collect();
    ledger.all("what they still hold, in gwei", &balances, &Gwei::ZERO);
    ledger.equal("of them registered with SSV", registered(world, &closed)?, 0);
    ledger.equal("whose shares the operators deleted", removed(world, &closed), count);
    let later = reported_later(scene, &scene.witness.verified_exits(world))?;
    ledger.equal("reported to Nexus after the beacon chain had the exit", later, count);
    let staying: Vec<_> = pubkeys.into_iter().filter(|pubkey| !closed.contains(pubkey)).collect();
    ledger.all(
        "beacon statuses of those that stay",
        &status_names(world, &staying),
        &ValidatorStatus::ActiveOngoing.as_str(),
    );
    ledger.equal("run by their operators", accepted(world, &staying), staying.len());
    Ok(())
}

fn status_names(world: &World, pubkeys: &[ValidatorPubkey]) -> Vec<&'static str> {
    beacon_statuses(world, pubkeys).into_iter().map(ValidatorStatus::as_str).collect()
}

/// Checks the bridge: its ETH over JSON-RPC, the validators it counts, and the share both make.
pub(super) async fn position(
    scene: &Scene,
    ledger: &mut Ledger,
    ether: u64,
    validators: u64,
    share_bps: u64,
    limit: BasisPoints,
) -> anyhow::Result<()> {
    let (world, bridge) = (&scene.devnet, scene.rollup.bridge);
    let held = balance(world, bridge).await?;
    let count = u64::try_from(world.validator_count(bridge)?)?;
    ledger.equal("ETH on the bridge", held.to_ether_text(), Wei::from_ether(ether).to_ether_text());
    ledger.equal("validators the bridge counts", count, validators);
    let (found, one_more) = (share_bps_of(held, count, count)?, share_bps_of(held, count, count + 1)?);
    ledger.equal("staked share, basis points", found, share_bps);
    let limit = u64::from(limit.get());
    let fits = found <= limit && one_more > limit;
    let told = format!("limit {limit}, with one more {one_more}");
    ledger.holds("the share is within the limit, and one more would not be", fits, told);
    Ok(())
}

/// Returns the share, in basis points rounded down, that `staked` validators would make of a bridge that holds `held`
/// and has `counted` validators now.
fn share_bps_of(held: Wei, counted: u64, staked: u64) -> anyhow::Result<u64> {
    let locked = held.checked_add(VALIDATOR_DEPOSIT.checked_mul(counted)?)?;
    let staked = VALIDATOR_DEPOSIT.checked_mul(staked)?.checked_mul(10_000)?;
    Ok(u64::try_from(staked.div_floor(locked).context("an empty bridge has no share")?)?)
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
