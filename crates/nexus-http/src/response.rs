//! An answer, read completely.

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};

use crate::{Endpoint, HttpError, StatusCode};

/// Characters of a body that an error repeats.
const SHOWN_CHARACTERS: usize = 80;
/// Characters of a decoder's complaint that are kept: it repeats what stands in the body, however long that is.
const KEPT_CHARACTERS: usize = 300;

/// An answer with its whole body, of whatever status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Who answered.
    pub endpoint: Endpoint,
    /// The HTTP status.
    pub status: StatusCode,
    /// The `Content-Type` header; empty when there is none.
    pub content_type: String,
    /// The body, no larger than the client's cap.
    pub body: Bytes,
}

impl HttpResponse {
    /// Decodes the body as JSON, whatever status and content type say.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        let mut decoder = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
            let path = error.path().to_string();
            self.undecodable(path, error.into_inner())
        })?;
        decoder.end().map_err(|error| self.undecodable(".".to_owned(), error))?;
        Ok(value)
    }

    /// Returns the first characters of the body as text, control characters replaced by spaces.
    pub fn starts_with(&self) -> String {
        // A character takes at most four bytes.
        let start = &self.body[..self.body.len().min(SHOWN_CHARACTERS * 4)];
        one_line(&String::from_utf8_lossy(start), SHOWN_CHARACTERS)
    }

    fn undecodable(&self, path: String, source: serde_json::Error) -> HttpError {
        let endpoint = self.endpoint.clone();
        if source.is_data() {
            return HttpError::UnexpectedShape { endpoint, path, source: bounded(source) };
        }
        let (content_type, starts_with) = (self.content_type.clone(), self.starts_with());
        HttpError::NotJson { endpoint, content_type, starts_with }
    }
}

/// Keeps what fits into a line of a log. Some complaints carry the body's words as they are.
fn bounded(complaint: serde_json::Error) -> serde_json::Error {
    let text = complaint.to_string();
    let kept = one_line(&text, KEPT_CHARACTERS);
    if kept == text { complaint } else { serde_json::Error::custom(kept) }
}

fn one_line(text: &str, characters: usize) -> String {
    text.chars().take(characters).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn answer(content_type: &str, body: &'static str) -> HttpResponse {
        HttpResponse {
            endpoint: "http://node.example".parse().unwrap(),
            status: StatusCode::OK,
            content_type: content_type.to_owned(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[track_caller]
    fn check(answer: HttpResponse, message: &str) {
        assert_eq!(answer.json::<Vec<u8>>().unwrap_err().to_string(), message);
    }

    #[test]
    fn what_stands_in_place_of_json_is_named() {
        let html = "http://node.example answered HTML, not JSON: is this the right URL?";
        check(answer("text/html; charset=utf-8", "oops"), html);
        check(answer("", "\n<!DOCTYPE html><p>"), html);
        check(answer("", ""), "http://node.example answered nothing, not JSON: is this the right URL?");
        check(
            answer("application/json", "[1, 2"),
            "http://node.example answered \"[1, 2\", not JSON: is this the right URL?",
        );
        check(
            answer("application/json", "[1] trailing"),
            "http://node.example answered \"[1] trailing\", not JSON: is this the right URL?",
        );
    }

    #[test]
    fn json_of_another_shape_is_located() {
        check(answer("", "[1, 300]"), "http://node.example answered JSON of an unexpected shape at [1]");
        check(answer("", "{}"), "http://node.example answered JSON of an unexpected shape at .");
    }

    #[test]
    fn what_a_body_says_does_not_flood_the_complaint_about_it() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Status {
            Active,
        }
        let complaint = |body: &str| {
            let body = Bytes::from(body.to_owned());
            let error = HttpResponse { body, ..answer("", "") }.json::<Status>().unwrap_err();
            error.source().unwrap().to_string()
        };
        let _ = Status::Active;
        assert_eq!(
            complaint(r#""slashed""#),
            "unknown variant `slashed`, expected `active` at line 1 column 9"
        );
        assert_eq!(
            complaint(r#""a\n12:00 ERROR""#),
            "unknown variant `a 12:00 ERROR`, expected `active` at line 1 column 16"
        );
        assert_eq!(complaint(&format!("{:?}", "x".repeat(5_000))).len(), KEPT_CHARACTERS);
    }
}
