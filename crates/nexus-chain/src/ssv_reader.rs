//! Reads what the SSV network says: its parameters, operators, and whether it agrees with the clusters' tuples.

use std::collections::{BTreeMap, BTreeSet};

use nexus_primitives::{OperatorId, OperatorSet, Wei};

use crate::{
    ChainConfig, ChainError, ClusterSnapshot, OperatorSnapshot, Revert, SsvParameters,
    alloy_types::{from_alloy, operator_ids, to_alloy},
    bindings::{erc20, ssv_views as views},
    event_index::EventIndex,
    read_batch::{Call, ReadBatch, Readings, required},
};

/// The reads behind [`SsvParameters`].
pub(crate) struct ParameterReads {
    network_fee: Call<views::getNetworkFeeCall>,
    threshold: Call<views::getLiquidationThresholdPeriodCall>,
    collateral: Call<views::getMinimumLiquidationCollateralCall>,
    per_operator: Call<views::getValidatorsPerOperatorLimitCall>,
    token_balance: Call<erc20::balanceOfCall>,
}

impl ParameterReads {
    pub(crate) fn ask(batch: &mut ReadBatch, config: &ChainConfig) -> Self {
        let at = config.views();
        Self {
            network_fee: batch.call(at, &views::getNetworkFeeCall {}),
            threshold: batch.call(at, &views::getLiquidationThresholdPeriodCall {}),
            collateral: batch.call(at, &views::getMinimumLiquidationCollateralCall {}),
            per_operator: batch.call(at, &views::getValidatorsPerOperatorLimitCall {}),
            token_balance: batch
                .call(config.ssv_token, &erc20::balanceOfCall { account: to_alloy(config.nexus) }),
        }
    }

    pub(crate) fn answer(
        &self,
        first: &Readings<'_>,
        config: &ChainConfig,
        index: &EventIndex,
    ) -> Result<SsvParameters, ChainError> {
        let (name, at) = ("ssv_network_views", config.views());
        Ok(SsvParameters {
            network_fee: Wei::new(required(first, self.network_fee, name, at, "getNetworkFee()")?),
            liquidation_threshold_blocks: required(
                first,
                self.threshold,
                name,
                at,
                "getLiquidationThresholdPeriod()",
            )?,
            minimum_collateral: Wei::new(required(
                first,
                self.collateral,
                name,
                at,
                "getMinimumLiquidationCollateral()",
            )?),
            validators_per_operator: required(
                first,
                self.per_operator,
                name,
                at,
                "getValidatorsPerOperatorLimit()",
            )?,
            nexus_token_balance: Wei::new(required(
                first,
                self.token_balance,
                "ssv_token",
                config.ssv_token,
                "balanceOf()",
            )?),
            fee_recipient: index.owner.fee_recipient,
        })
    }
}

/// The reads behind the snapshot's operators.
pub(crate) struct OperatorReads {
    operators: Vec<(OperatorId, Call<views::getOperatorByIdCall>)>,
    whitelisted: Call<views::getWhitelistedOperatorsCall>,
}

impl OperatorReads {
    pub(crate) fn ask(batch: &mut ReadBatch, config: &ChainConfig, ids: BTreeSet<OperatorId>) -> Self {
        let operator_ids = ids.iter().map(|id| id.get()).collect();
        let whitelisted = views::getWhitelistedOperatorsCall {
            operatorIds: operator_ids,
            whitelistedAddress: to_alloy(config.nexus),
        };
        let whitelisted = batch.call(config.views(), &whitelisted);
        let ask = |id: OperatorId| {
            (id, batch.call(config.views(), &views::getOperatorByIdCall { operatorId: id.get() }))
        };
        Self { operators: ids.into_iter().map(ask).collect(), whitelisted }
    }

    pub(crate) fn answer(
        &self,
        second: &Readings<'_>,
        config: &ChainConfig,
        index: &EventIndex,
    ) -> Result<BTreeMap<OperatorId, OperatorSnapshot>, ChainError> {
        // SSV before v1.2 doesn't have the list; there the operator's own entry names its one whitelisted address.
        let whitelisted = second.returned(self.whitelisted)?.unwrap_or_default();
        let mut operators = BTreeMap::new();
        for (id, call) in &self.operators {
            let found = required(second, *call, "ssv_network_views", config.views(), "getOperatorById()")?;
            let listed = whitelisted.contains(&id.get()) || from_alloy(found.whitelisted) == config.nexus;
            let announced = index.operators.get(id).cloned().unwrap_or_default();
            let operator = OperatorSnapshot {
                active: found.isActive,
                fee: Wei::new(found.fee),
                validator_count: found.validatorCount,
                usable_by_nexus: !found.isPrivate || listed,
                ssv_key: announced.ssv_key,
                nexus_key: announced.nexus_key,
                dkg_endpoint: announced.dkg_endpoint,
            };
            operators.insert(*id, operator);
        }
        Ok(operators)
    }
}

pub(crate) type Freshness = Vec<(OperatorSet, Call<views::getBalanceCall>)>;

/// Has SSV compare the tuples found in events with the hashes it keeps.
pub(crate) fn ask_freshness(batch: &mut ReadBatch, config: &ChainConfig, index: &EventIndex) -> Freshness {
    let active = index.owner.clusters.iter().filter(|(_, tuple)| tuple.active);
    active
        .map(|(operators, tuple)| {
            let call = balance_call(config, operators, tuple);
            (operators.clone(), batch.call(config.views(), &call))
        })
        .collect()
}

/// Returns the call for a cluster's balance, were it settled now.
pub(crate) fn balance_call(
    config: &ChainConfig,
    operators: &OperatorSet,
    tuple: &ClusterSnapshot,
) -> views::getBalanceCall {
    views::getBalanceCall {
        clusterOwner: to_alloy(config.nexus),
        operatorIds: operator_ids(operators),
        cluster: views::Cluster {
            validatorCount: tuple.validator_count,
            networkFeeIndex: tuple.network_fee_index,
            index: tuple.index,
            active: tuple.active,
            balance: tuple.balance.get(),
        },
    }
}

pub(crate) fn check_freshness(second: &Readings<'_>, freshness: &Freshness) -> Result<(), ChainError> {
    for (operators, call) in freshness {
        if let Err(revert) = second.returned(*call)? {
            refuse_stale(operators, &revert)?;
        }
    }
    Ok(())
}

/// Says that events are missing when SSV doesn't recognise a tuple. Other reverts are not about the tuple.
pub(crate) fn refuse_stale(operators: &OperatorSet, revert: &Revert) -> Result<(), ChainError> {
    if revert.is("IncorrectClusterState") {
        let what = format!("SSV doesn't recognise the tuple of cluster {operators} that its events give");
        return Err(ChainError::IncompleteHistory { what });
    }
    Ok(())
}
