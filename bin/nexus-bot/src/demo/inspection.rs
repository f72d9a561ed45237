//! What is looked up on chain of a rollup's validators, whichever step it is.

use std::collections::BTreeMap;

use anyhow::Context as _;
use nexus_controller::ValidatorRecord;
use nexus_devnet::{NexusStatus, World, consensus::ValidatorStatus};
use nexus_primitives::{
    Address, BasisPoints, Gwei, Slot, VALIDATOR_DEPOSIT, ValidatorPubkey, Wei, WithdrawalCredentials,
};

use super::{
    checks::Ledger,
    scene::{Rollup, Scene},
    witness::{
        accepted, balance, beacon_statuses, block_of, deposit_count, on_beacon, registered, removed,
        valid_signatures, with_status,
    },
};

/// How many there are so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    /// Of the rollup that is looked at.
    pub(super) of_rollup: usize,
    /// Of all rollups.
    pub(super) in_all: usize,
}

impl Count {
    /// Counts in a world with one rollup.
    pub(super) const fn alone(count: usize) -> Self {
        Self { of_rollup: count, in_all: count }
    }
}

/// Where a bridge should stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) ether: u64,
    pub(super) validators: u64,
    pub(super) share_bps: u64,
    pub(super) limit: BasisPoints,
}

/// Checks every deposit there is, by the deposit contract's log and counter, and whose it is by Nexus' log.
pub(super) async fn deposits_are_right(
    scene: &Scene,
    ledger: &mut Ledger,
    rollup: Rollup,
    count: Count,
) -> anyhow::Result<()> {
    let (witness, world) = (&scene.witness, &scene.devnet);
    let counter = deposit_count(world).await?;
    ledger.equal("deposits by the deposit contract's counter", counter, count.in_all as u64);
    ledger.equal("different keys among them", witness.distinct(), count.in_all);
    let deposits = witness.deposits_of(rollup);
    ledger.equal("that Nexus made for this rollup", deposits.len(), count.of_rollup);
    let amounts: Vec<_> = deposits.iter().map(|deposit| deposit.amount).collect();
    ledger.all("amount of each, in gwei", &amounts, &Gwei::VALIDATOR_DEPOSIT);
    let credentials = WithdrawalCredentials::to_address(rollup.bridge).to_bytes();
    let pay_bridge = deposits.iter().filter(|deposit| deposit.withdrawal_credentials == credentials);
    ledger.equal(
        "that pay the bridge: 0x01, eleven zero bytes, its address",
        pay_bridge.count(),
        count.of_rollup,
    );
    ledger.equal(
        "with a signature the beacon chain takes",
        valid_signatures(world, &deposits),
        count.of_rollup,
    );
    Ok(())
}

/// Checks that the SSV operators run every key: each expected the nonce, and each can open its share.
pub(super) fn registrations_are_right(
    scene: &Scene,
    ledger: &mut Ledger,
    rollup: Rollup,
    made: Count,
) -> anyhow::Result<()> {
    let (world, pubkeys) = (&scene.devnet, scene.witness.pubkeys_of(rollup));
    let count = made.of_rollup - removed(world, &pubkeys);
    ledger.equal("registered with SSV", registered(world, &pubkeys)?, count);
    ledger.equal(
        "whose nonce was right and whose shares every operator opened",
        accepted(world, &pubkeys),
        count,
    );
    let nexus = Address::new(world.deployment().nexus.into_array());
    let next = world.ssv_operators().nonce(nexus).get();
    ledger.equal("nonce the operators expect next", next, made.in_all as u64);
    Ok(())
}

/// Checks every exit there is: in a block, signed for the right domain, and told to Nexus.
pub(super) fn exits_are_right(
    scene: &Scene,
    ledger: &mut Ledger,
    rollup: Rollup,
    count: Count,
) -> anyhow::Result<()> {
    let (witness, world) = (&scene.witness, &scene.devnet);
    ledger.equal("exits in beacon blocks", witness.exits.len(), count.in_all);
    let verified = witness.verified_exits(world);
    ledger.equal(
        "whose signature verifies under the Capella domain (EIP-7044)",
        verified.len(),
        count.in_all,
    );
    let pubkeys = witness.pubkeys_of(rollup);
    let mut told = with_status(world, &pubkeys, NexusStatus::ExitSubmitted)?;
    told.extend(with_status(world, &pubkeys, NexusStatus::Exited)?);
    let known = told.iter().filter(|pubkey| verified.contains_key(pubkey)).count();
    ledger.equal("that Nexus was told of", known, count.of_rollup);
    ledger.equal("and of no other", told.len(), count.of_rollup);
    Ok(())
}

/// Checks that `count` exits were reported to Nexus later than they were mined.
pub(super) fn reports_follow_exits(
    scene: &Scene,
    ledger: &mut Ledger,
    rollup: Rollup,
    count: usize,
) -> anyhow::Result<()> {
    let calls = calls_before_exits(scene, rollup)?;
    let later = calls.values().filter(|slots| **slots < 0).count();
    ledger.equal("reported to Nexus after the beacon chain had the exit", later, count);
    Ok(())
}

/// Returns how many slots each exit came after the bot's call to Nexus about it; a slot is a block here.
pub(super) fn calls_before_exits(
    scene: &Scene,
    rollup: Rollup,
) -> anyhow::Result<BTreeMap<ValidatorPubkey, i64>> {
    let exits: BTreeMap<_, Slot> = scene.witness.verified_exits(&scene.devnet);
    let slots = |record: &ValidatorRecord| {
        let call = block_of(&scene.devnet, record.exit_tx?)?;
        let exit = exits.get(&record.pubkey?)?;
        Some((record.pubkey?, exit.get().cast_signed() - call.get().cast_signed()))
    };
    let records = scene.bot()?.state.validators()?;
    Ok(records.iter().filter(|record| record.rollup == rollup.admin).filter_map(slots).collect())
}

/// Returns how many of the keys Nexus has closed.
pub(super) fn closed(world: &World, pubkeys: &[ValidatorPubkey]) -> anyhow::Result<usize> {
    Ok(with_status(world, pubkeys, NexusStatus::Exited)?.len())
}

/// Checks that closed validators are gone everywhere, and that the others run on.
pub(super) fn closings_are_right(
    scene: &Scene,
    ledger: &mut Ledger,
    rollup: Rollup,
    count: usize,
) -> anyhow::Result<()> {
    let (world, pubkeys) = (&scene.devnet, scene.witness.pubkeys_of(rollup));
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
pub(super) async fn position_is(
    scene: &Scene,
    ledger: &mut Ledger,
    rollup: Rollup,
    expected: Position,
) -> anyhow::Result<()> {
    let (world, bridge) = (&scene.devnet, rollup.bridge);
    let held = balance(world, bridge).await?;
    let count = u64::try_from(world.validator_count(bridge)?)?;
    let ether = Wei::from_ether(expected.ether);
    ledger.equal("ETH on the bridge", held.to_ether_text(), ether.to_ether_text());
    ledger.equal("validators the bridge counts", count, expected.validators);
    let (found, one_more) = (share_bps_of(held, count, count)?, share_bps_of(held, count, count + 1)?);
    ledger.equal("staked share, basis points", found, expected.share_bps);
    let limit = u64::from(expected.limit.get());
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
