//! Reads rollups with their bridges.

use alloy::primitives::{Bytes, U256};
use nexus_primitives::{Address, BasisPoints, ClusterId, CodeHash, OperatorSet, RollupAdmin, Wei};

use crate::{
    BridgeSnapshot, ChainConfig, ChainError, Revert, RollupSnapshot,
    alloy_types::{from_alloy, to_alloy},
    bindings::{bridge, nexus_main as nexus, node_operator},
    event_index::{EventIndex, IndexedRollup},
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
            count: batch.call(bridge_address, &bridge::validatorCountCall {}),
            rewards: batch.call(bridge_address, &bridge::getRewardsCall {}),
            slashed: batch.call(bridge_address, &bridge::slashedAmountCall {}),
            deposit_contract: batch.call(bridge_address, &bridge::DEPOSIT_CONTRACTCall {}),
            nexus: batch.call(bridge_address, &bridge::NEXUS_NETWORKCall {}),
            code: batch.code(bridge_address),
        }
    }

    /// Returns `None` for a rollup whose bridge doesn't answer as a bridge does: one broken rollup must not keep the
    /// others from being looked after, and without it in the snapshot nothing is done for it.
    pub(crate) fn answer(
        &self,
        first: &Readings<'_>,
    ) -> Result<Option<(RollupSnapshot, CodeHash)>, ChainError> {
        let stored = match first.returned(self.registration)? {
            Ok(stored) => stored,
            Err(revert) => return Ok(self.left_out(&format!("Nexus.rollups(): {revert}"))),
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
        let (Ok(limit), Some(code)) = (BasisPoints::new(stored.stakingLimit), first.code_hash(&self.code)?)
        else {
            return Ok(self.left_out("its limit is above 100 % or its bridge has no code"));
        };
        let bridge = match self.bridge(first)? {
            Ok(bridge) => bridge,
            Err(revert) => return Ok(self.left_out(&format!("its bridge doesn't answer: {revert}"))),
        };
        let operators = first.returned(self.operators)?.ok();
        let operators = operators.and_then(|ids| OperatorSet::try_from(ids).ok());
        let (admin, name, cluster) = (self.admin, self.name.clone(), self.cluster);
        let snapshot = RollupSnapshot { admin, name, limit, cluster, operators, bridge };
        Ok(Some((snapshot, code)))
    }

    fn bridge(&self, first: &Readings<'_>) -> Result<Result<BridgeSnapshot, Revert>, ChainError> {
        let (count, slashed) = (first.returned(self.count)?, first.returned(self.slashed)?);
        let (deposit_contract, nexus) = (first.returned(self.deposit_contract)?, first.returned(self.nexus)?);
        let balance = first.wei(&self.balance)?;
        let rewards = first.returned(self.rewards)?.ok().map(Wei::new);
        let address = self.bridge_address;
        Ok((|| {
            let count = count?;
            let validator_count =
                u64::try_from(count).map_err(|_| Revert::Unknown(format!("{count} validators")))?;
            Ok(BridgeSnapshot {
                address,
                balance,
                validator_count,
                rewards,
                slashed: Wei::new(slashed?),
                deposit_contract: from_alloy(deposit_contract?),
                nexus: from_alloy(nexus?),
            })
        })())
    }

    fn left_out<T>(&self, problem: &str) -> Option<T> {
        tracing::warn!(rollup = %self.admin, problem, "rollup is left out of the snapshot");
        None
    }
}
