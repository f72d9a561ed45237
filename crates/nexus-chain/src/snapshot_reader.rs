//! Reads a [`ChainSnapshot`] from one node: two batches at one block hash, the second for what the first revealed.

use std::collections::BTreeSet;

use alloy::primitives::{U64, U256};
use nexus_primitives::{Address, OperatorId, OperatorSet, RollupAdmin, ValidatorPubkey};

use crate::{
    BlockRef, BotAccount, ChainConfig, ChainError, ChainSnapshot, LeftOutRollup, NexusStatus, NexusValidator,
    RollupSnapshot,
    alloy_types::pubkey_bytes,
    bindings::nexus_main as nexus,
    completeness::check_cluster,
    deployment_reader::DeploymentReads,
    event_index::EventIndex,
    read_batch::{Call, Read, ReadBatch, Readings, required},
    rollup_reader::{RollupReading, RollupReads},
    rpc_endpoint::RpcEndpoint,
    ssv_reader::{OperatorReads, ParameterReads, ask_freshness, check_freshness},
};

/// What a node gave when asked for a snapshot.
pub(crate) enum SnapshotReading {
    Complete(Box<ChainSnapshot>),
    /// Nexus uses another NodeOperator contract than the index was built for.
    NodeOperatorMoved(Address),
}

/// Reads everything at `block`; `index` must hold the events up to it.
pub(crate) async fn read_snapshot(
    endpoint: &RpcEndpoint,
    config: &ChainConfig,
    index: &EventIndex,
    block: &BlockRef,
) -> Result<SnapshotReading, ChainError> {
    let mut batch = ReadBatch::new(block.hash);
    let deployment = DeploymentReads::ask(&mut batch, config, index);
    let parameters = ParameterReads::ask(&mut batch, config);
    let rollups: Vec<_> = index
        .rollups
        .iter()
        .map(|(admin, rollup)| RollupReads::ask(&mut batch, config, index, *admin, rollup))
        .collect();
    let validators: Vec<_> = index
        .validators
        .iter()
        .map(|(pubkey, rollup)| {
            let call = nexus::validatorsCall { pubkey: pubkey_bytes(pubkey) };
            (*pubkey, *rollup, batch.call(config.nexus, &call))
        })
        .collect();
    let bot = BotReads::ask(&mut batch, config);
    let first = batch.send(endpoint).await?;

    if let Some(moved) = deployment.moved_node_operator(&first, config, index)? {
        return Ok(SnapshotReading::NodeOperatorMoved(moved));
    }
    let (mut described, mut bridges, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for reads in &rollups {
        match reads.answer(&first)? {
            RollupReading::Described(found) => {
                let name = format!("bridge.{}", found.rollup.bridge.address);
                bridges.push((name, found.code, found.implementation));
                described.push(found.rollup);
            }
            RollupReading::LeftOut(rollup) => left_out.push(rollup),
        }
    }
    let validators = validators
        .into_iter()
        .map(|(pubkey, rollup, call)| validator(&first, config, index, pubkey, rollup, call))
        .collect::<Result<Vec<_>, _>>()?;
    for (operators, tuple) in &index.owner.clusters {
        check_cluster(operators, tuple, index.owner.registered_with(operators))?;
    }

    let mut batch = ReadBatch::new(block.hash);
    let implementations = deployment.ask_implementations(&mut batch, &first)?;
    let bridges: Vec<_> = bridges
        .into_iter()
        .map(|(name, code, implementation)| (name, code, implementation.map(|at| batch.code(at))))
        .collect();
    let operators = OperatorReads::ask(&mut batch, config, operators_in_use(&described, &left_out, index));
    let freshness = ask_freshness(&mut batch, config, index);
    let second = batch.send(endpoint).await?;

    check_freshness(&second, &freshness)?;
    let mut deployment = deployment.answer(&first, &second, config, implementations)?;
    for (name, code, implementation) in bridges {
        let implementation = implementation.map(|code| second.code_hash(&code)).transpose()?.flatten();
        deployment.code_hashes.extend(implementation.map(|hash| (format!("{name}.implementation"), hash)));
        deployment.code_hashes.insert(name, code);
    }
    Ok(SnapshotReading::Complete(Box::new(ChainSnapshot {
        block: *block,
        deployment,
        rollups: described,
        left_out,
        validators,
        operators: operators.answer(&second, config, index)?,
        clusters: index.owner.clusters.clone(),
        owner_nonce: index.owner.nonce(),
        ssv: parameters.answer(&first, config, index)?,
        bot: bot.answer(&first, config)?,
    })))
}

fn validator(
    first: &Readings<'_>,
    config: &ChainConfig,
    index: &EventIndex,
    pubkey: ValidatorPubkey,
    rollup: RollupAdmin,
    call: Call<nexus::validatorsCall>,
) -> Result<NexusValidator, ChainError> {
    let status = match required(first, call, "nexus", config.nexus, "validators()")? {
        0 => NexusStatus::Inactive,
        1 => NexusStatus::Deposited,
        2 => NexusStatus::ShareDeposited,
        3 => NexusStatus::ValidatorExitSubmitted,
        4 => NexusStatus::ValidatorExited,
        other => {
            let problem = format!("validator {pubkey} has status {other}, known are 0 to 4");
            return Err(ChainError::Contract { name: "nexus", address: config.nexus, problem });
        }
    };
    Ok(NexusValidator { pubkey, rollup, status, ssv: index.owner.registrations.get(&pubkey).cloned() })
}

struct BotReads {
    balance: Read<U256>,
    nonce: Read<U64>,
}

impl BotReads {
    fn ask(batch: &mut ReadBatch, config: &ChainConfig) -> Self {
        Self { balance: batch.balance(config.bot), nonce: batch.transaction_count(config.bot) }
    }

    fn answer(&self, first: &Readings<'_>, config: &ChainConfig) -> Result<BotAccount, ChainError> {
        let nonce = first.read(&self.nonce)?.to();
        Ok(BotAccount { address: config.bot, balance: first.wei(&self.balance)?, nonce })
    }
}

/// The operators of rollups' clusters and of clusters with validators, and all that NodeOperator has: a validator may be
/// about to be registered with those of a cluster that its rollup has left.
fn operators_in_use(
    described: &[RollupSnapshot],
    left_out: &[LeftOutRollup],
    index: &EventIndex,
) -> BTreeSet<OperatorId> {
    let of_described = described.iter().filter_map(|rollup| rollup.operators.as_ref());
    let of_left_out = left_out.iter().filter_map(|rollup| rollup.operators.as_ref());
    let on_node_operator = index.operators.iter().filter(|(_, operator)| operator.nexus_key.is_some());
    of_described
        .chain(of_left_out)
        .chain(index.owner.clusters.keys())
        .flat_map(OperatorSet::ids)
        .chain(on_node_operator.map(|(id, _)| id))
        .copied()
        .collect()
}
