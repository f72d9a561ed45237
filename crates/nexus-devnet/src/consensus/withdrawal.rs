//! Withdrawals: the sweep that pays balances out through execution blocks.

use nexus_primitives::{Address, Epoch, Gwei, ValidatorIndex};

use super::{config::ConsensusConfig, state::BeaconState, validator::Validator};

/// `MAX_VALIDATORS_PER_WITHDRAWALS_SWEEP`.
const MAX_VALIDATORS_PER_SWEEP: usize = 16_384;
/// `MAX_PENDING_PARTIALS_PER_WITHDRAWALS_SWEEP`.
const MAX_PARTIALS_PER_SWEEP: usize = 8;

/// A payment the execution block of a slot must contain (EIP-4895).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// Running number over all withdrawals.
    pub index: u64,
    /// Whose balance is paid out.
    pub validator_index: ValidatorIndex,
    /// Who receives it.
    pub address: Address,
    /// How much.
    pub amount: Gwei,
}

/// A withdrawal of a part that was asked for through the execution layer (EIP-7002).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingPartialWithdrawal {
    /// Who pays.
    pub validator_index: ValidatorIndex,
    /// How much.
    pub amount: Gwei,
    /// From when on.
    pub withdrawable_epoch: Epoch,
}

impl BeaconState {
    /// Takes the slot's withdrawals out of the balances and returns them
    /// (`get_expected_withdrawals`, `process_withdrawals`).
    pub(super) fn process_withdrawals(&mut self, config: &ConsensusConfig) -> Vec<Withdrawal> {
        let epoch = self.epoch(config);
        let mut paid = self.pay_partials(epoch, config.max_withdrawals_per_payload);
        self.sweep(config, epoch, &mut paid);
        paid
    }

    fn pay_partials(&mut self, epoch: Epoch, payload_limit: usize) -> Vec<Withdrawal> {
        let limit = MAX_PARTIALS_PER_SWEEP.min(payload_limit.saturating_sub(1));
        let mut paid = Vec::new();
        let mut done = 0;
        for pending in self.pending_partial_withdrawals.clone() {
            if pending.withdrawable_epoch > epoch || paid.len() >= limit {
                break;
            }
            done += 1;
            let amount = self.validator_at(pending.validator_index).map_or(Gwei::ZERO, |validator| {
                let enough = validator.effective_balance >= Gwei::VALIDATOR_DEPOSIT;
                let stays = validator.exit_epoch.scheduled().is_none();
                let excess = validator.balance.saturating_sub(Gwei::VALIDATOR_DEPOSIT);
                if enough && stays { excess.min(pending.amount) } else { Gwei::ZERO }
            });
            paid.extend(self.pay(pending.validator_index, amount));
        }
        self.pending_partial_withdrawals.drain(..done);
        paid
    }

    /// Goes round the registry from where the last sweep stopped.
    fn sweep(&mut self, config: &ConsensusConfig, epoch: Epoch, paid: &mut Vec<Withdrawal>) {
        let count = self.validators.len();
        for _ in 0..count.min(MAX_VALIDATORS_PER_SWEEP) {
            let position = self.next_withdrawal_validator % count;
            let amount = self.validators.get(position).map_or(Gwei::ZERO, |v| sweepable(config, v, epoch));
            paid.extend(self.pay(ValidatorIndex::new(position as u64), amount));
            self.next_withdrawal_validator = (position + 1) % count;
            if paid.len() >= config.max_withdrawals_per_payload {
                break;
            }
        }
    }

    fn pay(&mut self, index: ValidatorIndex, amount: Gwei) -> Option<Withdrawal> {
        let number = self.next_withdrawal_index;
        let validator = self.validator_at_mut(index)?;
        let address = validator.withdrawal_address().filter(|_| amount > Gwei::ZERO)?;
        validator.balance = validator.balance.saturating_sub(amount);
        self.next_withdrawal_index += 1;
        Some(Withdrawal { index: number, validator_index: index, address, amount })
    }
}

/// What the sweep takes: everything after withdrawability, the excess over the cap before.
fn sweepable(config: &ConsensusConfig, validator: &Validator, epoch: Epoch) -> Gwei {
    let cap = validator.max_effective_balance();
    if validator.withdrawable_epoch <= epoch {
        validator.balance
    } else if config.sweeps_excess && validator.effective_balance == cap {
        validator.balance.saturating_sub(cap)
    } else {
        Gwei::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{
        balance, chain_with, config, exit, pubkey, run_to, run_to_epoch, status,
    };
    use crate::consensus::{BeaconChain, ValidatorStatus};

    fn exited_chain(count: u8, config: ConsensusConfig) -> BeaconChain {
        let mut chain = chain_with(config.clone(), count);
        run_to_epoch(&mut chain, 2);
        for number in 1..=count {
            chain.submit_exit(exit(&config, number, u64::from(number) - 1, 0)).unwrap();
        }
        chain
    }

    #[test]
    fn exited_validator_is_emptied_once_it_is_withdrawable() {
        let mut chain = exited_chain(1, config());
        assert_eq!(run_to(&mut chain, 47), []);
        let paid = run_to(&mut chain, 60);
        let expected = Withdrawal {
            index: 0,
            validator_index: ValidatorIndex::new(0),
            address: Address::new([0x22; 20]),
            amount: Gwei::VALIDATOR_DEPOSIT,
        };
        assert_eq!(paid, [expected]);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::WithdrawalDone));
    }

    #[test]
    fn sweep_goes_round_with_a_limit_per_payload() {
        let narrow = ConsensusConfig { max_withdrawals_per_payload: 2, ..config() };
        let mut chain = exited_chain(5, narrow);
        run_to(&mut chain, 47);
        let mut per_slot = Vec::new();
        for slot in 48..52 {
            per_slot.push(
                run_to(&mut chain, slot).iter().map(|paid| paid.validator_index.get()).collect::<Vec<_>>(),
            );
        }
        assert_eq!(per_slot, [vec![0, 1], vec![2, 3], vec![4], vec![]]);
        assert_eq!(chain.head().next_withdrawal_index, 5);
    }

    #[test]
    fn active_validator_pays_out_its_excess_if_configured() {
        let rewarding = ConsensusConfig { reward_per_epoch: Gwei::new(1_000), ..config() };
        let keeping = ConsensusConfig { sweeps_excess: false, ..rewarding.clone() };
        let mut chain = chain_with(rewarding, 1);
        let paid = run_to_epoch(&mut chain, 3);
        assert_eq!(paid.iter().map(|withdrawal| withdrawal.amount.get()).sum::<u64>(), 3_000);
        assert_eq!(balance(&chain, 1), Gwei::VALIDATOR_DEPOSIT);
        let mut chain = chain_with(keeping, 1);
        assert_eq!(run_to_epoch(&mut chain, 3), []);
        assert_eq!(balance(&chain, 1), Gwei::new(32_000_003_000));
    }

    #[test]
    fn credentials_without_an_address_are_never_paid() {
        let mut chain = BeaconChain::with_genesis_validators(config(), [(pubkey(1), [0; 32])]);
        run_to_epoch(&mut chain, 2);
        chain.submit_exit(exit(&config(), 1, 0, 0)).unwrap();
        assert_eq!(run_to_epoch(&mut chain, 20), []);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::WithdrawalPossible));
    }

    #[test]
    fn partial_withdrawal_takes_no_more_than_the_excess() {
        let keeping = ConsensusConfig { sweeps_excess: false, ..config() };
        let mut chain = chain_with(keeping, 1);
        chain.edit_balance(&pubkey(1), Gwei::new(34_000_000_000));
        chain.queue_partial_withdrawal(&pubkey(1), Gwei::new(9_000_000_000)).unwrap();
        let paid = run_to_epoch(&mut chain, 6);
        assert_eq!(
            paid.iter().map(|withdrawal| withdrawal.amount.get()).collect::<Vec<_>>(),
            [2_000_000_000]
        );
        assert_eq!(chain.head().pending_partial_withdrawals(), []);
    }

    #[test]
    fn penalised_and_slashed_validators_return_less() {
        let mut chain = exited_chain(2, config());
        chain.penalise(&pubkey(1), Gwei::new(5)).unwrap();
        chain.slash(&pubkey(2), Gwei::new(1_000_000_000)).unwrap();
        assert_eq!(status(&chain, 2), Some(ValidatorStatus::ActiveSlashed));
        let paid = run_to_epoch(&mut chain, 12);
        let amounts: Vec<_> = paid.iter().map(|withdrawal| withdrawal.amount.get()).collect();
        assert_eq!(amounts, [31_999_999_995, 31_000_000_000]);
        assert_eq!(status(&chain, 2), Some(ValidatorStatus::WithdrawalDone));
    }
}
