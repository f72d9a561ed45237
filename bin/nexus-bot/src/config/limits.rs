//! `[policy]`, `[gas]`, `[ssv]`, `[guards]`, `[loop]`: how much, how fast, how dear, and when to stop.

use std::path::PathBuf;

use nexus_controller::Jumps;
use nexus_policy::{ExitOrder, PolicySettings};
use nexus_primitives::{BasisPoints, Wei};

use super::{
    section::Section,
    value::{Ether, GasPrice},
};

/// `[policy]`.
#[derive(Debug, Clone)]
pub(crate) struct PolicyConfig {
    /// The rule, its two caps left open.
    pub(crate) rule: PolicySettings,
    /// Deposits begun in one tick.
    pub(crate) max_deposits_per_tick: u64,
    /// Exits begun in one tick.
    pub(crate) max_exits_per_tick: u64,
    /// Deposits begun within 24 hours.
    pub(crate) max_deposits_per_day: u64,
    /// Exits begun within 24 hours.
    pub(crate) max_exits_per_day: u64,
}

/// `[gas]`.
#[derive(Debug, Clone)]
pub(crate) struct GasConfig {
    /// Ceiling of `maxFeePerGas`.
    pub(crate) max_fee: Wei,
    /// Ceiling of `maxPriorityFeePerGas`.
    pub(crate) max_priority_fee: Wei,
    /// Seconds after which a transaction is replaced by a dearer one.
    pub(crate) bump_after_secs: u64,
}

/// `[ssv]`.
#[derive(Debug, Clone)]
pub(crate) struct SsvConfig {
    /// Days for which a registration funds its cluster at least.
    pub(crate) runway_days: u64,
    /// Days of runway below which an alert is raised.
    pub(crate) top_up_below_days: u64,
}

/// `[guards]`.
#[derive(Debug, Clone)]
pub(crate) struct GuardsConfig {
    /// Least balance of the bot's account for new work to begin.
    pub(crate) bot_balance_floor: Wei,
    /// Age of the execution head, in seconds, from which it is stale.
    pub(crate) max_head_age_secs: u64,
    /// Epochs that finality may trail the head by.
    pub(crate) max_finality_lag_epochs: u64,
    /// While this file exists nothing is sent; `None` for the default beside the state file.
    pub(crate) pause_file: Option<PathBuf>,
    /// Changes of a rollup's limit and locked ETH beyond which a person has to confirm them.
    pub(crate) jumps: Jumps,
}

impl PolicyConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let config = Self {
            rule: PolicySettings {
                reserve: section.or("reserve_eth", Ether(Wei::ZERO)).0,
                dead_band: section.or("dead_band_bps", BasisPoints::ZERO),
                exit_after_secs: section.number("exit_after_secs", 0..=31_536_000, 0),
                exit_order: section.or("exit_order", ExitOrder::WorstPerforming),
                ..PolicySettings::exact()
            },
            max_deposits_per_tick: section.number("max_deposits_per_tick", 0..=100, 10),
            max_exits_per_tick: section.number("max_exits_per_tick", 0..=100, 4),
            max_deposits_per_day: section.number("max_deposits_per_day", 0..=10_000, 50),
            max_exits_per_day: section.number("max_exits_per_day", 0..=10_000, 16),
        };
        cap_within(
            section,
            "max_deposits_per_tick",
            config.max_deposits_per_tick,
            config.max_deposits_per_day,
        );
        cap_within(section, "max_exits_per_tick", config.max_exits_per_tick, config.max_exits_per_day);
        config
    }
}

/// A tick that may do more than its day: one of the two was mistyped. Only what the file says is compared.
fn cap_within(section: &Section<'_>, key: &'static str, per_tick: u64, per_day: u64) {
    if section.has(key) && per_tick > per_day {
        section.problem(key, format!("{per_tick} in a tick is more than the {per_day} allowed in a day"));
    }
}

impl GasConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let gwei = |text| GasPrice(Wei::from_gwei_text(text).expect("a valid amount constant"));
        let max_fee = section.or("max_fee_gwei", gwei("60")).0;
        let max_priority_fee = section.or("max_priority_fee_gwei", gwei("2")).0;
        if max_fee == Wei::ZERO {
            section.problem("max_fee_gwei", "expected more than 0: nothing would ever be sent".to_owned());
        }
        if max_priority_fee > max_fee {
            let key =
                if section.has("max_priority_fee_gwei") { "max_priority_fee_gwei" } else { "max_fee_gwei" };
            section
                .problem(key, "the priority fee is a part of the fee and can't be larger than it".to_owned());
        }
        Self { max_fee, max_priority_fee, bump_after_secs: section.number("bump_after_secs", 12..=3_600, 90) }
    }
}

impl SsvConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let runway_days = section.number("runway_days", 1..=3_650, 30);
        let top_up_below_days = section.number("top_up_below_days", 0..=3_650, 10);
        if section.has("top_up_below_days") && top_up_below_days >= runway_days {
            let message = format!(
                "{top_up_below_days} days is no less than the runway of {runway_days} days: every cluster would be short"
            );
            section.problem("top_up_below_days", message);
        }
        Self { runway_days, top_up_below_days }
    }
}

impl GuardsConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let floor = Ether(Wei::from_ether_text("0.05").expect("a valid amount constant"));
        Self {
            bot_balance_floor: section.or("bot_balance_floor_eth", floor).0,
            max_head_age_secs: section.number("max_head_age_secs", 12..=86_400, 180),
            max_finality_lag_epochs: section.number("max_finality_lag_epochs", 2..=225, 4),
            pause_file: section.optional_path("pause_file"),
            jumps: Jumps {
                limit: section.optional("max_limit_jump_bps"),
                locked: section.optional::<Ether>("max_balance_jump_eth").map(|amount| amount.0),
            },
        }
    }
}

/// Reads `[loop]`: seconds between ticks.
pub(super) fn read_loop(section: &mut Section<'_>) -> u64 {
    section.number("interval_secs", 1..=3_600, 12)
}

/// `[dkg]`: how long operators may take in a ceremony, and where they may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DkgConfig {
    /// For handing round exchange keys.
    pub(crate) exchange_timeout_secs: u64,
    /// For handing round deals and waiting for the results.
    pub(crate) deal_timeout_secs: u64,
    /// Whether the addresses that NodeOperator has of them may be of this machine.
    pub(crate) allow_loopback: bool,
}

impl DkgConfig {
    /// What holds where no configuration is needed.
    pub(crate) const DEFAULT: Self =
        Self { exchange_timeout_secs: 7, deal_timeout_secs: 45, allow_loopback: false };

    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let Self { exchange_timeout_secs, deal_timeout_secs, allow_loopback } = Self::DEFAULT;
        if !section.or("trust_any_certificate", true) {
            let message =
                "false is not supported: operators' certificates are self-signed and name no host; they are \
                           known by the RSA keys they registered"
                    .to_owned();
            section.problem("trust_any_certificate", message);
        }
        Self {
            // Operators ignore deals that come later than 10 s after the exchange, and answer 20 s after it.
            exchange_timeout_secs: section.number("exchange_timeout_secs", 1..=8, exchange_timeout_secs),
            deal_timeout_secs: section.number("deal_timeout_secs", 25..=600, deal_timeout_secs),
            allow_loopback: section.or("allow_loopback", allow_loopback),
        }
    }
}
