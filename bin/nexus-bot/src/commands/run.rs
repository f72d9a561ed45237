//! `run`: the loop, for ever or until one tick's work is done.

use std::{sync::Arc, time::Duration};

use nexus_controller::{Mandate, StateError, StateFile, StatusReport, TickError, TickReport};

use super::{Session, status_tables};
use crate::{
    cli::RunArgs,
    compose::{self, Bot},
    exit_code::Exit,
    http_status::{self, Health},
    interrupt::Interrupt,
    progress,
    status_document::status_document,
};

/// Longest pause between two tries, in intervals.
const MAX_BACKOFF_INTERVALS: u32 = 10;
/// Failed ticks in a row after which `run --once` gives up on what it began.
const MAX_FAILURES_ONCE: u32 = 10;

/// Runs the command.
pub(super) async fn run(session: &Session, args: &RunArgs) -> anyhow::Result<Exit> {
    let config = session.config()?;
    let bot = compose::bot(&config, session.salt()?).await?;
    let interrupt = Interrupt::install()?;
    let health = Arc::new(Health::new(Arc::clone(&bot.clock), config.interval_secs));
    if let Some(listen) = config.http_listen {
        let address = http_status::start(listen, Arc::clone(&health), Arc::clone(&bot.state)).await?;
        tracing::info!(http.address = %address, "status server listens");
    }
    let mut ticker =
        Ticker { bot: &bot, health, interrupt, interval: Duration::from_secs(config.interval_secs) };
    if !args.once {
        return Ok(ticker.run_forever().await);
    }
    let exit = ticker.run_once().await?;
    let report = StatusReport::gather(&bot.state, None)?;
    session.print(&status_document(&report)?, || status_tables::print(&report));
    Ok(exit)
}

/// Ticks, and waits between ticks.
struct Ticker<'a> {
    bot: &'a Bot,
    health: Arc<Health>,
    interrupt: Interrupt,
    interval: Duration,
}

impl Ticker<'_> {
    /// Ticks until somebody asks to stop. A tick that fails is tried again, later each time.
    async fn run_forever(&mut self) -> Exit {
        let mut failures = 0_u32;
        loop {
            match self.tick(Mandate::Plan).await {
                Ok(report) => {
                    failures = 0;
                    log(&report);
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::error!(error = &error as &dyn std::error::Error, failures, "tick failed");
                }
            }
            if self.wait(backoff(failures)).await {
                tracing::info!("stopped; a later run goes on where this one ended");
                return Exit::Interrupted;
            }
        }
    }

    /// Carries one plan out, after what an earlier run left behind, and finishes what that began. What waits on the
    /// outside world is left for a later run.
    async fn run_once(&mut self) -> Result<Exit, TickError> {
        let sent_before = sent_so_far(&self.bot.state)?;
        let first = self.tick(Mandate::Plan).await?;
        let mut held = !first.holding().is_empty();
        log(&first);
        let mut settled = first.is_settled();
        let mut mandate = mandate_after(&first);
        let mut failures = 0_u32;
        let spinner = progress::spinner("waiting for transactions to become final");
        while !settled {
            if self.wait(backoff(failures)).await {
                return Ok(Exit::Interrupted);
            }
            match self.tick(mandate).await {
                Ok(report) => {
                    failures = 0;
                    if mandate == Mandate::Plan {
                        held |= !report.holding().is_empty();
                        mandate = mandate_after(&report);
                    }
                    settled = report.is_settled();
                    spinner.set_message(waiting_for(&report));
                }
                Err(error) if failures + 1 < MAX_FAILURES_ONCE => {
                    failures += 1;
                    tracing::warn!(error = &error as &dyn std::error::Error, failures, "tick failed");
                }
                Err(error) => return Err(error),
            }
        }
        spinner.finish_and_clear();
        let sent = sent_so_far(&self.bot.state)? > sent_before;
        Ok(if held && !sent { Exit::Held } else { Exit::Done })
    }

    /// Ticks to the end, whoever asks to stop meanwhile.
    async fn tick(&self, mandate: Mandate) -> Result<TickReport, TickError> {
        let result = self.bot.controller.tick(mandate).await;
        match &result {
            Ok(_) => self.health.succeeded(),
            Err(error) => self.health.failed(error.to_string()),
        }
        result
    }

    /// Waits some intervals; returns whether somebody asked to stop.
    async fn wait(&mut self, intervals: u32) -> bool {
        let _ = tokio::time::timeout(self.interval.saturating_mul(intervals), self.interrupt.raised()).await;
        self.interrupt.is_raised()
    }
}

/// Returns how many intervals to wait after so many failures in a row: 1, 2, 4, 8, 10.
fn backoff(failures: u32) -> u32 {
    1_u32
        .checked_shl(failures)
        .map_or(MAX_BACKOFF_INTERVALS, |intervals| intervals.clamp(1, MAX_BACKOFF_INTERVALS))
}

/// The plan is carried out once, as soon as nothing of before has to go first.
fn mandate_after(report: &TickReport) -> Mandate {
    if report.began { Mandate::Finish } else { Mandate::Plan }
}

/// Returns how many transactions and exits were ever signed; whatever is signed is sent at once.
fn sent_so_far(state: &StateFile) -> Result<usize, StateError> {
    let transactions: usize = state.intents(u32::MAX)?.iter().map(|intent| intent.tx_hashes.len()).sum();
    let exits = state.validators()?.iter().filter(|validator| validator.signed_exit.is_some()).count();
    Ok(transactions + exits)
}

fn waiting_for(report: &TickReport) -> String {
    let progress = report.progress;
    format!("{} transactions unmined, {} not final", progress.unmined, progress.unconfirmed)
}

fn log(report: &TickReport) {
    for guard in report.holding() {
        tracing::warn!(guard.name, "{}", guard.message);
    }
    tracing::info!(
        block.number = report.plan.block.number.get(),
        rollups = report.plan.rollups.len(),
        steps = report.steps,
        tx.unmined = report.progress.unmined,
        tx.unconfirmed = report.progress.unconfirmed,
        "tick done"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_later_each_time_up_to_ten_intervals() {
        let waits: Vec<_> = (0..6).map(backoff).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff(u32::MAX), 10);
    }
}
