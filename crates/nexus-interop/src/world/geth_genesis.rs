//! The document geth makes its first block from: a chain that begins after the merge.

use std::{collections::BTreeMap, path::Path};

use alloy::primitives::B256;
use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::{execution_node::ChainStart, geth_node::Rules};

const BLOCK_FORKS: [&str; 10] = [
    "homestead",
    "eip150",
    "eip155",
    "eip158",
    "byzantium",
    "constantinople",
    "petersburg",
    "istanbul",
    "berlin",
    "london",
];

/// Returns the genesis document for these accounts and contracts.
pub(crate) async fn document(start: &ChainStart, rules: Rules, geth: &Path) -> anyhow::Result<Value> {
    let mut alloc = match rules {
        Rules::Shanghai => Map::new(),
        Rules::Prague => system_contracts(geth).await?,
    };
    for (address, balance) in &start.alloc {
        alloc.insert(address.to_string(), json!({ "balance": balance }));
    }
    let contract = &start.deposit_contract;
    let storage: Map<String, Value> = contract
        .storage
        .iter()
        .map(|(slot, value)| (B256::from(*slot).to_string(), json!(B256::from(*value))))
        .collect();
    let predeploy = json!({ "balance": "0x0", "code": contract.code, "storage": storage });
    alloc.insert(contract.address.to_string(), predeploy);
    Ok(json!({
        "config": config(start, rules),
        "nonce": "0x0",
        "timestamp": format!("{:#x}", start.timestamp),
        "gasLimit": "0x3938700",
        "difficulty": "0x0",
        "baseFeePerGas": "0x3b9aca00",
        "alloc": alloc,
    }))
}

fn config(start: &ChainStart, rules: Rules) -> Value {
    let mut config = json!({
        "chainId": start.chain_id,
        "terminalTotalDifficulty": 0,
        "mergeNetsplitBlock": 0,
        "shanghaiTime": 0,
        "depositContractAddress": start.deposit_contract.address,
    });
    for fork in BLOCK_FORKS {
        config[format!("{fork}Block")] = json!(0);
    }
    if rules == Rules::Prague {
        config["cancunTime"] = json!(0);
        // From the first block behind the genesis on: what a genesis block by Prague's rules hashes to changed while
        // Prague was made, and consensus clients' tools of its time know the older hash.
        config["pragueTime"] = json!(start.timestamp + 1);
        // EIP-7840: targets of EIP-4844 and EIP-7691.
        config["blobSchedule"] = json!({
            "cancun": { "target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477 },
            "prague": { "target": 6, "max": 9, "baseFeeUpdateFraction": 5_007_716 },
        });
    }
    config
}

#[derive(Deserialize)]
struct Dump {
    alloc: BTreeMap<String, Value>,
}

/// Returns the contracts that a block calls by itself (EIP-2935, EIP-4788, EIP-7002, EIP-7251), from geth's own
/// development network: a chain that is told to have their forks must have them.
async fn system_contracts(geth: &Path) -> anyhow::Result<Map<String, Value>> {
    let output = Command::new(geth).args(["--dev", "dumpgenesis"]).output().await?;
    ensure!(output.status.success(), "geth dumpgenesis: {}", String::from_utf8_lossy(&output.stderr));
    let dump: Dump = serde_json::from_slice(&output.stdout).context("reading geth's own genesis")?;
    let contracts = dump.alloc.into_iter().filter(|(_, account)| account["code"].is_string());
    Ok(contracts.map(|(address, account)| (format!("0x{address}"), account)).collect())
}
