//! What decides how fast a row can be.

/// A row's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Everything happens when the row makes it happen; it is as fast as the machine.
    Stepped,
    /// A network's slots pass by themselves; the row mostly waits, and can beside others.
    RealTime,
}
