//! `status`: what the bot knows and what the world says of it. Works beside a running bot.

use nexus_controller::{Observation, PlanReport, StateFile, StatusReport, dry_run};
use serde_json::Value;

use super::{Session, plan, status_tables};
use crate::{compose, config::Config, exit_code::Exit, output, progress};

/// Runs the command. Endpoints that don't answer cost freshness, not the status.
pub(super) async fn run(session: &Session) -> anyhow::Result<Exit> {
    let config = session.config()?;
    let state = compose::read_state(&config)?;
    let fresh = match observe(&config, &state).await {
        Ok(fresh) => Some(fresh),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "the chains can't be observed; this is what was known last"
            );
            None
        }
    };
    let observation = fresh.as_ref().map(|(observation, _)| observation);
    let mut report = StatusReport::gather(&state, observation)?;
    if let Some((_, plan)) = &fresh {
        report.plan = Some(serde_json::to_value(plan)?);
    }
    if session.json {
        output::print_json(&document(&report)?);
        return Ok(Exit::Done);
    }
    if let Some((_, plan)) = &fresh {
        plan::print(plan);
        output::print_text("\n");
    }
    status_tables::print(&report);
    Ok(Exit::Done)
}

/// Returns the report with every name it always has, also before the first tick.
fn document(report: &StatusReport) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(report)?;
    if let Value::Object(fields) = &mut document {
        fields.entry("observed").or_insert(Value::Null);
        fields.entry("rollups").or_insert_with(|| Value::Array(Vec::new()));
        fields.entry("guards").or_insert_with(|| Value::Array(Vec::new()));
    }
    Ok(document)
}

async fn observe(config: &Config, state: &StateFile) -> anyhow::Result<(Observation, PlanReport)> {
    let reader = compose::reader(config).await?;
    let spinner = progress::spinner("observing both chains");
    let observation = reader.observer.observe().await?;
    spinner.finish_and_clear();
    let context = plan::guard_context(&reader, state, &observation)?;
    let plan = dry_run(state, &reader.settings, &observation, &context)?.report();
    Ok((observation, plan))
}
