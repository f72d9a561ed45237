//! The closing table.

use std::fmt::Write as _;

use crate::checks::Checks;

/// All rows that were played.
pub(crate) struct Report {
    entries: Vec<Entry>,
}

/// One row with what it found.
pub(crate) struct Entry {
    /// The row's name.
    pub(crate) row: &'static str,
    /// What it proves.
    pub(crate) promise: &'static str,
    /// Its peers with their versions.
    pub(crate) peers: String,
    /// What was found.
    pub(crate) checks: Checks,
    /// How long it took, installation included.
    pub(crate) seconds: u64,
}

impl Entry {
    /// Returns what is printed when the row ends.
    pub(crate) fn live_line(&self) -> String {
        let (passed, failed) = (self.checks.passed(), self.checks.failed());
        let mut line = format!("{:<10} {passed} passed, {failed} failed ({} s)", self.row, self.seconds);
        for group in self.checks.groups() {
            for failure in group.failures.iter().take(3) {
                let _ = write!(line, "\n    {}: {failure}", group.name);
            }
            if group.failures.len() > 3 {
                let _ = write!(line, "\n    {}: {} more", group.name, group.failures.len() - 3);
            }
        }
        line
    }
}

impl Report {
    /// Puts rows together.
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// Tells whether every check held.
    pub(crate) fn is_green(&self) -> bool {
        self.failed() == 0
    }

    /// Returns the sum of it all.
    pub(crate) fn closing_line(&self) -> String {
        let passed: usize = self.entries.iter().map(|entry| entry.checks.passed()).sum();
        format!("{passed} passed, {} failed", self.failed())
    }

    /// Returns the table with a line for each check.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![["row", "peers", "check", "passed", "failed"].map(str::to_owned)];
        for entry in &self.entries {
            for (at, group) in entry.checks.groups().iter().enumerate() {
                let first = |text: &str| if at == 0 { text.to_owned() } else { String::new() };
                lines.push([
                    first(entry.row),
                    first(&entry.peers),
                    group.name.clone(),
                    group.passed.to_string(),
                    group.failures.len().to_string(),
                ]);
            }
        }
        aligned(&lines)
    }

    fn failed(&self) -> usize {
        self.entries.iter().map(|entry| entry.checks.failed()).sum()
    }

    /// Returns what each row proves.
    pub(crate) fn promises(&self) -> String {
        self.entries
            .iter()
            .fold(String::new(), |text, entry| text + &format!("* `{}`: {}\n", entry.row, entry.promise))
    }
}

/// Lays cells out as a Markdown table that also reads well on a terminal.
fn aligned(lines: &[[String; 5]]) -> String {
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 5] = std::array::from_fn(width);
    let row = |cells: &[String; 5]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = format!("| {} |\n", widths.map(|width| "-".repeat(width)).join(" | "));
    lines.iter().enumerate().map(|(at, line)| if at == 0 { row(line) + &rule } else { row(line) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut checks = Checks::default();
        checks.same("deposit roots", &1, &1);
        checks.same("exits", &1, &2);
        let peers = "peer 1.0".to_owned();
        Report::of(vec![Entry { row: "keys", promise: "keys agree", peers, checks, seconds: 3 }])
    }

    #[test]
    fn the_table_lists_every_check_with_its_counts() {
        let expected = "\
| row  | peers    | check         | passed | failed |
| ---- | -------- | ------------- | ------ | ------ |
| keys | peer 1.0 | deposit roots | 1      | 0      |
|      |          | exits         | 0      | 1      |
";
        assert_eq!(report().table(), expected);
    }

    #[test]
    fn one_failure_makes_the_whole_red() {
        let report = report();
        assert!(!report.is_green());
        assert_eq!(report.closing_line(), "1 passed, 1 failed");
        assert!(report.entries[0].live_line().contains("exits: ours 1, theirs 2"));
    }
}
