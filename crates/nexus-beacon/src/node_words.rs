//! What nodes say when they refuse, and what it means. The only place that looks into their wording.

use nexus_http::{HttpError, HttpResponse};

use crate::{BeaconError, SubmissionOutcome, wire::ErrorBody};

/// Characters of a node's message that are kept.
const KEPT_CHARACTERS: usize = 300;

/// How nodes say that they have an exit already: Lodestar, Teku, Nimbus, Prysm (lower case).
const ALREADY_KNOWN: [&str; 5] =
    ["already_exists", "already exists", "not the first one", "already seen", "already known"];

/// How Lodestar starts the code of an invalid exit, which it answers with status 500.
const LODESTAR_EXIT_ERROR: &str = "voluntary_exit_error";

/// How nodes say that they could offer liveness and don't: Teku without `--beacon-liveness-tracking-enabled`, Grandine
/// (lower case).
const LIVENESS_NOT_TRACKED: &str = "liveness tracking is not enabled";

/// Returns the error for an answer that isn't a success.
pub(crate) fn refused(response: &HttpResponse, request: String) -> BeaconError {
    BeaconError::Refused {
        endpoint: response.endpoint.to_string(),
        request,
        status: response.status.as_u16(),
        message: message(response),
    }
}

/// Returns the node's own words, fit for one line, or what stands in their place.
pub(crate) fn message(response: &HttpResponse) -> String {
    match response.json::<ErrorBody>() {
        Ok(body) => {
            let kept = body.message.chars().take(KEPT_CHARACTERS);
            kept.map(|c| if c.is_control() { ' ' } else { c }).collect()
        }
        Err(HttpError::NotJson { starts_with, .. }) if starts_with.is_empty() => "no message".to_owned(),
        Err(HttpError::NotJson { content_type, .. }) if content_type.starts_with("text/html") => {
            "an HTML page: is this a beacon node's URL?".to_owned()
        }
        Err(_) => response.starts_with(),
    }
}

/// Sorts an error answer to a submitted exit; `None` when it isn't about the exit.
pub(crate) fn exit_outcome(status: u16, message: String) -> Option<SubmissionOutcome> {
    let lower = message.to_lowercase();
    if ALREADY_KNOWN.iter().any(|words| lower.contains(words)) {
        Some(SubmissionOutcome::AlreadyKnown)
    } else if matches!(status, 400 | 422) || lower.contains(LODESTAR_EXIT_ERROR) {
        Some(SubmissionOutcome::Refused { status, message })
    } else {
        None
    }
}

/// Says whether an error answer means that the node doesn't offer liveness.
pub(crate) fn lacks_liveness(status: u16, message: &str) -> bool {
    matches!(status, 404 | 405 | 501) || message.to_lowercase().contains(LIVENESS_NOT_TRACKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, message: &str, expected: &str) {
        let outcome = exit_outcome(status, message.to_owned());
        assert_eq!(outcome.map_or("none".to_owned(), |outcome| outcome.to_string()), expected);
    }

    #[test]
    fn wording_separates_known_from_invalid_from_broken() {
        check(400, "VOLUNTARY_EXIT_ERROR_ALREADY_EXISTS", "already known");
        check(400, "Ignoring exit: it is not the first one for validator 5", "already known");
        check(500, "VOLUNTARY_EXIT_ERROR_INVALID", "refused (500 VOLUNTARY_EXIT_ERROR_INVALID)");
        check(400, "invalid signature", "refused (400 invalid signature)");
        check(500, "database is locked", "none");
        check(404, "Route not found", "none");
        check(503, "node is syncing", "none");
    }
}
