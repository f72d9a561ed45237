//! What is wrong with a configuration file, all of it at once.

use std::{fmt, io, path::PathBuf};

/// Why there is no configuration to run with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// No file was named and none lies where one is looked for.
    #[error(
        "no configuration file: neither {} exists; name one with --config, or start from `nexus-bot config example`",
        Paths(tried)
    )]
    NotFound {
        /// Where one was looked for.
        tried: Vec<PathBuf>,
    },
    /// The file can't be read.
    #[error("reading configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file was read and can't be used.
    #[error("configuration {} has {}", path.display(), Count(problems.len()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it, in the order of the file.
        problems: Vec<ConfigProblem>,
    },
}

impl ConfigError {
    /// Returns every problem there is, when the file could be read.
    pub(crate) fn problems(&self) -> &[ConfigProblem] {
        if let Self::Invalid { problems, .. } = self { problems } else { &[] }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConfigProblem {
    /// Line of the file, from 1; what is missing is reported at the line of its section.
    pub(crate) line: usize,
    /// Path of the key, as in `execution.quorum` or `rollup[1].admin`; empty for the file itself.
    pub(crate) key: String,
    /// What is wrong and what was expected.
    pub(crate) message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, key, message } = self;
        if key.is_empty() {
            write!(f, "line {line}: {message}")
        } else {
            write!(f, "line {line}: {key}: {message}")
        }
    }
}

struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 1 { f.write_str("1 problem") } else { write!(f, "{} problems", self.0) }
    }
}

struct Paths<'a>(&'a [PathBuf]);

impl fmt::Display for Paths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.0.iter().map(|path| path.display().to_string()).collect();
        f.write_str(&paths.join(" nor "))
    }
}
