//! A world made of real nodes: execution, consensus, the contracts on them, and the bot; and operators.

pub(crate) mod anvil_node;
pub(crate) mod blueprint;
pub(crate) mod dkg_fleet;
pub(crate) mod engine_front;
pub(crate) mod execution_node;
pub(crate) mod full_bot;
pub(crate) mod geth_genesis;
pub(crate) mod geth_node;
pub(crate) mod ground;
pub(crate) mod interop_key;
pub(crate) mod joined_world;
pub(crate) mod json_rpc;
pub(crate) mod jwt_secret;
pub(crate) mod limiting_front;
pub(crate) mod lodestar_node;
pub(crate) mod prysm_node;
pub(crate) mod world_clock;
