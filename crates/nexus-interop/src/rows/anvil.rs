//! The end-to-end suite on anvil, with what only anvil can be made to do: fee spikes and reorganisations.

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use nexus_controller::StoredPhase;
use nexus_primitives::Wei;
use serde_json::{Value, json};

use super::execution_suite::{self, Suite};
use crate::{
    checks::Checks,
    row::Row,
    stage::Stage,
    world::{
        anvil_node::AnvilNode,
        full_bot::{BUMP_AFTER_SECS, MAX_FEE_GWEI},
    },
};

const HELD: &str = "base fee above the ceiling: the bot waits";
const REPLACED: &str = "offer outrun by the base fee: replaced with the same nonce";
const RESENT: &str = "transaction reorganised away: sent again, mined once";

/// What the bot raises while it waits for cheaper gas.
const FEE_ALERT: &str = "fees-above-ceiling";
const GWEI: u64 = 1_000_000_000;
const SECONDS_PER_SLOT: u64 = 12;
/// Deep enough to take the deposit's block away, shallow enough for the beacon chain to follow.
const REORG_DEPTH: u64 = 2;

/// The `anvil` row.
pub(crate) struct Anvil;

#[async_trait]
impl Row for Anvil {
    fn name(&self) -> &'static str {
        "anvil"
    }

    fn promise(&self) -> &'static str {
        "the bot runs validators' whole lives on anvil, through fee spikes, a reorganisation and a provider's limits"
    }

    fn components(&self) -> &'static [&'static str] {
        &["anvil"]
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let (blueprint, start) = execution_suite::draw().await?;
        let node = AnvilNode::start(stage.component("anvil")?, &start, &stage.log("anvil")).await?;
        let mut suite = Suite::begin(stage, node, blueprint, checks).await?;
        suite.register().await?;
        wait_for_cheaper_gas(&mut suite, checks).await?;
        replace_the_offer(&mut suite, checks).await?;
        lose_a_transaction(&mut suite, checks).await?;
        suite.create(checks).await?;
        suite.leave(checks).await
    }
}

/// Holds the base fee at twice the ceiling: the deposit is planned and not signed.
async fn wait_for_cheaper_gas(suite: &mut Suite<AnvilNode>, checks: &mut Checks) -> anyhow::Result<()> {
    suite.world.node.hold_base_fee(Some(2 * MAX_FEE_GWEI * GWEI));
    for _ in 0..40 {
        suite.world.step().await?;
        suite.bot.tick().await?;
        if suite.bot.transactions.fee_hold().is_some() {
            break;
        }
    }
    let hold = suite.bot.transactions.fee_hold().context("the bot never held an intent back for its fee")?;
    checks.same(HELD, &hold.ceiling, &Wei::from_gwei_text(&MAX_FEE_GWEI.to_string())?);
    for _ in 0..4 {
        suite.world.step().await?;
        suite.bot.tick().await?;
        checks.same(HELD, &attempts(suite)?, &0);
    }
    let told = suite.bot.alerts().iter().any(|(name, _)| *name == FEE_ALERT);
    checks.that(HELD, told, || format!("nobody was alerted: {:?}", suite.bot.alerts()));
    suite.expected_alerts = &[FEE_ALERT];
    Ok(())
}

/// Lets the fee fall, and rise again above the first offer before it is mined.
async fn replace_the_offer(suite: &mut Suite<AnvilNode>, checks: &mut Checks) -> anyhow::Result<()> {
    suite.world.node.hold_base_fee(Some(MAX_FEE_GWEI * 2 / 5 * GWEI));
    for _ in 0..4 {
        suite.world.step().await?;
        suite.bot.tick().await?;
        if attempts(suite)? > 0 {
            break;
        }
    }
    ensure!(attempts(suite)? == 1, "not sent once when gas became cheap: {:?}", suite.bot.state.intents(3)?);
    suite.world.node.hold_base_fee(Some(MAX_FEE_GWEI * 4 / 5 * GWEI));
    for _ in 0..4 * BUMP_AFTER_SECS / SECONDS_PER_SLOT {
        suite.world.step().await?;
        suite.bot.tick().await?;
        if mined(suite, &hashes(suite)?).await? > 0 {
            break;
        }
    }
    let hashes = hashes(suite)?;
    checks.that(REPLACED, hashes.len() >= 2, || format!("{} attempts", hashes.len()));
    checks.same(REPLACED, &mined(suite, &hashes).await?, &1);
    suite.world.node.hold_base_fee(None);
    Ok(())
}

/// Takes the block with the deposit away, and waits until it is back.
async fn lose_a_transaction(suite: &mut Suite<AnvilNode>, checks: &mut Checks) -> anyhow::Result<()> {
    let hashes = hashes(suite)?;
    let depth = depth_of(suite, &hashes).await?.context("the deposit is mined")?.max(REORG_DEPTH);
    suite.world.node.reorg(depth).await?;
    suite.world.follow_reorg(depth).await?;
    checks.same(RESENT, &mined(suite, &hashes).await?, &0);
    for _ in 0..20 {
        suite.bot.tick().await?;
        suite.world.step().await?;
        if mined(suite, &self::hashes(suite)?).await? > 0 {
            break;
        }
    }
    checks.same(RESENT, &mined(suite, &self::hashes(suite)?).await?, &1);
    Ok(())
}

/// Returns the hashes of everything signed for the first intent that was not dropped unsigned.
fn hashes(suite: &Suite<AnvilNode>) -> anyhow::Result<Vec<String>> {
    let intents = suite.bot.state.intents(100)?;
    let live = intents.into_iter().filter(|intent| intent.state != StoredPhase::Refused);
    let first = live.min_by_key(|intent| intent.id).context("an intent was recorded")?;
    Ok(first.tx_hashes.iter().map(ToString::to_string).collect())
}

fn attempts(suite: &Suite<AnvilNode>) -> anyhow::Result<usize> {
    Ok(hashes(suite)?.len())
}

/// Counts how many of these transactions are mined.
async fn mined(suite: &Suite<AnvilNode>, hashes: &[String]) -> anyhow::Result<usize> {
    let mut mined = 0;
    for hash in hashes {
        let receipt: Option<Value> =
            suite.world.rpc().call("eth_getTransactionReceipt", json!([hash])).await?;
        mined += usize::from(receipt.is_some());
    }
    Ok(mined)
}

/// Returns how many blocks must go for the mined one of these transactions to go.
async fn depth_of(suite: &Suite<AnvilNode>, hashes: &[String]) -> anyhow::Result<Option<u64>> {
    for hash in hashes {
        let receipt: Option<Value> =
            suite.world.rpc().call("eth_getTransactionReceipt", json!([hash])).await?;
        if let Some(receipt) = receipt {
            let number: alloy::primitives::U64 = serde_json::from_value(receipt["blockNumber"].clone())?;
            return Ok(Some(suite.world.head() + 1 - number.to::<u64>()));
        }
    }
    Ok(None)
}
