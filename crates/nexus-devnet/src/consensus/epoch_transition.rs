//! What happens between two epochs.

use std::mem;

use nexus_primitives::{Epoch, Gwei, ValidatorIndex};

use super::{
    config::ConsensusConfig,
    state::{BeaconState, Checkpoint, activation_exit_epoch},
    validator::Validator,
};

/// `EJECTION_BALANCE`, in gwei.
const EJECTION_BALANCE: Gwei = Gwei::new(16_000_000_000);

impl BeaconState {
    /// Ends the epoch the state is in (`process_epoch`): finality, rewards, registry, deposits, effective balances,
    /// participation.
    pub(super) fn process_epoch(
        &mut self,
        config: &ConsensusConfig,
        finality: Option<(Checkpoint, Checkpoint)>,
    ) {
        let epoch = self.epoch(config);
        if let Some((justified, finalized)) = finality {
            (self.justified, self.finalized) = (justified, finalized);
        }
        self.pay_rewards(config, epoch);
        self.process_registry(config, epoch);
        self.process_pending_deposits(config, epoch);
        self.validators.iter_mut().for_each(Validator::update_effective_balance);
        self.previous_epoch_participation = mem::take(&mut self.current_epoch_participation);
    }

    fn pay_rewards(&mut self, config: &ConsensusConfig, epoch: Epoch) {
        let earning = |validator: &&mut Validator| validator.is_active(epoch) && !validator.slashed;
        self.validators
            .iter_mut()
            .filter(earning)
            .for_each(|validator| validator.add(config.reward_per_epoch));
    }

    /// Queues, ejects and activates (`process_registry_updates`).
    fn process_registry(&mut self, config: &ConsensusConfig, epoch: Epoch) {
        let activation_epoch = activation_exit_epoch(config, epoch);
        let finalized = self.finalized.epoch;
        let mut ejected = Vec::new();
        for (index, validator) in (0..).map(ValidatorIndex::new).zip(&mut self.validators) {
            if is_eligible_for_queue(validator) {
                validator.activation_eligibility_epoch = Epoch::new(epoch.get() + 1);
            } else if validator.is_active(epoch) && validator.effective_balance <= EJECTION_BALANCE {
                ejected.push(index);
            } else if is_eligible_for_activation(validator, finalized) {
                validator.activation_epoch = activation_epoch;
            }
        }
        for index in ejected {
            self.initiate_exit(config, index);
        }
    }
}

fn is_eligible_for_queue(validator: &Validator) -> bool {
    validator.activation_eligibility_epoch.scheduled().is_none()
        && validator.effective_balance >= Gwei::VALIDATOR_DEPOSIT
}

/// Its place in the queue is final, and it isn't activated yet.
fn is_eligible_for_activation(validator: &Validator, finalized: Epoch) -> bool {
    validator.activation_eligibility_epoch <= finalized && validator.activation_epoch.scheduled().is_none()
}

#[cfg(test)]
mod tests {
    use nexus_primitives::{Gwei, Slot};

    use crate::consensus::testing::{
        balance, chain_with, config, deposit, pubkey, run_to, run_to_epoch, signed_deposit, status,
    };
    use crate::consensus::{BeaconChain, ConsensusConfig, ValidatorStatus};

    #[test]
    fn activation_waits_for_its_eligibility_to_be_final() {
        use ValidatorStatus::{ActiveOngoing, PendingInitialized, PendingQueued};
        let mut chain = BeaconChain::new(config());
        chain.process_slot(Slot::new(1), &[deposit(1)]).unwrap();
        let mut seen = Vec::new();
        for epoch in 3..10 {
            run_to_epoch(&mut chain, epoch);
            seen.push(status(&chain, 1).unwrap());
        }
        // Registered entering 3; eligible from 4; final when 4 is, entering 6; active one epoch and the lookahead on.
        let expected = [PendingInitialized, PendingQueued, PendingQueued, PendingQueued, ActiveOngoing];
        assert_eq!(seen[..5], expected, "{seen:?}");
    }

    #[test]
    fn stalled_finality_stalls_activation() {
        let mut chain = BeaconChain::new(config());
        chain.process_slot(Slot::new(1), &[deposit(1)]).unwrap();
        run_to_epoch(&mut chain, 4);
        chain.stall_finality(true);
        run_to_epoch(&mut chain, 30);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::PendingQueued));
    }

    #[test]
    fn half_a_stake_never_queues() {
        let half = signed_deposit(config().genesis_fork_version, 1, Gwei::new(16_000_000_000));
        let mut chain = BeaconChain::new(config());
        chain.process_slot(Slot::new(1), &[half]).unwrap();
        run_to_epoch(&mut chain, 10);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::PendingInitialized));
        chain.process_slot(Slot::new(81), &[half]).unwrap();
        run_to_epoch(&mut chain, 17);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::ActiveOngoing));
    }

    #[test]
    fn only_active_validators_earn() {
        let rewarding = ConsensusConfig { reward_per_epoch: Gwei::new(7), sweeps_excess: false, ..config() };
        let mut chain = chain_with(rewarding, 1);
        chain.process_slot(Slot::new(1), &[deposit(2)]).unwrap();
        run_to_epoch(&mut chain, 7);
        assert_eq!(status(&chain, 2), Some(ValidatorStatus::ActiveOngoing));
        assert_eq!((balance(&chain, 1).get(), balance(&chain, 2).get()), (32_000_000_049, 32_000_000_000));
    }

    #[test]
    fn validator_that_lost_half_is_ejected() {
        let mut chain = chain_with(config(), 1);
        chain.penalise(&pubkey(1), Gwei::new(16_000_000_000)).unwrap();
        run_to(&mut chain, 17);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::ActiveExiting));
    }
}
