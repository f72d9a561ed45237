//! The command line of nexus-bot: configuration in, trait objects wired, one command run, an exit code out.
//!
//! Data goes to stdout, everything else to stderr. What the commands do is in the library crates; `compose` is the one
//! place that names their concrete types.
#![forbid(unsafe_code)]

mod alerting;
mod cli;
mod clock;
mod commands;
mod compose;
mod config;
mod demo;
mod exit_code;
mod failure;
mod http_status;
mod interrupt;
mod logging;
mod output;
mod private_file;
mod progress;
mod salt_source;
mod status_document;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{cli::Cli, exit_code::Exit};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::report_usage(&error).into(),
    };
    logging::init(cli.log_format, cli.log_filter());
    let json = cli.json;
    let exit = match commands::run(cli).await {
        Ok(exit) => exit,
        Err(error) => failure::report(&error, json),
    };
    Exit::into(exit)
}
