//! How many SSV tokens a registration has to bring (SSV v1: `ClusterLib.isLiquidatable`; facts sheet 2.7).

use nexus_primitives::{U256, Wei};

use crate::SsvParameters;

/// What a cluster costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterCosts {
    /// Sum of the operators' fees and the network fee, in SSV-wei per block and validator.
    pub fee_per_validator: Wei,
    /// Blocks of fees below which the cluster may be liquidated.
    pub threshold_blocks: u64,
    /// Balance below which the cluster may be liquidated, whatever its fees.
    pub minimum_collateral: Wei,
}

impl ClusterCosts {
    /// Adds up the fees of a cluster's operators. Sums stop at 2^256 - 1: unaffordable either way.
    pub fn new(operator_fees: impl IntoIterator<Item = Wei>, ssv: &SsvParameters) -> Self {
        let fees = operator_fees.into_iter().chain([ssv.network_fee]);
        let fee_per_validator = fees.fold(U256::ZERO, |sum, fee| sum.saturating_add(fee.get()));
        Self {
            fee_per_validator: Wei::new(fee_per_validator),
            threshold_blocks: ssv.liquidation_threshold_blocks,
            minimum_collateral: ssv.minimum_collateral,
        }
    }

    /// Returns the fees of `validators` per block, in SSV-wei.
    pub fn burn_rate(&self, validators: u32) -> Wei {
        Wei::new(self.fee_per_validator.get().saturating_mul(U256::from(validators)))
    }

    /// Returns the balance below which a cluster of `validators` may be liquidated, in SSV-wei.
    pub fn liquidation_balance(&self, validators: u32) -> Wei {
        if validators == 0 {
            return Wei::ZERO;
        }
        let fees = self.burn_rate(validators).get().saturating_mul(U256::from(self.threshold_blocks));
        Wei::new(fees.max(self.minimum_collateral.get()))
    }
}

/// Returns the SSV-wei that a registration must bring so that a cluster which then has `validators` stays clear of
/// liquidation for `runway_blocks`; zero when its settled balance suffices. Any
/// amount is accepted: only fees and parameters come in steps of 10^7.
pub fn registration_amount(
    settled_balance: Wei,
    costs: &ClusterCosts,
    validators: u32,
    runway_blocks: u64,
) -> Wei {
    let runway = costs.burn_rate(validators).get().saturating_mul(U256::from(runway_blocks));
    let needed = costs.liquidation_balance(validators).get().saturating_add(runway);
    Wei::new(needed.saturating_sub(settled_balance.get()))
}

/// Returns for how many blocks a cluster of `validators` with the settled balance stays clear of liquidation;
/// `None` when it costs nothing.
pub fn runway_blocks(settled_balance: Wei, costs: &ClusterCosts, validators: u32) -> Option<u64> {
    let spare = settled_balance.saturating_sub(costs.liquidation_balance(validators));
    Some(spare.div_floor(costs.burn_rate(validators))?.saturating_to())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mainnet's v2 parameters and four default operators: the worked example of the facts sheet, 2.7. The formulas
    /// of v1 and v2 agree for validators of 32 ETH.
    fn example() -> ClusterCosts {
        let wei = |amount: u64| Wei::new(U256::from(amount));
        let ssv = SsvParameters {
            network_fee: wei(3_366_600_000),
            liquidation_threshold_blocks: 50_120,
            minimum_collateral: wei(324_862_599_900_000),
            validators_per_operator: 500,
            nexus_token_balance: Wei::ZERO,
            fee_recipient: None,
        };
        ClusterCosts::new([wei(1_770_000_000); 4], &ssv)
    }

    #[test]
    fn the_worked_example_comes_out() {
        let costs = example();
        assert_eq!(costs.burn_rate(1).to_string(), "10446600000");
        assert_eq!(costs.liquidation_balance(1).to_string(), "523583592000000");
        let year = registration_amount(Wei::ZERO, &costs, 1, 2_628_000);
        assert_eq!(year.to_string(), (523_583_592_000_000_u64 + 27_453_664_800_000_000).to_string());
        assert_eq!(runway_blocks(year, &costs, 1), Some(2_628_000));
    }

    #[test]
    fn collateral_rules_when_fees_are_low() {
        let costs = ClusterCosts { fee_per_validator: Wei::ZERO, ..example() };
        assert_eq!(costs.liquidation_balance(3), costs.minimum_collateral);
        assert_eq!(costs.liquidation_balance(0), Wei::ZERO);
        assert_eq!(runway_blocks(Wei::from_ether(1), &costs, 3), None);
        assert_eq!(registration_amount(Wei::ZERO, &costs, 3, 1_000), costs.minimum_collateral);
    }

    #[test]
    fn what_the_cluster_holds_is_counted() {
        let costs = example();
        let all = registration_amount(Wei::ZERO, &costs, 2, 100);
        assert_eq!(registration_amount(all, &costs, 2, 100), Wei::ZERO);
        let short = all.checked_sub(Wei::new(U256::from(1))).unwrap();
        assert_eq!(registration_amount(short, &costs, 2, 100), Wei::new(U256::from(1)));
        assert_eq!(runway_blocks(Wei::ZERO, &costs, 2), Some(0));
    }

    #[test]
    fn absurd_fees_saturate() {
        let costs = ClusterCosts { fee_per_validator: Wei::MAX, ..example() };
        let amount = registration_amount(Wei::ZERO, &costs, u32::MAX, u64::MAX);
        assert!(amount > Wei::from_ether(u64::MAX));
    }
}
