//! The state file against crashes, other processes and other people's files.

use std::os::unix::fs::PermissionsExt as _;

use nexus_chain::{
    Attempt, ContractCall, IntentPhase, Mined, Outcome, Revert, TxJournal as _, ValidatorDeposit,
};
use nexus_dkg::CeremonyDocuments;
use nexus_primitives::{
    BlockHash, BlockNumber, BlsSignature, OperatorSet, OwnerNonce, RollupAdmin, Root, TxHash, UnixSeconds,
    ValidatorPubkey, Wei, WithdrawalCredentials,
};

use super::*;
use crate::{Ceremony, CeremonyMaterial, Stage, ValidatorRecord};

const NOW: UnixSeconds = UnixSeconds::new(1_000);

fn identity() -> StateIdentity {
    StateIdentity { chain_id: ChainId::new(1), nexus: Address::new([7; 20]) }
}

fn rollup() -> RollupAdmin {
    RollupAdmin::new(Address::new([1; 20]))
}

fn deposit(byte: u8) -> ValidatorDeposit {
    ValidatorDeposit {
        pubkey: ValidatorPubkey::new([byte; 48]),
        withdrawal_credentials: WithdrawalCredentials::to_address(Address::new([2; 20])),
        signature: BlsSignature::new([byte; 96]),
        deposit_data_root: Root::new([byte; 32]),
    }
}

fn ready(state: &StateFile, byte: u8) -> ValidatorRecord {
    let record = state.burn_index(rollup(), NOW).unwrap();
    state.store_deposit(record.id, &deposit(byte), NOW).unwrap();
    record
}

fn mined(succeeded: bool) -> Mined {
    Mined {
        hash: TxHash::new([9; 32]),
        block_number: BlockNumber::new(5),
        block_hash: BlockHash::new([5; 32]),
        succeeded,
        fee: Wei::from_ether(1),
    }
}

fn deposit_call(bytes: &[u8]) -> ContractCall {
    ContractCall::DepositValidators {
        rollup: rollup(),
        deposits: bytes.iter().map(|byte| deposit(*byte)).collect(),
    }
}

fn stages(state: &StateFile) -> Vec<Stage> {
    state.validators().unwrap().into_iter().map(|record| record.stage).collect()
}

#[test]
fn a_derivation_index_is_never_handed_out_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    for expected in 0..5 {
        // Opened anew each time, as after a crash between burning and using the index.
        let state = StateFile::open(&path, identity()).unwrap();
        let record = state.burn_index(rollup(), NOW).unwrap();
        assert_eq!(record.derivation_index.unwrap().get(), expected);
    }
}

#[test]
fn a_failed_deposit_makes_its_keys_ready_again_and_a_final_one_deposits_them() {
    let state = StateFile::in_memory(identity()).unwrap();
    ready(&state, 1);
    ready(&state, 2);
    let refused = state.record_intent(&deposit_call(&[1, 2]), NOW).unwrap();
    assert_eq!(stages(&state), [Stage::DepositSent; 2]);
    state.record_outcome(refused, &Outcome::Refused(Revert::Empty), NOW).unwrap();
    assert_eq!(stages(&state), [Stage::KeysReady; 2]);

    let intent = state.record_intent(&deposit_call(&[2]), NOW).unwrap();
    state.record_outcome(intent, &Outcome::Succeeded(mined(true)), NOW).unwrap();
    assert_eq!(stages(&state), [Stage::KeysReady, Stage::Deposited]);
    assert_eq!(state.validators().unwrap()[1].deposit_tx, Some(TxHash::new([9; 32])));
    assert!(state.unfinished().unwrap().is_empty());
}

#[test]
fn a_signed_transaction_survives_to_be_sent_again_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    let attempt = Attempt {
        hash: TxHash::new([9; 32]),
        nonce: 3,
        raw: vec![2, 0xff],
        max_fee: Wei::from_ether(1),
        priority_fee: Wei::ZERO,
        signed_at: NOW,
    };
    let id = {
        let state = StateFile::open(&path, identity()).unwrap();
        ready(&state, 1);
        let id = state.record_intent(&deposit_call(&[1]), NOW).unwrap();
        state.record_attempt(id, &attempt).unwrap();
        id
    };
    let state = StateFile::open(&path, identity()).unwrap();
    let intent = state.unfinished().unwrap().remove(0);
    assert_eq!((intent.id, intent.phase, intent.attempts), (id, IntentPhase::Sent, vec![attempt]));

    state.record_mined(id, Some(&mined(true))).unwrap();
    assert_eq!(state.unfinished().unwrap()[0].phase, IntentPhase::Mined(mined(true)));
    state.record_mined(id, None).unwrap();
    assert_eq!(state.unfinished().unwrap()[0].phase, IntentPhase::Sent);
}

#[test]
fn the_same_validator_cannot_be_deposited_twice() {
    let state = StateFile::in_memory(identity()).unwrap();
    ready(&state, 1);
    state.record_intent(&deposit_call(&[1]), NOW).unwrap();
    let again = state.record_intent(&deposit_call(&[1]), NOW).unwrap_err();
    assert!(matches!(again, StateError::Transition { .. }), "{again}");
    assert_eq!(state.unfinished().unwrap().len(), 1, "the refused intent left nothing behind");
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    let first = StateFile::open(&path, identity()).unwrap();
    first.burn_index(rollup(), NOW).unwrap();
    assert!(matches!(StateFile::open(&path, identity()), Err(StateError::InUse { .. })));
    let reader = StateFile::open_read_only(&path, identity()).unwrap().unwrap();
    assert_eq!(reader.validators().unwrap().len(), 1);
}

#[test]
fn files_that_are_not_this_deployments_state_are_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, make: &dyn Fn(&Path), expected: &str| {
        let path = dir.path().join(name);
        make(&path);
        let mut permissions = path.metadata().unwrap().permissions();
        permissions.set_mode(0o600);
        std::fs::set_permissions(&path, permissions).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = StateFile::open(&path, identity()).err().unwrap().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{name} was changed");
    };
    check(
        "text",
        &|path| std::fs::write(path, "not a database, but a longer text than a header".repeat(40)).unwrap(),
        "no SQLite database",
    );
    check(
        "foreign",
        &|path| Connection::open(path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap(),
        "without its mark",
    );
    check(
        "truncated",
        &|path| {
            drop(StateFile::open(path, identity()).unwrap());
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        "damaged",
    );
    check(
        "other",
        &|path| {
            let other = StateIdentity { chain_id: ChainId::new(2), ..identity() };
            drop(StateFile::open(path, other).unwrap());
        },
        "on chain 2, the configuration says",
    );
    check(
        "newer",
        &|path| {
            let state = StateFile::open(path, identity()).unwrap();
            state.connection().pragma_update(None, "user_version", 99).unwrap();
        },
        "schema version 99",
    );
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    drop(StateFile::open(&path, identity()).unwrap());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(StateFile::open(&path, identity()), Err(StateError::Mode { mode: 0o644, .. })));
}

#[test]
fn an_adopted_validator_moves_the_next_index_past_its_own() {
    let state = StateFile::in_memory(identity()).unwrap();
    let key = ValidatorPubkey::new([3; 48]);
    state
        .adopt(
            rollup(),
            key,
            Some(nexus_primitives::DerivationIndex::new(6)),
            nexus_chain::NexusStatus::ShareDeposited,
            NOW,
        )
        .unwrap();
    assert_eq!(stages(&state), [Stage::Registered]);
    assert_eq!(state.burn_index(rollup(), NOW).unwrap().derivation_index.unwrap().get(), 7);
}

#[test]
fn an_excess_lasts_from_when_it_was_first_seen() {
    let state = StateFile::in_memory(identity()).unwrap();
    assert_eq!(state.note_excess(rollup(), true, NOW).unwrap(), 0);
    assert_eq!(state.note_excess(rollup(), true, UnixSeconds::new(1_060)).unwrap(), 60);
    assert_eq!(state.note_excess(rollup(), false, UnixSeconds::new(1_070)).unwrap(), 0);
    assert_eq!(state.note_excess(rollup(), true, UnixSeconds::new(1_080)).unwrap(), 0);
}

#[test]
fn a_backup_beside_a_writer_opens_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateFile::open(&dir.path().join("state.sqlite"), identity()).unwrap();
    ready(&state, 1);
    let copy = dir.path().join("copy.sqlite");
    let reader = StateFile::open_read_only(&dir.path().join("state.sqlite"), identity()).unwrap().unwrap();
    reader.backup(&copy).unwrap();
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let opened = StateFile::open(&copy, identity()).unwrap();
    assert_eq!(opened.validators().unwrap(), state.validators().unwrap());
    assert!(matches!(state.backup(&copy), Err(StateError::Io { .. })), "nothing is overwritten");
}

#[test]
fn transactions_are_counted_by_their_block_also_when_they_are_over() {
    let state = StateFile::in_memory(identity()).unwrap();
    ready(&state, 1);
    let intent = state.record_intent(&deposit_call(&[1]), NOW).unwrap();
    let counts = |state: &StateFile| [4, 5].map(|block| state.mined_after(BlockNumber::new(block)).unwrap());
    assert_eq!(counts(&state), [0, 0]);
    state.record_mined(intent, Some(&mined(true))).unwrap();
    assert_eq!(counts(&state), [1, 0], "it is in block 5");
    state.record_outcome(intent, &Outcome::Succeeded(mined(true)), NOW).unwrap();
    assert_eq!(counts(&state), [1, 0]);
}

#[test]
fn an_export_has_every_table_and_row() {
    let state = StateFile::in_memory(identity()).unwrap();
    ready(&state, 1);
    let export = state.export().unwrap();
    let tables = export["tables"].as_object().unwrap();
    let names: Vec<_> = tables.keys().map(String::as_str).collect();
    let expected = [
        "attempts",
        "ceremonies",
        "ceremony_failures",
        "code_pins",
        "given_up",
        "history",
        "identity",
        "intents",
        "rollups",
        "ticks",
        "validators",
    ];
    assert_eq!(names, expected);
    assert_eq!(tables["validators"][0]["stage"], Stage::KeysReady.as_str());
    assert_eq!(tables["history"].as_array().unwrap().len(), 1);
    assert_eq!(export["schema_version"], SCHEMA_VERSION);
}

/// A file as version 1 left it.
fn version_1(path: &Path) {
    let state = StateFile::open(path, identity()).unwrap();
    ready(&state, 1);
    let undo =
        "DROP TABLE ceremonies; DROP TABLE ceremony_failures; DROP TABLE given_up; PRAGMA user_version = 1;";
    state.connection().execute_batch(undo).unwrap();
}

#[test]
fn a_file_of_version_1_is_lifted_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    version_1(&path);
    let operators = OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap();
    for failures in 1..3 {
        let state = StateFile::open(&path, identity()).unwrap();
        assert_eq!(stages(&state), [Stage::KeysReady]);
        assert_eq!(version(&state.connection()).unwrap(), SCHEMA_VERSION);
        state.note_ceremony_failure(&operators, "operator 3", NOW).unwrap();
        assert_eq!(state.ceremony_failure(&operators).unwrap().unwrap().failures, failures);
    }
}

#[test]
fn a_reader_takes_a_file_of_version_1_and_leaves_it_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    version_1(&path);
    let readers = [
        StateFile::open_read_only(&path, identity()).unwrap().unwrap(),
        StateFile::open_to_acknowledge(&path, identity()).unwrap().unwrap(),
    ];
    for state in readers {
        assert_eq!(state.validators().unwrap().len(), 1);
        assert_eq!(version(&state.connection()).unwrap(), 1);
    }
}

fn material(byte: u8, nonce: u64) -> CeremonyMaterial {
    let text = |name: &str| format!("{name} {byte}");
    CeremonyMaterial {
        deposit: deposit(byte),
        ceremony: Ceremony {
            owner_nonce: OwnerNonce::new(nonce),
            operators: OperatorSet::try_from(vec![1, 2, 3, 4]).unwrap(),
        },
        documents: CeremonyDocuments {
            deposit_data: text("deposit"),
            keyshares: text("keyshares"),
            proofs: text("proofs"),
        },
    }
}

#[test]
fn what_a_ceremony_made_is_kept_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    let made = [material(1, 7), material(2, 8)];
    StateFile::open(&path, identity()).unwrap().store_ceremonies(rollup(), &made, NOW).unwrap();

    let state = StateFile::open(&path, identity()).unwrap();
    for (record, made) in state.validators().unwrap().iter().zip(&made) {
        assert_eq!((record.stage, record.derivation_index), (Stage::KeysReady, None));
        assert_eq!(record.deposit.as_ref(), Some(&made.deposit));
        assert_eq!(record.ceremony.as_ref(), Some(&made.ceremony));
        assert_eq!(state.ceremony_documents(&made.deposit.pubkey).unwrap(), made.documents);
    }
    // A key that is there already: nothing of the batch is stored.
    state.store_ceremonies(rollup(), &[material(3, 9), material(1, 10)], NOW).unwrap_err();
    assert_eq!(state.validators().unwrap().len(), 2);
}
