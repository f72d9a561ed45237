//! Exits signed by ethstaker-deposit-cli for mainnet and Hoodi, roots by an independent SSZ implementation.

use std::{fs, path::PathBuf};

use nexus_beacon::{ExitError, NetworkSpec, SignedVoluntaryExit, UnverifiedVoluntaryExit, VoluntaryExit};
use nexus_primitives::{
    Address, BlsSignature, ChainId, Epoch, EpochCount, ForkVersion, Root, UnixSeconds, ValidatorIndex,
    ValidatorPubkey,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    voluntary_exit: Vec<ExitVector>,
    networks: std::collections::HashMap<String, Network>,
}

#[derive(Deserialize)]
struct ExitVector {
    network: String,
    pubkey: ValidatorPubkey,
    message: VoluntaryExit,
    message_root: Root,
    signing_root: Root,
    signature: BlsSignature,
}

#[derive(Deserialize)]
struct Network {
    genesis: ForkVersion,
    capella: ForkVersion,
    gvr: Root,
}

fn fixture(path: &str) -> String {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keyshares")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn vectors() -> Vectors {
    serde_json::from_str(&fixture("generated/kat-signing-roots.json")).unwrap()
}

impl Vectors {
    fn spec(&self, network: &str) -> NetworkSpec {
        let network = &self.networks[network];
        NetworkSpec {
            genesis_time: UnixSeconds::new(0),
            genesis_validators_root: network.gvr,
            genesis_fork_version: network.genesis,
            capella_fork_version: network.capella,
            seconds_per_slot: 12,
            slots_per_epoch: 32,
            shard_committee_period: EpochCount::new(256),
            deposit_contract: Address::ZERO,
            deposit_chain_id: ChainId::new(0),
        }
    }
}

#[test]
fn roots_and_signatures_match_the_tool_s() {
    let vectors = vectors();
    assert_eq!(vectors.voluntary_exit.len(), 4);
    for vector in &vectors.voluntary_exit {
        let spec = vectors.spec(&vector.network);
        assert_eq!(vector.message.hash_tree_root(), vector.message_root);
        assert_eq!(vector.message.signing_root(&spec).as_bytes(), vector.signing_root.as_bytes());
        SignedVoluntaryExit::assemble(vector.message, vector.signature, &vector.pubkey, &spec).unwrap();
    }
}

#[test]
fn the_tool_s_files_are_read_and_written_unchanged() {
    let vectors = vectors();
    for (file, vector) in ["1234", "567890"].iter().zip(&vectors.voluntary_exit) {
        let text = fixture(&format!("deposit-cli/mainnet/signed_exit_transaction-{file}.json"));
        let read: UnverifiedVoluntaryExit = serde_json::from_str(&text).unwrap();
        let exit = read.verify(&vector.pubkey, &vectors.spec("mainnet")).unwrap();
        assert_eq!(exit.message().validator_index.to_string(), *file);
        assert_eq!(exit.message().epoch, Epoch::new(194_048));
        // The tool puts a space after each colon and comma; there is none inside the values.
        assert_eq!(serde_json::to_string(&exit).unwrap(), text.trim().replace(' ', ""));
    }
}

#[test]
fn an_exit_for_another_key_network_index_epoch_or_signature_is_refused() {
    let vectors = vectors();
    let [first, second] = &vectors.voluntary_exit[..2] else { panic!("at least two vectors") };
    let spec = vectors.spec("mainnet");
    let current_fork = NetworkSpec { capella_fork_version: ForkVersion::new([5, 0, 0, 0]), ..spec.clone() };
    let other_index = VoluntaryExit { validator_index: ValidatorIndex::new(1235), ..first.message };
    let other_epoch = VoluntaryExit { epoch: Epoch::new(194_049), ..first.message };
    let broken = BlsSignature::new([0xff; 96]);
    for (message, signature, pubkey, spec) in [
        (first.message, first.signature, &second.pubkey, &spec),
        (first.message, first.signature, &first.pubkey, &vectors.spec("hoodi")),
        (first.message, first.signature, &first.pubkey, &current_fork),
        (other_index, first.signature, &first.pubkey, &spec),
        (other_epoch, first.signature, &first.pubkey, &spec),
        (first.message, second.signature, &first.pubkey, &spec),
        (first.message, broken, &first.pubkey, &spec),
    ] {
        let result = SignedVoluntaryExit::assemble(message, signature, pubkey, spec);
        assert!(matches!(result, Err(ExitError::Signature { .. })), "{message:?} {pubkey}");
    }
}

#[test]
fn malformed_exits_are_refused() {
    let good = serde_json::json!({
        "message": { "epoch": "1", "validator_index": "2" },
        "signature": BlsSignature::new([1; 96]),
    });
    assert!(serde_json::from_value::<UnverifiedVoluntaryExit>(good.clone()).is_ok());
    for (pointer, wrong) in [
        ("/message/epoch", serde_json::json!(1)),
        ("/message/epoch", serde_json::json!("-1")),
        ("/message/validator_index", serde_json::json!("18446744073709551616")),
        ("/signature", serde_json::json!("0x01")),
    ] {
        let mut exit = good.clone();
        *exit.pointer_mut(pointer).unwrap() = wrong;
        assert!(serde_json::from_value::<UnverifiedVoluntaryExit>(exit).is_err(), "{pointer}");
    }
    let mut exit = good;
    exit["extra"] = true.into();
    assert!(serde_json::from_value::<UnverifiedVoluntaryExit>(exit).is_err());
}

/// The tool's first mainnet exit, verified.
pub(crate) fn signed_exit() -> SignedVoluntaryExit {
    let vectors = vectors();
    let first = &vectors.voluntary_exit[0];
    SignedVoluntaryExit::assemble(first.message, first.signature, &first.pubkey, &vectors.spec("mainnet"))
        .unwrap()
}
