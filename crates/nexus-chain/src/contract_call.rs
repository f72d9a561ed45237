//! What the bot may ask the contracts to do: a closed list, readable in the state file.

use nexus_primitives::{
    BlsSignature, OperatorSet, RollupAdmin, Root, ValidatorPubkey, Wei, WithdrawalCredentials,
};
use serde::{Deserialize, Serialize};

use crate::ClusterSnapshot;

/// One entry of `depositValidatorRollup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorDeposit {
    /// The validator's key.
    pub pubkey: ValidatorPubkey,
    /// All 32 bytes; the contract checks only the last 20.
    pub withdrawal_credentials: WithdrawalCredentials,
    /// Signature over the deposit message.
    pub signature: BlsSignature,
    /// Hash-tree root of the deposit data.
    pub deposit_data_root: Root,
}

/// A state-changing call by the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum ContractCall {
    /// `Nexus.depositValidatorRollup`: 32 ETH of the bridge per entry, all or nothing.
    DepositValidators {
        /// Whose bridge pays.
        rollup: RollupAdmin,
        /// The validators.
        deposits: Vec<ValidatorDeposit>,
    },
    /// `Nexus.depositValidatorShares`: registers one deposited validator with SSV.
    DepositShares {
        /// The rollup the validator was submitted for.
        rollup: RollupAdmin,
        /// The validator's key.
        pubkey: ValidatorPubkey,
        /// Its operators.
        operators: OperatorSet,
        /// `sharesData` in SSV's layout.
        #[serde(with = "hex::serde")]
        shares_data: Vec<u8>,
        /// SSV tokens to add to the cluster, in SSV-wei.
        amount: Wei,
        /// The cluster's tuple right now.
        cluster: ClusterSnapshot,
    },
    /// `Nexus.validatorExit(address,bytes[])` of the `main` version.
    ReportExits {
        /// The rollup the validators were submitted for.
        rollup: RollupAdmin,
        /// The exiting validators.
        pubkeys: Vec<ValidatorPubkey>,
    },
    /// `Nexus.validatorExit(address,bytes,uint64[])` of the `ssv_exits` version: acts once per validator.
    ExitThroughSsv {
        /// The rollup the validator was submitted for.
        rollup: RollupAdmin,
        /// The exiting validator.
        pubkey: ValidatorPubkey,
        /// The operators it is registered with.
        operators: OperatorSet,
    },
    /// `Nexus.validatorExitBalanceTransferred`: closes a validator and removes it from SSV.
    CloseValidator {
        /// The rollup the validator was submitted for.
        rollup: RollupAdmin,
        /// The withdrawn validator.
        pubkey: ValidatorPubkey,
        /// The operators it is registered with.
        operators: OperatorSet,
        /// The cluster's tuple right now.
        cluster: ClusterSnapshot,
    },
}

impl ContractCall {
    /// Returns the name used in logs, metrics and the state file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::DepositValidators { .. } => "deposit",
            Self::DepositShares { .. } => "shares",
            Self::ReportExits { .. } | Self::ExitThroughSsv { .. } => "exit-report",
            Self::CloseValidator { .. } => "close",
        }
    }

    /// Returns the rollup the call is made for.
    pub fn rollup(&self) -> RollupAdmin {
        match self {
            Self::DepositValidators { rollup, .. }
            | Self::DepositShares { rollup, .. }
            | Self::ReportExits { rollup, .. }
            | Self::ExitThroughSsv { rollup, .. }
            | Self::CloseValidator { rollup, .. } => *rollup,
        }
    }

    /// Returns the validators the call is about.
    pub fn pubkeys(&self) -> Vec<ValidatorPubkey> {
        match self {
            Self::DepositValidators { deposits, .. } => {
                deposits.iter().map(|deposit| deposit.pubkey).collect()
            }
            Self::ReportExits { pubkeys, .. } => pubkeys.clone(),
            Self::DepositShares { pubkey, .. }
            | Self::ExitThroughSsv { pubkey, .. }
            | Self::CloseValidator { pubkey, .. } => vec![*pubkey],
        }
    }
}
