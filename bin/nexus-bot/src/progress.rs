//! Signs of life on a terminal while something takes long.

use std::{
    io::{IsTerminal as _, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// A spinner with a text; invisible where stderr is no terminal.
pub(crate) fn spinner(text: impl Into<String>) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(text.into());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A bar over so many steps; invisible where stderr is no terminal.
pub(crate) fn bar(text: &'static str, steps: usize) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len} {eta}").expect("a valid template");
    ProgressBar::new(steps as u64).with_style(style).with_message(text)
}
