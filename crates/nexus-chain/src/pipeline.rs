//! From a recorded intent to a final transaction.

use std::sync::{Arc, Mutex, PoisonError};

use nexus_primitives::{Address, BlockNumber, TxHash, UnixSeconds, Wei};

use crate::{
    AccountState, Attempt, BlockAt, BlockRef, BroadcastRoute, CallOutcome, ChainError, ContractCall,
    FeeCeilings, Intent, IntentId, IntentPhase, JournalError, Mined, Outcome, PipelineProgress, SendOutcome,
    SignerError, TxJournal, TxNetwork, TxSigner, UnsignedTx, encode_call, fee_policy::FeeOffer,
};

/// Most gas one transaction may use (EIP-7825).
const TRANSACTION_GAS_CAP: u64 = 1 << 24;

/// How far back deposits are looked for before one is signed: more than a day. Earlier ones were seen when the keys
/// were chosen.
const DEPOSIT_LOOKBACK_BLOCKS: u64 = 10_000;

/// How transactions are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipelineConfig {
    /// The most that is paid per gas.
    pub ceilings: FeeCeilings,
    /// Seconds after which an unmined transaction is replaced by one that offers more.
    pub bump_after_secs: u64,
    /// When an outcome counts.
    pub confirm_at: BlockAt,
}

/// Takes intents from the journal to the chain, one account nonce at a time.
///
/// At most one of an intent's transactions is ever mined, whatever a crash interrupts: every signed transaction is in
/// the journal before it is broadcast, replacements keep the nonce, and nothing new is signed while something signed
/// earlier isn't mined. What became of a transaction is decided by receipts alone, never by a node's answer to a
/// broadcast.
pub struct TxPipeline {
    config: PipelineConfig,
    network: Arc<dyn TxNetwork>,
    signer: Arc<dyn TxSigner>,
    journal: Arc<dyn TxJournal>,
    fee_hold: Mutex<Option<FeeHold>>,
}

/// An intent waits because the base fee is above the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeHold {
    /// The intent that waits first.
    pub intent: IntentId,
    /// The next block's base fee, in wei per gas.
    pub base_fee: Wei,
    /// The most that may be paid, in wei per gas.
    pub ceiling: Wei,
}

/// Why a pass broke off. Whatever was signed is in the journal; the next pass takes it up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TxError {
    /// The chain couldn't be read.
    #[error("reading the chain for a transaction")]
    Chain(#[from] ChainError),
    /// The journal couldn't be read or written.
    #[error("keeping account of a transaction")]
    Journal(#[from] JournalError),
    /// The transaction couldn't be signed.
    #[error("signing a transaction")]
    Signer(#[from] SignerError),
    /// Somebody else sends transactions with the bot's key.
    #[error(
        "account {address} has {latest} mined and {pending} known transactions, the journal accounts for {expected}: \
         somebody else uses its key"
    )]
    ForeignTransaction {
        /// The bot's account.
        address: Address,
        /// Transactions mined at the head.
        latest: u64,
        /// Transactions mined or in a pool.
        pending: u64,
        /// Transactions there should be.
        expected: u64,
    },
    /// The endpoints haven't seen the bot's own latest transactions yet.
    #[error("endpoints know {latest} transactions of {address}, the journal accounts for {expected}")]
    EndpointsBehind {
        /// The bot's account.
        address: Address,
        /// Transactions mined at the head.
        latest: u64,
        /// Transactions there should be.
        expected: u64,
    },
    /// The account can't pay for the gas.
    #[error("account {address} holds {balance} wei, the transaction may take {needed} wei")]
    InsufficientFunds {
        /// The bot's account.
        address: Address,
        /// What it holds.
        balance: Wei,
        /// Gas limit times the offered fee.
        needed: Wei,
    },
    /// A journalled transaction can't be read, so it can't be replaced.
    #[error("attempt {hash} in the journal is not a transaction of this program")]
    ForeignAttempt {
        /// Its hash.
        hash: TxHash,
    },
}

/// What to do about a [`TxError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The next pass may succeed.
    Retry,
    /// It will fail again until a person looks into it.
    GiveUp,
    /// Something may have been sent without the journal knowing how it went: the next pass finds out.
    OutcomeUnknown,
}

impl TxError {
    /// Says what to do about it.
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Chain(ChainError::WrongChain { .. } | ChainError::Contract { .. })
            | Self::ForeignTransaction { .. }
            | Self::ForeignAttempt { .. } => Disposition::GiveUp,
            Self::Chain(_)
            | Self::Signer(_)
            | Self::EndpointsBehind { .. }
            | Self::InsufficientFunds { .. } => Disposition::Retry,
            Self::Journal(_) => Disposition::OutcomeUnknown,
        }
    }
}

/// Where an intent stands after a pass.
enum Standing {
    Unmined,
    /// Mined, with this account nonce.
    Unconfirmed(u64),
    Finished,
}

impl TxPipeline {
    /// Composes a pipeline. The signer's account must be used by nobody else.
    pub fn new(
        config: PipelineConfig,
        network: Arc<dyn TxNetwork>,
        signer: Arc<dyn TxSigner>,
        journal: Arc<dyn TxJournal>,
    ) -> Self {
        Self { config, network, signer, journal, fee_hold: Mutex::new(None) }
    }

    /// Returns why the last pass left an intent unsigned, if fees were the reason.
    pub fn fee_hold(&self) -> Option<FeeHold> {
        *self.fee_hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one pass over the unfinished intents: follows what was sent, and starts the oldest recorded one when
    /// nothing else is unmined.
    pub async fn advance(&self, now: UnixSeconds) -> Result<PipelineProgress, TxError> {
        let intents = self.journal.unfinished()?;
        self.set_fee_hold(None);
        let mut progress = PipelineProgress::default();
        if intents.is_empty() {
            return Ok(progress);
        }
        let confirmed = self.network.fetch_block(self.config.confirm_at).await?;
        let mut mined_nonces = Vec::new();
        let mut count = |standing: Standing| match standing {
            Standing::Unmined => progress.unmined += 1,
            Standing::Finished => progress.finished += 1,
            Standing::Unconfirmed(nonce) => {
                progress.unconfirmed += 1;
                mined_nonces.push(nonce);
            }
        };
        for intent in &intents {
            match &intent.phase {
                IntentPhase::Sent => count(self.follow_sent(intent, &confirmed, now).await?),
                IntentPhase::Mined(mined) => count(self.follow_mined(intent, mined, &confirmed, now).await?),
                IntentPhase::Recorded | IntentPhase::Done(_) => {}
            }
        }
        let expected = mined_nonces.iter().max().map(|nonce| nonce.saturating_add(1));
        for intent in intents.iter().filter(|intent| intent.phase == IntentPhase::Recorded) {
            match progress.unmined {
                0 => match self.start(intent, expected, &confirmed, now).await? {
                    Standing::Finished => progress.finished += 1,
                    Standing::Unmined | Standing::Unconfirmed(_) => progress.unmined += 1,
                },
                _ => progress.unmined += 1,
            }
        }
        Ok(progress)
    }

    /// Signs and broadcasts the first attempt, unless the call would revert, the fees are above the ceiling, or
    /// somebody deposited its keys.
    async fn start(
        &self,
        intent: &Intent,
        expected: Option<u64>,
        confirmed: &BlockRef,
        now: UnixSeconds,
    ) -> Result<Standing, TxError> {
        let from = self.signer.address();
        let gas = match self.network.estimate_gas(from, &intent.call).await? {
            CallOutcome::Success { gas_used } => gas_used,
            CallOutcome::Reverted(revert) => {
                tracing::warn!(intent = intent.id.0, kind = intent.call.kind(), %revert, "call would revert");
                self.journal.record_outcome(intent.id, &Outcome::Refused(revert), now)?;
                return Ok(Standing::Finished);
            }
        };
        let account = self.network.fetch_account(from, confirmed).await?;
        check_nonces(from, &account, expected)?;
        let quote = self.network.fetch_fees().await?;
        let Some(offer) = self.config.ceilings.offer(&quote) else {
            let ceiling = self.config.ceilings.max_fee;
            self.set_fee_hold(Some(FeeHold { intent: intent.id, base_fee: quote.base_fee, ceiling }));
            tracing::info!(intent = intent.id.0, base_fee_wei = %quote.base_fee, "fees are above the ceiling: waiting");
            return Ok(Standing::Unmined);
        };
        let call = encode_call(self.network.nexus(), &intent.call);
        let tx = UnsignedTx {
            chain_id: self.network.chain_id(),
            nonce: account.latest_nonce,
            to: call.to,
            data: call.data,
            gas_limit: with_margin(gas),
            max_fee: offer.max_fee,
            priority_fee: offer.priority_fee,
        };
        let needed = offer.max_fee.checked_mul(tx.gas_limit).unwrap_or(Wei::MAX);
        if needed > account.balance {
            return Err(TxError::InsufficientFunds { address: from, balance: account.balance, needed });
        }
        if let Some(why) = self.deposited_meanwhile(&intent.call).await? {
            tracing::warn!(intent = intent.id.0, why, "deposit is taken back");
            self.journal.record_outcome(intent.id, &Outcome::Withdrawn { why }, now)?;
            return Ok(Standing::Finished);
        }
        self.send_new(intent, &tx, now).await
    }

    /// Looks for a deposit of one of the call's keys: whoever deposits a key first decides where its ETH goes, and an
    /// intent may have waited for hours.
    async fn deposited_meanwhile(&self, call: &ContractCall) -> Result<Option<String>, TxError> {
        let ContractCall::DepositValidators { deposits, .. } = call else { return Ok(None) };
        let head = self.network.fetch_block(BlockAt::Latest { lag: 0 }).await?.number;
        let since = BlockNumber::new(head.get().saturating_sub(DEPOSIT_LOOKBACK_BLOCKS));
        let known = self.network.deposited_since(since).await?;
        let found = deposits.iter().find(|deposit| known.contains(&deposit.pubkey));
        Ok(found.map(|deposit| format!("validator {} was deposited after block {since}", deposit.pubkey)))
    }

    /// Signs, records, and only then broadcasts.
    async fn send_new(
        &self,
        intent: &Intent,
        tx: &UnsignedTx,
        now: UnixSeconds,
    ) -> Result<Standing, TxError> {
        let signed = self.signer.sign(tx).await?;
        let attempt = Attempt {
            hash: signed.hash,
            nonce: tx.nonce,
            raw: signed.raw,
            max_fee: tx.max_fee,
            priority_fee: tx.priority_fee,
            signed_at: now,
        };
        self.journal.record_attempt(intent.id, &attempt)?;
        self.broadcast(intent, &attempt).await;
        Ok(Standing::Unmined)
    }

    /// Broadcasts. Whatever the answer, the attempt is out of our hands: receipts tell.
    async fn broadcast(&self, intent: &Intent, attempt: &Attempt) {
        let (id, hash) = (intent.id.0, attempt.hash);
        match self.network.send_raw(&attempt.raw, route(&intent.call)).await {
            Ok(SendOutcome::Accepted) => {
                tracing::info!(intent = id, kind = intent.call.kind(), tx = %hash, nonce = attempt.nonce, "sent");
            }
            Ok(SendOutcome::AlreadyKnown | SendOutcome::NonceTooLow) => {
                tracing::debug!(intent = id, tx = %hash, "sent before");
            }
            Ok(SendOutcome::Rejected(message)) => {
                tracing::warn!(intent = id, tx = %hash, message, "endpoints don't take the transaction");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(intent = id, tx = %hash, error, "broadcast may or may not have arrived");
            }
        }
    }

    /// Looks for a receipt; without one, broadcasts again or offers more.
    async fn follow_sent(
        &self,
        intent: &Intent,
        confirmed: &BlockRef,
        now: UnixSeconds,
    ) -> Result<Standing, TxError> {
        let Some(last) = intent.attempts.last() else { return Ok(Standing::Unmined) };
        // The account is read before the receipts: a transaction mined in between is then found, not given up.
        let account = self.network.fetch_account(self.signer.address(), confirmed).await?;
        let search = self.network.find_receipt(&hashes(intent)).await?;
        if let Some(mined) = search.found {
            self.journal.record_mined(intent.id, Some(&mined))?;
            return self.confirm(intent, &mined, confirmed, now).await;
        }
        if account.confirmed_nonce > last.nonce && search.complete {
            self.journal.record_outcome(intent.id, &Outcome::Superseded, now)?;
            return Ok(Standing::Finished);
        }
        if account.latest_nonce > last.nonce {
            // Its nonce is used, by us or not: the receipt or finality will tell.
            return Ok(Standing::Unmined);
        }
        if now.seconds_since(last.signed_at) >= self.config.bump_after_secs
            && let Some(replacement) = self.replacement(last).await?
        {
            return self.send_new(intent, &replacement, now).await;
        }
        self.broadcast(intent, last).await;
        Ok(Standing::Unmined)
    }

    /// Returns the same transaction with a higher offer; `None` when the ceilings leave no room for one.
    async fn replacement(&self, last: &Attempt) -> Result<Option<UnsignedTx>, TxError> {
        let tx = UnsignedTx::from_raw(&last.raw).ok_or(TxError::ForeignAttempt { hash: last.hash })?;
        let quote = self.network.fetch_fees().await?;
        let offered = FeeOffer { max_fee: tx.max_fee, priority_fee: tx.priority_fee };
        let raised = self.config.ceilings.raise(offered, &quote);
        if raised.is_none() {
            tracing::warn!(tx = %last.hash, "unmined, and the fee ceilings leave no room for a higher offer");
        }
        Ok(raised.map(|offer| UnsignedTx { max_fee: offer.max_fee, priority_fee: offer.priority_fee, ..tx }))
    }

    /// Looks whether a mined attempt is still there.
    async fn follow_mined(
        &self,
        intent: &Intent,
        recorded: &Mined,
        confirmed: &BlockRef,
        now: UnixSeconds,
    ) -> Result<Standing, TxError> {
        let search = self.network.find_receipt(&hashes(intent)).await?;
        match search.found {
            Some(mined) => {
                if mined != *recorded {
                    self.journal.record_mined(intent.id, Some(&mined))?;
                }
                self.confirm(intent, &mined, confirmed, now).await
            }
            None if search.complete => {
                tracing::warn!(intent = intent.id.0, tx = %recorded.hash, "a reorganisation took the transaction out");
                self.journal.record_mined(intent.id, None)?;
                if let Some(last) = intent.attempts.last() {
                    self.broadcast(intent, last).await;
                }
                Ok(Standing::Unmined)
            }
            None => Ok(Standing::Unconfirmed(nonce(intent))),
        }
    }

    /// Records the outcome of a mined attempt once its block counts.
    async fn confirm(
        &self,
        intent: &Intent,
        mined: &Mined,
        confirmed: &BlockRef,
        now: UnixSeconds,
    ) -> Result<Standing, TxError> {
        if mined.block_number > confirmed.number
            || self.network.fetch_block_hash(mined.block_number).await? != Some(mined.block_hash)
        {
            return Ok(Standing::Unconfirmed(nonce(intent)));
        }
        let outcome = if mined.succeeded {
            Outcome::Succeeded(mined.clone())
        } else {
            let from = self.signer.address();
            // Nice to know: not knowing must not keep the outcome from being recorded.
            let reason = self.network.replay(from, &intent.call, mined.block_hash).await.ok().flatten();
            Outcome::Reverted { mined: mined.clone(), reason }
        };
        self.journal.record_outcome(intent.id, &outcome, now)?;
        Ok(Standing::Finished)
    }

    fn set_fee_hold(&self, hold: Option<FeeHold>) {
        *self.fee_hold.lock().unwrap_or_else(PoisonError::into_inner) = hold;
    }
}

/// Refuses to sign while the account's transactions aren't exactly the journal's.
const fn check_nonces(
    address: Address,
    account: &AccountState,
    expected: Option<u64>,
) -> Result<(), TxError> {
    let (latest, pending) = (account.latest_nonce, account.pending_nonce);
    let expected = match expected {
        Some(expected) => expected,
        None => latest,
    };
    if latest < expected {
        return Err(TxError::EndpointsBehind { address, latest, expected });
    }
    if latest > expected || pending != latest {
        return Err(TxError::ForeignTransaction { address, latest, pending, expected });
    }
    Ok(())
}

/// Deposits reveal keys that nobody else has deposited yet.
const fn route(call: &ContractCall) -> BroadcastRoute {
    match call {
        ContractCall::DepositValidators { .. } => BroadcastRoute::PreferPrivate,
        ContractCall::DepositShares { .. }
        | ContractCall::ReportExits { .. }
        | ContractCall::ExitThroughSsv { .. }
        | ContractCall::CloseValidator { .. } => BroadcastRoute::Public,
    }
}

/// Adds a fifth, up to what one transaction may use.
const fn with_margin(gas: u64) -> u64 {
    let wanted = gas.saturating_add(gas / 5);
    if wanted > TRANSACTION_GAS_CAP && gas <= TRANSACTION_GAS_CAP { TRANSACTION_GAS_CAP } else { wanted }
}

fn hashes(intent: &Intent) -> Vec<TxHash> {
    intent.attempts.iter().map(|attempt| attempt.hash).collect()
}

fn nonce(intent: &Intent) -> u64 {
    intent.attempts.last().map_or(0, |attempt| attempt.nonce)
}
