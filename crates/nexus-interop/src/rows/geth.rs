//! The end-to-end suite on geth, with blocks, withdrawals and finality as a consensus client orders them.

use async_trait::async_trait;

use super::execution_suite::{self, Suite};
use crate::{
    checks::Checks,
    row::Row,
    stage::Stage,
    world::geth_node::{GethNode, Rules},
};

/// The `geth` row.
pub(crate) struct Geth;

#[async_trait]
impl Row for Geth {
    fn name(&self) -> &'static str {
        "geth"
    }

    fn promise(&self) -> &'static str {
        "the bot runs validators' whole lives on geth, driven over the Engine API: real withdrawals, real finality"
    }

    fn components(&self) -> &'static [&'static str] {
        &["geth"]
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let (blueprint, start) = execution_suite::draw().await?;
        let component = stage.component("geth")?;
        let node = GethNode::start(component, &start, Rules::Prague, &stage.work, &stage.log("geth")).await?;
        let mut suite = Suite::begin(stage, node, blueprint, checks).await?;
        suite.register().await?;
        suite.create(checks).await?;
        suite.leave(checks).await
    }
}
