//! `status`: what the bot knows and what the world says of it. Works beside a running bot.

use nexus_controller::{Observation, PlanReport, StateFile, StatusReport, dry_run};

use super::{Session, plan, status_tables};
use crate::{compose, config::Config, exit_code::Exit, output, progress, status_document::status_document};

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
        output::print_json(&status_document(&report)?);
        return Ok(Exit::Done);
    }
    if let Some((_, plan)) = &fresh {
        plan::print(plan);
        output::print_text("\n");
    }
    status_tables::print(&report);
    Ok(Exit::Done)
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
