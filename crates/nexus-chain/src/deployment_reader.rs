//! Reads which contracts answer, in which version, with which code.

use std::collections::BTreeMap;

use alloy::primitives::{Bytes, U64};
use nexus_primitives::{Address, ChainId};

use crate::{
    ChainConfig, ChainError, Deployment, ExitAbi, SsvVersion,
    alloy_types::from_alloy,
    bindings::{nexus_main as nexus, nexus_ssv_exits, ssv_v1},
    event_index::EventIndex,
    exit_abi::detect_exit_abi,
    proxy_slots::ProxySlots,
    read_batch::{Call, Read, ReadBatch, Readings, required},
};

struct Proxied {
    name: &'static str,
    address: Address,
    code: Read<Bytes>,
    slots: ProxySlots,
}

/// The reads behind a [`Deployment`].
pub(crate) struct DeploymentReads {
    chain_id: Read<U64>,
    off_chain_bot: Call<nexus::offChainBotCall>,
    node_operator: Call<nexus::NodeOperatorContractCall>,
    ssv_network: Call<nexus_ssv_exits::SSV_NETWORKCall>,
    ssv_token: Call<nexus_ssv_exits::SSV_TOKENCall>,
    version: Call<ssv_v1::getVersionCall>,
    proxied: Vec<Proxied>,
    deposit_contract: Read<Bytes>,
}

/// Implementations behind the proxies: name, address, code.
pub(crate) type Implementations = Vec<(&'static str, Read<Bytes>)>;

impl DeploymentReads {
    pub(crate) fn ask(batch: &mut ReadBatch, config: &ChainConfig, index: &EventIndex) -> Self {
        let mut proxied = vec![
            ("nexus", config.nexus),
            ("node_operator", index.contracts().node_operator),
            ("ssv_network", config.ssv_network),
        ];
        proxied.extend(config.ssv_network_views.map(|address| ("ssv_network_views", address)));
        Self {
            chain_id: batch.chain_id(),
            off_chain_bot: batch.call(config.nexus, &nexus::offChainBotCall {}),
            node_operator: batch.call(config.nexus, &nexus::NodeOperatorContractCall {}),
            ssv_network: batch.call(config.nexus, &nexus_ssv_exits::SSV_NETWORKCall {}),
            ssv_token: batch.call(config.nexus, &nexus_ssv_exits::SSV_TOKENCall {}),
            version: batch.call(config.ssv_network, &ssv_v1::getVersionCall {}),
            proxied: proxied.into_iter().map(|(name, address)| Proxied::ask(batch, name, address)).collect(),
            deposit_contract: batch.code(config.deposit_contract),
        }
    }

    pub(crate) fn moved_node_operator(
        &self,
        first: &Readings<'_>,
        config: &ChainConfig,
        index: &EventIndex,
    ) -> Result<Option<Address>, ChainError> {
        if let Some(nexus) = self.proxied.first()
            && first.code_hash(&nexus.code)?.is_none()
        {
            return Err(no_code(nexus.name, nexus.address));
        }
        let found = required(first, self.node_operator, "nexus", config.nexus, "NodeOperatorContract()")?;
        let found = from_alloy(found);
        if found == Address::ZERO {
            let problem = "no NodeOperator contract is set".to_owned();
            return Err(ChainError::Contract { name: "nexus", address: config.nexus, problem });
        }
        Ok((found != index.contracts().node_operator).then_some(found))
    }

    pub(crate) fn ask_implementations(
        &self,
        batch: &mut ReadBatch,
        first: &Readings<'_>,
    ) -> Result<Implementations, ChainError> {
        let mut found = Vec::new();
        for proxied in &self.proxied {
            if let Some(implementation) = proxied.slots.implementation(first)? {
                found.push((proxied.name, batch.code(implementation)));
            }
        }
        Ok(found)
    }

    pub(crate) fn answer(
        &self,
        first: &Readings<'_>,
        second: &Readings<'_>,
        config: &ChainConfig,
        implementations: Implementations,
    ) -> Result<Deployment, ChainError> {
        let mut code_hashes = BTreeMap::new();
        for proxied in &self.proxied {
            let hash = first.code_hash(&proxied.code)?;
            let hash = hash.ok_or_else(|| no_code(proxied.name, proxied.address))?;
            code_hashes.insert(proxied.name.to_owned(), hash);
        }
        let mut nexus_code = None;
        for (name, code) in implementations {
            if let Some(hash) = second.code_hash(&code)? {
                code_hashes.insert(format!("{name}.implementation"), hash);
            }
            if name == "nexus" {
                nexus_code = Some(second.read(&code)?);
            }
        }
        let nexus_code = match (nexus_code, self.proxied.first()) {
            (Some(code), _) => code,
            (None, Some(proxied)) => first.read(&proxied.code)?,
            (None, None) => Bytes::new(),
        };
        let hash = first.code_hash(&self.deposit_contract)?;
        let hash = hash.ok_or_else(|| no_code("deposit_contract", config.deposit_contract))?;
        code_hashes.insert("deposit_contract".to_owned(), hash);

        let chain_id = ChainId::new(first.read(&self.chain_id)?.to());
        let bot = required(first, self.off_chain_bot, "nexus", config.nexus, "offChainBot()")?;
        let version = required(first, self.version, "ssv_network", config.ssv_network, "getVersion()")?;
        Ok(Deployment {
            chain_id,
            exit_abi: self.exit_abi(first, config, &nexus_code)?,
            ssv_version: SsvVersion::from_text(&version),
            off_chain_bot: from_alloy(bot),
            code_hashes,
        })
    }

    fn exit_abi(
        &self,
        first: &Readings<'_>,
        config: &ChainConfig,
        code: &[u8],
    ) -> Result<ExitAbi, ChainError> {
        let network = first.returned(self.ssv_network)?.ok().map(from_alloy);
        let token = first.returned(self.ssv_token)?.ok().map(from_alloy);
        let expected = [("SSV network", network, config.ssv_network), ("SSV token", token, config.ssv_token)];
        for (what, found, configured) in expected {
            if let Some(found) = found.filter(|found| *found != configured) {
                let problem =
                    format!("it was compiled for the {what} {found}, the configuration says {configured}");
                return Err(ChainError::Contract { name: "nexus", address: config.nexus, problem });
            }
        }
        detect_exit_abi(network.is_some(), code).ok_or_else(|| ChainError::Contract {
            name: "nexus",
            address: config.nexus,
            problem: "has neither known form of validatorExit".to_owned(),
        })
    }
}

impl Proxied {
    fn ask(batch: &mut ReadBatch, name: &'static str, address: Address) -> Self {
        let code = batch.code(address);
        Self { name, address, code, slots: ProxySlots::ask(batch, address) }
    }
}

fn no_code(name: &'static str, address: Address) -> ChainError {
    ChainError::Contract {
        name,
        address,
        problem: "there is no code at this address in the observed block".to_owned(),
    }
}
