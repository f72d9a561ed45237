//! What `plan --json` and `status --json` show. The shapes are stable; names may be added.

use nexus_chain::{BlockAt, NexusStatus};
use nexus_policy::Action;
use nexus_primitives::{
    Address, BlockHash, BlockNumber, Epoch, OperatorSet, RollupAdmin, TxHash, UnixSeconds, ValidatorIndex,
    ValidatorPubkey, Wei,
};
use serde::Serialize;

use crate::{
    Decision, Guard, IntentSummary, Observation, RollupPlan, Settings, Stage, StateError, StateFile,
    ValidatorRecord, WorldPlan,
};

/// `plan --json`.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// The block the plan was made at.
    pub observed: Observed,
    /// One entry per rollup.
    pub rollups: Vec<RollupReport>,
    /// Guards that are down.
    pub guards: Vec<Guard>,
}

/// A block, and which one it was meant to be.
#[derive(Debug, Clone, Serialize)]
pub struct Observed {
    /// Height.
    pub block_number: BlockNumber,
    /// Hash.
    pub block_hash: BlockHash,
    /// `finalized`, `safe` or `latest`.
    pub at: &'static str,
}

/// One rollup in `plan --json`. Numbers that may exceed 2^53 are decimal strings.
#[derive(Debug, Clone, Serialize)]
pub struct RollupReport {
    /// Admin address.
    pub admin: RollupAdmin,
    /// Name on the whitelist.
    pub name: String,
    /// Bridge contract.
    pub bridge: Address,
    /// How its keys are made.
    pub keys: &'static str,
    /// Cluster on the NodeOperator contract.
    pub cluster: u64,
    /// The cluster's operators.
    pub operators: Vec<u64>,
    /// Staking limit in basis points.
    pub limit_bps: u16,
    /// ETH on the bridge.
    pub balance_wei: Wei,
    /// Validators the bridge counts.
    pub validator_count: u64,
    /// Of those, how many are leaving.
    pub exiting: u64,
    /// Deposits sent and not counted yet.
    pub in_flight: u64,
    /// Everything that is or will be on the bridge.
    pub locked_wei: Wei,
    /// What will be staked once everything under way has happened.
    pub staked_wei: Wei,
    /// The same as a share of the locked ETH.
    pub staked_bps: u16,
    /// Validators the limit allows.
    pub target_validators: u64,
    /// What is to be done.
    pub action: ActionReport,
}

/// `action` in `plan --json`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ActionReport {
    /// Create validators.
    Create {
        /// How many.
        count: u64,
    },
    /// Exit validators.
    Exit {
        /// Which.
        pubkeys: Vec<ValidatorPubkey>,
    },
    /// Do nothing.
    Hold {
        /// Why: a reason of the policy, or the name of a guard.
        reason: &'static str,
    },
}

/// `status --json`: the last plan, and what the state file knows.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The last tick's plan as it was reported; absent before the first.
    #[serde(flatten)]
    pub plan: Option<serde_json::Value>,
    /// When that tick ended.
    pub last_tick: Option<UnixSeconds>,
    /// Every validator, in order of creation.
    pub validators: Vec<ValidatorReport>,
    /// Open and recent transactions, newest first.
    pub intents: Vec<IntentSummary>,
}

/// A validator in `status --json`.
#[derive(Debug, Clone, Serialize)]
pub struct ValidatorReport {
    /// Its key; absent while only an index is burnt.
    pub pubkey: Option<ValidatorPubkey>,
    /// Its rollup.
    pub rollup: RollupAdmin,
    /// How far it has come.
    pub state: Stage,
    /// Status on the Nexus contract, when the world was observed.
    pub nexus_status: Option<NexusStatus>,
    /// Status on the beacon chain, when the world was observed.
    pub beacon_status: Option<String>,
    /// Index on the beacon chain.
    pub validator_index: Option<ValidatorIndex>,
    /// Account of its EIP-2334 path.
    pub derivation_index: Option<u32>,
    /// Transaction of the deposit.
    pub deposit_tx: Option<TxHash>,
    /// Transaction of the registration.
    pub shares_tx: Option<TxHash>,
    /// Transaction of the exit report.
    pub exit_tx: Option<TxHash>,
    /// Exit epoch, once set.
    pub exit_epoch: Option<Epoch>,
    /// Transaction that closed it.
    pub removal_tx: Option<TxHash>,
    /// Last change.
    pub updated_at: UnixSeconds,
}

impl WorldPlan {
    /// Returns the plan as `plan --json` shows it.
    pub fn report(&self) -> PlanReport {
        PlanReport {
            observed: Observed {
                block_number: self.block.number,
                block_hash: self.block.hash,
                at: block_name(self.observed_at),
            },
            rollups: self.rollups.iter().map(RollupReport::from).collect(),
            guards: self.guards.clone(),
        }
    }
}

fn block_name(at: BlockAt) -> &'static str {
    match at {
        BlockAt::Finalized => "finalized",
        BlockAt::Safe => "safe",
        BlockAt::Latest { .. } => "latest",
    }
}

impl From<&RollupPlan> for RollupReport {
    fn from(planned: &RollupPlan) -> Self {
        let RollupPlan { rollup, position, assessment, .. } = planned;
        Self {
            admin: rollup.admin,
            name: rollup.name.clone(),
            bridge: rollup.bridge.address,
            keys: planned.keys.as_str(),
            cluster: rollup.cluster.get(),
            operators: rollup.operators.as_ref().map(OperatorSet::to_u64s).unwrap_or_default(),
            limit_bps: rollup.limit.get(),
            balance_wei: position.balance,
            validator_count: position.validator_count,
            exiting: position.exiting,
            in_flight: position.creating,
            locked_wei: assessment.locked,
            staked_wei: assessment.staked,
            staked_bps: assessment.staked_bps.get(),
            target_validators: assessment.target,
            action: ActionReport::from(&planned.decision),
        }
    }
}

impl From<&Decision> for ActionReport {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Do(Action::Create(count)) => Self::Create { count: count.get() },
            Decision::Do(Action::Exit(pubkeys)) => Self::Exit { pubkeys: pubkeys.clone() },
            Decision::Do(Action::Hold(reason)) => Self::Hold { reason: reason.as_str() },
            Decision::Held { guard, .. } => Self::Hold { reason: guard },
        }
    }
}

impl StatusReport {
    /// Gathers the status from the state file and, when it could be had, a fresh observation.
    pub fn gather(state: &StateFile, observation: Option<&Observation>) -> Result<Self, StateError> {
        let last = state.last_tick()?;
        let plan = last.as_ref().and_then(|(_, report)| serde_json::from_str(report).ok());
        Ok(Self {
            plan,
            last_tick: last.map(|(at, _)| at),
            validators: state
                .validators()?
                .iter()
                .map(|record| validator_report(record, observation))
                .collect(),
            intents: state.intents(20)?,
        })
    }
}

fn validator_report(record: &ValidatorRecord, observation: Option<&Observation>) -> ValidatorReport {
    let on_nexus = record.pubkey.zip(observation).and_then(|(pubkey, observation)| {
        observation.chain.validators.iter().find(|validator| validator.pubkey == pubkey)
    });
    let on_beacon =
        record.pubkey.zip(observation).and_then(|(pubkey, observation)| observation.validators.get(&pubkey));
    ValidatorReport {
        pubkey: record.pubkey,
        rollup: record.rollup,
        state: record.stage,
        nexus_status: on_nexus.map(|validator| validator.status),
        beacon_status: on_beacon.map(|validator| validator.status.as_str().to_owned()),
        validator_index: record.validator_index,
        derivation_index: record.derivation_index.map(nexus_primitives::DerivationIndex::get),
        deposit_tx: record.deposit_tx,
        shares_tx: record.shares_tx,
        exit_tx: record.exit_tx,
        exit_epoch: record.exit_epoch,
        removal_tx: record.removal_tx,
        updated_at: record.updated_at,
    }
}

/// Plans once without touching anything: what `plan` does, also beside a running bot.
pub fn dry_run(
    state: &StateFile,
    settings: &Settings,
    observation: &Observation,
    context: &crate::GuardContext,
) -> Result<WorldPlan, StateError> {
    let records = state.validators()?;
    let mut guards = crate::guards(observation, context, settings);
    guards.extend(crate::jump::jump_guards(state, observation, settings)?);
    let inputs = crate::plan_inputs(state, settings, observation, &records, guards, context.now)?;
    Ok(crate::plan_world(observation, settings, inputs.as_ref()))
}
