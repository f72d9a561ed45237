//! What the tests of the rules have in common: keys, deposits and exits that are really signed.

use nexus_keys::ValidatorKey;
use nexus_primitives::{
    Address, BlsSignature, ChainId, Epoch, ForkVersion, Gwei, Root, Slot, UnixSeconds, ValidatorIndex,
    ValidatorPubkey,
    signing::{Domain, DomainType, bytes_root, chunk, merkle_root},
};

use super::{BeaconChain, ConsensusConfig, DepositEvent, SignedVoluntaryExit, ValidatorStatus, Withdrawal};

/// Credentials that pay to `0x2222…`.
pub(super) const CREDENTIALS: [u8; 32] = {
    let mut credentials = [0x22; 32];
    let mut i = 1;
    credentials[0] = 1;
    while i < 12 {
        credentials[i] = 0;
        i += 1;
    }
    credentials
};

/// The vectors of independent code for the files of the deposit tool.
pub(super) fn known_answers() -> serde_json::Value {
    let text = include_str!("../../../../fixtures/keyshares/generated/kat-signing-roots.json");
    serde_json::from_str(text).unwrap()
}

pub(super) fn config() -> ConsensusConfig {
    ConsensusConfig::fast(UnixSeconds::new(1_700_000_000), Address::new([0xdd; 20]), ChainId::new(1337))
}

pub(super) fn key(number: u8) -> ValidatorKey {
    let mut scalar = zeroize::Zeroizing::new([0; 32]);
    scalar[31] = number;
    ValidatorKey::from_bytes(&scalar).unwrap()
}

pub(super) fn pubkey(number: u8) -> ValidatorPubkey {
    key(number).pubkey()
}

/// A deposit of 32 ETH, signed as a depositor signs it for `fork`.
pub(super) fn deposit_for(fork: ForkVersion, number: u8) -> DepositEvent {
    signed_deposit(fork, number, Gwei::VALIDATOR_DEPOSIT)
}

pub(super) fn signed_deposit(fork: ForkVersion, number: u8, amount: Gwei) -> DepositEvent {
    let key = key(number);
    let message = merkle_root(&[
        bytes_root(key.pubkey().as_bytes()).into_bytes(),
        CREDENTIALS,
        chunk(&amount.get().to_le_bytes()),
    ]);
    let domain = Domain::new(DomainType::Deposit, fork, Root::new([0; 32]));
    let signature = key.sign(&domain.signing_root(message)).unwrap();
    let pubkey = key.pubkey();
    DepositEvent { pubkey, withdrawal_credentials: CREDENTIALS, amount, signature, index: u64::from(number) }
}

pub(super) fn deposit(number: u8) -> DepositEvent {
    deposit_for(config().genesis_fork_version, number)
}

/// An exit of validator `index`, signed by key `number` for the configured network.
pub(super) fn exit(config: &ConsensusConfig, number: u8, index: u64, epoch: u64) -> SignedVoluntaryExit {
    let unsigned = SignedVoluntaryExit {
        epoch: Epoch::new(epoch),
        validator_index: ValidatorIndex::new(index),
        signature: BlsSignature::new([0; 96]),
    };
    let signature = key(number).sign(&unsigned.signing_root(config)).unwrap();
    SignedVoluntaryExit { signature, ..unsigned }
}

/// A chain with validators `1..=count`, active since genesis.
pub(super) fn chain_with(config: ConsensusConfig, count: u8) -> BeaconChain {
    BeaconChain::with_genesis_validators(config, (1..=count).map(|number| (pubkey(number), CREDENTIALS)))
}

/// Processes slots without deposits up to and including `slot`, and returns what was paid out.
pub(super) fn run_to(chain: &mut BeaconChain, slot: u64) -> Vec<Withdrawal> {
    let next = chain.head().slot().get() + 1;
    (next..=slot).flat_map(|slot| chain.process_slot(Slot::new(slot), &[]).unwrap()).collect()
}

pub(super) fn run_to_epoch(chain: &mut BeaconChain, epoch: u64) -> Vec<Withdrawal> {
    run_to(chain, epoch * chain.config().slots_per_epoch)
}

pub(super) fn status(chain: &BeaconChain, number: u8) -> Option<ValidatorStatus> {
    let epoch = chain.head().epoch(chain.config());
    chain.head().validator(&pubkey(number)).map(|(_, validator)| validator.status(epoch))
}

pub(super) fn balance(chain: &BeaconChain, number: u8) -> Gwei {
    chain.head().validator(&pubkey(number)).unwrap().1.balance
}
