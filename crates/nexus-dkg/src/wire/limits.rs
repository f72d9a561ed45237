//! Lengths that the protocol allows.

/// Operators of a ceremony at most.
pub const MAX_OPERATORS: usize = 13;
/// Messages in a bundle at most: one per operator.
pub const MAX_MESSAGES: usize = MAX_OPERATORS;
/// Data of a transport, 8 MiB.
pub(super) const MAX_DATA: usize = 8_388_608;
/// A version's text.
pub(super) const MAX_VERSION: usize = 128;
/// Encoded RSA keys, RSA signatures, exchange keys and commitments.
pub(super) const MAX_KEY: usize = 2048;
/// JSON of a DKG bundle.
pub(super) const MAX_KYBER: usize = 4096;
/// An error's text.
pub(super) const MAX_ERROR: usize = 512;
/// An encrypted share; 256 bytes in practice.
pub(super) const MAX_ENCRYPTED_SHARE: usize = 512;
/// JSON of a deposit.
pub(super) const MAX_DEPOSIT: usize = 8192;
/// JSON of keyshares or proofs.
pub(super) const MAX_DOCUMENT: usize = 32_768;
/// Withdrawal credentials: exactly this many, though the protocol has a limit here.
pub(super) const CREDENTIALS: usize = 32;

/// Bytes of a bundle of `MAX` items that have at most `item` bytes each.
pub(super) const fn list(items: usize, item: usize) -> usize {
    items.saturating_mul(item.saturating_add(4))
}
