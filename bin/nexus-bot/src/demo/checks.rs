//! The ledger of checks: what was expected, what the chain showed, and what that makes of the whole story.

use std::{
    fmt::{Display, Write as _},
    io::{IsTerminal as _, stdout},
};

use crate::{exit_code::Exit, output::print_text};

/// Longest name before the findings; longer ones push them to the right.
const NAME_WIDTH: usize = 66;

/// One thing that was looked up on chain.
struct Check {
    step: u8,
    name: String,
    /// `None` when the name says it.
    expected: Option<String>,
    found: String,
    held: bool,
}

/// Tells the story on stdout, and remembers every check.
pub(super) struct Ledger {
    checks: Vec<Check>,
    step: u8,
    colour: bool,
}

impl Ledger {
    /// Starts without a check. Colours are for terminals only.
    pub(super) fn new() -> Self {
        Self { checks: Vec::new(), step: 0, colour: stdout().is_terminal() }
    }

    /// Begins a step of the story.
    pub(super) fn begin(&mut self, step: u8, title: &str) {
        self.step = step;
        print_text(&format!("\n{}\n", self.painted("1", &format!("{step}. {title}"))));
    }

    /// Checks that what was found is what was expected.
    pub(super) fn equal<T: PartialEq + Display>(&mut self, name: impl Into<String>, found: T, expected: T) {
        let held = found == expected;
        self.note(name.into(), held, found.to_string(), Some(expected.to_string()));
    }

    /// Checks that every one of `found` is `expected`; they are shown once when they are.
    pub(super) fn all<T: PartialEq + Display>(&mut self, name: impl Into<String>, found: &[T], expected: &T) {
        let held = !found.is_empty() && found.iter().all(|one| one == expected);
        let every: Vec<_> = found.iter().map(ToString::to_string).collect();
        let told = if held { format!("{} times {expected}", found.len()) } else { every.join(", ") };
        self.note(name.into(), held, told, Some(format!("{expected} every time")));
    }

    /// Checks a statement; `found` says what it was judged by.
    pub(super) fn holds(&mut self, name: impl Into<String>, held: bool, found: impl Display) {
        self.note(name.into(), held, found.to_string(), None);
    }

    /// Returns how the process ends: well only when there were checks and every one held.
    pub(super) fn exit(&self) -> Exit {
        if self.checks.is_empty() || self.failed().next().is_some() { Exit::Failed } else { Exit::Done }
    }

    /// Says how many checks there were, and names those that failed.
    pub(super) fn summary(&self) -> String {
        let (count, failed) = (self.checks.len(), self.failed().count());
        if failed == 0 {
            return format!("{count} checks, all held\n");
        }
        let mut text = format!("{count} checks, {failed} failed:\n");
        for Check { step, name, expected, found, .. } in self.failed() {
            let expected =
                expected.as_ref().map(|expected| format!("expected {expected}, ")).unwrap_or_default();
            writeln!(text, "  step {step}: {name}: {expected}found {found}")
                .expect("a String takes every write");
        }
        text
    }

    fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.held)
    }

    fn note(&mut self, name: String, held: bool, found: String, expected: Option<String>) {
        let check = Check { step: self.step, name, expected, found, held };
        print_text(&self.line(&check));
        self.checks.push(check);
    }

    fn line(&self, Check { name, expected, found, held, .. }: &Check) -> String {
        if *held {
            return format!("   {} {name:<NAME_WIDTH$} {found}\n", self.painted("32", "ok  "));
        }
        let mark = self.painted("31", "FAIL");
        let expected = expected.as_ref().map(|expected| format!(", expected {expected}")).unwrap_or_default();
        format!("   {mark} {name:<NAME_WIDTH$} {found}{expected}\n")
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Tells something that happened.
pub(super) fn narrate(text: impl Display) {
    print_text(&format!("   {text}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_among_many_fails_the_demo_and_is_named() {
        let mut ledger = Ledger::new();
        ledger.begin(2, "deposits");
        ledger.equal("deposits", 6, 6);
        ledger.all("statuses", &["active"; 2], &"active");
        ledger.holds("bridge holds ETH", true, "308 ETH");
        assert_eq!(ledger.exit(), Exit::Done);
        assert_eq!(ledger.summary(), "3 checks, all held\n");

        ledger.equal("registered with SSV", 5, 6);
        ledger.equal("closed", 0, 0);
        assert_eq!(ledger.exit(), Exit::Failed);
        let summary = ledger.summary();
        assert!(summary.starts_with("5 checks, 1 failed:"), "{summary}");
        assert!(summary.contains("step 2: registered with SSV: expected 6, found 5"), "{summary}");
    }

    #[test]
    fn nothing_checked_is_not_success() {
        assert_eq!(Ledger::new().exit(), Exit::Failed);
        let mut ledger = Ledger::new();
        ledger.all("statuses", &[] as &[u8], &1);
        assert_eq!(ledger.exit(), Exit::Failed, "none of none proves nothing");
    }
}
