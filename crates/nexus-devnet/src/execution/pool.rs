//! Transactions that wait to be mined, admitted by geth's rules.

use std::collections::BTreeMap;

use alloy::{
    consensus::{
        Transaction as _, TxEnvelope,
        transaction::{Recovered, SignerRecoverable as _},
    },
    eips::eip2718::Decodable2718 as _,
    primitives::{Address, B256, U256, map::HashMap},
};

use super::{error::PoolError, state::WorldState};

/// How far ahead of its next nonce a sender may queue transactions (geth's `AccountQueue`).
const MAX_NONCE_GAP: u64 = 64;
/// The longest transaction that nodes pass on.
const MAX_ENCODED: usize = 128 * 1024;
/// EIP-3860.
const MAX_INIT_CODE: usize = 2 * 24_576;
/// EIP-7825.
pub(super) const MAX_TRANSACTION_GAS: u64 = 16_777_216;

/// What the pool holds, by sender and nonce.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    by_sender: HashMap<Address, BTreeMap<u64, Pending>>,
    arrivals: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) transaction: Recovered<TxEnvelope>,
    arrival: u64,
}

/// What the chain contributes to judging a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admission<'a> {
    pub(super) chain_id: u64,
    pub(super) block_gas_limit: u64,
    pub(super) state: &'a WorldState,
}

impl Pool {
    /// Decodes, judges and keeps a transaction.
    pub(super) fn submit(&mut self, raw: &[u8], admission: Admission<'_>) -> Result<B256, PoolError> {
        let transaction = decode(raw, admission.chain_id)?;
        let hash = *transaction.tx_hash();
        let queue = self.by_sender.get(&transaction.signer());
        let rival = queue.and_then(|queue| queue.get(&transaction.nonce()));
        if rival.is_some_and(|rival| *rival.transaction.tx_hash() == hash) {
            return Err(PoolError::AlreadyKnown);
        }
        check_shape(&transaction, admission)?;
        check_sender(&transaction, queue, admission.state)?;
        if rival.is_some_and(|rival| !outbids(&transaction, &rival.transaction)) {
            return Err(PoolError::ReplacementUnderpriced);
        }
        self.arrivals += 1;
        let pending = Pending { transaction, arrival: self.arrivals };
        let (sender, nonce) = (pending.transaction.signer(), pending.transaction.nonce());
        self.by_sender.entry(sender).or_default().insert(nonce, pending);
        Ok(hash)
    }

    pub(super) fn find(&self, hash: B256) -> Option<&Recovered<TxEnvelope>> {
        self.iter().find(|tx| *tx.tx_hash() == hash)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Recovered<TxEnvelope>> {
        self.by_sender.values().flat_map(BTreeMap::values).map(|pending| &pending.transaction)
    }

    /// Returns the nonce after the sender's unbroken run of pending transactions.
    pub(super) fn next_nonce(&self, sender: Address, state: &WorldState) -> u64 {
        let start = state.nonce(sender);
        next_nonce(self.by_sender.get(&sender), start)
    }

    /// Returns the best transaction that can be mined on `state`: the highest tip, the earliest among equals.
    pub(super) fn best(
        &self,
        state: &WorldState,
        base_fee: u64,
        gas_left: u64,
    ) -> Option<Recovered<TxEnvelope>> {
        self.by_sender
            .iter()
            .filter_map(|(sender, queue)| queue.get(&state.nonce(*sender)))
            .filter(|pending| pending.transaction.gas_limit() <= gas_left)
            .filter_map(|pending| {
                let tip = pending.transaction.effective_tip_per_gas(base_fee)?;
                Some((tip, std::cmp::Reverse(pending.arrival), &pending.transaction))
            })
            .max_by_key(|(tip, arrival, _)| (*tip, *arrival))
            .map(|(_, _, transaction)| transaction.clone())
    }

    pub(super) fn remove(&mut self, transaction: &Recovered<TxEnvelope>) {
        if let Some(queue) = self.by_sender.get_mut(&transaction.signer()) {
            queue.remove(&transaction.nonce());
        }
    }

    /// Forgets what `state` has made impossible.
    pub(super) fn prune(&mut self, state: &WorldState) {
        self.by_sender.retain(|sender, queue| {
            let next = state.nonce(*sender);
            queue.retain(|nonce, _| *nonce >= next);
            !queue.is_empty()
        });
    }
}

fn decode(raw: &[u8], chain_id: u64) -> Result<Recovered<TxEnvelope>, PoolError> {
    if raw.len() > MAX_ENCODED {
        return Err(PoolError::Oversized { size: raw.len(), limit: MAX_ENCODED });
    }
    let envelope = TxEnvelope::decode_2718_exact(raw).map_err(PoolError::Decode)?;
    if matches!(envelope, TxEnvelope::Eip4844(_) | TxEnvelope::Eip7702(_)) {
        return Err(PoolError::Type(envelope.tx_type().into()));
    }
    match envelope.chain_id() {
        None => return Err(PoolError::Unprotected),
        Some(have) if have != chain_id => return Err(PoolError::ChainId { have, want: chain_id }),
        Some(_) => {}
    }
    let signer = envelope.recover_signer().map_err(|_| PoolError::Signature)?;
    Ok(Recovered::new_unchecked(envelope, signer))
}

fn check_shape(tx: &Recovered<TxEnvelope>, admission: Admission<'_>) -> Result<(), PoolError> {
    let gas = tx.gas_limit();
    if tx.is_create() && tx.input().len() > MAX_INIT_CODE {
        return Err(PoolError::InitCode { size: tx.input().len(), limit: MAX_INIT_CODE });
    }
    if gas > admission.block_gas_limit {
        return Err(PoolError::BlockGas);
    }
    if gas > MAX_TRANSACTION_GAS {
        return Err(PoolError::GasCap { cap: MAX_TRANSACTION_GAS, gas });
    }
    let tip = tx.max_priority_fee_per_gas().unwrap_or_else(|| tx.max_fee_per_gas());
    if tip > tx.max_fee_per_gas() {
        return Err(PoolError::TipAboveFee { tip, fee: tx.max_fee_per_gas() });
    }
    if tip == 0 {
        return Err(PoolError::Underpriced { tip });
    }
    let needed = intrinsic_gas(tx);
    if gas < needed {
        return Err(PoolError::IntrinsicGas { gas, needed });
    }
    let needed = 21_000 + 10 * data_tokens(tx.input());
    if gas < needed {
        return Err(PoolError::FloorGas { gas, needed });
    }
    Ok(())
}

fn check_sender(
    tx: &Recovered<TxEnvelope>,
    queue: Option<&BTreeMap<u64, Pending>>,
    state: &WorldState,
) -> Result<(), PoolError> {
    let (sender, nonce) = (tx.signer(), tx.nonce());
    if !state.code(sender).is_empty() {
        return Err(PoolError::SenderHasCode(sender));
    }
    let next = state.nonce(sender);
    if nonce < next {
        return Err(PoolError::NonceTooLow { next, nonce });
    }
    let next = next_nonce(queue, next);
    if nonce > next.saturating_add(MAX_NONCE_GAP) {
        return Err(PoolError::NonceTooHigh { next, nonce });
    }
    let others = queue.into_iter().flat_map(BTreeMap::iter).filter(|(held, _)| **held != nonce);
    let queued = others.fold(U256::ZERO, |sum, (_, other)| sum.saturating_add(cost(&other.transaction)));
    let (balance, cost) = (state.balance(sender), cost(tx));
    if queued.saturating_add(cost) > balance {
        return Err(PoolError::InsufficientFunds { balance, queued, cost });
    }
    Ok(())
}

fn next_nonce(queue: Option<&BTreeMap<u64, Pending>>, start: u64) -> u64 {
    let held = queue.into_iter().flat_map(|queue| queue.range(start..)).map(|(nonce, _)| *nonce);
    held.zip(start..).take_while(|(held, expected)| held == expected).fold(start, |_, (held, _)| held + 1)
}

/// Returns whether `new` raises both fees of `old` by at least a tenth.
fn outbids(new: &TxEnvelope, old: &TxEnvelope) -> bool {
    let tip = |tx: &TxEnvelope| tx.max_priority_fee_per_gas().unwrap_or_else(|| tx.max_fee_per_gas());
    let raised = |new: u128, old: u128| new > old && new.saturating_mul(100) >= old.saturating_mul(110);
    raised(new.max_fee_per_gas(), old.max_fee_per_gas()) && raised(tip(new), tip(old))
}

/// Returns the most a transaction can take from its sender, in wei.
fn cost(tx: &TxEnvelope) -> U256 {
    let gas = U256::from(tx.gas_limit()).saturating_mul(U256::from(tx.max_fee_per_gas()));
    gas.saturating_add(tx.value())
}

/// Returns the gas used before the first opcode (Yellow Paper g0, EIP-2028, EIP-2930, EIP-3860).
fn intrinsic_gas(tx: &TxEnvelope) -> u64 {
    let creation = if tx.is_create() { 32_000 + 2 * count(tx.input().len().div_ceil(32)) } else { 0 };
    let access = tx.access_list().map_or(0, |list| {
        2_400 * count(list.len()) + 1_900 * count(list.iter().map(|item| item.storage_keys.len()).sum())
    });
    21_000 + 4 * data_tokens(tx.input()) + creation + access
}

/// Returns the length of `data` where a byte other than zero counts four (EIP-7623).
fn data_tokens(data: &[u8]) -> u64 {
    data.iter().map(|byte| if *byte == 0 { 1 } else { 4 }).sum()
}

fn count(length: usize) -> u64 {
    u64::try_from(length).expect("a length fits 64 bits")
}
