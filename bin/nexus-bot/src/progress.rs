//! Signs of life on a terminal while something takes long.

use std::{
    io::{self, IsTerminal as _, Write, stderr},
    sync::LazyLock,
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Every bar there is, so that log lines can make room for themselves.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A spinner with a text; invisible where stderr is no terminal.
pub(crate) fn spinner(text: impl Into<String>) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = BARS.add(ProgressBar::new_spinner().with_message(text.into()));
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// A bar over so many steps; invisible where stderr is no terminal.
pub(crate) fn bar(text: &'static str, steps: usize) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len} {eta}").expect("a valid template");
    BARS.add(ProgressBar::new(steps as u64).with_style(style).with_message(text))
}

/// Standard error, with the bars out of the way while something is written.
pub(crate) struct Beside;

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}
