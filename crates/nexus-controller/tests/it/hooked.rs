//! The bot's capabilities with hooks around their effects.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use nexus_beacon::{
    BeaconError, BeaconHead, BeaconNode, BeaconValidator, ExitSubmission, NetworkSpec, PendingDeposit,
    PendingPartialWithdrawal, SignedVoluntaryExit, StateId,
};
use nexus_chain::{
    AccountState, Attempt, BlockAt, BlockRef, BroadcastRoute, CallOutcome, ChainError, ChainSnapshot,
    ContractCall, FeeQuote, Intent, IntentId, JournalError, KeystoreSigner, Mined, NexusChain, Outcome,
    ReceiptSearch, RegistrationContext, Revert, RpcChain, SendOutcome, SignedTx, SignerError, TxJournal,
    TxNetwork, TxSigner, UnsignedTx,
};
use nexus_controller::StateFile;
use nexus_devnet::DevnetClock;
use nexus_dkg::{
    ArchiveError, CeremonyArchive, CeremonyClient, CeremonyDocuments, CeremonyError, CeremonyFault,
    CeremonyOutput, CeremonyRequest, DkgOperator, HealthReport, HttpCeremonyClient, OutputFolder,
    StoredOutput,
};
use nexus_keys::{LocalVault, MnemonicVault, SealedMnemonic, VaultError};
use nexus_primitives::{
    Address, BlockHash, BlockNumber, ChainId, Clock, Epoch, OperatorSet, RollupAdmin, TxHash, UnixSeconds,
    ValidatorIndex, ValidatorPubkey,
};

use crate::faults::{Effect, Hook, Point, Side};

/// A capability with a hook before and after its effects.
pub(crate) struct Hooked<T> {
    pub(crate) inner: T,
    pub(crate) hook: Hook,
}

impl<T> Hooked<T> {
    async fn around<R>(&self, effect: Effect, what: impl ToString, run: impl Future<Output = R>) -> R {
        let what = what.to_string();
        (self.hook)(&Point { effect, what: what.clone(), side: Side::Before });
        let result = run.await;
        (self.hook)(&Point { effect, what, side: Side::After });
        result
    }

    fn around_sync<R>(&self, effect: Effect, what: impl ToString, run: impl FnOnce() -> R) -> R {
        let what = what.to_string();
        (self.hook)(&Point { effect, what: what.clone(), side: Side::Before });
        let result = run();
        (self.hook)(&Point { effect, what, side: Side::After });
        result
    }
}

impl Clock for Hooked<DevnetClock> {
    fn now(&self) -> UnixSeconds {
        self.around_sync(Effect::Now, "", || self.inner.now())
    }
}

#[async_trait]
impl NexusChain for Hooked<Arc<RpcChain>> {
    async fn fetch_block(&self, at: BlockAt) -> Result<BlockRef, ChainError> {
        NexusChain::fetch_block(&*self.inner, at).await
    }

    async fn fetch_snapshot(&self, at: BlockAt) -> Result<ChainSnapshot, ChainError> {
        self.around(Effect::Observe, "", self.inner.fetch_snapshot(at)).await
    }

    async fn fetch_registration(&self, operators: &OperatorSet) -> Result<RegistrationContext, ChainError> {
        self.inner.fetch_registration(operators).await
    }

    async fn fetch_deposited_pubkeys(
        &self,
        since: BlockNumber,
    ) -> Result<BTreeSet<ValidatorPubkey>, ChainError> {
        self.around(Effect::LookForDeposits, "", self.inner.fetch_deposited_pubkeys(since)).await
    }

    async fn simulate(&self, from: Address, calls: &[ContractCall]) -> Result<Vec<CallOutcome>, ChainError> {
        let what: Vec<_> = calls.iter().map(|call| format!("{} {:?}", call.kind(), call.pubkeys())).collect();
        self.around(Effect::Simulate, what.join(" "), self.inner.simulate(from, calls)).await
    }
}

#[async_trait]
impl TxNetwork for Hooked<Arc<RpcChain>> {
    fn chain_id(&self) -> ChainId {
        self.inner.chain_id()
    }

    fn nexus(&self) -> Address {
        self.inner.nexus()
    }

    async fn fetch_block(&self, at: BlockAt) -> Result<BlockRef, ChainError> {
        self.around(Effect::Confirm, "", TxNetwork::fetch_block(&*self.inner, at)).await
    }

    async fn fetch_block_hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, ChainError> {
        self.inner.fetch_block_hash(number).await
    }

    async fn fetch_account(
        &self,
        address: Address,
        confirmed: &BlockRef,
    ) -> Result<AccountState, ChainError> {
        self.inner.fetch_account(address, confirmed).await
    }

    async fn fetch_fees(&self) -> Result<FeeQuote, ChainError> {
        self.inner.fetch_fees().await
    }

    async fn estimate_gas(&self, from: Address, call: &ContractCall) -> Result<CallOutcome, ChainError> {
        self.inner.estimate_gas(from, call).await
    }

    async fn send_raw(&self, raw: &[u8], route: BroadcastRoute) -> Result<SendOutcome, ChainError> {
        self.around(Effect::Send, format!("{raw:x?}"), self.inner.send_raw(raw, route)).await
    }

    async fn find_receipt(&self, hashes: &[TxHash]) -> Result<ReceiptSearch, ChainError> {
        self.inner.find_receipt(hashes).await
    }

    async fn replay(
        &self,
        from: Address,
        call: &ContractCall,
        block: BlockHash,
    ) -> Result<Option<Revert>, ChainError> {
        self.inner.replay(from, call, block).await
    }
}

#[async_trait]
impl TxSigner for Hooked<Arc<KeystoreSigner>> {
    fn address(&self) -> Address {
        self.inner.address()
    }

    async fn sign(&self, tx: &UnsignedTx) -> Result<SignedTx, SignerError> {
        self.around(Effect::Sign, tx.nonce, self.inner.sign(tx)).await
    }
}

impl TxJournal for Hooked<Arc<StateFile>> {
    fn unfinished(&self) -> Result<Vec<Intent>, JournalError> {
        self.inner.unfinished()
    }

    fn record_attempt(&self, id: IntentId, attempt: &Attempt) -> Result<(), JournalError> {
        self.around_sync(Effect::Journal, format!("attempt {}", id.0), || {
            self.inner.record_attempt(id, attempt)
        })
    }

    fn record_mined(&self, id: IntentId, mined: Option<&Mined>) -> Result<(), JournalError> {
        self.around_sync(Effect::Journal, format!("mined {}", id.0), || self.inner.record_mined(id, mined))
    }

    fn record_outcome(&self, id: IntentId, outcome: &Outcome, now: UnixSeconds) -> Result<(), JournalError> {
        self.around_sync(Effect::Journal, format!("outcome {}", id.0), || {
            self.inner.record_outcome(id, outcome, now)
        })
    }
}

#[async_trait]
impl MnemonicVault for Hooked<LocalVault> {
    async fn store_new(&self, rollup: RollupAdmin, sealed: &SealedMnemonic) -> Result<(), VaultError> {
        self.around(Effect::Seal, rollup, self.inner.store_new(rollup, sealed)).await
    }

    async fn fetch(&self, rollup: RollupAdmin) -> Result<Option<SealedMnemonic>, VaultError> {
        self.inner.fetch(rollup).await
    }

    async fn list(&self) -> Result<Vec<RollupAdmin>, VaultError> {
        self.inner.list().await
    }
}

#[async_trait]
impl<B: BeaconNode> BeaconNode for Hooked<B> {
    async fn fetch_spec(&self) -> Result<NetworkSpec, BeaconError> {
        self.inner.fetch_spec().await
    }

    async fn fetch_head(&self) -> Result<BeaconHead, BeaconError> {
        self.inner.fetch_head().await
    }

    async fn fetch_validators(
        &self,
        state: StateId,
        pubkeys: &[ValidatorPubkey],
    ) -> Result<Vec<BeaconValidator>, BeaconError> {
        self.inner.fetch_validators(state, pubkeys).await
    }

    async fn fetch_pending_deposits(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingDeposit>>, BeaconError> {
        self.inner.fetch_pending_deposits(state).await
    }

    async fn fetch_pending_partial_withdrawals(
        &self,
        state: StateId,
    ) -> Result<Option<Vec<PendingPartialWithdrawal>>, BeaconError> {
        self.inner.fetch_pending_partial_withdrawals(state).await
    }

    async fn fetch_liveness(
        &self,
        epoch: Epoch,
        indices: &[ValidatorIndex],
    ) -> Result<Option<BTreeSet<ValidatorIndex>>, BeaconError> {
        self.inner.fetch_liveness(epoch, indices).await
    }

    async fn submit_exit(&self, exit: &SignedVoluntaryExit) -> Result<ExitSubmission, BeaconError> {
        self.around(Effect::SubmitExit, exit.message().validator_index, self.inner.submit_exit(exit)).await
    }
}

#[async_trait]
impl CeremonyClient for Hooked<HttpCeremonyClient> {
    async fn check_health(&self, operators: &[DkgOperator]) -> Vec<HealthReport> {
        self.inner.check_health(operators).await
    }

    async fn run_ceremony(&self, request: &CeremonyRequest) -> Result<CeremonyOutput, CeremonyError> {
        let nonce = request.terms().registration.nonce;
        self.around(Effect::Ceremony, nonce, self.inner.run_ceremony(request)).await
    }

    async fn post_results(&self, operators: &[DkgOperator], stored: &StoredOutput) -> Vec<CeremonyFault> {
        self.around(Effect::PostResults, "", self.inner.post_results(operators, stored)).await
    }
}

#[async_trait]
impl CeremonyArchive for Hooked<OutputFolder> {
    async fn store(&self, outputs: Vec<CeremonyOutput>) -> Result<Vec<StoredOutput>, ArchiveError> {
        self.around(Effect::Archive, outputs.len(), CeremonyArchive::store(&self.inner, outputs)).await
    }

    async fn fetch(&self, pubkey: &ValidatorPubkey) -> Result<Option<CeremonyDocuments>, ArchiveError> {
        self.inner.fetch(pubkey).await
    }
}
