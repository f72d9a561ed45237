//! Telling people.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use nexus_primitives::RollupAdmin;
use serde::Serialize;

/// Something a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Alert {
    /// Stable kebab-case name, the same for every occurrence of the same trouble.
    pub name: &'static str,
    /// The rollup concerned, when it is only one.
    pub rollup: Option<RollupAdmin>,
    /// What happened, and what to do about it.
    pub message: String,
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
    present: BTreeSet<Alert>,
    told: BTreeSet<Alert>,
}

impl AlertBook {
    /// Notes trouble seen in this tick.
    pub(crate) fn note(&self, alert: Alert) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).present.insert(alert);
    }

    /// Ends the tick: returns what wasn't there a tick ago. Trouble that went away and comes back is told again.
    pub(crate) fn take_new(&self) -> Vec<Alert> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let present = std::mem::take(&mut pages.present);
        let told = std::mem::replace(&mut pages.told, present.clone());
        present.difference(&told).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(message: &str) -> Alert {
        Alert { name: "x", rollup: None, message: message.to_owned() }
    }

    #[test]
    fn the_same_trouble_is_told_once_until_it_has_gone_away() {
        let book = AlertBook::default();
        let tick = |messages: &[&str]| {
            for message in messages {
                book.note(alert(message));
            }
            book.take_new()
        };
        assert_eq!(tick(&["a"]), [alert("a")]);
        assert_eq!(tick(&["a", "b"]), [alert("b")]);
        assert!(tick(&[]).is_empty());
        assert_eq!(tick(&["a"]), [alert("a")]);
    }
}
