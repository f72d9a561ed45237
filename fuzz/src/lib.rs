//! What the targets share: laws that every reader keeps, and changes that a JSON document survives.

mod json_mutator;

use std::{
    error::Error,
    fmt::{Debug, Display},
    str::FromStr,
};

pub use json_mutator::mutate_json;
use serde::{Serialize, de::DeserializeOwned};

/// Parses `text`; what was parsed is written so that it parses to the same again.
#[track_caller]
pub fn round_trip_text<T>(text: &str) -> Option<T>
where
    T: FromStr<Err: Error> + Display + PartialEq + Debug,
{
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            let again = written.parse::<T>().unwrap_or_else(|error| panic!("{written:?}: {error}"));
            assert_eq!(again, value, "{written:?}");
            Some(value)
        }
        Err(error) => {
            show(&error);
            None
        }
    }
}

/// Reads JSON; what was read is written so that it reads the same again.
#[track_caller]
pub fn round_trip_json<T>(text: &str) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let value = serde_json::from_str::<T>(text).ok()?;
    let written = serde_json::to_string(&value).expect("what was read can be written");
    let again = serde_json::from_str::<T>(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(again, value, "{written}");
    Some(value)
}

/// Writes an error with all its causes, as a log would: that mustn't panic either.
pub fn show(error: &dyn Error) {
    for cause in causes(error) {
        assert!(!cause.is_empty(), "{error:?} says nothing");
    }
}

/// Returns the texts of an error and of all its causes.
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}

/// A stranger's words in an error or a log fit into one line of at most `limit` characters.
#[track_caller]
pub fn assert_one_line(shown: &str, limit: usize) {
    assert!(!shown.contains(char::is_control), "{shown:?}");
    assert!(shown.chars().count() <= limit, "{} characters: {shown:?}", shown.chars().count());
}
