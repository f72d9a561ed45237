//! What an operator may choose, already checked.

use std::{collections::BTreeMap, path::PathBuf};

use nexus_chain::BlockAt;
use nexus_policy::PolicySettings;
use nexus_primitives::{Address, BasisPoints, ChainId, ForkVersion, RollupAdmin, Wei};

/// Settings of a [`crate::Controller`]; the configuration file is parsed into this once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Chain id of the execution layer; the beacon chain must name the same one.
    pub chain_id: ChainId,
    /// The Nexus contract: owner of every SSV registration.
    pub nexus: Address,
    /// The network's deposit contract. Bridges that were compiled with another one get no deposits.
    pub deposit_contract: Address,
    /// The network's genesis fork version: what deposits are signed for.
    pub genesis_fork_version: ForkVersion,
    /// Block at which plans are made.
    pub observe_at: BlockAt,
    /// Policy of every rollup; its two caps are replaced by what is left of [`Caps`].
    pub policy: PolicySettings,
    /// Reserves of single rollups, instead of the policy's.
    pub reserves: BTreeMap<RollupAdmin, Wei>,
    /// Most deposits and exits in a time.
    pub caps: Caps,
    /// Blocks for which each registration funds its cluster at least.
    pub ssv_runway_blocks: u64,
    /// Blocks of runway below which an alert is raised.
    pub ssv_alert_blocks: u64,
    /// Rails that aren't caps.
    pub rails: Rails,
    /// How validator keys are made.
    pub keys: KeySources,
    /// Whether operators' DKG services may be on this machine, as those of a devnet are.
    pub allow_loopback_operators: bool,
}

/// How a validator's key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeySource {
    /// From the rollup's mnemonic.
    #[default]
    Mnemonic,
    /// In a ceremony among the operators: nobody ever holds it.
    Dkg,
}

/// How each rollup's keys are made. Validators stay what they are when it changes.
#[derive(Debug, Clone, Default)]
pub struct KeySources {
    /// Of every rollup that isn't listed.
    pub default: KeySource,
    /// Of single rollups.
    pub rollups: BTreeMap<RollupAdmin, KeySource>,
}

impl KeySources {
    /// Returns how a rollup's new keys are made.
    pub fn of(&self, rollup: RollupAdmin) -> KeySource {
        self.rollups.get(&rollup).copied().unwrap_or(self.default)
    }
}

impl KeySource {
    /// Returns the name used in configuration and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mnemonic => "mnemonic",
            Self::Dkg => "dkg",
        }
    }
}

/// Most deposits and exits in a time, over all rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Deposits begun in one tick.
    pub deposits_per_tick: u64,
    /// Exits begun in one tick.
    pub exits_per_tick: u64,
    /// Deposits begun within 24 hours.
    pub deposits_per_day: u64,
    /// Exits begun within 24 hours.
    pub exits_per_day: u64,
}

/// Rails that stop the bot when the world looks wrong.
#[derive(Debug, Clone)]
pub struct Rails {
    /// The bot's account must hold at least this much for new work to begin.
    pub bot_balance_floor: Wei,
    /// A head older than this, in seconds, is stale.
    pub max_head_age_secs: u64,
    /// Epochs that finality may trail the head by.
    pub max_finality_lag_epochs: u64,
    /// While this file exists nothing is sent; its text is the reason shown.
    pub pause_file: PathBuf,
    /// Changes beyond which a person has to confirm a rollup's position.
    pub jumps: Jumps,
}

/// How far a rollup's limit or locked ETH may move from what was accepted last; `None` for any distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jumps {
    /// Distance of the staking limit.
    pub limit: Option<BasisPoints>,
    /// Distance of the ETH on the bridge and with its validators.
    pub locked: Option<Wei>,
}

impl Jumps {
    /// Nothing has to be confirmed.
    pub const ANY: Self = Self { limit: None, locked: None };
}

impl Settings {
    /// Returns the policy of one rollup with what is left of the caps.
    pub(crate) fn policy_for(&self, rollup: RollupAdmin, allowance: Allowance) -> PolicySettings {
        let reserve = self.reserves.get(&rollup).copied().unwrap_or(self.policy.reserve);
        PolicySettings { reserve, max_create: allowance.deposits, max_exit: allowance.exits, ..self.policy }
    }
}

/// What is left of the caps at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Deposits that may still begin.
    pub deposits: u64,
    /// Exits that may still begin.
    pub exits: u64,
}

impl Caps {
    /// Returns what a tick may begin after so many deposits and exits in the last 24 hours.
    pub fn allowance(&self, deposits_today: u64, exits_today: u64) -> Allowance {
        Allowance {
            deposits: self.deposits_per_tick.min(self.deposits_per_day.saturating_sub(deposits_today)),
            exits: self.exits_per_tick.min(self.exits_per_day.saturating_sub(exits_today)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_gets_what_the_day_has_left() {
        let caps = Caps { deposits_per_tick: 10, exits_per_tick: 4, deposits_per_day: 50, exits_per_day: 16 };
        assert_eq!(caps.allowance(0, 0), Allowance { deposits: 10, exits: 4 });
        assert_eq!(caps.allowance(45, 15), Allowance { deposits: 5, exits: 1 });
        assert_eq!(caps.allowance(50, 99), Allowance { deposits: 0, exits: 0 });
    }
}
