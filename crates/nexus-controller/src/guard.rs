//! Rails: they stop or shrink a plan and say why. A guard never invents work.

use nexus_chain::{OperatorSnapshot, RollupSnapshot};
use nexus_primitives::{Address, RollupAdmin, UnixSeconds, ValidatorPubkey, WithdrawalCredentials};
use serde::Serialize;

use crate::{CodePin, Observation, Settings, operator_keys::operators_of};

/// What a guard holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// New deposits.
    Deposits,
    /// New deposits and new exits; what is under way goes on.
    NewWork,
    /// Everything that would be sent.
    Everything,
}

/// A rail that is down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Stable kebab-case name.
    pub name: &'static str,
    /// What it holds back.
    pub scope: Scope,
    /// The rollup concerned; `None` for all of them.
    pub rollup: Option<RollupAdmin>,
    /// Why, and what to do about it.
    pub message: String,
}

/// What the guards look at beside the observation.
#[derive(Debug, Clone)]
pub struct GuardContext {
    /// The present.
    pub now: UnixSeconds,
    /// The account that signs.
    pub signer: Address,
    /// The reason in the pause file, when there is one.
    pub paused: Option<String>,
    /// Contracts whose code isn't the accepted one.
    pub changed_code: Vec<CodePin>,
}

/// Returns every guard that is down.
pub fn guards(observation: &Observation, context: &GuardContext, settings: &Settings) -> Vec<Guard> {
    let mut guards: Vec<Guard> = global(observation, context, settings)
        .into_iter()
        .flatten()
        .map(|(name, scope, message)| Guard { name, scope, rollup: None, message })
        .collect();
    guards.extend(unreadable(observation));
    for rollup in &observation.chain.rollups {
        guards.extend(rollup_problem(observation, rollup, settings).map(|(name, message)| Guard {
            name,
            scope: Scope::Deposits,
            rollup: Some(rollup.admin),
            message,
        }));
    }
    guards
}

/// Returns whether `scope` is held back for `rollup`.
pub(crate) fn holds(guards: &[Guard], scope: Scope, rollup: RollupAdmin) -> bool {
    guards
        .iter()
        .any(|guard| guard.scope >= scope && guard.rollup.is_none_or(|concerned| concerned == rollup))
}

type GlobalGuard = Option<(&'static str, Scope, String)>;

/// Epochs by which the observed block may trail the beacon state it belongs to: skipped slots, and a tag that arrives
/// late.
const MAX_EXECUTION_LAG_EPOCHS: u64 = 3;

fn global(observation: &Observation, context: &GuardContext, settings: &Settings) -> [GlobalGuard; 10] {
    [
        paused(context),
        not_the_bot(observation, context),
        code_changed(context),
        stale_head(observation, context, settings),
        beacon_not_ready(observation),
        beacon_behind(observation),
        execution_behind(observation),
        finality_stalled(observation, settings),
        bot_balance_low(observation, settings),
        ssv_version(observation),
    ]
}

fn paused(context: &GuardContext) -> GlobalGuard {
    let why = context.paused.as_ref()?;
    Some(("paused", Scope::Everything, format!("paused: {why}; `nexus-bot resume` ends it")))
}

fn not_the_bot(observation: &Observation, context: &GuardContext) -> GlobalGuard {
    let bot = observation.chain.deployment.off_chain_bot;
    (bot != context.signer).then(|| {
        let message = format!(
            "Nexus takes calls from {bot}, this signer is {}; its owner must call setOffChainBot",
            context.signer
        );
        ("not-the-bot", Scope::Everything, message)
    })
}

fn code_changed(context: &GuardContext) -> GlobalGuard {
    let pin = context.changed_code.first()?;
    let message = format!(
        "the code of {} changed from {} to {}; check the upgrade, then `nexus-bot state accept-code`",
        pin.contract, pin.accepted, pin.found
    );
    Some(("code-changed", Scope::Everything, message))
}

fn stale_head(observation: &Observation, context: &GuardContext, settings: &Settings) -> GlobalGuard {
    let age = context.now.seconds_since(observation.head.timestamp);
    (age > settings.rails.max_head_age_secs).then(|| {
        let message = format!(
            "the execution head, block {}, is {age} s old; is the node in sync?",
            observation.head.number
        );
        ("stale-head", Scope::Everything, message)
    })
}

fn beacon_not_ready(observation: &Observation) -> GlobalGuard {
    let reason = observation.beacon_head.ready().err()?;
    Some(("beacon-not-ready", Scope::Everything, reason.to_string()))
}

fn beacon_behind(observation: &Observation) -> GlobalGuard {
    (!observation.beacon_covers_block()).then(|| {
        let message = format!(
            "the beacon node is behind block {}: withdrawals on a bridge may not show yet",
            observation.chain.block.number
        );
        ("beacon-behind", Scope::NewWork, message)
    })
}

fn execution_behind(observation: &Observation) -> GlobalGuard {
    let lag = observation.beacon_time().seconds_since(observation.chain.block.timestamp);
    let epoch_secs = observation.spec.slots_per_epoch.saturating_mul(observation.spec.seconds_per_slot);
    (lag > epoch_secs.saturating_mul(MAX_EXECUTION_LAG_EPOCHS)).then(|| {
        let message = format!(
            "block {} is {lag} s older than the beacon state it belongs to; is an execution node stuck?",
            observation.chain.block.number
        );
        ("execution-behind", Scope::Everything, message)
    })
}

fn finality_stalled(observation: &Observation, settings: &Settings) -> GlobalGuard {
    let lag = (observation.current_epoch() - observation.beacon_head.finalized_epoch).get();
    (lag > settings.rails.max_finality_lag_epochs).then(|| {
        let message =
            format!("the beacon chain hasn't finalized for {lag} epochs; nothing new begins until it does");
        ("finality-stalled", Scope::NewWork, message)
    })
}

fn bot_balance_low(observation: &Observation, settings: &Settings) -> GlobalGuard {
    let (balance, floor) = (observation.chain.bot.balance, settings.rails.bot_balance_floor);
    (balance < floor).then(|| {
        let message = format!(
            "the bot's account {} holds {} ETH, less than {} ETH: send it ETH for gas",
            observation.chain.bot.address,
            balance.to_ether_text(),
            floor.to_ether_text()
        );
        ("bot-balance-low", Scope::NewWork, message)
    })
}

fn ssv_version(observation: &Observation) -> GlobalGuard {
    let version = &observation.chain.deployment.ssv_version;
    (!version.fits_nexus()).then(|| {
        let message = format!(
            "the SSV network is at {}, which this Nexus deployment can't register with; deposits wait for its upgrade",
            version.as_str()
        );
        ("ssv-version", Scope::Deposits, message)
    })
}

/// Rollups about whose ETH nothing can be decided.
fn unreadable(observation: &Observation) -> impl Iterator<Item = Guard> + '_ {
    let guard = |name, rollup, message| Guard { name, scope: Scope::NewWork, rollup: Some(rollup), message };
    let left_out = observation.chain.left_out.iter().map(move |left| {
        guard("bridge-unreadable", left.admin, format!("its bridge doesn't answer as one: {}", left.reason))
    });
    let doubtful = observation.chain.rollups.iter().filter_map(move |rollup| {
        rollup.trouble.as_ref().map(|trouble| guard("bridge-doubtful", rollup.admin, trouble.clone()))
    });
    left_out.chain(doubtful)
}

/// Returns why a rollup can't take new deposits.
fn rollup_problem(
    observation: &Observation,
    rollup: &RollupSnapshot,
    settings: &Settings,
) -> Option<(&'static str, String)> {
    let bridge = &rollup.bridge;
    let sharing =
        observation.chain.rollups.iter().filter(|other| other.bridge.address == bridge.address).count();
    if sharing > 1 {
        let message =
            format!("bridge {} serves {sharing} rollups: each would stake all of its ETH", bridge.address);
        return Some(("bridge-shared", message));
    }
    if bridge.deposit_contract != settings.deposit_contract {
        let message = format!(
            "bridge {} deposits into {}, the network's deposit contract is {}",
            bridge.address, bridge.deposit_contract, settings.deposit_contract
        );
        return Some(("bridge-deposit-contract", message));
    }
    if bridge.nexus != settings.nexus {
        let message = format!("bridge {} obeys {}, not {}", bridge.address, bridge.nexus, settings.nexus);
        return Some(("bridge-nexus", message));
    }
    let Some(operators) = &rollup.operators else {
        return Some((
            "cluster-invalid",
            format!("cluster {} is no set of 4, 7, 10 or 13 operators", rollup.cluster),
        ));
    };
    if observation.chain.clusters.get(operators).is_some_and(|cluster| !cluster.active) {
        let message =
            format!("the SSV cluster of operators {operators} is liquidated; it has to be reactivated");
        return Some(("cluster-liquidated", message));
    }
    let limit = observation.chain.ssv.validators_per_operator;
    if let Some(validator) = foreign_credentials(observation, rollup) {
        let message = format!(
            "validator {validator} has withdrawal credentials other than bridge {}: somebody deposited its key first",
            bridge.address
        );
        return Some(("foreign-credentials", message));
    }
    let first = operators.ids().iter().find_map(|id| {
        let problem = operator_problem(observation.chain.operators.get(id), limit)?;
        Some(format!("operator {id}: {problem}"))
    });
    let keys = || operators_of(&observation.chain, operators).err().map(|problem| problem.to_string());
    first.or_else(keys).map(|message| ("operator-unfit", message))
}

/// A validator of the rollup whose balance would go elsewhere.
fn foreign_credentials(observation: &Observation, rollup: &RollupSnapshot) -> Option<ValidatorPubkey> {
    let ours = WithdrawalCredentials::to_address(rollup.bridge.address).to_bytes();
    let of_rollup = observation.chain.validators.iter().filter(|validator| validator.rollup == rollup.admin);
    of_rollup
        .filter_map(|validator| observation.validators.get(&validator.pubkey))
        .find(|validator| *validator.withdrawal_credentials.as_bytes() != ours)
        .map(|validator| validator.pubkey)
}

fn operator_problem(operator: Option<&OperatorSnapshot>, limit: u32) -> Option<&'static str> {
    match operator {
        None => Some("unknown to SSV"),
        Some(operator) if !operator.active => Some("removed from SSV"),
        Some(operator) if !operator.usable_by_nexus => Some("private, and Nexus isn't whitelisted"),
        Some(operator) if operator.validator_count >= limit => Some("runs as many validators as it may"),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use nexus_beacon::ValidatorStatus;
    use nexus_chain::{ClusterSnapshot, LeftOutRollup, SsvVersion};
    use nexus_primitives::{CodeHash, Epoch, Root, Wei};

    use super::*;
    use crate::{
        Stage,
        testing::{add, context, observation, operators, pubkey, rollup, settings},
    };

    /// The guards that are down after `change`, by name.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Observation, &mut GuardContext), expected: &[(&str, Scope)]) {
        let (mut observation, mut context) = (observation(500), context());
        change(&mut observation, &mut context);
        let down = guards(&observation, &context, &settings());
        let names: Vec<_> = down.iter().map(|guard| (guard.name, guard.scope)).collect();
        assert_eq!(names, expected, "{down:#?}");
    }

    #[test]
    fn a_healthy_world_has_no_guard_down() {
        check(|_, _| {}, &[]);
    }

    #[test]
    fn each_global_trouble_has_its_guard() {
        check(|_, context| context.paused = Some("maintenance".to_owned()), &[("paused", Scope::Everything)]);
        check(|_, context| context.signer = Address::ZERO, &[("not-the-bot", Scope::Everything)]);
        let pin = CodePin {
            contract: "nexus implementation".to_owned(),
            accepted: CodeHash::new([0; 32]),
            found: CodeHash::new([1; 32]),
        };
        check(|_, context| context.changed_code = vec![pin], &[("code-changed", Scope::Everything)]);
        check(
            |_, context| context.now = UnixSeconds::new(context.now.get() + 181),
            &[("stale-head", Scope::Everything)],
        );
        check(|world, _| world.beacon_head.is_syncing = true, &[("beacon-not-ready", Scope::Everything)]);
        check(|world, _| world.beacon_head.is_optimistic = true, &[("beacon-not-ready", Scope::Everything)]);
        check(
            |world, _| world.chain.block.timestamp = UnixSeconds::new(9_921 * 12),
            &[("beacon-behind", Scope::NewWork)],
        );
        check(
            |world, _| {
                world.beacon_head.finalized_epoch = Epoch::new(307);
                world.chain.block.timestamp = UnixSeconds::new(307 * 32 * 12);
            },
            &[("finality-stalled", Scope::NewWork)],
        );
        check(
            |world, _| world.chain.block.timestamp = UnixSeconds::new(306 * 32 * 12),
            &[("execution-behind", Scope::Everything)],
        );
        check(|world, _| world.chain.bot.balance = Wei::ZERO, &[("bot-balance-low", Scope::NewWork)]);
        check(
            |world, _| world.chain.deployment.ssv_version = SsvVersion::from_text("v2.0.0"),
            &[("ssv-version", Scope::Deposits)],
        );
    }

    #[test]
    fn each_trouble_of_a_rollup_holds_its_deposits() {
        let deposits = |name| [(name, Scope::Deposits)];
        let bridge = |world: &mut Observation| world.chain.rollups[0].bridge.clone();
        check(
            |world, _| world.chain.rollups[0].bridge.deposit_contract = bridge(world).address,
            &deposits("bridge-deposit-contract"),
        );
        check(
            |world, _| world.chain.rollups[0].bridge.nexus = bridge(world).address,
            &deposits("bridge-nexus"),
        );
        check(|world, _| world.chain.rollups[0].operators = None, &deposits("cluster-invalid"));
        let liquidated = ClusterSnapshot { active: false, ..ClusterSnapshot::NEW };
        check(
            |world, _| {
                world.chain.clusters.insert(operators(), liquidated);
            },
            &deposits("cluster-liquidated"),
        );
    }

    #[test]
    fn a_bridge_that_contradicts_its_events_or_does_not_answer_holds_its_rollup() {
        check(
            |world, _| world.chain.rollups[0].trouble = Some("counts 5, its events 4".to_owned()),
            &[("bridge-doubtful", Scope::NewWork)],
        );
        check(
            |world, _| {
                let rollup = world.chain.rollups.remove(0);
                let (admin, name, operators) = (rollup.admin, rollup.name, rollup.operators);
                let reason = "no code".to_owned();
                world.chain.left_out.push(LeftOutRollup { admin, name, operators, reason });
            },
            &[("bridge-unreadable", Scope::NewWork)],
        );
    }

    #[test]
    fn a_validator_that_pays_elsewhere_holds_its_rollups_deposits() {
        check(
            |world, _| {
                add(world, 1, Stage::Active, ValidatorStatus::ActiveOngoing);
                world.validators.get_mut(&pubkey(1)).unwrap().withdrawal_credentials = Root::new([0; 32]);
            },
            &[("foreign-credentials", Scope::Deposits)],
        );
    }

    #[test]
    fn an_unfit_operator_holds_deposits_and_is_named() {
        let unfit = |change: &dyn Fn(&mut OperatorSnapshot), expected: &str| {
            let mut world = observation(500);
            let id = operators().ids()[2];
            change(world.chain.operators.get_mut(&id).unwrap());
            let down = guards(&world, &context(), &settings());
            assert_eq!(down.len(), 1, "{down:#?}");
            assert_eq!((down[0].name, down[0].rollup), ("operator-unfit", Some(rollup())));
            assert!(
                down[0].message.contains("operator 3") && down[0].message.contains(expected),
                "{}",
                down[0].message
            );
        };
        unfit(&|operator| operator.active = false, "removed");
        unfit(&|operator| operator.usable_by_nexus = false, "whitelisted");
        unfit(&|operator| operator.validator_count = 500, "as many validators");
        unfit(&|operator| operator.ssv_key = None, "no key");
        unfit(&|operator| operator.ssv_key = Some("bm90IGEga2V5".to_owned()), "key");
        let other = observation(0).chain.operators[&operators().ids()[0]].ssv_key.clone();
        unfit(&|operator| operator.nexus_key.clone_from(&other), "differs");
    }

    #[test]
    fn a_guard_of_one_rollup_leaves_the_others_alone() {
        let mut world = observation(500);
        world.chain.rollups[0].operators = None;
        let down = guards(&world, &context(), &settings());
        assert!(holds(&down, Scope::Deposits, rollup()));
        assert!(!holds(&down, Scope::NewWork, rollup()), "exits go on");
        assert!(!holds(&down, Scope::Deposits, RollupAdmin::new(Address::ZERO)));
    }
}
