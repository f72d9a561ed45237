//! Simulations and the pipeline against the compiled contracts.

use std::sync::Arc;

use alloy::primitives::{B256, U256, keccak256};
use nexus_chain::{
    BlockAt, CallOutcome, ClusterSnapshot, FeeCeilings, IntentPhase, NexusChain as _, NexusStatus, Outcome,
    PipelineConfig, RpcChain, TxPipeline, TxSigner as _,
};
use nexus_devnet::deploy::NexusVersion;
use nexus_primitives::{Address, UnixSeconds, Wei};

use crate::{
    devnet_world::{DevnetWorld, head, operators},
    node_front::{NodeFront, error},
    pipeline::signer,
    scripted_chain::CrashingJournal,
};

fn lacks_simulation(front: &NodeFront) {
    front.intercept(|call| {
        (call["method"] == "eth_simulateV1")
            .then(|| error(-32601, "the method eth_simulateV1 does not exist/is not available"))
    });
}

#[tokio::test]
async fn a_registration_is_tried_out_together_with_the_deposit_it_needs() {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, front) = world.connect().await;
    let bot = signer().address();
    let good = [world.deposit(0, &[1]), world.shares(0, 1, ClusterSnapshot::NEW)];
    let stale = ClusterSnapshot { validator_count: 3, ..ClusterSnapshot::NEW };
    let bad = [world.deposit(0, &[1]), world.shares(0, 1, stale)];
    // With `eth_simulateV1`, and on a node without it.
    for _ in 0..2 {
        let outcomes = chain.simulate(bot, &good).await.unwrap();
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, CallOutcome::Success { gas_used } if *gas_used > 50_000)),
            "{outcomes:?}"
        );
        let outcomes = chain.simulate(bot, &bad).await.unwrap();
        assert!(matches!(outcomes[0], CallOutcome::Success { .. }));
        assert!(
            matches!(&outcomes[1], CallOutcome::Reverted(revert) if revert.is("IncorrectClusterState")),
            "{outcomes:?}"
        );
        // Alone, the registration fails at Nexus' own check.
        let alone = chain.simulate(bot, &good[1..]).await.unwrap();
        assert!(
            matches!(&alone[0], CallOutcome::Reverted(revert) if revert.is("IncorrectValidatorStatus")),
            "{alone:?}"
        );
        let stranger = chain.simulate(Address::new([9; 20]), &good[..1]).await.unwrap();
        assert!(
            matches!(&stranger[0], CallOutcome::Reverted(revert) if revert.is("NotNexusBot")),
            "{stranger:?}"
        );
        lacks_simulation(&front);
    }
    let three = [good[0].clone(), good[1].clone(), good[1].clone()];
    assert!(chain.simulate(bot, &three).await.is_err(), "can't be split into independent calls");
}

struct Running {
    world: DevnetWorld,
    chain: Arc<RpcChain>,
    journal: Arc<CrashingJournal>,
    pipeline: TxPipeline,
}

async fn running(calls: impl FnOnce(&DevnetWorld) -> Vec<nexus_chain::ContractCall>) -> Running {
    let world = DevnetWorld::new(NexusVersion::Main, 1);
    let (chain, _front) = world.connect().await;
    let (chain, journal) = (Arc::new(chain), Arc::new(CrashingJournal::new(calls(&world))));
    let config = PipelineConfig {
        ceilings: FeeCeilings {
            max_fee: Wei::from_gwei_text("60").unwrap(),
            max_priority_fee: Wei::from_gwei_text("4").unwrap(),
        },
        bump_after_secs: 90,
        confirm_at: BlockAt::Finalized,
    };
    let pipeline = TxPipeline::new(config, chain.clone(), Arc::new(signer()), journal.clone());
    Running { world, chain, journal, pipeline }
}

#[tokio::test]
async fn a_deposit_and_its_registration_are_carried_out_and_become_final() {
    let running =
        running(|world| vec![world.deposit(0, &[1]), world.shares(0, 1, ClusterSnapshot::NEW)]).await;
    for round in 0..10 {
        if running.pipeline.advance(UnixSeconds::new(12 * round)).await.unwrap().is_idle() {
            break;
        }
        running.world.mine();
        running.world.finalize();
    }
    for id in [1, 2] {
        let phase = running.journal.intent(id).phase;
        let IntentPhase::Done(Outcome::Succeeded(mined)) = &phase else { panic!("{phase:?}") };
        assert!(mined.fee > Wei::ZERO);
    }
    let snapshot = head(&running.chain).await;
    assert_eq!(snapshot.validators[0].status, NexusStatus::ShareDeposited);
    assert_eq!(snapshot.clusters[&operators()].validator_count, 1);
    assert_eq!(snapshot.bot.nonce, 2);
}

#[tokio::test]
async fn a_reorganised_deposit_is_sent_again_by_itself() {
    let running = running(|world| vec![world.deposit(0, &[1])]).await;
    running.pipeline.advance(UnixSeconds::new(0)).await.unwrap();
    running.world.mine();
    assert_eq!(running.pipeline.advance(UnixSeconds::new(12)).await.unwrap().unconfirmed, 1);
    running.world.execution.reorg(1);
    running.pipeline.advance(UnixSeconds::new(24)).await.unwrap();
    running.world.mine();
    running.world.finalize();
    assert_eq!(running.pipeline.advance(UnixSeconds::new(36)).await.unwrap().finished, 1);
    assert_eq!(head(&running.chain).await.rollups[0].bridge.validator_count, 1);
}

#[tokio::test]
async fn a_waiting_transaction_is_replaced_in_a_real_pool() {
    let running = running(|world| vec![world.deposit(0, &[1])]).await;
    running.pipeline.advance(UnixSeconds::new(0)).await.unwrap();
    running.pipeline.advance(UnixSeconds::new(90)).await.unwrap();
    let attempts = running.journal.intent(1).attempts;
    assert_eq!(attempts.len(), 2);
    running.world.mine();
    running.world.finalize();
    assert_eq!(running.pipeline.advance(UnixSeconds::new(102)).await.unwrap().finished, 1);
    let phase = running.journal.intent(1).phase;
    let IntentPhase::Done(Outcome::Succeeded(mined)) = phase else { panic!("{phase:?}") };
    assert_eq!(mined.hash, attempts[1].hash, "the pool took the replacement");
}

#[tokio::test]
async fn a_call_that_reverts_once_mined_has_its_reason() {
    let running = running(|world| vec![world.deposit(0, &[1])]).await;
    running.pipeline.advance(UnixSeconds::new(0)).await.unwrap();
    // Before it is mined, the bot loses its role: the transaction reverts in a block of its own.
    let execution = &running.world.execution;
    let slot_of_the_bot = alloy::primitives::U256::from(3);
    execution.set_storage(running.world.deployment.nexus, slot_of_the_bot, alloy::primitives::U256::from(1));
    running.world.mine();
    running.world.finalize();
    running.pipeline.advance(UnixSeconds::new(12)).await.unwrap();
    let phase = running.journal.intent(1).phase;
    let IntentPhase::Done(Outcome::Reverted { reason, .. }) = phase else { panic!("{phase:?}") };
    assert!(reason.unwrap().is("NotNexusBot"));
}

#[tokio::test]
async fn a_key_in_the_deposit_contract_s_events_is_not_deposited_again() {
    let running = running(|world| vec![world.deposit(0, &[1])]).await;
    running.world.carry_out(&running.chain, &running.world.deposit(0, &[1])).await;
    // Nexus forgets it, as if somebody else had made that deposit: `validators` is at slot 5.
    let slot = keccak256([&[1; 48], B256::with_last_byte(5).as_slice()].concat());
    running.world.execution.set_storage(running.world.deployment.nexus, slot.into(), U256::ZERO);
    assert_eq!(running.pipeline.advance(UnixSeconds::new(0)).await.unwrap().finished, 1);
    let intent = running.journal.intent(1);
    assert!(matches!(intent.phase, IntentPhase::Done(Outcome::Withdrawn { .. })), "{:?}", intent.phase);
    assert!(intent.attempts.is_empty());
}
