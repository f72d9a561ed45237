//! Where two nodes' answers to the same question part.

use std::{collections::BTreeMap, fmt::Debug};

use nexus_primitives::{OperatorSet, RollupAdmin};

use crate::{ChainSnapshot, RegistrationContext};

/// An answer that can be compared with another node's.
pub(crate) trait Comparable {
    /// Names the first part that differs; `None` when the answers are equal.
    fn first_difference(&self, other: &Self) -> Option<String>;
}

impl Comparable for RegistrationContext {
    fn first_difference(&self, other: &Self) -> Option<String> {
        first(&[
            part("the head", &self.block, &other.block),
            part("the owner nonce", &self.owner_nonce, &other.owner_nonce),
            part("the cluster tuple", &self.cluster, &other.cluster),
            part("the cluster's balance", &self.settled_balance, &other.settled_balance),
        ])
    }
}

impl Comparable for ChainSnapshot {
    fn first_difference(&self, other: &Self) -> Option<String> {
        let found = first(&[
            part("the block", &self.block, &other.block),
            part("chain id", &self.deployment.chain_id, &other.deployment.chain_id),
            part("the version of Nexus", &self.deployment.exit_abi, &other.deployment.exit_abi),
            part("the version of SSV", &self.deployment.ssv_version, &other.deployment.ssv_version),
            part("the bot's role", &self.deployment.off_chain_bot, &other.deployment.off_chain_bot),
            entry("the code of", &self.deployment.code_hashes, &other.deployment.code_hashes),
            entry(
                "rollup",
                &keyed(&self.rollups, |rollup| rollup.admin),
                &keyed(&other.rollups, |rollup| rollup.admin),
            ),
            part("the rollups left out", &left_out(self), &left_out(other)),
            entry(
                "validator",
                &keyed(&self.validators, |validator| validator.pubkey),
                &keyed(&other.validators, |validator| validator.pubkey),
            ),
            entry("operator", &self.operators, &other.operators),
            entry("SSV cluster", &self.clusters, &other.clusters),
            part("the owner nonce", &self.owner_nonce, &other.owner_nonce),
            part("SSV's parameters", &self.ssv, &other.ssv),
            part("the bot's account", &self.bot, &other.bot),
        ]);
        // A part that isn't listed above must not make unequal answers look equal.
        found.or_else(|| (comparable(self) != comparable(other)).then(|| "the snapshot".to_owned()))
    }
}

fn left_out(snapshot: &ChainSnapshot) -> Vec<(RollupAdmin, &Option<OperatorSet>)> {
    snapshot.left_out.iter().map(|rollup| (rollup.admin, &rollup.operators)).collect()
}

/// Without the nodes' own words.
fn comparable(snapshot: &ChainSnapshot) -> ChainSnapshot {
    let mut snapshot = snapshot.clone();
    snapshot.left_out.iter_mut().for_each(|rollup| rollup.reason.clear());
    snapshot
}

fn first(parts: &[Option<String>]) -> Option<String> {
    parts.iter().flatten().next().cloned()
}

fn part<T: PartialEq + Debug>(name: &str, mine: &T, theirs: &T) -> Option<String> {
    (mine != theirs).then(|| format!("{name}: {mine:?} and {theirs:?}"))
}

fn entry<K: Ord + Debug, V: PartialEq>(
    name: &str,
    mine: &BTreeMap<K, V>,
    theirs: &BTreeMap<K, V>,
) -> Option<String> {
    let differs = |key: &&K| mine.get(*key) != theirs.get(*key);
    mine.keys().chain(theirs.keys()).find(differs).map(|key| format!("{name} {key:?}"))
}

fn keyed<K: Ord, V>(values: &[V], key: impl Fn(&V) -> K) -> BTreeMap<K, &V> {
    values.iter().map(|value| (key(value), value)).collect()
}
