//! Tests of nexus-policy through its public API.

mod bridge_contract;
mod contract_laws;
mod dependencies;
mod examples;
mod laws;
mod met;
mod positions;
mod withdrawal_laws;
