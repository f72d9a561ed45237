//! Deposits: from the execution layer's logs, through the pending queue, into the registry.

use nexus_primitives::{
    BlsSignature, Epoch, ForkVersion, Gwei, Root, Slot, ValidatorPubkey,
    bls::{self, BlsError},
    signing::{Domain, DomainType, SigningRoot, bytes_root, chunk, merkle_root},
};

use super::{config::ConsensusConfig, state::BeaconState, validator::Validator};

/// A `DepositEvent` of the deposit contract (EIP-6110, `DepositRequest`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositEvent {
    /// The key the stake is for.
    pub pubkey: ValidatorPubkey,
    /// Who is paid in the end, as the depositor wrote it: the deposit contract checks nothing.
    pub withdrawal_credentials: [u8; 32],
    /// The stake.
    pub amount: Gwei,
    /// Signature of the deposit message, as the depositor wrote it.
    pub signature: BlsSignature,
    /// The contract's running number.
    pub index: u64,
}

/// A deposit in the beacon state's queue (Electra, `PendingDeposit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingDeposit {
    /// What was deposited.
    pub event: DepositEvent,
    /// The slot whose execution block has the log.
    pub slot: Slot,
}

impl DepositEvent {
    /// Verifies the signature over the deposit message, for the genesis fork and no validators root
    /// (`is_valid_deposit_signature`).
    pub fn verify_signature(&self, genesis_fork: ForkVersion) -> Result<(), BlsError> {
        bls::verify(&self.pubkey, self.signing_root(genesis_fork).as_bytes(), &self.signature)
    }

    fn signing_root(&self, genesis_fork: ForkVersion) -> SigningRoot {
        let message = merkle_root(&[
            bytes_root(self.pubkey.as_bytes()).into_bytes(),
            self.withdrawal_credentials,
            chunk(&self.amount.get().to_le_bytes()),
        ]);
        Domain::new(DomainType::Deposit, genesis_fork, Root::new([0; 32])).signing_root(message)
    }
}

/// What happens to a deposit at the head of the queue.
enum Turn {
    Apply,
    Postpone,
    WaitForChurn,
}

impl BeaconState {
    /// Applies the deposits whose turn it is, at the end of `epoch` (`process_pending_deposits`).
    pub(super) fn process_pending_deposits(&mut self, config: &ConsensusConfig, epoch: Epoch) {
        let available = self.deposit_balance_to_consume.get() + config.activation_churn_per_epoch.get();
        let mut consumed = 0;
        let mut postponed = Vec::new();
        let mut waits_for_churn = false;
        for _ in 0..config.max_pending_deposits_per_epoch {
            let Some(deposit) = self.pending_deposits.front().copied() else { break };
            if !self.is_ripe(config, &deposit) {
                break;
            }
            match self.turn(&deposit, epoch, available - consumed) {
                Turn::WaitForChurn => {
                    waits_for_churn = true;
                    break;
                }
                Turn::Postpone => postponed.push(deposit),
                Turn::Apply => {
                    if !self.is_exited(&deposit.event.pubkey) {
                        consumed += deposit.event.amount.get();
                    }
                    self.apply_deposit(config, &deposit.event);
                }
            }
            self.pending_deposits.pop_front();
        }
        self.pending_deposits.extend(postponed);
        self.deposit_balance_to_consume = Gwei::new(if waits_for_churn { available - consumed } else { 0 });
    }

    /// A deposit counts once its slot is finalized, and after the configured delay.
    fn is_ripe(&self, config: &ConsensusConfig, deposit: &PendingDeposit) -> bool {
        let delay = config.deposit_delay.get() * config.slots_per_epoch;
        deposit.slot.get() + delay <= self.finalized.epoch.get() * config.slots_per_epoch
    }

    fn turn(&self, deposit: &PendingDeposit, epoch: Epoch, churn_left: u64) -> Turn {
        match self.validator(&deposit.event.pubkey) {
            Some((_, known)) if known.withdrawable_epoch <= epoch => Turn::Apply,
            Some((_, known)) if known.exit_epoch.scheduled().is_some() => Turn::Postpone,
            _ if deposit.event.amount.get() > churn_left => Turn::WaitForChurn,
            _ => Turn::Apply,
        }
    }

    fn is_exited(&self, pubkey: &ValidatorPubkey) -> bool {
        self.validator(pubkey).is_some_and(|(_, known)| known.exit_epoch.scheduled().is_some())
    }

    /// A known key is topped up unseen; a new one needs a valid signature, or the ETH is gone
    /// (`apply_pending_deposit`).
    fn apply_deposit(&mut self, config: &ConsensusConfig, deposit: &DepositEvent) {
        if let Some(index) = self.index_of.get(&deposit.pubkey).copied() {
            if let Some(validator) = self.validator_at_mut(index) {
                validator.add(deposit.amount);
            }
        } else if deposit.verify_signature(config.genesis_fork_version).is_ok() {
            let credentials = deposit.withdrawal_credentials;
            self.add_validator(Validator::from_deposit(deposit.pubkey, credentials, deposit.amount));
        } else {
            self.burnt = Gwei::new(self.burnt.get() + deposit.amount.get());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{
        CREDENTIALS, balance, chain_with, config, deposit, deposit_for, known_answers, pubkey, run_to_epoch,
        status,
    };
    use crate::consensus::{BeaconChain, ValidatorStatus};

    fn chain_after(config: ConsensusConfig, deposits: &[DepositEvent]) -> BeaconChain {
        let mut chain = BeaconChain::new(config);
        chain.process_slot(Slot::new(1), deposits).unwrap();
        chain
    }

    #[test]
    fn deposit_waits_for_finality_and_then_enters_the_registry() {
        let mut chain = chain_after(config(), &[deposit(1)]);
        run_to_epoch(&mut chain, 2);
        assert_eq!((chain.head().pending_deposits().count(), status(&chain, 1)), (1, None));
        run_to_epoch(&mut chain, 3);
        assert_eq!(chain.head().finalized().epoch, Epoch::new(1));
        assert_eq!(chain.head().pending_deposits().count(), 0);
        assert_eq!(status(&chain, 1), Some(ValidatorStatus::PendingInitialized));
    }

    #[test]
    fn stalled_finality_holds_deposits_back() {
        let mut chain = chain_after(config(), &[deposit(1)]);
        chain.stall_finality(true);
        run_to_epoch(&mut chain, 20);
        assert_eq!((chain.head().pending_deposits().count(), status(&chain, 1)), (1, None));
        chain.stall_finality(false);
        run_to_epoch(&mut chain, 21);
        assert!(status(&chain, 1).is_some());
    }

    #[test]
    fn configured_delay_comes_on_top() {
        let delayed = ConsensusConfig { deposit_delay: nexus_primitives::EpochCount::new(3), ..config() };
        let mut chain = chain_after(delayed, &[deposit(1)]);
        run_to_epoch(&mut chain, 5);
        assert_eq!(status(&chain, 1), None);
        run_to_epoch(&mut chain, 6);
        assert!(status(&chain, 1).is_some());
    }

    #[test]
    fn wrong_signature_burns_the_stake() {
        let foreign = deposit_for(ForkVersion::MAINNET, 1);
        let mut changed = deposit(2);
        changed.withdrawal_credentials[31] ^= 1;
        let mut chain = chain_after(config(), &[foreign, changed, deposit(3)]);
        run_to_epoch(&mut chain, 4);
        assert_eq!(chain.head().validators().len(), 1);
        assert!(status(&chain, 3).is_some());
        assert_eq!(chain.head().burnt(), Gwei::new(64_000_000_000));
    }

    #[test]
    fn known_key_is_topped_up_unseen_and_keeps_its_first_credentials() {
        let mut second = deposit(1);
        second.withdrawal_credentials = [0x66; 32];
        second.signature = BlsSignature::new([7; 96]);
        let keeping = ConsensusConfig { sweeps_excess: false, ..config() };
        let mut chain = chain_after(keeping, &[deposit(1), second]);
        run_to_epoch(&mut chain, 3);
        assert_eq!(balance(&chain, 1), Gwei::new(64_000_000_000));
        let (_, validator) = chain.head().validator(&pubkey(1)).unwrap();
        assert_eq!(validator.withdrawal_credentials, CREDENTIALS);
    }

    #[test]
    fn front_runner_with_a_valid_signature_owns_the_validator() {
        let invalid_first = DepositEvent { signature: BlsSignature::new([7; 96]), ..deposit(1) };
        let mut chain = chain_after(config(), &[invalid_first, deposit(1)]);
        run_to_epoch(&mut chain, 3);
        assert_eq!(balance(&chain, 1), Gwei::VALIDATOR_DEPOSIT);
        assert_eq!(chain.head().burnt(), Gwei::VALIDATOR_DEPOSIT);
    }

    #[test]
    fn churn_lets_in_so_much_stake_an_epoch() {
        let narrow = ConsensusConfig { activation_churn_per_epoch: Gwei::new(48_000_000_000), ..config() };
        let mut chain = chain_after(narrow, &[deposit(1), deposit(2), deposit(3), deposit(4)]);
        let mut registered = Vec::new();
        for epoch in 3..6 {
            run_to_epoch(&mut chain, epoch);
            registered.push(chain.head().validators().len());
        }
        // 48 ETH: one and 16 ETH over; 64 ETH: two more; 48 ETH: the last.
        assert_eq!(registered, [1, 3, 4]);
    }

    #[test]
    fn top_up_of_an_exiting_validator_waits_until_it_is_withdrawable() {
        let mut chain = chain_with(config(), 1);
        chain.slash(&pubkey(1), Gwei::ZERO).unwrap();
        chain.process_slot(Slot::new(1), &[deposit(1)]).unwrap();
        run_to_epoch(&mut chain, 7);
        assert_eq!(chain.head().pending_deposits().count(), 1);
        let paid = run_to_epoch(&mut chain, 12);
        assert_eq!(chain.head().pending_deposits().count(), 0);
        let total: u64 = paid.iter().map(|withdrawal| withdrawal.amount.get()).sum();
        assert_eq!(total, 64_000_000_000);
    }

    /// Deposits of the deposit tool, and the roots that independent code computed for them.
    #[test]
    fn recorded_deposits_verify_for_their_own_network_only() {
        let answers = known_answers();
        for case in answers["deposit"].as_array().unwrap() {
            let text = |name: &str| case[name].as_str().unwrap();
            let event = DepositEvent {
                pubkey: text("pubkey").parse().unwrap(),
                withdrawal_credentials: text("withdrawal_credentials").parse::<Root>().unwrap().into_bytes(),
                amount: Gwei::new(case["amount_gwei"].as_u64().unwrap()),
                signature: text("signature").parse().unwrap(),
                index: 0,
            };
            let network = text("network").trim_end_matches("_compounding");
            let fork = answers["networks"][network]["genesis"].as_str().unwrap().parse().unwrap();
            let root = Root::new(*event.signing_root(fork).as_bytes());
            assert_eq!(root, text("signing_root").parse().unwrap());
            assert_eq!(event.verify_signature(fork), Ok(()));
            assert_eq!(event.verify_signature(config().genesis_fork_version), Err(BlsError::Mismatch));
        }
    }

    #[test]
    fn recorded_hoodi_deposit_is_accepted_on_hoodi_and_burnt_elsewhere() {
        let answers = known_answers();
        let case =
            answers["deposit"].as_array().unwrap().iter().find(|case| case["network"] == "hoodi").unwrap();
        let event = DepositEvent {
            pubkey: case["pubkey"].as_str().unwrap().parse().unwrap(),
            withdrawal_credentials: case["withdrawal_credentials"]
                .as_str()
                .unwrap()
                .parse::<Root>()
                .unwrap()
                .into_bytes(),
            amount: Gwei::VALIDATOR_DEPOSIT,
            signature: case["signature"].as_str().unwrap().parse().unwrap(),
            index: 0,
        };
        for (fork, validators, burnt) in
            [(ForkVersion::HOODI, 1, 0), (ForkVersion::MAINNET, 0, 32_000_000_000)]
        {
            let mut chain = chain_after(ConsensusConfig { genesis_fork_version: fork, ..config() }, &[event]);
            run_to_epoch(&mut chain, 3);
            assert_eq!(chain.head().validators().len(), validators);
            assert_eq!(chain.head().burnt(), Gwei::new(burnt));
        }
    }
}
