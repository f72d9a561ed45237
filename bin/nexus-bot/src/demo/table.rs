//! The last page: every validator, where it stands, and the transactions that brought it there.

use nexus_controller::ValidatorRecord;
use nexus_devnet::consensus::ValidatorStatus;
use nexus_primitives::{TxHash, ValidatorPubkey};

use super::scene::Scene;
use crate::output::{Table, or_dash, print_text};

/// Characters of a hash that are shown.
const SHORT: usize = 10;

/// Prints the table. States are the bot's, statuses the chains'.
pub(super) fn print(scene: &Scene) -> anyhow::Result<()> {
    let mut table = Table::new([
        "validator",
        "index",
        "rollup",
        "state",
        "nexus",
        "beacon",
        "deposit",
        "shares",
        "exit",
        "closing",
    ]);
    for record in scene.bot()?.state.validators()? {
        table.row(row(scene, &record)?);
    }
    print_text("\n");
    table.print("no validators");
    Ok(())
}

fn row(scene: &Scene, record: &ValidatorRecord) -> anyhow::Result<[String; 10]> {
    let world = &scene.devnet;
    let chain = world.beacon().read();
    let index = record.pubkey.and_then(|pubkey| chain.head().validator(&pubkey)).map(|(index, _)| index);
    drop(chain);
    let nexus = record.pubkey.map(|pubkey| world.nexus_status(&pubkey)).transpose()?;
    let beacon = record.pubkey.and_then(|pubkey| world.validator_status(&pubkey));
    Ok([
        or_dash(record.pubkey.as_ref().map(ValidatorPubkey::short)),
        or_dash(index),
        short(record.rollup.to_string()),
        record.stage.as_str().to_owned(),
        or_dash(nexus.map(|status| format!("{status:?}"))),
        or_dash(beacon.map(ValidatorStatus::as_str)),
        hash(record.deposit_tx),
        hash(record.shares_tx),
        hash(record.exit_tx),
        hash(record.removal_tx),
    ])
}

fn hash(hash: Option<TxHash>) -> String {
    or_dash(hash.map(|hash| short(hash.to_string())))
}

fn short(text: String) -> String {
    text.chars().take(SHORT).chain(['…']).collect()
}
