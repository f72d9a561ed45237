//! Which keys have been deposited, as the transaction pipeline asks it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nexus_primitives::{BlockNumber, ValidatorPubkey};

use crate::{ChainError, NexusChain};

/// The deposit contract's past. Whatever serves as a [`NexusChain`] knows it.
#[async_trait]
pub trait DepositHistory: Send + Sync {
    /// Returns the public keys in the deposit contract's events from block `since` to the head, whoever sent them.
    async fn deposited_since(&self, since: BlockNumber) -> Result<BTreeSet<ValidatorPubkey>, ChainError>;
}

const _: Option<&dyn DepositHistory> = None;

#[async_trait]
impl<C: NexusChain> DepositHistory for C {
    async fn deposited_since(&self, since: BlockNumber) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
        self.fetch_deposited_pubkeys(since).await
    }
}

/// Nothing was ever deposited there.
#[cfg(feature = "test-utils")]
#[async_trait]
impl DepositHistory for crate::MockTxNetwork {
    async fn deposited_since(&self, _: BlockNumber) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
        Ok(BTreeSet::new())
    }
}
