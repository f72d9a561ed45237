//! A validator whose key nobody ever held, from its ceremony to the return of its stake.

use nexus_devnet::{
    WorldConfig,
    consensus::{DepositEvent, ValidatorStatus},
    ssv_operators::ShareVerdict,
};
use nexus_dkg::{CeremonyClient as _, CeremonyRequest, CeremonyTerms, Deadlines, Network};
use nexus_primitives::{Gwei, OwnerNonce, UnixSeconds, Wei, WithdrawalCredentials};
use nexus_ssv::Registration;

use super::{client, endpoint_on_chain, id, start};
use crate::world::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validator_made_in_a_ceremony_lives_and_leaves_like_any_other() {
    let operators = start(4).await;
    let config = WorldConfig::fast(UnixSeconds::new(1_700_000_000)).with_dkg_operators(&operators);
    let scene = tokio::task::spawn_blocking(|| Scene::in_world(config)).await.unwrap();
    assert_eq!(endpoint_on_chain(&scene.world, id(2)), operators.all()[1].url());
    assert_eq!(endpoint_on_chain(&scene.world, id(5)), "https://operator-5.invalid:3030");

    let terms = CeremonyTerms {
        credentials: WithdrawalCredentials::to_address(scene.bridge()).into(),
        amount: Gwei::VALIDATOR_DEPOSIT,
        network: Network::Hoodi,
        registration: Registration::new(scene.nexus(), OwnerNonce::new(0)),
    };
    let request = CeremonyRequest::new(&operators.to_dkg_operators(), terms).unwrap();
    let output = client(Deadlines::default(), 1).await.run_ceremony(&request).await.unwrap();
    let pubkey = output.pubkey();

    let deposit = DepositEvent {
        pubkey,
        withdrawal_credentials: output.deposit().credentials().to_bytes(),
        amount: output.deposit().amount(),
        signature: *output.deposit().signature(),
        index: 0,
    };
    assert!(scene.deposit_event(&deposit));
    assert!(scene.register_keyshares(output.keyshares().keyshares()));
    assert_eq!(scene.world.ssv_operators().verdict(&pubkey), Some(&ShareVerdict::Accepted));

    scene.wait_until(pubkey, ValidatorStatus::ActiveOngoing);
    assert_eq!(scene.world.offline_validators(), []);
    scene.world.advance_epochs(2);
    // Signed by the operators with their shares.
    assert!(scene.exit(&pubkey));
    scene.wait_until(pubkey, ValidatorStatus::ActiveExiting);
    scene.wait_until(pubkey, ValidatorStatus::WithdrawalDone);
    assert_eq!(scene.world.balance(scene.bridge()), Wei::from_ether(500));
}
