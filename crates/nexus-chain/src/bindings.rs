//! Typed calls, events and errors, generated from `contracts-abi/*.json`: one module per contract and version.

macro_rules! contract {
    ($module:ident, $name:ident, $path:literal) => {
        pub(crate) mod $module {
            alloy_sol_types::sol!($name, $path);
            pub(crate) use $name::*;
        }
    };
}

contract!(nexus_main, Nexus, "contracts-abi/Nexus.main.json");
contract!(nexus_ssv_exits, Nexus, "contracts-abi/Nexus.ssv_exits.json");
contract!(node_operator, NodeOperator, "contracts-abi/NodeOperator.json");
contract!(bridge, NexusBaseBridge, "contracts-abi/NexusBaseBridge.json");
contract!(proxy, Proxy, "contracts-abi/Proxy.json");
contract!(ssv_v1, SsvNetwork, "contracts-abi/SSVNetwork.v1.2.0.json");
contract!(ssv_v2, SsvNetwork, "contracts-abi/SSVNetwork.v2.0.0.json");
contract!(ssv_views, SsvNetworkViews, "contracts-abi/SSVNetworkViews.v1.2.0.json");
contract!(erc20, Erc20, "contracts-abi/ERC20.json");
contract!(deposit_contract, DepositContract, "contracts-abi/DepositContract.json");
