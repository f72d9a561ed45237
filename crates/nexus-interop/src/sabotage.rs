//! Breaking our side on purpose: checks that can't fail prove nothing.

use std::collections::BTreeSet;

use crate::{report::Entry, rows, session::Session};

/// A way in which our side is broken, where a row hands our bytes over. Product code knows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Deposits and exits are signed for another fork version.
    WrongForkVersion,
    /// Partial signatures are combined with one coefficient wrong.
    WrongLagrangeCoefficient,
    /// Shares are encrypted with OAEP padding in place of PKCS#1 v1.5.
    WrongPadding,
    /// Two operators get each other's shares.
    SwappedOperatorIds,
}

impl Sabotage {
    const ALL: [Self; 4] = [
        Self::WrongForkVersion,
        Self::WrongLagrangeCoefficient,
        Self::WrongPadding,
        Self::SwappedOperatorIds,
    ];
}

/// Plays every row that a sabotage concerns; `true` when exactly the checks that should turn red did.
pub(crate) async fn run(session: &Session) -> anyhow::Result<bool> {
    let mut as_expected = true;
    for sabotage in Sabotage::ALL {
        let mut concerned = 0;
        for row in rows::all() {
            let expected: BTreeSet<_> = row.red_under(sabotage).iter().copied().collect();
            if expected.is_empty() {
                continue;
            }
            concerned += 1;
            let entry = session.play(row.as_ref(), Some(sabotage)).await?;
            let found = red(&entry);
            let holds = found == expected;
            as_expected &= holds;
            let verdict = if holds { "right" } else { "WRONG" };
            println!("{verdict}: {sabotage:?} turns {} red in {found:?}, expected {expected:?}", row.name());
        }
        if concerned == 0 {
            as_expected = false;
            println!("WRONG: {sabotage:?} is noticed by no row");
        }
    }
    Ok(as_expected)
}

/// Returns the checks that failed.
fn red(entry: &Entry) -> BTreeSet<&str> {
    let groups = entry.checks.groups().iter();
    groups.filter(|group| !group.failures.is_empty()).map(|group| group.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Checks;

    #[test]
    fn every_sabotage_concerns_a_row() {
        let rows = rows::all();
        for sabotage in Sabotage::ALL {
            assert!(rows.iter().any(|row| !row.red_under(sabotage).is_empty()), "{sabotage:?}");
        }
    }

    #[test]
    fn only_failed_checks_are_red() {
        let mut checks = Checks::default();
        checks.same("green", &1, &1);
        checks.same("red", &1, &1);
        checks.same("red", &1, &2);
        let entry = Entry { row: "row", promise: "", peers: String::new(), checks, seconds: 0 };
        assert_eq!(red(&entry), BTreeSet::from(["red"]));
    }

    /// Names of rows are what people type.
    #[test]
    fn rows_have_names_of_their_own() {
        let rows = rows::all();
        let names: BTreeSet<_> = rows.iter().map(|row| row.name()).collect();
        assert_eq!(names.len(), rows.len());
    }
}
