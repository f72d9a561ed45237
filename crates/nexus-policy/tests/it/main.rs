//! Tests of nexus-policy through its public API.

mod dependencies;
mod examples;
mod laws;
mod positions;
