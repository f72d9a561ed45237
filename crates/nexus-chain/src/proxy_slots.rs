//! Where a proxy keeps the address of the code it runs.

use alloy::primitives::{B256, b256};
use nexus_primitives::Address;

use crate::{
    ChainError,
    alloy_types::from_alloy,
    read_batch::{Read, ReadBatch, Readings},
    wire::address_in_word,
};

/// Where Nexus' proxies keep their implementation: `keccak256("PROXIABLE")` (EIP-1822).
const PROXIABLE_SLOT: B256 = b256!("0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7");
/// Where SSV's proxies keep theirs (ERC-1967).
const ERC_1967_SLOT: B256 = b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// Reads of the slots that proxies use.
pub(crate) struct ProxySlots([Read<B256>; 2]);

impl ProxySlots {
    pub(crate) fn ask(batch: &mut ReadBatch, address: Address) -> Self {
        Self([PROXIABLE_SLOT, ERC_1967_SLOT].map(|slot| batch.storage(address, slot)))
    }

    /// Returns the implementation; `None` when the contract is no proxy of a known kind.
    pub(crate) fn implementation(&self, readings: &Readings<'_>) -> Result<Option<Address>, ChainError> {
        for slot in &self.0 {
            if let Some(address) = address_in_word(readings.read(slot)?) {
                return Ok(Some(from_alloy(address)));
            }
        }
        Ok(None)
    }
}
