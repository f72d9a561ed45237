//! Reads rollups with their bridges.

use alloy::primitives::{Bytes, U256};
use alloy_sol_types::SolCall;
use nexus_primitives::{Address, BasisPoints, ClusterId, CodeHash, OperatorSet, RollupAdmin, Wei};

use crate::{
    BridgeSnapshot, ChainConfig, ChainError, LeftOutRollup, RollupSnapshot,
    alloy_types::{from_alloy, to_alloy},
    bindings::{bridge, nexus_main as nexus, node_operator},
    event_index::{EventIndex, IndexedRollup},
    proxy_slots::ProxySlots,
    read_batch::{Call, Read, ReadBatch, Readings},
};

/// The reads behind a [`RollupSnapshot`].
pub(crate) struct RollupReads {
    admin: RollupAdmin,
    name: String,
    bridge_address: Address,
    cluster: ClusterId,
    registration: Call<nexus::rollupsCall>,
    operators: Call<node_operator::getClusterCall>,
    balance: Read<U256>,
    count: Call<bridge::validatorCountCall>,
    rewards: Call<bridge::getRewardsCall>,
    slashed: Call<bridge::slashedAmountCall>,
    deposit_contract: Call<bridge::DEPOSIT_CONTRACTCall>,
    nexus: Call<bridge::NEXUS_NETWORKCall>,
    code: Read<Bytes>,
    slots: ProxySlots,
}

/// What the reads gave.
pub(crate) enum RollupReading {
    Described(Box<DescribedRollup>),
    LeftOut(LeftOutRollup),
}

/// A rollup and what its bridge runs.
pub(crate) struct DescribedRollup {
    pub(crate) rollup: RollupSnapshot,
    pub(crate) code: CodeHash,
    /// Where the code is when the bridge is a proxy.
    pub(crate) implementation: Option<Address>,
}

impl RollupReads {
    pub(crate) fn ask(
        batch: &mut ReadBatch,
        config: &ChainConfig,
        index: &EventIndex,
        admin: RollupAdmin,
        rollup: &IndexedRollup,
    ) -> Self {
        let bridge_address = rollup.bridge;
        let cluster = node_operator::getClusterCall { clusterId: rollup.cluster.get() };
        Self {
            admin,
            name: index.names.get(&admin).cloned().unwrap_or_default(),
            bridge_address,
            cluster: rollup.cluster,
            registration: batch
                .call(config.nexus, &nexus::rollupsCall { rollupAdmin: to_alloy(admin.address()) }),
            operators: batch.call(index.contracts().node_operator, &cluster),
            balance: batch.balance(bridge_address),
            count: batch.call_stranger(bridge_address, &bridge::validatorCountCall {}),
            rewards: batch.call_stranger(bridge_address, &bridge::getRewardsCall {}),
            slashed: batch.call_stranger(bridge_address, &bridge::slashedAmountCall {}),
            deposit_contract: batch.call_stranger(bridge_address, &bridge::DEPOSIT_CONTRACTCall {}),
            nexus: batch.call_stranger(bridge_address, &bridge::NEXUS_NETWORKCall {}),
            code: batch.code(bridge_address),
            slots: ProxySlots::ask(batch, bridge_address),
        }
    }

    /// Returns what is known of a rollup whose bridge doesn't answer as a bridge does, too: one broken rollup must
    /// not keep the others from being looked after.
    pub(crate) fn answer(&self, first: &Readings<'_>) -> Result<RollupReading, ChainError> {
        let operators = first.returned(self.operators)?.ok();
        let operators = operators.and_then(|ids| OperatorSet::try_from(ids).ok());
        Ok(match self.described(first, operators.as_ref())? {
            Ok(described) => RollupReading::Described(Box::new(described)),
            Err(reason) => {
                tracing::warn!(rollup = %self.admin, reason, "rollup is left out of the snapshot");
                let (admin, name) = (self.admin, self.name.clone());
                RollupReading::LeftOut(LeftOutRollup { admin, name, operators, reason })
            }
        })
    }

    fn described(
        &self,
        first: &Readings<'_>,
        operators: Option<&OperatorSet>,
    ) -> Result<Result<DescribedRollup, String>, ChainError> {
        let stored = match first.returned(self.registration)? {
            Ok(stored) => stored,
            Err(revert) => return Ok(Err(format!("rollups() of Nexus: {revert}"))),
        };
        let bridge_matches = from_alloy(stored.bridgeContract) == self.bridge_address;
        if !bridge_matches || stored.operatorCluster != self.cluster.get() {
            return Err(ChainError::IncompleteHistory {
                what: format!(
                    "rollup {} has bridge {} and cluster {}, its events say {} and {}",
                    self.admin,
                    from_alloy(stored.bridgeContract),
                    stored.operatorCluster,
                    self.bridge_address,
                    self.cluster
                ),
            });
        }
        let Ok(limit) = BasisPoints::new(stored.stakingLimit) else {
            return Ok(Err(format!("its staking limit is {} basis points", stored.stakingLimit)));
        };
        let Some(code) = first.code_hash(&self.code)? else {
            return Ok(Err(format!("there is no code at its bridge {}", self.bridge_address)));
        };
        let balance = first.wei(&self.balance)?;
        let (admin, name, cluster) = (self.admin, self.name.clone(), self.cluster);
        let (operators, implementation) = (operators.cloned(), self.slots.implementation(first)?);
        Ok(self.bridge(first, balance).map(|bridge| {
            let rollup = RollupSnapshot { admin, name, limit, cluster, operators, bridge, trouble: None };
            DescribedRollup { rollup, code, implementation }
        }))
    }

    fn bridge(&self, first: &Readings<'_>, balance: Wei) -> Result<BridgeSnapshot, String> {
        let count = self.required(first, self.count, "validatorCount()")?;
        let validator_count =
            u64::try_from(count).map_err(|_| format!("its bridge counts {count} validators"))?;
        let slashed = self.required(first, self.slashed, "slashedAmount()")?;
        let deposit_contract = self.required(first, self.deposit_contract, "DEPOSIT_CONTRACT()")?;
        let nexus = self.required(first, self.nexus, "NEXUS_NETWORK()")?;
        Ok(BridgeSnapshot {
            address: self.bridge_address,
            balance,
            validator_count,
            rewards: first.returned_by_stranger(self.rewards).ok().map(Wei::new),
            slashed: Wei::new(slashed),
            deposit_contract: from_alloy(deposit_contract),
            nexus: from_alloy(nexus),
        })
    }

    fn required<C: SolCall>(
        &self,
        first: &Readings<'_>,
        call: Call<C>,
        function: &str,
    ) -> Result<C::Return, String> {
        let returned = first.returned_by_stranger(call);
        returned.map_err(|problem| format!("{function} of its bridge {}: {problem}", self.bridge_address))
    }
}
