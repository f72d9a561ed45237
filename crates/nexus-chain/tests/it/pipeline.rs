//! The transaction pipeline against a scripted chain.

use std::sync::Arc;

use nexus_chain::{
    BlockAt, BroadcastRoute, CallOutcome, ContractCall, Disposition, FeeCeilings, IntentPhase,
    KeystoreSigner, Outcome, PipelineConfig, PipelineProgress, Revert, TxError, TxPipeline,
};
use nexus_primitives::{Address, RollupAdmin, UnixSeconds, ValidatorPubkey, Wei};
use zeroize::Zeroizing;

use crate::{
    devnet_world::{deposit, pubkey},
    scripted_chain::{Crash, CrashingJournal, ScriptedChain},
};

const BUMP_AFTER: u64 = 90;

fn gwei(text: &str) -> Wei {
    Wei::from_gwei_text(text).unwrap()
}

fn call(tag: u8) -> ContractCall {
    let rollup = RollupAdmin::new(Address::new([0xad; 20]));
    ContractCall::ReportExits { rollup, pubkeys: vec![ValidatorPubkey::new([tag; 48])] }
}

/// Written by ethers 6 with one cheap round of scrypt, password `testpassword`.
const KEYSTORE: &str = r#"{"address": "008aeeda4d805471df9b2a5b0f38a0c3bcba786b", "id": "11111111-1111-4111-9111-111111111111", "version": 3, "Crypto": {"cipher": "aes-128-ctr", "cipherparams": {"iv": "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"}, "ciphertext": "c6fa8be1012da5d0cff8006b9e1e37ce9fced071ea40d87db6ba34a8a6038c62", "kdf": "scrypt", "kdfparams": {"salt": "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a", "n": 2, "dklen": 32, "p": 1, "r": 8}, "mac": "32ea1c95e32961086417f8c8a59ccb2859796911498ed78424e187796be0f5c1"}}"#;

pub(crate) fn signer() -> KeystoreSigner {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.json");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(KEYSTORE.as_bytes()).unwrap();
    KeystoreSigner::open(&path, &Zeroizing::new("testpassword".to_owned())).ok().unwrap()
}

struct World {
    chain: Arc<ScriptedChain>,
    journal: Arc<CrashingJournal>,
    pipeline: TxPipeline,
}

impl World {
    fn new(calls: impl IntoIterator<Item = ContractCall>) -> Self {
        let (chain, journal) = (Arc::new(ScriptedChain::new()), Arc::new(CrashingJournal::new(calls)));
        let pipeline = pipeline(&chain, &journal);
        Self { chain, journal, pipeline }
    }

    /// What a new process would start with.
    fn restart(&mut self) {
        self.pipeline = pipeline(&self.chain, &self.journal);
    }

    async fn pass(&self, now: u64) -> PipelineProgress {
        self.pipeline.advance(UnixSeconds::new(now)).await.unwrap()
    }

    async fn fail(&self, now: u64) -> TxError {
        self.pipeline.advance(UnixSeconds::new(now)).await.unwrap_err()
    }

    fn mine(&self, blocks: usize) {
        for _ in 0..blocks {
            self.chain.state().mine();
        }
    }
}

fn pipeline(chain: &Arc<ScriptedChain>, journal: &Arc<CrashingJournal>) -> TxPipeline {
    let config = PipelineConfig {
        ceilings: FeeCeilings { max_fee: gwei("60"), max_priority_fee: gwei("2") },
        bump_after_secs: BUMP_AFTER,
        confirm_at: BlockAt::Finalized,
    };
    TxPipeline::new(config, chain.clone(), Arc::new(signer()), journal.clone())
}

const UNMINED: PipelineProgress = PipelineProgress { unmined: 1, unconfirmed: 0, finished: 0 };
const UNCONFIRMED: PipelineProgress = PipelineProgress { unmined: 0, unconfirmed: 1, finished: 0 };
const FINISHED: PipelineProgress = PipelineProgress { unmined: 0, unconfirmed: 0, finished: 1 };

#[tokio::test]
async fn an_intent_is_sent_mined_and_counts_once_final() {
    let world = World::new([call(1)]);
    assert_eq!(world.pass(0).await, UNMINED);
    world.mine(1);
    assert_eq!(world.pass(12).await, UNCONFIRMED);
    world.mine(1);
    assert_eq!(world.pass(24).await, UNCONFIRMED);
    world.mine(1);
    assert_eq!(world.pass(36).await, FINISHED);
    assert!(world.pass(48).await.is_idle());
    let IntentPhase::Done(Outcome::Succeeded(mined)) = world.journal.intent(1).phase else { panic!() };
    assert_eq!(world.chain.state().mined(), [mined.hash]);
}

#[tokio::test]
async fn one_nonce_at_a_time_and_the_next_one_without_waiting_for_finality() {
    let world = World::new([call(1), call(2)]);
    assert_eq!(world.pass(0).await, PipelineProgress { unmined: 2, ..PipelineProgress::default() });
    assert_eq!(world.journal.intent(2).phase, IntentPhase::Recorded);
    world.mine(1);
    assert_eq!(world.pass(12).await, PipelineProgress { unmined: 1, unconfirmed: 1, finished: 0 });
    assert_eq!(world.journal.intent(2).attempts[0].nonce, 1);
}

/// Every write of the journal is interrupted once, before and after it reaches the disk.
#[tokio::test]
async fn a_crash_at_any_write_leaves_one_mined_transaction_per_intent() {
    // Two intents of four writes each; a crash may add some.
    for writes in 0..10 {
        for when in [Crash::BeforeTheWrite, Crash::AfterTheWrite] {
            let mut world = World::new([call(1), call(2)]);
            world.journal.crash_after(writes, when);
            for round in 0..20 {
                let now = UnixSeconds::new(12 * round);
                match world.pipeline.advance(now).await {
                    Ok(progress) if progress.is_idle() => break,
                    Ok(_) => {}
                    Err(error) => {
                        assert_eq!(error.disposition(), Disposition::OutcomeUnknown);
                        world.restart();
                    }
                }
                world.mine(1);
            }
            let mined = world.chain.state().mined();
            assert_eq!(mined.len(), 2, "crash at write {writes}, {when:?}");
            for id in [1, 2] {
                let IntentPhase::Done(Outcome::Succeeded(own)) = world.journal.intent(id).phase else {
                    panic!("intent {id} isn't finished after a crash at write {writes}, {when:?}")
                };
                assert!(mined.contains(&own.hash));
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_would_revert_is_refused_before_anything_is_signed() {
    let world = World::new([call(1)]);
    let revert = Revert::Message("no".into());
    world.chain.state().estimate = CallOutcome::Reverted(revert.clone());
    assert_eq!(world.pass(0).await, FINISHED);
    assert_eq!(world.journal.intent(1).phase, IntentPhase::Done(Outcome::Refused(revert)));
    assert!(world.chain.state().broadcasts.is_empty());
}

#[tokio::test]
async fn above_the_fee_ceiling_an_intent_waits_unsigned() {
    let world = World::new([call(1)]);
    world.chain.state().base_fee = gwei("61");
    assert_eq!(world.pass(0).await, UNMINED);
    assert_eq!(world.pipeline.fee_hold().unwrap().base_fee, gwei("61"));
    assert_eq!(world.journal.intent(1).phase, IntentPhase::Recorded);
    world.chain.state().base_fee = gwei("10");
    world.pass(12).await;
    assert_eq!(world.pipeline.fee_hold(), None);
    assert_eq!(world.journal.intent(1).attempts[0].max_fee, gwei("21"));
}

#[tokio::test]
async fn a_slow_transaction_is_replaced_under_the_same_nonce() {
    let world = World::new([call(1)]);
    world.pass(0).await;
    world.pass(BUMP_AFTER - 1).await;
    assert_eq!(world.journal.intent(1).attempts.len(), 1);
    world.pass(BUMP_AFTER).await;
    let attempts = world.journal.intent(1).attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].nonce, attempts[1].nonce);
    assert_eq!((attempts[1].max_fee, attempts[1].priority_fee), (gwei("23.625"), gwei("1.125")));
    world.mine(3);
    assert_eq!(world.pass(BUMP_AFTER + 36).await, FINISHED);
    assert_eq!(world.chain.state().mined(), [attempts[1].hash]);
}

#[tokio::test]
async fn the_first_attempt_counts_when_it_wins_over_its_replacement() {
    let world = World::new([call(1)]);
    world.pass(0).await;
    world.chain.state().broadcasts_arrive = false;
    world.pass(BUMP_AFTER).await;
    world.mine(3);
    assert_eq!(world.pass(BUMP_AFTER + 36).await, FINISHED);
    let intent = world.journal.intent(1);
    assert_eq!(intent.attempts.len(), 2, "recorded although its broadcast failed");
    assert_eq!(world.chain.state().mined(), [intent.attempts[0].hash]);
}

#[tokio::test]
async fn a_failed_broadcast_is_repeated_with_the_same_bytes() {
    let world = World::new([call(1)]);
    world.chain.state().broadcasts_arrive = false;
    assert_eq!(world.pass(0).await, UNMINED);
    assert_eq!(world.journal.intent(1).phase, IntentPhase::Sent);
    world.chain.state().broadcasts_arrive = true;
    world.pass(12).await;
    world.pass(24).await;
    let hash = world.journal.intent(1).attempts[0].hash;
    assert_eq!(world.chain.state().broadcasts, [(hash, BroadcastRoute::Public); 2]);
}

#[tokio::test]
async fn a_transaction_that_a_reorganisation_took_out_is_sent_again() {
    let world = World::new([call(1)]);
    world.pass(0).await;
    world.mine(2);
    assert_eq!(world.pass(24).await, UNCONFIRMED);
    world.chain.state().reorganise(2);
    assert_eq!(world.pass(36).await, UNMINED);
    assert_eq!(world.journal.intent(1).phase, IntentPhase::Sent);
    world.mine(3);
    assert_eq!(world.pass(72).await, FINISHED);
    let intent = world.journal.intent(1);
    assert_eq!(world.chain.state().mined(), [intent.attempts[0].hash]);
    assert_eq!(intent.attempts.len(), 1);
}

#[tokio::test]
async fn a_transaction_moved_to_another_block_is_followed_there() {
    let world = World::new([call(1)]);
    world.pass(0).await;
    world.mine(1);
    world.pass(12).await;
    let IntentPhase::Mined(before) = world.journal.intent(1).phase else { panic!() };
    world.chain.state().reorganise(1);
    world.pass(18).await;
    world.mine(1);
    world.pass(24).await;
    let IntentPhase::Mined(after) = world.journal.intent(1).phase else { panic!() };
    assert_eq!((before.hash, before.block_number), (after.hash, after.block_number));
    assert_ne!(before.block_hash, after.block_hash);
}

#[tokio::test]
async fn nothing_is_signed_while_somebody_else_uses_the_key() {
    let world = World::new([call(1)]);
    world.chain.state().foreign_pending = 1;
    let error = world.fail(0).await;
    assert!(matches!(error, TxError::ForeignTransaction { latest: 0, pending: 1, .. }), "{error}");
    assert_eq!(error.disposition(), Disposition::GiveUp);

    let world = World::new([call(1), call(2)]);
    world.pass(0).await;
    world.mine(1);
    world.chain.state().mine_foreign();
    let error = world.fail(12).await;
    assert!(matches!(error, TxError::ForeignTransaction { latest: 2, expected: 1, .. }), "{error}");
    assert_eq!(world.journal.intent(2).phase, IntentPhase::Recorded);
}

#[tokio::test]
async fn an_intent_is_superseded_only_once_that_is_final_and_every_endpoint_says_so() {
    let world = World::new([call(1)]);
    world.pass(0).await;
    world.chain.state().mine_foreign();
    let sent = world.chain.state().broadcasts.len();
    assert_eq!(world.pass(12).await, UNMINED);
    assert_eq!(world.chain.state().broadcasts.len(), sent, "its nonce is used: no point in sending it again");
    world.mine(2);
    world.chain.state().receipts_complete = false;
    assert_eq!(world.pass(24).await, UNMINED);
    world.chain.state().receipts_complete = true;
    assert_eq!(world.pass(36).await, FINISHED);
    assert_eq!(world.journal.intent(1).phase, IntentPhase::Done(Outcome::Superseded));
}

#[tokio::test]
async fn a_mined_revert_is_an_outcome_with_its_reason() {
    let world = World::new([call(1)]);
    world.pass(0).await;
    world.chain.state().transactions_succeed = false;
    world.mine(3);
    assert_eq!(world.pass(36).await, FINISHED);
    let IntentPhase::Done(Outcome::Reverted { reason, mined }) = world.journal.intent(1).phase else {
        panic!()
    };
    assert_eq!((reason, mined.succeeded), (Some(Revert::Empty), false));
}

#[tokio::test]
async fn an_empty_account_signs_nothing() {
    let world = World::new([call(1)]);
    world.chain.state().balance = gwei("1");
    let error = world.fail(0).await;
    assert!(matches!(error, TxError::InsufficientFunds { .. }), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry);
    assert_eq!(world.journal.intent(1).phase, IntentPhase::Recorded);
}

#[tokio::test]
async fn a_transaction_dropped_from_every_pool_is_sent_again() {
    let world = World::new([call(1)]);
    world.pass(0).await;
    world.chain.state().drop_pool();
    world.pass(12).await;
    world.mine(3);
    assert_eq!(world.pass(48).await, FINISHED);
}

#[tokio::test]
async fn deposits_are_kept_out_of_the_public_pool() {
    let rollup = RollupAdmin::new(Address::new([0xad; 20]));
    let world = World::new([ContractCall::DepositValidators { rollup, deposits: vec![] }]);
    world.pass(0).await;
    world.pass(12).await;
    let routes: Vec<_> = world.chain.state().broadcasts.iter().map(|(_, route)| *route).collect();
    assert_eq!(routes, [BroadcastRoute::PreferPrivate; 2]);
}

#[tokio::test]
async fn a_deposit_is_taken_back_when_its_key_was_deposited_while_it_waited() {
    let call = || {
        let rollup = RollupAdmin::new(Address::new([0xad; 20]));
        ContractCall::DepositValidators { rollup, deposits: vec![deposit(1, BRIDGE), deposit(2, BRIDGE)] }
    };
    let world = World::new([call()]);
    world.chain.state().base_fee = gwei("100");
    assert_eq!(world.pass(0).await, UNMINED, "fees are too high");
    world.chain.state().base_fee = gwei("10");
    world.chain.state().deposited = vec![(pubkey(2), 0)];
    assert_eq!(world.pass(3_600).await, FINISHED);
    let intent = world.journal.intent(1);
    let IntentPhase::Done(Outcome::Withdrawn { why }) = &intent.phase else { panic!("{:?}", intent.phase) };
    assert!(why.contains(&pubkey(2).to_string()), "{why}");
    assert!(intent.attempts.is_empty() && world.chain.state().broadcasts.is_empty(), "nothing was signed");

    // Once signed, its own deposit is among those events.
    let world = World::new([call()]);
    world.pass(0).await;
    world.chain.state().deposited = vec![(pubkey(1), 1), (pubkey(2), 1)];
    world.mine(3);
    assert_eq!(world.pass(36).await, FINISHED);
    assert!(matches!(world.journal.intent(1).phase, IntentPhase::Done(Outcome::Succeeded(_))));
}

const BRIDGE: Address = Address::new([0xb1; 20]);
