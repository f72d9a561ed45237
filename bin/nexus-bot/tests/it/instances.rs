//! State files: somebody else's, another deployment's, one in use.

use nexus_controller::{StateFile, StateIdentity};
use nexus_primitives::{Address, ChainId};

use crate::bench::Bench;

fn identity(nexus: u8) -> StateIdentity {
    let mut address = [0; 20];
    address[19] = nexus;
    StateIdentity { chain_id: ChainId::new(560_048), nexus: Address::new(address) }
}

#[test]
fn a_second_instance_is_told_about_the_first() {
    let bench = Bench::new();
    let _first = StateFile::open(&bench.path("state.sqlite"), identity(1)).unwrap();
    let second = bench.run(&["--salt-file", "salt", "run", "--once"]).expect(1);
    second.says("another nexus-bot is using it");
    bench.run(&["state", "show"]).expect(0);
}

#[test]
fn another_deployments_state_is_a_matter_of_configuration() {
    let bench = Bench::new();
    drop(StateFile::open(&bench.path("state.sqlite"), identity(2)).unwrap());
    bench.run(&["state", "show"]).expect(64).says("belongs to Nexus");
}

#[test]
fn a_file_that_is_no_state_is_refused_and_left_alone() {
    let bench = Bench::new();
    let path = bench.write("state.sqlite", &"not a database ".repeat(100), 0o600);
    let before = std::fs::read(&path).unwrap();
    bench.run(&["state", "show"]).expect(1).says("not a state file of nexus-bot");
    bench.run(&["--salt-file", "salt", "run", "--once"]).expect(1).says("not a state file of nexus-bot");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_backup_and_an_export_are_whole() {
    let bench = Bench::new();
    bench.run(&["state", "export"]).expect(1).says("there is no state file");
    drop(StateFile::open(&bench.path("state.sqlite"), identity(1)).unwrap());
    bench.run(&["state", "backup", "copy.sqlite"]).expect(0);
    bench.run(&["state", "backup", "copy.sqlite"]).expect(1).says("copy.sqlite");
    bench.edit(|text| text.replace("state.sqlite", "copy.sqlite"));
    let export = bench.run(&["state", "export"]).expect(0).json();
    assert_eq!(export["tables"]["identity"][0]["chain_id"], 560_048);
}
