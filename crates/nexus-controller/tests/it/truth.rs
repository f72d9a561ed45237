//! What the chain says, past the bot, and what others do on it.

use std::collections::BTreeSet;

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::Encodable2718 as _,
    primitives::{Address, B256, TxKind, U256},
    signers::SignerSync as _,
    sol_types::SolCall,
};
use nexus_controller::Stage;
use nexus_devnet::{
    deploy::{DevnetAccount, RollupHandle},
    execution::DepositEvent,
};
use nexus_primitives::{ValidatorPubkey, Wei, WithdrawalCredentials};

use crate::{
    bot::Bot,
    scene::{Scene, address, admin},
};

/// Every deposit on the canonical chain, in order.
pub(crate) fn deposits(scene: &Scene) -> Vec<DepositEvent> {
    let chain = scene.devnet.execution();
    (0..=chain.head().number).flat_map(|number| chain.deposit_events(number)).collect()
}

/// Transactions of the bot's account that were mined.
pub(crate) fn bot_transactions(scene: &Scene) -> u64 {
    scene.devnet.execution().nonce(scene.devnet.deployment().accounts.bot.address())
}

/// Transactions of the bot's account that were mined or wait in the pool.
pub(crate) fn bot_transactions_known(scene: &Scene) -> u64 {
    scene.devnet.execution().pending_nonce(scene.devnet.deployment().accounts.bot.address())
}

/// Validators the bridge counts.
pub(crate) fn validator_count(scene: &Scene, rollup: &RollupHandle) -> u64 {
    scene.devnet.validator_count(address(rollup.bridge)).unwrap().to()
}

pub(crate) fn bridge_balance(scene: &Scene, rollup: &RollupHandle) -> Wei {
    scene.devnet.balance(address(rollup.bridge))
}

/// Checks what must hold of every history: each key has one deposit of 32 ETH with its bridge's credentials, no
/// derivation index serves two keys, and no active validator is without operators.
#[track_caller]
pub(crate) fn assert_sound(scene: &Scene, bot: &Bot, rollups: &[&RollupHandle], deposited: usize) {
    let deposits = deposits(scene);
    assert_eq!(deposits.len(), deposited, "deposits on the chain");
    let keys: BTreeSet<_> = deposits.iter().map(|deposit| deposit.pubkey).collect();
    assert_eq!(keys.len(), deposited, "no key is deposited twice");
    let mut indices = BTreeSet::new();
    for rollup in rollups {
        let credentials = WithdrawalCredentials::to_address(address(rollup.bridge));
        for record in bot.records_of(admin(rollup)) {
            let index = record.derivation_index;
            let is_known = index.is_some() || record.ceremony.is_some();
            // Once it is registered, nobody needs the documents of a ceremony any more.
            assert!(is_known || record.stage >= Stage::Registered, "whose key is {:?}?", record.pubkey);
            let is_new = index.is_none_or(|index| indices.insert((record.rollup, index)));
            assert!(is_new, "index {index:?} serves two keys");
            let deposit = deposits.iter().find(|deposit| Some(deposit.pubkey) == record.pubkey);
            if let Some(deposit) = deposit {
                assert_eq!(deposit.withdrawal_credentials, credentials.to_bytes());
                assert_eq!(deposit.amount.get(), 32_000_000_000);
            }
        }
    }
    let known: BTreeSet<_> = bot.records().into_iter().filter_map(|record| record.pubkey).collect();
    assert!(keys.is_subset(&known), "the bot knows every key it deposited");
    assert!(scene.devnet.offline_validators().is_empty(), "SSV's operators took every share");
}

/// Sends a call as somebody and has it mined.
#[track_caller]
pub(crate) fn call_as<C: SolCall>(
    scene: &Scene,
    account: &DevnetAccount,
    to: Address,
    value: U256,
    call: &C,
) {
    let hash = submit(scene, account, to, value, call.abi_encode());
    scene.devnet.advance_slots(1);
    let receipt = scene.devnet.execution().receipt(hash).expect("the next block takes it");
    assert!(receipt.status(), "the call failed");
}

/// Puts a transaction into the pool.
#[track_caller]
pub(crate) fn submit(
    scene: &Scene,
    account: &DevnetAccount,
    to: Address,
    value: U256,
    input: Vec<u8>,
) -> B256 {
    let chain = scene.devnet.execution();
    let tx = TxEip1559 {
        chain_id: chain.chain_id(),
        nonce: chain.pending_nonce(account.address()),
        gas_limit: 1_000_000,
        max_fee_per_gas: 2 * u128::from(chain.next_base_fee()) + 1_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value,
        input: input.into(),
        ..TxEip1559::default()
    };
    let signature = account.signer.sign_hash_sync(&tx.signature_hash()).unwrap();
    chain.submit_raw(&TxEnvelope::from(tx.into_signed(signature)).encoded_2718()).unwrap()
}

/// The keys of a bot's records in order of creation.
pub(crate) fn keys(bot: &Bot) -> Vec<ValidatorPubkey> {
    bot.records().into_iter().filter_map(|record| record.pubkey).collect()
}
