//! Random worlds: whatever users, rollups and crashes do, the laws hold and the bot comes to rest.

use std::collections::BTreeSet;

use nexus_controller::Stage;
use nexus_devnet::deploy::RollupHandle;
use nexus_primitives::Wei;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::task::JoinSet;

use crate::{
    bot::{Bot, actions},
    faults::{crash_after, no_faults},
    scene::{Scene, address, admin},
    truth::{bridge_balance, deposits, validator_count},
};

const SEEDS: std::ops::Range<u64> = 0..10;
const ACTS: usize = 8;

struct Walk {
    seed: u64,
    rng: StdRng,
    scene: Scene,
    rollup: RollupHandle,
}

impl Walk {
    /// Something happens in the world.
    fn act(&mut self) {
        match self.rng.random_range(0..4) {
            0 => self.scene.bridge_in(&self.rollup, self.rng.random_range(1..120)),
            1 => self.withdraw(),
            2 => {
                let limit = [0, 1_500, 3_000, 4_000, 6_000][self.rng.random_range(0..5)];
                self.scene.limit(&self.rollup, limit);
            }
            _ => drop(self.scene.devnet.advance_slots(self.rng.random_range(1..30))),
        }
    }

    /// Users withdraw some of what isn't staked.
    fn withdraw(&mut self) {
        let ether = Wei::from_ether(1);
        let bridged = self.scene.devnet.bridged(address(self.rollup.bridge)).unwrap();
        let free = bridge_balance(&self.scene, &self.rollup).min(bridged);
        let free: u64 = free.div_floor(ether).unwrap().to();
        if free > 1 {
            self.scene.bridge_out(&self.rollup, self.rng.random_range(1..free));
        }
    }

    /// Lives for a few slots, and may die on the way.
    async fn live(&mut self) {
        let hook =
            if self.rng.random_bool(0.6) { crash_after(self.rng.random_range(0..120)) } else { no_faults() };
        let bot = self.scene.start_with(&hook).await;
        for _ in 0..self.rng.random_range(1..12) {
            self.scene.devnet.advance_slots(1);
            if bot.tick_or_crash().await.is_none() {
                break;
            }
            self.check_laws(&bot);
        }
    }

    /// What must hold at any time.
    fn check_laws(&self, bot: &Bot) {
        let Self { seed, scene, rollup, .. } = self;
        let deposits = deposits(scene);
        let keys: BTreeSet<_> = deposits.iter().map(|deposit| deposit.pubkey).collect();
        assert_eq!(keys.len(), deposits.len(), "seed {seed}: a key was deposited twice");
        let records = bot.records_of(admin(rollup));
        let known: BTreeSet<_> = records.iter().filter_map(|record| record.pubkey).collect();
        assert!(keys.is_subset(&known), "seed {seed}: a deposit nobody knows of");
        let indices: BTreeSet<_> = records.iter().map(|record| record.derivation_index).collect();
        assert_eq!(indices.len(), records.len(), "seed {seed}: an index was used twice");
    }

    /// Lets the world stand still and checks that the bot comes to rest within the limit.
    async fn come_to_rest(&self) {
        let Self { seed, scene, rollup, .. } = self;
        let bot = scene.start().await;
        let (mut quiet, mut last) = (0, None);
        for _ in 0..500 {
            scene.devnet.advance_slots(1);
            let report = bot.tick_or_crash().await.expect("nothing crashes it");
            self.check_laws(&bot);
            let under_way = bot.records().iter().any(|r| {
                !matches!(r.stage, Stage::Planned | Stage::KeysReady | Stage::Active | Stage::Closed)
            });
            let holds = actions(&report).iter().all(|(kind, _)| *kind == "hold");
            quiet = if report.is_settled() && holds && !under_way { quiet + 1 } else { 0 };
            last = Some(actions(&report));
            if quiet > 30 {
                break;
            }
        }
        let alerts = scene.alerts.names();
        assert!(quiet > 30, "seed {seed}: no rest: {:?} {last:?} {alerts:?}", bot.stages());
        let on_chain = scene.devnet.rollup_on_chain(admin(rollup)).unwrap().unwrap();
        let staying = validator_count(scene, rollup);
        let staked = Wei::from_ether(32 * staying);
        let locked = bridge_balance(scene, rollup).checked_add(staked).unwrap();
        assert!(
            staked <= locked.mul_floor(on_chain.limit),
            "seed {seed}: {staying} validators are above the limit"
        );
        assert!(scene.devnet.offline_validators().is_empty(), "seed {seed}: somebody leaks");
    }
}

async fn walk(seed: u64) {
    let (scene, rollup) = Scene::with_rollup(120).await;
    let mut walk = Walk { seed, rng: StdRng::seed_from_u64(seed), scene, rollup };
    for _ in 0..ACTS {
        walk.act();
        walk.live().await;
    }
    walk.come_to_rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_random_worlds_the_laws_hold_and_the_bot_comes_to_rest() {
    let mut walks = JoinSet::new();
    for seed in SEEDS {
        walks.spawn(async move { (seed, tokio::spawn(walk(seed)).await) });
    }
    while let Some(done) = walks.join_next().await {
        let (seed, result) = done.unwrap();
        assert!(result.is_ok(), "seed {seed} failed");
    }
}
