//! A status for people.

use nexus_chain::NexusStatus;
use nexus_controller::{IntentSummary, StatusReport, ValidatorReport};
use nexus_primitives::{TxHash, ValidatorPubkey};

use crate::output::{Table, or_dash, print_text};

/// Prints validators and transactions.
pub(super) fn print(report: &StatusReport) {
    match report.last_tick {
        Some(at) => print_text(&format!("last tick ended at unix time {at}\n\n")),
        None => print_text("no tick has ended yet\n\n"),
    }
    let mut validators = Table::new([
        "validator",
        "rollup",
        "state",
        "nexus",
        "beacon",
        "index",
        "exit epoch",
        "deposit",
        "shares",
        "exit",
        "removal",
    ]);
    report.validators.iter().for_each(|validator| validators.row(validator_row(validator)));
    validators.print("no validators");
    print_text("\n");
    let mut intents = Table::new(["transaction", "kind", "state", "nonce", "latest hash", "reason"]);
    report.intents.iter().for_each(|intent| intents.row(intent_row(intent)));
    intents.print("no transactions");
}

fn validator_row(validator: &ValidatorReport) -> [String; 11] {
    [
        or_dash(validator.pubkey.as_ref().map(ValidatorPubkey::short)),
        validator.rollup.to_string(),
        validator.state.as_str().to_owned(),
        or_dash(validator.nexus_status.map(contract_name)),
        or_dash(validator.beacon_status.clone()),
        or_dash(validator.validator_index),
        or_dash(validator.exit_epoch),
        hash(validator.deposit_tx),
        hash(validator.shares_tx),
        hash(validator.exit_tx),
        hash(validator.removal_tx),
    ]
}

fn intent_row(intent: &IntentSummary) -> [String; 6] {
    [
        intent.id.to_string(),
        intent.kind.clone(),
        intent.state.as_str().to_owned(),
        or_dash(intent.nonce),
        or_dash(intent.tx_hashes.last()),
        or_dash(intent.reason.clone()),
    ]
}

/// Returns the status as the contract's source spells it.
fn contract_name(status: NexusStatus) -> String {
    serde_json::to_value(status)
        .ok()
        .and_then(|name| name.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

fn hash(hash: Option<TxHash>) -> String {
    or_dash(hash.map(|hash| hash.to_string().chars().take(10).chain(['…']).collect::<String>()))
}
