//! A walk over a TOML document that goes on after a mistake.
//!
//! serde stops at the first error. Here every key is asked for by name, a value that doesn't fit is noted and the walk
//! goes on; what was never asked for is unknown. So one pass finds everything that is wrong.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problem::ConfigProblem,
    secret_ref::SecretRef,
    value::{FromToml, describe},
};

/// What a walk has found so far.
pub(super) struct Report<'d> {
    text: &'d str,
    directory: &'d Path,
    problems: RefCell<Vec<ConfigProblem>>,
    known: RefCell<BTreeSet<String>>,
    /// A line that isn't TOML may hold the key that seems to be missing.
    may_hide_keys: Cell<bool>,
}

/// One table of the document, read key by key.
pub(super) struct Section<'d> {
    report: &'d Report<'d>,
    table: Option<&'d DeTable<'d>>,
    path: String,
    span: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'d> Report<'d> {
    /// Begins a report on `text`, whose relative paths start at `directory`.
    pub(super) fn new(text: &'d str, directory: &'d Path) -> Self {
        Self {
            text,
            directory,
            problems: RefCell::default(),
            known: RefCell::default(),
            may_hide_keys: Cell::new(false),
        }
    }

    /// Notes what isn't TOML; from now on, nothing is called missing.
    pub(super) fn note_syntax(&self, error: &toml::de::Error) {
        self.may_hide_keys.set(true);
        self.note(error.span().unwrap_or(0..0), String::new(), error.message().to_owned());
    }

    /// Returns the document's outermost table.
    pub(super) fn root(&'d self, document: &'d Spanned<DeTable<'d>>) -> Section<'d> {
        let table = Some(document.get_ref());
        Section { report: self, table, path: String::new(), span: 0..0, asked: Vec::new() }
    }

    /// Notes a problem at a place in the text.
    pub(super) fn note(&self, span: Range<usize>, key: String, message: String) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.problems.borrow_mut().push(ConfigProblem { line, key, message });
    }

    /// Returns every problem, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<ConfigProblem> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        problems
    }

    /// Returns every key that was asked for, whether the file has it or not.
    #[cfg(test)]
    pub(super) fn known_keys(&self) -> Vec<String> {
        self.known.borrow().iter().cloned().collect()
    }
}

impl<'d> Section<'d> {
    /// Reads a table below this one and reports the keys that `read` didn't ask for. A missing table is read as an
    /// empty one, so that each required key in it is named.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'d>) -> T) -> T {
        let value = self.value(key);
        let path = self.path_of(key);
        let (table, span) = match value.map(|value| (value.get_ref(), value.span())) {
            Some((DeValue::Table(table), span)) => (Some(table), span),
            Some((other, span)) => {
                let message = format!("expected one table [{path}], found {}", describe(other));
                self.report.note(span.clone(), path.clone(), message);
                (None, span)
            }
            None => (None, self.span.clone()),
        };
        self.enter(table, path, span).finish(read)
    }

    /// Reads every table of an array `[[key]]`.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'d>) -> T,
    ) -> Vec<T> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let DeValue::Array(tables) = value.get_ref() else {
            let path = self.path_of(key);
            let message = format!("expected tables [[{path}]], found {}", describe(value.get_ref()));
            self.report.note(value.span(), path, message);
            return Vec::new();
        };
        let mut results = Vec::with_capacity(tables.len());
        for (position, entry) in tables.iter().enumerate() {
            let path = format!("{}[{position}]", self.path_of(key));
            match entry.get_ref() {
                DeValue::Table(table) => {
                    results.push(self.enter(Some(table), path, entry.span()).finish(&mut read));
                }
                other => {
                    let message = format!("expected a table, found {}", describe(other));
                    self.report.note(entry.span(), path, message);
                }
            }
        }
        results
    }

    /// Returns whether the table has `key`, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Reads a key that must be there.
    pub(super) fn required<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        if !self.has(key) {
            self.ask(key);
            self.missing(key, T::EXPECTED);
            return None;
        }
        self.optional(key)
    }

    /// Reads a key that may be there. `None` when it isn't, or when its value doesn't fit (and was reported).
    pub(super) fn optional<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        let value = self.value(key)?;
        self.convert(self.path_of(key), value)
    }

    /// Reads a key that has a default.
    pub(super) fn or<T: FromToml>(&mut self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// Reads a path that must be there; a relative one starts at the configuration file's directory.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.required::<PathBuf>(key).map(|path| self.report.directory.join(path))
    }

    /// Reads a path that may be there; a relative one starts at the configuration file's directory.
    pub(super) fn optional_path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.optional::<PathBuf>(key).map(|path| self.report.directory.join(path))
    }

    /// Reads a reference to a secret that must be there.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<SecretRef> {
        self.required::<SecretRef>(key).map(|secret| secret.below(self.report.directory))
    }

    /// Reads a reference to a secret that may be there.
    pub(super) fn optional_secret(&mut self, key: &'static str) -> Option<SecretRef> {
        self.optional::<SecretRef>(key).map(|secret| secret.below(self.report.directory))
    }

    /// Reads a whole number within bounds.
    pub(super) fn number(&mut self, key: &'static str, bounds: RangeInclusive<u64>, default: u64) -> u64 {
        match self.optional::<u64>(key) {
            Some(number) if bounds.contains(&number) => number,
            Some(number) => {
                let (least, most) = (bounds.start(), bounds.end());
                self.problem(key, format!("expected a whole number from {least} to {most}, found {number}"));
                default
            }
            None => default,
        }
    }

    /// Reads a list that must be there and have at least one entry. Every entry that doesn't fit is reported.
    pub(super) fn list<T: FromToml>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let Some(value) = self.value(key) else {
            self.missing(
                key,
                &format!("a list of {}s", T::EXPECTED.trim_start_matches("a ").trim_start_matches("an ")),
            );
            return None;
        };
        let DeValue::Array(entries) = value.get_ref() else {
            self.problem(key, format!("expected a list, found {}", describe(value.get_ref())));
            return None;
        };
        if entries.is_empty() {
            self.problem(key, "expected at least one entry".to_owned());
            return None;
        }
        let converted: Vec<_> = entries
            .iter()
            .enumerate()
            .map(|(position, entry)| self.convert(format!("{}[{position}]", self.path_of(key)), entry))
            .collect();
        converted.into_iter().collect()
    }

    /// Leaves `keys` unread: another problem already decides about them.
    pub(super) fn pass_over(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.ask(key);
        }
    }

    /// Reports each of `keys` that is present: it means something only together with `with`.
    pub(super) fn only_with(&mut self, keys: &[&'static str], with: &str) {
        for key in keys {
            self.ask(key);
            if self.has(key) {
                self.problem(key, format!("only has a meaning with {with}"));
            }
        }
    }

    /// Notes a problem with a key of this table.
    pub(super) fn problem(&self, key: &str, message: String) {
        let value = self.table.and_then(|table| table.get(key));
        let span = value.map_or_else(|| self.span.clone(), Spanned::span);
        self.report.note(span, self.path_of(key), message);
    }

    fn missing(&self, key: &str, expected: &str) {
        if !self.report.may_hide_keys.get() {
            self.problem(key, format!("missing, expected {expected}"));
        }
    }

    fn convert<T: FromToml>(&self, path: String, value: &Spanned<DeValue<'_>>) -> Option<T> {
        match T::from_toml(value.get_ref()) {
            Ok(converted) => Some(converted),
            Err(mismatch) => {
                self.report.note(value.span(), path, mismatch.message::<T>(value.get_ref()));
                None
            }
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.ask(key);
        self.table?.get(key)
    }

    fn ask(&mut self, key: &'static str) {
        self.asked.push(key);
        self.report.known.borrow_mut().insert(self.path_of(key));
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn enter(&self, table: Option<&'d DeTable<'d>>, path: String, span: Range<usize>) -> Section<'d> {
        Section { report: self.report, table, path, span, asked: Vec::new() }
    }

    /// Reads the table, then reports what nobody asked for.
    pub(super) fn finish<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let result = read(&mut self);
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let message = format!("unknown key, expected one of {}", self.asked.join(", "));
                self.report.note(key.span(), self.path_of(name), message);
            }
        }
        result
    }
}
