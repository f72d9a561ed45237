//! What a row found, counted by check.

use std::fmt;

/// The outcome of one row's checks, in the order they were first made.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    groups: Vec<Group>,
}

/// Everything counted under one name.
#[derive(Debug)]
pub(crate) struct Group {
    /// What was checked.
    pub(crate) name: String,
    /// How often it held.
    pub(crate) passed: usize,
    /// What was found where it did not.
    pub(crate) failures: Vec<String>,
}

impl Checks {
    /// Counts one check; `found` describes a failure.
    pub(crate) fn that(&mut self, name: &str, holds: bool, found: impl FnOnce() -> String) {
        let group = self.group(name);
        if holds {
            group.passed += 1;
        } else {
            group.failures.push(found());
        }
    }

    /// Counts a comparison of what we made with what the peer made.
    pub(crate) fn same<T: PartialEq + fmt::Debug>(&mut self, name: &str, ours: &T, theirs: &T) {
        self.that(name, ours == theirs, || format!("ours {ours:?}, theirs {theirs:?}"));
    }

    /// Counts an operation that must succeed, and returns its value when it did.
    pub(crate) fn ok<T, E: Into<anyhow::Error>>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        match result.map_err(Into::into) {
            Ok(value) => {
                self.that(name, true, String::new);
                Some(value)
            }
            Err(error) => {
                self.that(name, false, || format!("{error:#}"));
                None
            }
        }
    }

    /// Counts an operation that must be refused, with a reason that contains `reason`.
    pub(crate) fn refused<T, E: Into<anyhow::Error>>(
        &mut self,
        name: &str,
        result: Result<T, E>,
        reason: &str,
    ) {
        match result.map_err(Into::into) {
            Ok(_) => self.that(name, false, || "was accepted".to_owned()),
            Err(error) => {
                let text = format!("{error:#}");
                self.that(name, text.contains(reason), || format!("refused without {reason:?}: {text}"));
            }
        }
    }

    /// Returns what was found, by check.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Returns how many checks held.
    pub(crate) fn passed(&self) -> usize {
        self.groups.iter().map(|group| group.passed).sum()
    }

    /// Returns how many checks did not hold.
    pub(crate) fn failed(&self) -> usize {
        self.groups.iter().map(|group| group.failures.len()).sum()
    }

    fn group(&mut self, name: &str) -> &mut Group {
        let at = self.groups.iter().position(|group| group.name == name).unwrap_or_else(|| {
            self.groups.push(Group { name: name.to_owned(), passed: 0, failures: Vec::new() });
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_counted_by_name_in_order() {
        let mut checks = Checks::default();
        checks.same("roots", &1, &1);
        checks.same("signatures", &1, &2);
        checks.same("roots", &3, &3);
        assert_eq!((checks.passed(), checks.failed()), (2, 1));
        let names: Vec<_> = checks.groups().iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["roots", "signatures"]);
        assert_eq!(checks.groups()[1].failures, ["ours 1, theirs 2"]);
    }

    #[test]
    fn a_refusal_counts_only_for_the_right_reason() {
        let mut checks = Checks::default();
        checks.refused("refusals", Err::<(), _>(anyhow::anyhow!("too early")), "early");
        checks.refused("refusals", Err::<(), _>(anyhow::anyhow!("no route")), "early");
        checks.refused("refusals", Ok::<_, anyhow::Error>(()), "early");
        assert_eq!((checks.passed(), checks.failed()), (1, 2));
    }
}
