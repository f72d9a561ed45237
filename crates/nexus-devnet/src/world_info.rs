//! What there is to know about a world, for people and scripts (`devnet_info`).

use alloy::primitives::{Address, B256};
use nexus_primitives::{Address as Checksummed, Epoch, Gwei, OperatorId, Slot, UnixSeconds, ValidatorPubkey};
use serde::Serialize;

use crate::{
    consensus::{BeaconChain, Validator},
    deploy::{DevnetAccount, NexusVersion, RollupHandle},
    dkg::DkgOperatorHandle,
    ssv_operators::{ShareVerdict, SsvOperators},
    world::World,
};

/// Addresses, keys, heads and validators. The keys are worthless: anyone can work them out.
#[derive(Debug, Clone, Serialize)]
pub struct WorldInfo {
    chain_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beacon_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dkg_operators: Vec<DkgOperatorInfo>,
    head: Head,
    contracts: Contracts,
    accounts: Vec<Account>,
    rollups: Vec<Rollup>,
    validators: Vec<ValidatorInfo>,
}

#[derive(Debug, Clone, Serialize)]
struct DkgOperatorInfo {
    id: OperatorId,
    url: String,
}

#[derive(Debug, Clone, Serialize)]
struct Head {
    slot: Slot,
    epoch: Epoch,
    block_number: u64,
    block_hash: B256,
    timestamp: UnixSeconds,
    finalized_block: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Contracts {
    nexus_version: &'static str,
    nexus: Checksummed,
    node_operator: Checksummed,
    ssv_network: Checksummed,
    ssv_network_views: Checksummed,
    ssv_token: Checksummed,
    deposit_contract: Checksummed,
    start_block: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Account {
    label: String,
    address: Checksummed,
    private_key: B256,
}

#[derive(Debug, Clone, Serialize)]
struct Rollup {
    name: String,
    admin: Checksummed,
    bridge: Checksummed,
}

#[derive(Debug, Clone, Serialize)]
struct ValidatorInfo {
    index: u64,
    pubkey: ValidatorPubkey,
    status: &'static str,
    balance_gwei: Gwei,
    shares: String,
}

impl World {
    /// Collects what there is to know at the head.
    pub fn info(&self) -> WorldInfo {
        let block = self.execution().head();
        let slot = self.slot();
        let finalized_block = self.final_block();
        // Before the chain: a step takes both in this order.
        let operators = self.ssv_operators();
        let chain = self.beacon().read();
        WorldInfo {
            chain_id: self.execution().chain_id(),
            rpc_url: None,
            beacon_url: None,
            dkg_operators: Vec::new(),
            head: Head {
                slot,
                epoch: slot.epoch(chain.config().slots_per_epoch),
                block_number: block.number,
                block_hash: block.hash,
                timestamp: UnixSeconds::new(block.timestamp),
                finalized_block,
            },
            contracts: self.contract_info(),
            accounts: self.account_info(),
            rollups: self.rollups().iter().map(Rollup::from).collect(),
            validators: validator_info(&chain, &operators),
        }
    }

    fn contract_info(&self) -> Contracts {
        let deployment = self.deployment();
        Contracts {
            nexus_version: match deployment.nexus_version {
                NexusVersion::Main => "main",
                NexusVersion::SsvExits => "ssv_exits",
            },
            nexus: checksummed(deployment.nexus),
            node_operator: checksummed(deployment.node_operator),
            ssv_network: checksummed(deployment.ssv_network),
            ssv_network_views: checksummed(deployment.ssv_views),
            ssv_token: checksummed(deployment.ssv_token),
            deposit_contract: checksummed(deployment.deposit_contract),
            start_block: deployment.start_block,
        }
    }

    fn account_info(&self) -> Vec<Account> {
        let accounts = self.deployment().accounts;
        let fixed = [
            accounts.owner,
            accounts.bot,
            accounts.dao,
            accounts.fees,
            accounts.fee_recipient,
            accounts.user,
        ];
        let admins = self.rollups().into_iter().map(|rollup| rollup.admin);
        fixed.into_iter().chain(admins).map(Account::from).collect()
    }
}

fn validator_info(chain: &BeaconChain, operators: &SsvOperators) -> Vec<ValidatorInfo> {
    let epoch = chain.head().epoch(chain.config());
    let info = |(index, validator): (u64, &Validator)| ValidatorInfo {
        index,
        pubkey: validator.pubkey,
        status: validator.status(epoch).as_str(),
        balance_gwei: validator.balance,
        shares: operators.verdict(&validator.pubkey).map_or("none".to_owned(), verdict_text),
    };
    (0..).zip(chain.head().validators()).map(info).collect()
}

impl WorldInfo {
    /// Adds where the world is served.
    pub(crate) fn served_at(self, rpc_url: &str, beacon_url: &str) -> Self {
        Self { rpc_url: Some(rpc_url.to_owned()), beacon_url: Some(beacon_url.to_owned()), ..self }
    }

    /// Adds where the operators make keys.
    pub(crate) fn with_dkg_operators(self, operators: &[DkgOperatorHandle]) -> Self {
        Self { dkg_operators: operators.iter().map(DkgOperatorInfo::from).collect(), ..self }
    }
}

impl From<&DkgOperatorHandle> for DkgOperatorInfo {
    fn from(operator: &DkgOperatorHandle) -> Self {
        Self { id: operator.id(), url: operator.url().to_owned() }
    }
}

impl From<DevnetAccount> for Account {
    fn from(account: DevnetAccount) -> Self {
        Self {
            address: checksummed(account.address()),
            private_key: account.key_bytes(),
            label: account.label,
        }
    }
}

impl From<&RollupHandle> for Rollup {
    fn from(rollup: &RollupHandle) -> Self {
        Self {
            name: rollup.name.clone(),
            admin: checksummed(rollup.admin.address()),
            bridge: checksummed(rollup.bridge),
        }
    }
}

fn checksummed(address: Address) -> Checksummed {
    Checksummed::new(address.into_array())
}

fn verdict_text(verdict: &ShareVerdict) -> String {
    match verdict {
        ShareVerdict::Accepted => "accepted".to_owned(),
        ShareVerdict::Degraded { failed, attests } => {
            let names: Vec<_> = failed.iter().map(|(id, error)| format!("operator {id}: {error}")).collect();
            let names = names.join("; ");
            if *attests { format!("degraded: {names}") } else { format!("too few operators: {names}") }
        }
        ShareVerdict::Rejected(reason) => format!("rejected: {reason}"),
        ShareVerdict::Removed => "removed".to_owned(),
    }
}
