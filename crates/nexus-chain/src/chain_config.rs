//! What an [`RpcChain`](crate::RpcChain) is built from.

use nexus_http::{Endpoint, HttpLimits};
use nexus_primitives::{Address, BlockNumber, ChainId};

/// Where the chain is and which contracts on it are meant.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// Execution nodes, in order of preference.
    pub endpoints: Vec<Endpoint>,
    /// Node that deposits are broadcast to instead of the others. It keeps their keys out of the public pool, not
    /// from `endpoints`: those are asked to simulate every deposit before it is signed, so whoever runs them sees the
    /// keys before they are mined. Use nodes of your own.
    pub private_endpoint: Option<Endpoint>,
    /// The chain all of them must serve.
    pub chain_id: ChainId,
    /// Nexus (its proxy).
    pub nexus: Address,
    /// `SSVNetwork` (its proxy).
    pub ssv_network: Address,
    /// `SSVNetworkViews`. Without one its functions are called on `ssv_network` itself, whose fallback hands unknown
    /// selectors to its own views module.
    pub ssv_network_views: Option<Address>,
    /// The SSV token.
    pub ssv_token: Address,
    /// The deposit contract of the network.
    pub deposit_contract: Address,
    /// Where event history begins: at or before the deployment of Nexus and of the SSV network's operators in use.
    pub start_block: BlockNumber,
    /// The account that signs.
    pub bot: Address,
    /// How many endpoints must give the same snapshot; at least 1.
    pub quorum: usize,
    /// Calls per JSON-RPC batch to begin with; it shrinks when a node refuses. Nodes commonly take 100 to 1000.
    pub batch_limit: usize,
    /// Blocks per `eth_getLogs` to begin with; it shrinks when a node refuses.
    pub log_window: u64,
    /// Deadlines and size limits of every exchange.
    pub limits: HttpLimits,
}

impl ChainConfig {
    /// Calls per batch that common nodes take.
    pub const DEFAULT_BATCH_LIMIT: usize = 500;
    /// Blocks per log query that common nodes take.
    pub const DEFAULT_LOG_WINDOW: u64 = 10_000;

    /// Returns the address that SSV's views are asked at.
    pub(crate) fn views(&self) -> Address {
        self.ssv_network_views.unwrap_or(self.ssv_network)
    }
}
