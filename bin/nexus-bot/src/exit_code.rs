//! What the process says when it ends.

use std::process::ExitCode;

/// Exit codes; the numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong, or the world isn't the one it describes.
    Configuration,
    /// A service that is needed can't be reached.
    Unreachable,
    /// A guard held everything back: nothing was sent.
    Held,
    /// Stopped by a signal.
    Interrupted,
}

impl Exit {
    /// Returns the number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 64,
            Self::Unreachable => 69,
            Self::Held => 75,
            Self::Interrupted => 130,
        }
    }

    /// Returns the `kind` of an error in JSON.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Configuration => "configuration",
            Self::Unreachable => "unreachable",
            Self::Held => "held",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
