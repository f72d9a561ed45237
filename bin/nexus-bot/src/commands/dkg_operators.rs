//! Operators of a ceremony, from a file or from the contracts.

use anyhow::Context as _;
use nexus_controller::dkg_operators_of;
use nexus_dkg::{DkgOperator, OperatorList};
use nexus_primitives::{Address, ForkVersion, OperatorId, OwnerNonce, RollupAdmin};

use super::Session;
use crate::{
    cli::DkgOperatorArgs,
    compose,
    config::{Config, DkgConfig},
};

/// Operators, and what else is known with them.
pub(super) struct Cluster {
    pub(super) operators: Vec<DkgOperator>,
    pub(super) dkg: DkgConfig,
    /// What the contracts say, where they were asked.
    pub(super) on_chain: Option<OnChain>,
}

/// What a ceremony for a rollup must be for, at the observed block.
pub(super) struct OnChain {
    pub(super) owner: Address,
    pub(super) nonce: OwnerNonce,
    pub(super) bridge: Address,
    pub(super) fork_version: ForkVersion,
}

/// Finds the operators that the arguments name.
pub(super) async fn find(session: &Session, args: &DkgOperatorArgs) -> anyhow::Result<Cluster> {
    let (Some(path), None) = (&args.operators, args.rollup) else {
        let rollup = args.rollup.context("neither --operators nor --rollup is given")?;
        return from_chain(&session.config()?, rollup).await;
    };
    let list = OperatorList::read(path)?;
    let operators = if args.ids.is_empty() {
        list.iter().cloned().collect()
    } else {
        let ids = args.ids.iter().map(|id| OperatorId::new(id.get())).collect::<Result<Vec<_>, _>>()?;
        list.select(&ids)?
    };
    Ok(Cluster { operators, dkg: DkgConfig::DEFAULT, on_chain: None })
}

/// Reads the rollup's cluster: ids and addresses from NodeOperator, keys from SSV.
async fn from_chain(config: &Config, rollup: RollupAdmin) -> anyhow::Result<Cluster> {
    let reader = compose::reader(config).await?;
    let chain = reader.chain.fetch_snapshot(reader.settings.observe_at).await?;
    let found = chain.rollups.iter().find(|found| found.admin == rollup);
    let found = found.with_context(|| format!("rollup {rollup} is not registered with Nexus"))?;
    let cluster = || format!("cluster {} of rollup {rollup}", found.cluster);
    let set =
        found.operators.as_ref().context("its operators are no valid SSV cluster").with_context(cluster)?;
    let operators = dkg_operators_of(&chain, set, config.dkg.allow_loopback).with_context(cluster)?;
    let on_chain = OnChain {
        owner: config.contracts.nexus,
        nonce: chain.owner_nonce,
        bridge: found.bridge.address,
        fork_version: config.network.genesis_fork_version,
    };
    Ok(Cluster { operators, dkg: config.dkg, on_chain: Some(on_chain) })
}
