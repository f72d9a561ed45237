//! `nexus-interop`: the bot's parts against software that nobody here wrote.
//!
//! Each row of the closing table is one file in `rows/`: it starts or calls a real peer, hands it what our crates
//! made, reads what the peer made with our crates, and counts what agreed. Peers come from package registries,
//! pinned in `fixtures/interop/versions.toml`, and are kept in the git-ignored `.interop/`.
//!
//! What this program never does: talk to anything but package registries and 127.0.0.1, or leave a peer running.
#![forbid(unsafe_code)]

mod checks;
mod child_process;
mod cli;
mod component;
mod docs_page;
mod driver;
mod full_operator;
mod install;
mod pace;
mod report;
mod row;
mod rows;
mod sabotage;
mod session;
mod stage;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

// More workers than cores: rows also compute, and beside them the fronts of networks in real time must answer.
#[tokio::main(worker_threads = 8)]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Dropping the work kills every peer that it started.
    let outcome = tokio::select! {
        outcome = cli.run() => outcome,
        _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("nexus-interop: {error:#}");
            ExitCode::FAILURE
        }
    }
}
