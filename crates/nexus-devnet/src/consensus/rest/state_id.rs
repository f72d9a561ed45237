//! Which state a request means.

use nexus_primitives::{Root, Slot};

use super::error::ApiError;
use crate::consensus::{chain::BeaconChain, state::BeaconState};

/// Finds the state that an identifier names: `head`, `genesis`, `finalized`, `justified`, a slot or a state root.
pub(super) fn find<'a>(chain: &'a BeaconChain, id: &str) -> Result<&'a BeaconState, ApiError> {
    find_by(chain, id, BeaconState::state_root, "state")
}

/// Finds the block that an identifier names, as the state after it.
pub(super) fn find_block<'a>(chain: &'a BeaconChain, id: &str) -> Result<&'a BeaconState, ApiError> {
    find_by(chain, id, BeaconState::block_root, "block")
}

fn find_by<'a>(
    chain: &'a BeaconChain,
    id: &str,
    root_of: fn(&BeaconState) -> Root,
    what: &str,
) -> Result<&'a BeaconState, ApiError> {
    let missing = || ApiError::not_found(format!("{what} {id} is not known to this node"));
    match id {
        "head" => Ok(chain.head()),
        "genesis" => Ok(chain.genesis()),
        "finalized" => Ok(chain.finalized()),
        "justified" => Ok(chain.justified()),
        root if root.starts_with("0x") => {
            let root: Root = root.parse().map_err(ApiError::bad_request)?;
            let mut states = chain.kept_states().chain([chain.genesis()]);
            states.find(|state| root_of(state) == root).ok_or_else(missing)
        }
        slot => {
            let slot: Slot =
                slot.parse().map_err(|_| ApiError::bad_request(format!("invalid {what} id {slot:?}")))?;
            if slot == chain.genesis().slot() {
                Ok(chain.genesis())
            } else {
                chain.state_at(slot).ok_or_else(missing)
            }
        }
    }
}
