//! nexus-ssv against what SSV's own tool wrote, and against damage.

mod dependencies;
mod fixtures;
mod known_answers;
mod operator_keys;
mod rejected_files;
mod signatures;
mod split;
mod tampering;
