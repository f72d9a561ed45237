//! `[execution]`, `[beacon]` and `[contracts]`: where the two layers are, and what is looked at there.

use nexus_http::Endpoint;
use nexus_primitives::{Address, BlockNumber};

use super::{section::Section, value::choice};

choice! {
    /// A block by its standing.
    BlockTag, "one of \"finalized\", \"safe\", \"latest\"", {
        /// The newest finalized block.
        Finalized = "finalized",
        /// The newest justified block.
        Safe = "safe",
        /// The head.
        Latest = "latest",
    }
}

/// `[execution]`.
#[derive(Debug, Clone)]
pub(crate) struct ExecutionConfig {
    /// Nodes, in order of preference.
    pub(crate) endpoints: Vec<Endpoint>,
    /// How many of them must agree.
    pub(crate) quorum: usize,
    /// Where deposits are sent instead.
    pub(crate) private_endpoint: Option<Endpoint>,
    /// Block at which plans are made.
    pub(crate) observe_at: BlockTag,
    /// Blocks to stay behind the head, with [`BlockTag::Latest`].
    pub(crate) observe_lag_blocks: u64,
    /// When an outcome counts.
    pub(crate) confirm_at: BlockTag,
    /// Time for one exchange, in seconds.
    pub(crate) timeout_secs: u64,
}

/// `[beacon]`.
#[derive(Debug, Clone)]
pub(crate) struct BeaconConfig {
    /// Nodes, in order of preference.
    pub(crate) endpoints: Vec<Endpoint>,
    /// How many of them must agree.
    pub(crate) quorum: usize,
    /// Time for one exchange, in seconds.
    pub(crate) timeout_secs: u64,
}

/// `[contracts]`.
#[derive(Debug, Clone)]
pub(crate) struct ContractsConfig {
    /// Nexus.
    pub(crate) nexus: Address,
    /// The SSV network.
    pub(crate) ssv_network: Address,
    /// Its views, where they are deployed apart.
    pub(crate) ssv_network_views: Option<Address>,
    /// The SSV token.
    pub(crate) ssv_token: Address,
    /// Where event history begins.
    pub(crate) start_block: BlockNumber,
}

impl ExecutionConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let endpoints = section.list("endpoints");
        let quorum = quorum(section, endpoints.as_deref());
        let observe_at = section.or("observe_at", BlockTag::Finalized);
        let observe_lag_blocks = section.number("observe_lag_blocks", 0..=10_000, 0);
        if observe_lag_blocks > 0 && observe_at != BlockTag::Latest {
            section
                .problem("observe_lag_blocks", "only has a meaning with observe_at = \"latest\"".to_owned());
        }
        Some(Self {
            private_endpoint: section.optional("private_endpoint"),
            confirm_at: section.or("confirm_at", BlockTag::Finalized),
            timeout_secs: section.number("timeout_secs", 1..=300, 10),
            endpoints: endpoints?,
            quorum,
            observe_at,
            observe_lag_blocks,
        })
    }
}

impl BeaconConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let endpoints = section.list("endpoints");
        let quorum = quorum(section, endpoints.as_deref());
        let timeout_secs = section.number("timeout_secs", 1..=300, 30);
        Some(Self { endpoints: endpoints?, quorum, timeout_secs })
    }
}

/// Reads how many endpoints must agree: at least one, no more than there are.
fn quorum(section: &mut Section<'_>, endpoints: Option<&[Endpoint]>) -> usize {
    let quorum = section.number("quorum", 1..=100, 1);
    let quorum = usize::try_from(quorum).expect("at most 100");
    if let Some(count) = endpoints.map(<[_]>::len).filter(|count| quorum > *count) {
        let message =
            format!("{quorum} endpoints must agree and {count} are configured: it could never be reached");
        section.problem("quorum", message);
    }
    quorum
}

impl ContractsConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let nexus = section.required("nexus");
        let ssv_network = section.required("ssv_network");
        let ssv_network_views = section.optional("ssv_network_views");
        let ssv_token = section.required("ssv_token");
        let start_block = section.or("start_block", BlockNumber::new(0));
        Some(Self {
            nexus: nexus?,
            ssv_network: ssv_network?,
            ssv_network_views,
            ssv_token: ssv_token?,
            start_block,
        })
    }
}
