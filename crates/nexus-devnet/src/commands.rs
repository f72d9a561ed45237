//! `devnet_*` and the control methods that both chains must hear of.

use std::{error::Error, str::FromStr, sync::Arc};

use nexus_primitives::{Address, BasisPoints, Gwei, RollupAdmin, U256, ValidatorPubkey, Wei};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    deploy::{NexusVersion, RollupConfig},
    dkg::DkgOperatorHandle,
    execution::{RpcError, rpc::BlockProducer},
    world::World,
    world_info::WorldInfo,
};

/// The most slots that one request may pass.
const MAX_SLOTS: u64 = 100_000;

/// Serves a world's controls over the execution node's JSON-RPC.
pub(crate) struct Commands {
    pub(crate) world: Arc<World>,
    pub(crate) rpc_url: String,
    pub(crate) beacon_url: String,
    /// The operators that make keys; none when nobody does.
    pub(crate) dkg: Vec<DkgOperatorHandle>,
}

impl Commands {
    pub(crate) fn info(&self) -> WorldInfo {
        self.world.info().served_at(&self.rpc_url, &self.beacon_url).with_dkg_operators(&self.dkg)
    }

    fn run(&self, method: &str, params: &Params<'_>) -> Option<Result<Value, RpcError>> {
        Some(match method {
            "evm_snapshot" | "anvil_snapshot" => Ok(json!(format!("0x{:x}", self.world.snapshot()))),
            "evm_revert" | "anvil_revert" => {
                params.number(0, "snapshot").map(|id| json!(self.world.revert(id)))
            }
            "evm_increaseTime" | "anvil_increaseTime" => self.pass_seconds(params),
            "devnet_info" => to_json(self.info()),
            "devnet_advanceSlots" => self.pass(params.number(0, "slots")),
            "devnet_advanceEpochs" => {
                let slots_per_epoch = self.world.beacon().read().config().slots_per_epoch;
                self.pass(params.number(0, "epochs").map(|epochs| epochs.saturating_mul(slots_per_epoch)))
            }
            "devnet_reorg" | "anvil_reorg" => params.number(0, "depth").and_then(|depth| {
                self.world.reorg(depth).map(|block| json!(block.hash)).map_err(|error| refused(&error))
            }),
            _ => return self.beacon_command(method, params).or_else(|| self.act(method, params)),
        })
    }

    fn beacon_command(&self, method: &str, params: &Params<'_>) -> Option<Result<Value, RpcError>> {
        let switch = |apply: &dyn Fn(bool)| params.flag(0).map(apply).map(|()| Value::Null);
        let beacon = self.world.beacon();
        Some(match method {
            "devnet_setFinalityStall" => switch(&|on| beacon.write().stall_finality(on)),
            "devnet_setSyncing" => switch(&|on| beacon.write().set_syncing(on)),
            "devnet_setOptimistic" => switch(&|on| beacon.write().set_optimistic(on)),
            "devnet_slash" => self.punish(params, World::slash),
            "devnet_penalise" => self.punish(params, World::penalise),
            _ => return None,
        })
    }

    fn act(&self, method: &str, params: &Params<'_>) -> Option<Result<Value, RpcError>> {
        Some(match method {
            "devnet_registerRollup" => self.register_rollup(params),
            "devnet_setStakingLimit" => self.set_staking_limit(params),
            "devnet_bridgeIn" => self.bridge(params, World::bridge_in),
            "devnet_bridgeOut" => self.bridge(params, World::bridge_out),
            "devnet_setNexusVersion" => self.set_nexus_version(params),
            "devnet_upgradeSsv" => done(self.world.upgrade_ssv_to_v2()),
            "devnet_setBot" => {
                params.parsed::<Address>(0, "address").and_then(|bot| done(self.world.set_bot(bot)))
            }
            _ => return None,
        })
    }

    fn pass(&self, slots: Result<u64, RpcError>) -> Result<Value, RpcError> {
        let slots = slots?;
        if slots > MAX_SLOTS {
            return Err(RpcError::invalid_params(format!("{slots} slots: at most {MAX_SLOTS} at a time")));
        }
        let block = self.world.advance_slots(slots);
        Ok(json!({"number": block.number, "hash": block.hash, "timestamp": block.timestamp}))
    }

    /// Passes whole slots until the time is over.
    fn pass_seconds(&self, params: &Params<'_>) -> Result<Value, RpcError> {
        let seconds = params.number(0, "seconds")?;
        self.pass(Ok(self.slots_of(seconds)))?;
        Ok(json!(seconds))
    }

    fn slots_of(&self, seconds: u64) -> u64 {
        seconds.div_ceil(self.world.beacon().read().config().seconds_per_slot)
    }

    fn register_rollup(&self, params: &Params<'_>) -> Result<Value, RpcError> {
        let (name, limit) = (params.text(0, "name")?, params.basis_points(1)?);
        let cluster = if params.has(2) { params.number(2, "cluster")? } else { 1 };
        let rollup = RollupConfig { cluster, ..RollupConfig::new(name, limit) };
        let rollup = self.world.register_rollup(rollup).map_err(|error| refused(&error))?;
        Ok(json!({"name": rollup.name, "admin": rollup.admin.address(), "bridge": rollup.bridge}))
    }

    fn set_staking_limit(&self, params: &Params<'_>) -> Result<Value, RpcError> {
        let (admin, limit) = (params.admin(0)?, params.basis_points(1)?);
        done(self.world.set_staking_limit(admin, limit))
    }

    fn bridge<E: Error>(
        &self,
        params: &Params<'_>,
        act: impl FnOnce(&World, RollupAdmin, Wei) -> Result<(), E>,
    ) -> Result<Value, RpcError> {
        done(act(&self.world, params.admin(0)?, Wei::new(params.amount(1, "wei")?)))
    }

    fn punish<E: Error>(
        &self,
        params: &Params<'_>,
        act: impl FnOnce(&World, &ValidatorPubkey, Gwei) -> Result<(), E>,
    ) -> Result<Value, RpcError> {
        let pubkey = params.parsed::<ValidatorPubkey>(0, "public key")?;
        done(act(&self.world, &pubkey, Gwei::new(params.number(1, "gwei")?)))
    }

    fn set_nexus_version(&self, params: &Params<'_>) -> Result<Value, RpcError> {
        let version = match params.text(0, "version")? {
            "main" => NexusVersion::Main,
            "ssv_exits" => NexusVersion::SsvExits,
            other => return Err(RpcError::invalid_params(format!("version {other:?}: main or ssv_exits"))),
        };
        done(self.world.change_nexus_version(version))
    }
}

impl BlockProducer for Commands {
    fn mine(&self, blocks: u64) {
        self.world.advance_slots(blocks);
    }

    fn increase_time(&self, seconds: u64) {
        self.world.advance_slots(self.slots_of(seconds).min(MAX_SLOTS));
    }

    fn extra(&self, method: &str, params: &Value) -> Option<Result<Value, RpcError>> {
        self.run(method, &Params(params.as_array().map_or(&[], Vec::as_slice)))
    }
}

/// Positional parameters. Numbers are JSON numbers, `0x` hexadecimal or decimal text.
struct Params<'a>(&'a [Value]);

impl Params<'_> {
    fn has(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|value| !value.is_null())
    }

    fn text(&self, index: usize, what: &str) -> Result<&str, RpcError> {
        self.0.get(index).and_then(Value::as_str).ok_or_else(|| wrong(index, what))
    }

    fn parsed<T: FromStr>(&self, index: usize, what: &str) -> Result<T, RpcError> {
        self.text(index, what)?.parse().map_err(|_| wrong(index, what))
    }

    fn amount(&self, index: usize, what: &str) -> Result<U256, RpcError> {
        match self.0.get(index) {
            Some(Value::Number(number)) => number.as_u64().map(U256::from),
            Some(Value::String(text)) => U256::from_str(text).ok(),
            _ => None,
        }
        .ok_or_else(|| wrong(index, what))
    }

    fn number(&self, index: usize, what: &str) -> Result<u64, RpcError> {
        self.amount(index, what)?.try_into().map_err(|_| wrong(index, what))
    }

    fn flag(&self, index: usize) -> Result<bool, RpcError> {
        self.0.get(index).and_then(Value::as_bool).ok_or_else(|| wrong(index, "true or false"))
    }

    fn admin(&self, index: usize) -> Result<RollupAdmin, RpcError> {
        self.parsed(index, "address of a rollup's admin")
    }

    fn basis_points(&self, index: usize) -> Result<BasisPoints, RpcError> {
        let number = self.number(index, "basis points")?;
        let bps = u16::try_from(number).ok().and_then(|number| BasisPoints::new(number).ok());
        bps.ok_or_else(|| wrong(index, "basis points, 0 to 10000"))
    }
}

fn wrong(index: usize, expected: &str) -> RpcError {
    RpcError::invalid_params(format!("parameter {index}: expected {expected}"))
}

fn done<E: Error>(outcome: Result<(), E>) -> Result<Value, RpcError> {
    outcome.map(|()| Value::Null).map_err(|error| refused(&error))
}

/// Puts an error and its causes into one line.
fn refused(error: &dyn Error) -> RpcError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    RpcError::server(text)
}

fn to_json(value: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(value).map_err(|error| refused(&error))
}
