//! The command line.

use std::sync::Arc;

use anyhow::{bail, ensure};
use clap::{Parser, Subcommand};

use crate::{docs_page, row::Row, rows, sabotage, session::Session, stage::Layout};

/// Runs the bot's parts against the real software of its users' stack.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// Rows to run; all of them when none is named.
    rows: Vec<String>,
    /// Print the rows and their peers, and run nothing.
    #[arg(long)]
    list: bool,
    /// Keep the rows' working folders in `.interop/work`.
    #[arg(long)]
    keep: bool,
    /// Write the table to docs/interop.md.
    #[arg(long)]
    write_docs: bool,
    /// Seed of everything random: mnemonics, keys, polynomials.
    #[arg(long, default_value_t = 1, global = true)]
    seed: u64,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Breaks our side on purpose, one way at a time, and demands that the right checks turn red.
    Sabotage,
}

impl Cli {
    /// Does what was asked; `false` when a check failed.
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let session = Arc::new(Session::open(Layout::find()?, self.seed, self.keep)?);
        if matches!(self.command, Some(Command::Sabotage)) {
            return sabotage::run(&session).await;
        }
        let rows = chosen(&self.rows)?;
        if self.list {
            for row in rows {
                println!("{:<10} {} ({})", row.name(), row.promise(), session.peers(row.as_ref())?);
            }
            return Ok(true);
        }
        println!("seed {}; peers are kept in {}", self.seed, session.layout().cache.display());
        let report = Arc::clone(&session).play_all(rows).await?;
        println!("\n{}", report.table());
        println!("{}", report.closing_line());
        if self.write_docs {
            ensure!(report.is_green() && self.rows.is_empty(), "the page keeps a whole and green table only");
            docs_page::write(&session.layout().docs_page, &report)?;
        }
        Ok(report.is_green())
    }
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<Box<dyn Row>>> {
    let known = rows::all();
    if let Some(stranger) = names.iter().find(|name| known.iter().all(|row| row.name() != *name)) {
        let known: Vec<_> = known.iter().map(|row| row.name()).collect();
        bail!("no row is called {stranger:?}; there are {}", known.join(", "));
    }
    Ok(known
        .into_iter()
        .filter(|row| names.is_empty() || names.iter().any(|name| name == row.name()))
        .collect())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn rows_are_chosen_by_name_and_strangers_refused() {
        let all = rows::all().len();
        assert_eq!(chosen(&[]).unwrap().len(), all);
        assert_eq!(chosen(&["keys".to_owned()]).unwrap().len(), 1);
        assert!(chosen(&["kays".to_owned()]).err().unwrap().to_string().contains("\"kays\""));
    }
}
