//! The rows, in the order they are played: cheap ones first.

mod anvil;
mod dkg;
mod dkg_bot;
mod dkg_verdict;
mod execution_suite;
mod geth;
mod keys;
mod keyshares;
mod lodestar;
mod made_validator;
mod prysm;
mod recorded_ceremony;
mod validator_life;

use crate::row::Row;

/// Returns every row. A new one is a file beside this and a line here.
pub(crate) fn all() -> Vec<Box<dyn Row>> {
    vec![
        Box::new(keys::Keys),
        Box::new(keyshares::Keyshares),
        Box::new(dkg::Dkg),
        Box::new(anvil::Anvil),
        Box::new(geth::Geth),
        Box::new(lodestar::Lodestar),
        Box::new(prysm::Prysm),
    ]
}
