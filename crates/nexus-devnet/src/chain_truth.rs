//! What the contracts themselves say, read past every RPC: for checks that must not believe the bot.

use alloy::{
    eips::BlockId,
    primitives::{self, Bytes},
    rpc::types::TransactionRequest,
    sol_types::{SolCall, SolEvent as _},
};
use nexus_primitives::{Address, BasisPoints, ClusterId, RollupAdmin, U256, ValidatorPubkey, Wei};

use crate::execution::{CallError, ExecutionChain};

mod contracts {
    alloy::sol! {
        function validators(bytes pubkey) external view returns (uint8 status);
        function rollups(address admin) external view returns (address bridge, uint16 limit, uint64 cluster);
        function offChainBot() external view returns (address bot);
        function validatorCount() external view returns (uint256 count);
        function balance() external view returns (uint256 bridged);
        function getValidator(address owner, bytes pubkey) external view returns (bool registered);

        event ValidatorSubmitted(bytes pubKey, address rolupAdmin);
    }
}

/// A validator's status on the Nexus contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NexusStatus {
    /// Never seen.
    Inactive,
    /// Its 32 ETH were deposited.
    Deposited,
    /// Its shares were registered.
    ShareDeposited,
    /// Its exit was reported.
    ExitSubmitted,
    /// Its balance was counted, and it was removed from SSV.
    Exited,
}

/// A rollup as the Nexus contract stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupOnChain {
    /// Who may change its settings.
    pub admin: RollupAdmin,
    /// The contract that holds its ETH.
    pub bridge: Address,
    /// The staking limit.
    pub limit: BasisPoints,
    /// The operators' cluster.
    pub cluster: ClusterId,
}

/// Why the contracts gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The call failed.
    #[error("reading {function}")]
    Call {
        /// What was called.
        function: &'static str,
        /// What the EVM said.
        source: CallError,
    },
    /// The answer has another shape: another contract lives there.
    #[error("{function} of {contract} answers something else")]
    Shape {
        /// What was called.
        function: &'static str,
        /// Where.
        contract: Address,
    },
}

/// Reads contracts at the head of an execution chain.
pub(crate) struct ContractReader<'a>(pub(crate) &'a ExecutionChain);

impl ContractReader<'_> {
    pub(crate) fn nexus_status(
        &self,
        nexus: Address,
        pubkey: &ValidatorPubkey,
    ) -> Result<NexusStatus, ReadError> {
        let call = contracts::validatorsCall { pubkey: Bytes::copy_from_slice(pubkey.as_bytes()) };
        let status = self.read(nexus, &call, "validators")?;
        NexusStatus::ALL
            .get(usize::from(status))
            .copied()
            .ok_or(ReadError::Shape { function: "validators", contract: nexus })
    }

    pub(crate) fn rollup(
        &self,
        nexus: Address,
        admin: RollupAdmin,
    ) -> Result<Option<RollupOnChain>, ReadError> {
        let call = contracts::rollupsCall { admin: evm(admin.address()) };
        let stored = self.read(nexus, &call, "rollups")?;
        let bridge = Address::new(stored.bridge.into_array());
        let limit = BasisPoints::new(stored.limit)
            .map_err(|_| ReadError::Shape { function: "rollups", contract: nexus })?;
        let rollup = RollupOnChain { admin, bridge, limit, cluster: ClusterId::new(stored.cluster) };
        Ok((bridge != Address::ZERO).then_some(rollup))
    }

    pub(crate) fn validator_count(&self, bridge: Address) -> Result<U256, ReadError> {
        self.read(bridge, &contracts::validatorCountCall {}, "validatorCount")
    }

    pub(crate) fn bridged(&self, bridge: Address) -> Result<Wei, ReadError> {
        self.read(bridge, &contracts::balanceCall {}, "balance").map(Wei::new)
    }

    pub(crate) fn off_chain_bot(&self, nexus: Address) -> Result<Address, ReadError> {
        let bot = self.read(nexus, &contracts::offChainBotCall {}, "offChainBot")?;
        Ok(Address::new(bot.into_array()))
    }

    pub(crate) fn is_registered(
        &self,
        views: Address,
        owner: Address,
        pubkey: &ValidatorPubkey,
    ) -> Result<bool, ReadError> {
        let pubkey = Bytes::copy_from_slice(pubkey.as_bytes());
        self.read(views, &contracts::getValidatorCall { owner: evm(owner), pubkey }, "getValidator")
    }

    /// Returns the validators in one block's logs of Nexus that were deposited, and for which rollup.
    pub(crate) fn submitted(&self, nexus: Address, block: u64) -> Vec<(ValidatorPubkey, RollupAdmin)> {
        let topics = [vec![contracts::ValidatorSubmitted::SIGNATURE_HASH]];
        let logs =
            self.0.logs(block, block, &[evm(nexus)], &topics).expect("one block is within every limit");
        let submitted = logs.iter().filter_map(|log| {
            let event = contracts::ValidatorSubmitted::decode_log(&log.inner).ok()?;
            let admin = RollupAdmin::new(Address::new(event.rolupAdmin.into_array()));
            Some((ValidatorPubkey::from_slice(&event.pubKey).ok()?, admin))
        });
        submitted.collect()
    }

    fn read<C: SolCall>(
        &self,
        contract: Address,
        call: &C,
        function: &'static str,
    ) -> Result<C::Return, ReadError> {
        let request = TransactionRequest::default().to(evm(contract)).input(call.abi_encode().into());
        let answer = self
            .0
            .call(&request, BlockId::latest(), None, None)
            .map_err(|source| ReadError::Call { function, source })?;
        C::abi_decode_returns(&answer).map_err(|_| ReadError::Shape { function, contract })
    }
}

impl NexusStatus {
    /// Every status, in the order of the contract's enum.
    pub const ALL: [Self; 5] =
        [Self::Inactive, Self::Deposited, Self::ShareDeposited, Self::ExitSubmitted, Self::Exited];
}

/// The same address as alloy spells it.
pub(crate) fn evm(address: Address) -> primitives::Address {
    primitives::Address::new(address.into_bytes())
}
