//! Transactions as durable intents, and the journal that keeps them.
//!
//! An intent is written before anything is signed, and every signed transaction is written before it is broadcast:
//! whatever a crash interrupts, the same bytes are sent again and at most one of an intent's attempts is ever mined,
//! because replacements keep the account nonce.

use nexus_primitives::{BlockHash, BlockNumber, TxHash, UnixSeconds, Wei};
use serde::{Deserialize, Serialize};

use crate::{ContractCall, Revert};

/// Number of an intent in the journal, ascending in order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntentId(pub i64);

/// A call that has been decided on and recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its number.
    pub id: IntentId,
    /// What is to be called.
    pub call: ContractCall,
    /// When it was recorded.
    pub created_at: UnixSeconds,
    /// How far it has come.
    pub phase: IntentPhase,
    /// Every transaction signed for it, oldest first; all with the same account nonce.
    pub attempts: Vec<Attempt>,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its hash.
    pub hash: TxHash,
    /// The account nonce it uses.
    pub nonce: u64,
    /// The signed bytes, sent again as they are.
    pub raw: Vec<u8>,
    /// `maxFeePerGas`.
    pub max_fee: Wei,
    /// `maxPriorityFeePerGas`.
    pub priority_fee: Wei,
    /// When it was signed.
    pub signed_at: UnixSeconds,
}

/// How far an intent has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentPhase {
    /// Recorded; nothing signed yet, so it may still be given up.
    Recorded,
    /// At least one attempt is signed: it can't be taken back, only replaced.
    Sent,
    /// One attempt is in a block that isn't final yet.
    Mined(Mined),
    /// Nothing more will happen.
    Done(Outcome),
}

/// Where an attempt was mined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mined {
    /// The attempt.
    pub hash: TxHash,
    /// Height of the block.
    pub block_number: BlockNumber,
    /// Hash of the block.
    pub block_hash: BlockHash,
    /// Whether the call succeeded.
    pub succeeded: bool,
    /// Gas times effective price.
    pub fee: Wei,
}

/// How an intent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Mined, successful and final.
    Succeeded(Mined),
    /// Mined, reverted and final: the call had no effect.
    Reverted {
        /// Where.
        mined: Mined,
        /// Why, when it could be found out.
        reason: Option<Revert>,
    },
    /// Given up before anything was signed; the simulation's reason.
    Refused(Revert),
    /// Taken back before anything was signed, because it isn't wanted any more.
    Withdrawn {
        /// What changed.
        why: String,
    },
    /// The account nonce was consumed by a transaction that isn't ours, finally: it can never be mined.
    Superseded,
}

/// Where intents are kept. Every write is on disk when the call returns.
///
/// The implementation applies an outcome to the validators concerned in the same database transaction.
pub trait TxJournal: Send + Sync {
    /// Returns the intents that aren't done, oldest first.
    fn unfinished(&self) -> Result<Vec<Intent>, JournalError>;

    /// Adds a signed attempt and moves the intent to [`IntentPhase::Sent`]. Called before the broadcast.
    fn record_attempt(&self, id: IntentId, attempt: &Attempt) -> Result<(), JournalError>;

    /// Notes that an attempt was mined, or (`None`) that a reorganisation took it out again.
    fn record_mined(&self, id: IntentId, mined: Option<&Mined>) -> Result<(), JournalError>;

    /// Notes how the intent ended.
    fn record_outcome(&self, id: IntentId, outcome: &Outcome, now: UnixSeconds) -> Result<(), JournalError>;
}

const _: Option<&dyn TxJournal> = None;

/// The journal couldn't be read or written: nothing may be sent.
#[derive(Debug, thiserror::Error)]
#[error("transaction journal: {context}")]
pub struct JournalError {
    /// What was being done.
    pub context: String,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What one pass over the unfinished intents found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PipelineProgress {
    /// Intents recorded or sent but not mined: while there is one, no other is started.
    pub unmined: usize,
    /// Intents mined but not final.
    pub unconfirmed: usize,
    /// Intents that ended in this pass.
    pub finished: usize,
}

impl PipelineProgress {
    /// Returns whether nothing is under way.
    pub const fn is_idle(self) -> bool {
        self.unmined == 0 && self.unconfirmed == 0
    }
}
