//! The execution node, driven through real HTTP by alloy's provider.

mod calls;
mod pool;
mod reads;
mod simulation;
mod time_travel;

use std::sync::Arc;

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::Encodable2718 as _,
    network::EthereumWallet,
    primitives::{Address, B256, Bytes, TxKind, U256, bytes},
    providers::{DynProvider, Provider as _, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::{SignerSync as _, local::PrivateKeySigner},
    transports::{RpcError, TransportErrorKind},
};
use nexus_devnet::execution::{BlockRef, ExecutionChain, GenesisConfig, rpc};
use serde_json::Value;

pub(crate) const CHAIN_ID: u64 = 1_337;
pub(crate) const GENESIS_TIME: u64 = 1_700_000_000;
pub(crate) const ETHER: u64 = 1_000_000_000_000_000_000;

/// Creation code of a register: a call without data returns slot 0; a call with a word stores it, returns and logs
/// the old value under the new one as topic; storing zero reverts with `0xdeadbeef`.
pub(crate) const REGISTER: Bytes = bytes!(
    "602f8060095f395ff3"
    "36600c575f545f5260205ff35b5f3580601f5763deadbeef5f526004601cfd5b5f545f52805f5560205fa160205ff3"
);

pub(crate) struct Node {
    pub(crate) chain: Arc<ExecutionChain>,
    pub(crate) provider: DynProvider,
    pub(crate) url: String,
    pub(crate) signer: PrivateKeySigner,
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(configure: impl FnOnce(&mut GenesisConfig)) -> Self {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
        let mut genesis = GenesisConfig::new(CHAIN_ID, GENESIS_TIME);
        genesis.alloc.push((signer.address(), U256::from(1_000) * U256::from(ETHER)));
        configure(&mut genesis);
        let chain = Arc::new(ExecutionChain::new(genesis));
        let router = rpc::router(chain.clone(), Arc::new(rpc::SelfMining::new(chain.clone())));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let wallet = EthereumWallet::from(signer.clone());
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(url.parse().unwrap()).erased();
        Self { chain, provider, url, signer }
    }

    pub(crate) fn mine(&self) -> BlockRef {
        self.chain.mine_block(self.chain.head().timestamp + 12, &[])
    }

    /// Sends a transaction as a wallet would, and mines it.
    pub(crate) async fn execute(&self, request: TransactionRequest) -> alloy::rpc::types::TransactionReceipt {
        let sent = self.provider.send_transaction(request).await.unwrap();
        self.mine();
        self.provider.get_transaction_receipt(*sent.tx_hash()).await.unwrap().expect("mined")
    }

    pub(crate) async fn deploy_register(&self) -> Address {
        let request = TransactionRequest { to: Some(TxKind::Create), ..Default::default() };
        let receipt = self.execute(request.input(REGISTER.into())).await;
        assert!(receipt.status());
        receipt.contract_address.expect("a creation")
    }

    pub(crate) async fn ask(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Value, RpcError<TransportErrorKind>> {
        self.provider.raw_request(method.into(), params).await
    }

    pub(crate) async fn refusal(&self, method: &'static str, params: Value) -> (i64, String) {
        let error = self.ask(method, params).await.unwrap_err();
        let payload = error.as_error_resp().expect("an answer of the node").clone();
        (payload.code, payload.message.into_owned())
    }

    /// Returns a signed transfer of 1 wei to an empty account.
    pub(crate) fn signed(&self, nonce: u64, max_fee: u128, tip: u128) -> Vec<u8> {
        self.sign(TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit: 21_000,
            max_fee_per_gas: max_fee,
            max_priority_fee_per_gas: tip,
            to: TxKind::Call(Address::repeat_byte(0xee)),
            value: U256::from(1),
            ..TxEip1559::default()
        })
    }

    pub(crate) fn sign(&self, tx: TxEip1559) -> Vec<u8> {
        let signature = self.signer.sign_hash_sync(&tx.signature_hash()).unwrap();
        TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
    }
}

pub(crate) fn to(address: Address) -> TransactionRequest {
    TransactionRequest::default().to(address)
}

pub(crate) fn word(value: u64) -> Bytes {
    B256::from(U256::from(value)).into()
}
