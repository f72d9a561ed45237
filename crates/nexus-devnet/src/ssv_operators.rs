//! What the SSV operators make of registrations: the checks their nodes run, which the contract doesn't.

use std::{collections::BTreeMap, sync::Arc};

use alloy::{rpc::types::Log, sol_types::SolEvent as _};
use nexus_primitives::{
    Address, BlsSignature, OperatorId, OperatorSet, OperatorSetError, OwnerNonce, Slot, ValidatorPubkey,
    bls::BlsError,
};
use nexus_ssv::{
    DecryptError, Registration, ShareSecret, SharesData, SharesDataError, combine_signatures, decrypt_share,
};

use crate::{
    consensus::{BeaconState, ConsensusConfig, SignedVoluntaryExit},
    operators::{DevnetOperator, operators},
};

mod events {
    alloy::sol! {
        struct Cluster {
            uint32 validatorCount;
            uint64 networkFeeIndex;
            uint64 index;
            bool active;
            uint256 balance;
        }

        event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
        event ValidatorExited(address indexed owner, uint64[] operatorIds, bytes publicKey);
        event ValidatorRemoved(address indexed owner, uint64[] operatorIds, bytes publicKey, Cluster cluster);
    }
}

/// Slots between an exit's event and its signing, as SSV's nodes have it.
const EXIT_DELAY_SLOTS: u64 = 4;

/// Emulates the nodes of all operators: follows the SSV network's logs, decrypts every share, signs exits.
///
/// Cloning is cheap: shares are shared.
#[derive(Default, Clone)]
pub struct SsvOperators {
    nonces: BTreeMap<Address, u64>,
    validators: BTreeMap<ValidatorPubkey, Registered>,
    exits: Vec<ExitDuty>,
}

/// What the operators decided about a validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareVerdict {
    /// Every operator holds its share: the validator attests.
    Accepted,
    /// Some operators could not open their shares.
    Degraded {
        /// Who, and why.
        failed: Vec<(OperatorId, DecryptError)>,
        /// Whether the others are enough to sign: the validator attests, with less reserve.
        attests: bool,
    },
    /// All operators ignore the registration: the validator pays fees and never attests.
    Rejected(ShareRejection),
    /// It was removed from the network; the shares are deleted.
    Removed,
}

/// Why operators ignore a registration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareRejection {
    /// The operators don't form a cluster.
    #[error(transparent)]
    Operators(#[from] OperatorSetError),
    /// An operator that nobody knows.
    #[error("operator {0} is unknown")]
    UnknownOperator(OperatorId),
    /// The bytes don't have the length the cluster's size demands.
    #[error(transparent)]
    Length(#[from] SharesDataError),
    /// The signature isn't the validator's over this owner and this nonce.
    #[error("signature is not the validator's over {owner}:{nonce}")]
    Signature {
        /// Who registered.
        owner: Address,
        /// The nonce the operators expected.
        nonce: OwnerNonce,
        /// What verification said.
        source: BlsError,
    },
}

#[derive(Clone)]
struct Registered {
    owner: Address,
    verdict: ShareVerdict,
    shares: Arc<Vec<(OperatorId, ShareSecret)>>,
    threshold: usize,
}

#[derive(Clone)]
struct ExitDuty {
    pubkey: ValidatorPubkey,
    slot: Slot,
}

impl ShareVerdict {
    /// Says whether enough operators hold a share for the validator to attest.
    pub fn attests(&self) -> bool {
        matches!(self, Self::Accepted | Self::Degraded { attests: true, .. })
    }
}

impl SsvOperators {
    /// Starts with nothing seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the SSV network's logs of the block of one slot, in order.
    ///
    /// Every `ValidatorAdded` uses up one nonce of its owner, accepted or not. An exit asked for a validator that
    /// `beacon` doesn't know is dropped for ever, as nodes do.
    pub fn observe(&mut self, logs: &[Log], beacon: &BeaconState) {
        for log in logs {
            match log.topic0() {
                Some(&events::ValidatorAdded::SIGNATURE_HASH) => self.added(log),
                Some(&events::ValidatorRemoved::SIGNATURE_HASH) => self.removed(log),
                Some(&events::ValidatorExited::SIGNATURE_HASH) => self.exit_asked(log, beacon),
                _ => {}
            }
        }
    }

    /// Says whether a log of the SSV network asks for an exit.
    pub(crate) fn is_exit(log: &Log) -> bool {
        log.topic0() == Some(&events::ValidatorExited::SIGNATURE_HASH)
    }

    /// Returns the exits whose duty slot has come, signed by a threshold of shares, and forgets them.
    ///
    /// The message's epoch is the slot's; whether the beacon chain takes it is not the operators' concern.
    pub fn sign_due_exits(
        &mut self,
        beacon: &BeaconState,
        config: &ConsensusConfig,
    ) -> Vec<SignedVoluntaryExit> {
        let now = beacon.slot();
        let (due, later) = self.exits.drain(..).partition(|duty| duty.slot <= now);
        self.exits = later;
        due.iter().filter_map(|duty| self.sign_exit(&duty.pubkey, beacon, config)).collect()
    }

    /// Returns an exit for the current epoch, signed by a threshold of shares; `None` while too few operators hold one, or
    /// when `beacon` doesn't know the validator.
    pub fn sign_exit(
        &self,
        pubkey: &ValidatorPubkey,
        beacon: &BeaconState,
        config: &ConsensusConfig,
    ) -> Option<SignedVoluntaryExit> {
        let registered = self.validators.get(pubkey)?;
        let (validator_index, _) = beacon.validator(pubkey)?;
        let unsigned = SignedVoluntaryExit {
            epoch: beacon.epoch(config),
            validator_index,
            signature: BlsSignature::new([0; BlsSignature::LEN]),
        };
        let signature = registered.sign(unsigned.signing_root(config).as_bytes())?;
        Some(SignedVoluntaryExit { signature, ..unsigned })
    }

    /// Returns what the operators decided about a validator; `None` when it was never registered.
    pub fn verdict(&self, pubkey: &ValidatorPubkey) -> Option<&ShareVerdict> {
        self.validators.get(pubkey).map(|registered| &registered.verdict)
    }

    /// Returns every validator with its verdict.
    pub fn verdicts(&self) -> impl Iterator<Item = (&ValidatorPubkey, &ShareVerdict)> {
        self.validators.iter().map(|(pubkey, registered)| (pubkey, &registered.verdict))
    }

    /// Returns the validators that enough operators run for them to attest.
    pub fn attesting(&self) -> impl Iterator<Item = &ValidatorPubkey> {
        self.verdicts().filter(|(_, verdict)| verdict.attests()).map(|(pubkey, _)| pubkey)
    }

    /// Returns the nonce the operators expect in the owner's next registration.
    pub fn nonce(&self, owner: Address) -> OwnerNonce {
        OwnerNonce::new(self.nonces.get(&owner).copied().unwrap_or(0))
    }

    fn added(&mut self, log: &Log) {
        let Ok(event) = events::ValidatorAdded::decode_log(&log.inner) else { return };
        let owner = Address::new(event.owner.into_array());
        let nonce = self.nonce(owner);
        self.nonces.insert(owner, nonce.get() + 1);
        let Ok(pubkey) = ValidatorPubkey::from_slice(&event.publicKey) else { return };
        if self.verdict(&pubkey).is_some_and(ShareVerdict::attests) {
            return;
        }
        let registration = Registration::new(owner, nonce);
        let registered = judge(&pubkey, &event.operatorIds, &event.shares, registration);
        self.validators
            .insert(pubkey, registered.unwrap_or_else(|reason| Registered::rejected(owner, reason)));
    }

    fn removed(&mut self, log: &Log) {
        let Ok(event) = events::ValidatorRemoved::decode_log(&log.inner) else { return };
        let Ok(pubkey) = ValidatorPubkey::from_slice(&event.publicKey) else { return };
        if let Some(registered) = self.validators.get_mut(&pubkey) {
            registered.verdict = ShareVerdict::Removed;
            registered.shares = Arc::default();
        }
    }

    fn exit_asked(&mut self, log: &Log, beacon: &BeaconState) {
        let Ok(event) = events::ValidatorExited::decode_log(&log.inner) else { return };
        let Ok(pubkey) = ValidatorPubkey::from_slice(&event.publicKey) else { return };
        let owner = Address::new(event.owner.into_array());
        let is_ours = self.validators.get(&pubkey).is_some_and(|registered| registered.owner == owner);
        if is_ours && beacon.validator(&pubkey).is_some() {
            self.exits.push(ExitDuty { pubkey, slot: Slot::new(beacon.slot().get() + EXIT_DELAY_SLOTS) });
        }
    }
}

impl Registered {
    fn rejected(owner: Address, reason: ShareRejection) -> Self {
        let verdict = ShareVerdict::Rejected(reason);
        Self { owner, verdict, shares: Arc::default(), threshold: usize::MAX }
    }

    /// Signs with as many shares as it takes; `None` while too few operators hold one.
    fn sign(&self, message: &[u8; 32]) -> Option<BlsSignature> {
        let shares = self.shares.get(..self.threshold)?;
        let signed = |(id, share): &(OperatorId, ShareSecret)| Some((*id, share.sign_message(message).ok()?));
        combine_signatures(&shares.iter().map(signed).collect::<Option<Vec<_>>>()?).ok()
    }
}

/// Checks in the order of the nodes: operators, length, signature, then each operator its own share.
fn judge(
    pubkey: &ValidatorPubkey,
    operator_ids: &[u64],
    shares: &[u8],
    registration: Registration,
) -> Result<Registered, ShareRejection> {
    let set = OperatorSet::try_from(operator_ids.to_vec())?;
    let cluster = set.ids().iter().map(|id| known(*id)).collect::<Result<Vec<_>, _>>()?;
    let shares = SharesData::decode(shares, &set)?;
    let Registration { owner, nonce } = registration;
    registration.verify(pubkey, shares.signature()).map_err(|source| ShareRejection::Signature {
        owner,
        nonce,
        source,
    })?;
    let (mut opened, mut failed) = (Vec::new(), Vec::new());
    for ((operator, share), share_pubkey) in
        cluster.iter().zip(shares.encrypted_shares()).zip(shares.share_pubkeys())
    {
        match decrypt_share(&operator.private_key, share, share_pubkey) {
            Ok(secret) => opened.push((operator.id, secret)),
            Err(error) => failed.push((operator.id, error)),
        }
    }
    let threshold = set.threshold().get();
    let verdict = if failed.is_empty() {
        ShareVerdict::Accepted
    } else {
        ShareVerdict::Degraded { failed, attests: opened.len() >= threshold }
    };
    Ok(Registered { owner, verdict, shares: Arc::new(opened), threshold })
}

fn known(id: OperatorId) -> Result<&'static DevnetOperator, ShareRejection> {
    let found = operators().iter().find(|operator| operator.id == id);
    found.ok_or(ShareRejection::UnknownOperator(id))
}
