//! Voluntary exits: who may leave, and when.

use nexus_primitives::{
    BlsSignature, Epoch, ValidatorIndex,
    bls::{self, BlsError},
    signing::{Domain, DomainType, SigningRoot, chunk, merkle_root},
};

use super::{config::ConsensusConfig, state::BeaconState};

/// A validator's signed wish to leave (consensus specification, `SignedVoluntaryExit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedVoluntaryExit {
    /// The epoch from which on the exit is valid.
    pub epoch: Epoch,
    /// Who leaves.
    pub validator_index: ValidatorIndex,
    /// Its signature in the Capella domain (EIP-7044).
    pub signature: BlsSignature,
}

/// Why an exit isn't accepted (`process_voluntary_exit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExitRefusal {
    /// No validator has the index.
    #[error("validator {index} is unknown: the registry has {count}")]
    UnknownValidator {
        /// The index given.
        index: ValidatorIndex,
        /// Validators in the registry.
        count: usize,
    },
    /// It isn't active in the current epoch.
    #[error("validator {index} is not active in epoch {epoch}")]
    NotActive {
        /// The validator.
        index: ValidatorIndex,
        /// The current epoch.
        epoch: Epoch,
    },
    /// Its exit is already scheduled.
    #[error("validator {index} is already exiting in epoch {exit_epoch}")]
    AlreadyExiting {
        /// The validator.
        index: ValidatorIndex,
        /// When it exits.
        exit_epoch: Epoch,
    },
    /// The message is valid only later.
    #[error("exit is for epoch {message}, the current epoch is {current}")]
    FutureEpoch {
        /// The epoch in the message.
        message: Epoch,
        /// The current epoch.
        current: Epoch,
    },
    /// It hasn't been active for long enough.
    #[error("validator {index} may exit from epoch {earliest} on (shard committee period), now is {current}")]
    TooYoung {
        /// The validator.
        index: ValidatorIndex,
        /// When it may.
        earliest: Epoch,
        /// The current epoch.
        current: Epoch,
    },
    /// A partial withdrawal must be paid first (Electra).
    #[error("validator {0} has a pending partial withdrawal")]
    PendingPartialWithdrawal(ValidatorIndex),
    /// The signature isn't the validator's, or is for another network or fork.
    #[error("signature of validator {index}'s exit: expected the Capella domain of this network")]
    Signature {
        /// The validator.
        index: ValidatorIndex,
        /// What verification said.
        source: BlsError,
    },
}

impl SignedVoluntaryExit {
    /// Returns the bytes an exit's signature covers.
    pub fn signing_root(&self, config: &ConsensusConfig) -> SigningRoot {
        let message = merkle_root(&[
            chunk(&self.epoch.get().to_le_bytes()),
            chunk(&self.validator_index.get().to_le_bytes()),
        ]);
        let fork = config.capella_fork_version;
        Domain::new(DomainType::VoluntaryExit, fork, config.genesis_validators_root).signing_root(message)
    }
}

impl BeaconState {
    /// Says whether the next block may include the exit.
    pub fn check_exit(
        &self,
        config: &ConsensusConfig,
        exit: &SignedVoluntaryExit,
    ) -> Result<(), ExitRefusal> {
        let index = exit.validator_index;
        let unknown = ExitRefusal::UnknownValidator { index, count: self.validators.len() };
        let validator = self.validator_at(index).ok_or(unknown)?;
        let current = self.epoch(config);
        if !validator.is_active(current) {
            return Err(ExitRefusal::NotActive { index, epoch: current });
        }
        if let Some(exit_epoch) = validator.exit_epoch.scheduled() {
            return Err(ExitRefusal::AlreadyExiting { index, exit_epoch });
        }
        if exit.epoch > current {
            return Err(ExitRefusal::FutureEpoch { message: exit.epoch, current });
        }
        let earliest = validator.activation_epoch.saturating_add(config.shard_committee_period);
        if current < earliest {
            return Err(ExitRefusal::TooYoung { index, earliest, current });
        }
        if self.pending_partial_withdrawals.iter().any(|pending| pending.validator_index == index) {
            return Err(ExitRefusal::PendingPartialWithdrawal(index));
        }
        bls::verify(&validator.pubkey, exit.signing_root(config).as_bytes(), &exit.signature)
            .map_err(|source| ExitRefusal::Signature { index, source })
    }

    /// Includes the exits that are still valid, one by one, up to `MAX_VOLUNTARY_EXITS`.
    pub(super) fn include_exits<'a>(
        &mut self,
        config: &ConsensusConfig,
        pool: impl Iterator<Item = &'a SignedVoluntaryExit>,
    ) {
        const MAX_VOLUNTARY_EXITS: usize = 16;
        self.included_exits.clear();
        for exit in pool {
            if self.included_exits.len() < MAX_VOLUNTARY_EXITS && self.check_exit(config, exit).is_ok() {
                self.initiate_exit(config, exit.validator_index);
                self.included_exits.push(*exit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_primitives::{Gwei, Root, Slot};

    use super::*;
    use crate::consensus::testing::{
        chain_with, config, exit, known_answers, pubkey, run_to, run_to_epoch, status,
    };
    use crate::consensus::{BeaconChain, ConsensusConfig, ValidatorStatus};

    /// Three validators, old enough to leave.
    fn ripe_chain() -> BeaconChain {
        let mut chain = chain_with(config(), 3);
        run_to_epoch(&mut chain, 2);
        chain
    }

    #[test]
    fn exit_is_pooled_included_and_takes_effect() {
        let mut chain = ripe_chain();
        chain.submit_exit(exit(&config(), 2, 1, 0)).unwrap();
        chain.submit_exit(exit(&config(), 2, 1, 0)).unwrap();
        assert_eq!(chain.exit_pool().count(), 1);
        run_to(&mut chain, 17);
        assert_eq!((chain.exit_pool().count(), chain.head().included_exits().len()), (0, 1));
        let (_, validator) = chain.head().validator(&pubkey(2)).unwrap();
        // The next epoch, and the lookahead of one.
        assert_eq!((validator.exit_epoch, validator.withdrawable_epoch), (Epoch::new(4), Epoch::new(6)));
        assert_eq!(status(&chain, 2), Some(ValidatorStatus::ActiveExiting));
        run_to_epoch(&mut chain, 4);
        assert_eq!(status(&chain, 2), Some(ValidatorStatus::ExitedUnslashed));
    }

    #[test]
    fn exit_of_an_unknown_validator_is_refused() {
        let refusal = ripe_chain().submit_exit(exit(&config(), 1, 3, 0)).unwrap_err();
        assert_eq!(refusal, ExitRefusal::UnknownValidator { index: ValidatorIndex::new(3), count: 3 });
    }

    #[test]
    fn exit_is_refused_while_pending_and_twice_and_when_gone() {
        let index = ValidatorIndex::new(0);
        let mut chain = ripe_chain();
        chain.submit_exit(exit(&config(), 1, 0, 0)).unwrap();
        run_to(&mut chain, 17);
        let again = chain.submit_exit(exit(&config(), 1, 0, 0)).unwrap_err();
        assert_eq!(again, ExitRefusal::AlreadyExiting { index, exit_epoch: Epoch::new(4) });
        run_to_epoch(&mut chain, 4);
        let gone = chain.submit_exit(exit(&config(), 1, 0, 0)).unwrap_err();
        assert_eq!(gone, ExitRefusal::NotActive { index, epoch: Epoch::new(4) });
    }

    #[test]
    fn exit_of_a_future_epoch_is_refused() {
        let refusal = ripe_chain().submit_exit(exit(&config(), 1, 0, 3)).unwrap_err();
        assert_eq!(refusal, ExitRefusal::FutureEpoch { message: Epoch::new(3), current: Epoch::new(2) });
    }

    #[test]
    fn exit_before_the_shard_committee_period_is_refused() {
        let mut chain = chain_with(config(), 1);
        run_to(&mut chain, 15);
        let refusal = chain.submit_exit(exit(&config(), 1, 0, 0)).unwrap_err();
        assert!(matches!(refusal, ExitRefusal::TooYoung { earliest, .. } if earliest == Epoch::new(2)));
        run_to(&mut chain, 16);
        assert_eq!(chain.submit_exit(exit(&config(), 1, 0, 0)), Ok(()));
    }

    #[test]
    fn exit_with_a_partial_withdrawal_pending_is_refused() {
        let mut chain = ripe_chain();
        chain.queue_partial_withdrawal(&pubkey(1), Gwei::new(1)).unwrap();
        let refusal = chain.submit_exit(exit(&config(), 1, 0, 0)).unwrap_err();
        assert_eq!(refusal, ExitRefusal::PendingPartialWithdrawal(ValidatorIndex::new(0)));
    }

    #[test]
    fn exit_signed_by_another_key_or_for_another_domain_is_refused() {
        let mut chain = ripe_chain();
        let current_fork =
            ConsensusConfig { capella_fork_version: config().current_fork_version, ..config() };
        let other_network = ConsensusConfig { genesis_validators_root: Root::new([9; 32]), ..config() };
        for exit in [exit(&config(), 2, 0, 0), exit(&current_fork, 1, 0, 0), exit(&other_network, 1, 0, 0)] {
            let refusal = chain.submit_exit(exit).unwrap_err();
            assert!(matches!(refusal, ExitRefusal::Signature { source: BlsError::Mismatch, .. }));
        }
    }

    #[test]
    fn exit_queue_lets_out_so_much_stake_an_epoch() {
        let narrow = ConsensusConfig { exit_churn_per_epoch: Gwei::new(48_000_000_000), ..config() };
        let mut chain = chain_with(narrow.clone(), 5);
        run_to_epoch(&mut chain, 2);
        for index in 0..5 {
            chain.submit_exit(exit(&narrow, index + 1, u64::from(index), 0)).unwrap();
        }
        run_to(&mut chain, 17);
        let exits: Vec<_> = chain.head().validators().iter().map(|v| v.exit_epoch.get()).collect();
        // 32, 64, 96, 128, 160 ETH at 48 ETH an epoch.
        assert_eq!(exits, [4, 5, 5, 6, 7]);
    }

    #[test]
    fn exit_returns_to_the_pool_when_its_block_is_dropped() {
        let mut chain = ripe_chain();
        chain.submit_exit(exit(&config(), 1, 0, 0)).unwrap();
        run_to(&mut chain, 18);
        chain.rewind_to(Slot::new(16)).unwrap();
        assert_eq!((chain.exit_pool().count(), status(&chain, 1)), (1, Some(ValidatorStatus::ActiveOngoing)));
        run_to(&mut chain, 17);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::ActiveExiting));
    }

    /// Exits of the deposit tool, verified by the chain of the network they were made for.
    #[test]
    fn recorded_exits_are_accepted_by_their_network() {
        let answers = known_answers();
        for case in answers["voluntary_exit"].as_array().unwrap() {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let network = &answers["networks"][case["network"].as_str().unwrap()];
            let config = ConsensusConfig {
                genesis_validators_root: text(&network["gvr"]).parse().unwrap(),
                capella_fork_version: text(&network["capella"]).parse().unwrap(),
                ..config()
            };
            let signed = SignedVoluntaryExit {
                epoch: text(&case["message"]["epoch"]).parse().unwrap(),
                validator_index: text(&case["message"]["validator_index"]).parse().unwrap(),
                signature: text(&case["signature"]).parse().unwrap(),
            };
            let root = Root::new(*signed.signing_root(&config).as_bytes());
            assert_eq!(root, text(&case["signing_root"]).parse().unwrap());

            let mut state = chain_with(config.clone(), 1).head().clone();
            let mut validator = state.validators()[0].clone();
            validator.pubkey = text(&case["pubkey"]).parse().unwrap();
            state.validators = vec![validator; usize::try_from(signed.validator_index.get()).unwrap() + 1];
            state.slot = Slot::new(signed.epoch.get() * config.slots_per_epoch);
            assert_eq!(state.check_exit(&config, &signed), Ok(()));
            let elsewhere = ConsensusConfig { genesis_validators_root: Root::new([1; 32]), ..config };
            assert!(matches!(state.check_exit(&elsewhere, &signed), Err(ExitRefusal::Signature { .. })));
        }
    }
}
