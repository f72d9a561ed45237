//! Data on stdout: JSON for programs, tables for people.

use std::{
    fmt::Write as _,
    io::{ErrorKind, Write as _, stdout},
};

use serde::Serialize;

/// Prints a document, indented, and a newline.
pub(crate) fn print_json(document: &impl Serialize) {
    let text = serde_json::to_string_pretty(document).expect("reports are plain data");
    print_text(&format!("{text}\n"));
}

/// Prints text as it is. A reader that went away (`| head`) is no error.
pub(crate) fn print_text(text: &str) {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            tracing::error!(error = &error as &dyn std::error::Error, "stdout can't be written");
        }
        _ => {}
    }
}

/// A table with a heading per column.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins a table with its headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(ToOwned::to_owned).to_vec()] }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// Prints it, columns as wide as their widest cell; `empty` when there is no row.
    pub(crate) fn print(&self, empty: &str) {
        if self.rows.len() > 1 { print_text(&self.render()) } else { print_text(&format!("{empty}\n")) }
    }

    fn render(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}  ").expect("a String takes every write");
            }
            writeln!(text, "{}", line.trim_end()).expect("a String takes every write");
        }
        text
    }
}

/// Shows an optional value, with a dash for none.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["name", "n"]);
        table.row(["größer".to_owned(), "1".to_owned()]);
        assert_eq!(table.render(), "name    n\ngrößer  1\n");
    }
}
