//! nexus-ssv against what SSV's own tool wrote, and against damage.

mod fixtures;
mod known_answers;
mod operator_keys;
mod split;
