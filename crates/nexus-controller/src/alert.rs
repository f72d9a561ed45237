//! Telling people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use nexus_primitives::RollupAdmin;
use serde::Serialize;

/// Something a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Stable kebab-case name, the same for every occurrence of the same trouble.
    pub name: &'static str,
    /// The rollup concerned, when it is only one.
    pub rollup: Option<RollupAdmin>,
    /// What of the rollup is in trouble, when it has several that may be: a validator's key, mostly. Trouble of the
    /// same name, rollup and subject is the same trouble, however its message changes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// What happened, and what to do about it.
    pub message: String,
}

type Trouble = (&'static str, Option<RollupAdmin>, String);

impl Alert {
    fn trouble(&self) -> Trouble {
        (self.name, self.rollup, self.subject.clone())
    }
}

/// Where alerts go: a log, a webhook.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Delivers the alert as well as it can; a failure to deliver is logged, never raised.
    async fn raise(&self, alert: &Alert);
}

const _: Option<&dyn AlertSink> = None;

/// Remembers what was alerted about, so that the same trouble is told once and not every tick.
#[derive(Default)]
pub(crate) struct AlertBook {
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    present: BTreeMap<Trouble, Alert>,
    told: BTreeSet<Trouble>,
}

impl AlertBook {
    /// Notes trouble seen in this tick.
    pub(crate) fn note(&self, alert: Alert) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.present.insert(alert.trouble(), alert);
    }

    /// Ends the tick: returns what wasn't there a tick ago. Trouble that went away and comes back is told again; that
    /// a tick which broke off didn't come across it doesn't mean that it went away.
    pub(crate) fn take_new(&self, tick_finished: bool) -> Vec<Alert> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let present = std::mem::take(&mut pages.present);
        let mut known: BTreeSet<_> = present.keys().cloned().collect();
        let told = std::mem::take(&mut pages.told);
        if !tick_finished {
            known.extend(told.iter().cloned());
        }
        pages.told = known;
        present.into_iter().filter(|(trouble, _)| !told.contains(trouble)).map(|(_, alert)| alert).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(message: &str) -> Alert {
        Alert { name: "x", rollup: None, subject: message.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn the_same_trouble_is_told_once_until_it_has_gone_away() {
        let book = AlertBook::default();
        let tick = |messages: &[&str]| {
            for message in messages {
                book.note(alert(message));
            }
            book.take_new(true)
        };
        assert_eq!(tick(&["a"]), [alert("a")]);
        assert_eq!(tick(&["a", "b"]), [alert("b")]);
        assert!(tick(&[]).is_empty());
        assert_eq!(tick(&["a"]), [alert("a")]);
    }

    #[test]
    fn a_message_that_changes_is_the_same_trouble() {
        let book = AlertBook::default();
        let tick = |message: &str| {
            book.note(Alert { subject: String::new(), ..alert(message) });
            book.take_new(true).len()
        };
        assert_eq!((tick("1 short"), tick("2 short")), (1, 0));
    }

    #[test]
    fn a_tick_that_broke_off_forgets_nothing() {
        let book = AlertBook::default();
        book.note(alert("a"));
        assert_eq!(book.take_new(true).len(), 1);
        assert!(book.take_new(false).is_empty());
        book.note(alert("a"));
        assert!(book.take_new(true).is_empty());
    }
}
