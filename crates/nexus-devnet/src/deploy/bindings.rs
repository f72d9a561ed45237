//! The calls that a deployment makes; the bot's own bindings live in nexus-chain.

alloy::sol! {
    interface Proxied {
        function initialize() external;
    }

    interface Nexus {
        function setOffChainBot(address botAddress) external;
        function setNodeOperatorContract(address nodeOperator) external;
        function changeExecutionFeeAddress(address executionFeeAddress) external;
        function whitelistRollup(string name, address rollupAddress) external;
        function registerRollup(address bridgeContract, uint64 operatorCluster, uint256 nexusFee, uint16 stakingLimit) external;
        function changeStakingLimit(uint16 newStakingLimit) external;
        function changeCluster(uint64 operatorCluster) external;
        function updateProxy(address newImplementation) external;
    }

    interface NodeOperator {
        function registerSSVOperator(uint64 operatorId, string pubKey, string ipAddress, string name) external;
        function addCluster(uint64[] operatorIds, uint64 clusterId) external;
    }

    interface SsvNetwork {
        function initialize(
            address token,
            address ssvOperators,
            address ssvClusters,
            address ssvDAO,
            address ssvViews,
            uint64 minimumBlocksBeforeLiquidation,
            uint256 minimumLiquidationCollateral,
            uint32 validatorsPerOperatorLimit,
            uint64 declareOperatorFeePeriod,
            uint64 executeOperatorFeePeriod,
            uint64 operatorMaxFeeIncrease
        ) external;
        function updateNetworkFee(uint256 fee) external;
        function registerOperator(bytes publicKey, uint256 fee, bool setPrivate) external;
        function removeOperator(uint64 operatorId) external;
        function setOperatorsWhitelists(uint64[] operatorIds, address[] whitelistAddresses) external;
        function upgradeTo(address newImplementation) external;
    }

    interface SsvToken {
        function mint(address to, uint256 amount) external;
    }

    interface Bridge {
        function withdrawTo(address to, uint256 amount) external;
    }
}
