//! Errors on their way out: told with their whole cause, and sorted into exit codes.

use std::{error::Error, fmt};

use nexus_beacon::BeaconError;
use nexus_chain::{ChainError, ConnectError, KeystoreError, TxError};
use nexus_controller::{ObserveError, StateError, TickError};
use nexus_dkg::{CeremonyError, Fault};
use nexus_http::HttpError;
use serde::Serialize;

use crate::{
    config::{ConfigError, ConfigProblem},
    exit_code::Exit,
    output,
    private_file::PrivateFileError,
};

/// A command line that is well-formed and can't be carried out.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for UsageError {}

#[derive(Serialize)]
struct Envelope {
    error: Told,
}

#[derive(Serialize)]
struct Told {
    kind: &'static str,
    message: String,
    causes: Vec<String>,
}

/// Tells an error with its whole cause: on stderr for people, on stdout as JSON for programs.
pub(crate) fn report(error: &anyhow::Error, json: bool) -> Exit {
    let exit = classify(error);
    let causes = causes(error);
    if json {
        output::print_json(&Envelope {
            error: Told { kind: exit.kind(), message: error.to_string(), causes },
        });
    } else {
        eprintln!("error: {error}");
        let mark = if problems(error).is_empty() { "caused by: " } else { "" };
        for cause in &causes {
            eprintln!("  {mark}{cause}");
        }
    }
    exit
}

/// Tells that the command line is wrong, or prints the help that was asked for.
pub(crate) fn report_usage(error: &clap::Error) -> Exit {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && wants_json {
        let message = error.render().to_string();
        let told =
            Told { kind: Exit::Usage.kind(), message: message.trim_end().to_owned(), causes: Vec::new() };
        output::print_json(&Envelope { error: told });
        return Exit::Usage;
    }
    // Help that can't be written has no reader.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// Returns the causes below an error: every problem of a configuration, or else the chain. One that its parent's text
/// ends with already isn't told twice.
fn causes(error: &anyhow::Error) -> Vec<String> {
    if !problems(error).is_empty() {
        return problems(error).iter().map(ToString::to_string).collect();
    }
    let texts: Vec<_> = error.chain().map(ToString::to_string).collect();
    texts.windows(2).filter(|pair| !pair[0].ends_with(&pair[1])).map(|pair| pair[1].clone()).collect()
}

fn problems(error: &anyhow::Error) -> &[ConfigProblem] {
    error.downcast_ref::<ConfigError>().map_or(&[], ConfigError::problems)
}

/// Sorts an error by the first link of its chain that says what it is.
fn classify(error: &anyhow::Error) -> Exit {
    error.chain().find_map(classify_link).unwrap_or(Exit::Failed)
}

fn classify_link(error: &(dyn Error + 'static)) -> Option<Exit> {
    if error.is::<UsageError>() {
        return Some(Exit::Usage);
    }
    if error.is::<ConfigError>() || error.is::<PrivateFileError>() || error.is::<KeystoreError>() {
        return Some(Exit::Configuration);
    }
    if let Some(error) = error.downcast_ref::<StateError>() {
        return matches!(error, StateError::OtherDeployment { .. }).then_some(Exit::Configuration);
    }
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return match error {
            ConnectError::Chain(error) => classify_chain(error),
            ConnectError::Quorum { .. } => Some(Exit::Configuration),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<TickError>() {
        return match error {
            held if held.is_held() => Some(Exit::Held),
            TickError::Observe(error) => classify_observe(error),
            TickError::Chain(error) => classify_chain(error),
            other => unreachable(other.is_unreachable()),
        };
    }
    if let Some(error) = error.downcast_ref::<ObserveError>() {
        return if error.is_held() { Some(Exit::Held) } else { classify_observe(error) };
    }
    if let Some(error) = error.downcast_ref::<ChainError>() {
        return classify_chain(error);
    }
    if let Some(error) = error.downcast_ref::<BeaconError>() {
        return classify_beacon(error);
    }
    if let Some(TxError::Chain(error)) = error.downcast_ref::<TxError>() {
        return classify_chain(error);
    }
    if let Some(CeremonyError::Round(failed)) = error.downcast_ref::<CeremonyError>() {
        return unreachable(failed.faults.iter().all(|fault| matches!(fault.fault, Fault::Unreachable(_))));
    }
    unreachable(error.downcast_ref::<HttpError>().is_some_and(HttpError::is_unreachable))
}

fn classify_observe(error: &ObserveError) -> Option<Exit> {
    match error {
        ObserveError::Chain(error) => classify_chain(error),
        ObserveError::Beacon(error) => classify_beacon(error),
        ObserveError::OtherNetwork { .. } => Some(Exit::Configuration),
        _ => None,
    }
}

fn classify_chain(error: &ChainError) -> Option<Exit> {
    match error {
        ChainError::WrongChain { .. } | ChainError::Contract { .. } => Some(Exit::Configuration),
        other => unreachable(other.is_unreachable()),
    }
}

fn classify_beacon(error: &BeaconError) -> Option<Exit> {
    match error {
        BeaconError::NetworkMismatch { .. } => Some(Exit::Configuration),
        other => unreachable(other.is_unreachable() || other.is_not_ready()),
    }
}

fn unreachable(is_unreachable: bool) -> Option<Exit> {
    is_unreachable.then_some(Exit::Unreachable)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn unreachable_endpoint() -> ChainError {
        ChainError::Unreachable {
            endpoint: "http://127.0.0.1:1".to_owned(),
            source: "connection refused".into(),
        }
    }

    #[test]
    fn an_error_keeps_its_exit_code_under_added_context() {
        let error = Err::<(), _>(unreachable_endpoint()).context("planning").unwrap_err();
        assert_eq!(classify(&error), Exit::Unreachable);
        let through = anyhow::Error::from(TickError::from(ObserveError::from(unreachable_endpoint())));
        assert_eq!(classify(&through), Exit::Unreachable);
        assert_eq!(classify(&anyhow::anyhow!("something else")), Exit::Failed);
        assert_eq!(classify(&UsageError("no".to_owned()).into()), Exit::Usage);
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("root").context("below: root").context("top");
        assert_eq!(causes(&error), ["below: root"]);
    }
}
