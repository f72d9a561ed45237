//! Ceremonies held with the embedded world's operators, their documents checked, and operators that can't be reached.

use std::{fs, path::Path};

use nexus_devnet::{
    dkg::{Conduct, DkgOperators, Phases},
    operators::operators as devnet_operators,
};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::bench::Bench;

const ADDRESS: &str = "0x81592c3DE184A3E2c0DCB5a261BC107Bfa91f494";

/// A ceremony of the operators' own tool, recorded.
const RECORDED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/dkg/live-v3.1.0/official-initiator-output/ceremony-2026-11-23--09-05-42.515"
);

/// An operator's key in the encoding of the file, and where nobody listens.
fn operators(bench: &Bench) -> String {
    let keyshares = fs::read_to_string(validator_of(Path::new(RECORDED)).join("keyshares.json")).unwrap();
    let keyshares: Value = serde_json::from_str(&keyshares).unwrap();
    let entries = keyshares["shares"][0]["data"]["operators"].as_array().unwrap().iter();
    let entries: Vec<_> = entries
        .map(|entry| {
            let (id, key) = (&entry["id"], &entry["operatorKey"]);
            json!({ "id": id, "public_key": key, "ip": "https://127.0.0.1:1" })
        })
        .collect();
    let list = Value::from(entries).to_string();
    bench.write("operators_info.json", &list, 0o644).to_str().unwrap().to_owned()
}

fn validator_of(ceremony: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(ceremony).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.is_dir()).unwrap()
}

/// A copy of the recorded ceremony.
fn copy(bench: &Bench) -> std::path::PathBuf {
    let source = validator_of(Path::new(RECORDED));
    let target = bench.path("ceremony").join(source.file_name().unwrap());
    fs::create_dir_all(&target).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, target.join(path.file_name().unwrap())).unwrap();
    }
    target
}

#[test]
fn the_official_tools_documents_verify_for_what_they_are_for_and_nothing_else() {
    let bench = Bench::new();
    let verified = bench.run(&["dkg", "verify", RECORDED, "--json"]).expect(0).json();
    let validator = &verified["validators"][0];
    let (owner, nonce) = (validator["owner"].as_str().unwrap(), validator["nonce"].to_string());
    assert_eq!(nonce, "7");
    bench.run(&["dkg", "verify", RECORDED, "--owner", owner, "--nonce", &nonce]).expect(0);
    let other = bench.run(&["dkg", "verify", RECORDED, "--owner", owner, "--nonce", "8"]).expect(1);
    other.says_on_stdout("is for registration").says_on_stdout(":7, expected").says_on_stdout(":8");
    let nobody = "0x00000000000000000000000000000000000000AA";
    let verify = |more: [&str; 2]| bench.run(&[&["dkg", "verify", RECORDED][..], &more].concat());
    verify(["--withdraw-address", nobody]).expect(1).says_on_stdout("withdrawals go to");
    // The recorded validator compounds: the right address is not enough.
    verify(["--withdraw-address", ADDRESS]).expect(1).says_on_stdout("withdrawals go to 0x02");
    verify(["--fork-version", "0x10000910"]).expect(0);
    verify(["--fork-version", "0x00000000"]).expect(1).says_on_stdout("genesis fork version");
    verify(["--operators", &operators(&bench)]).expect(0).says_on_stdout("keys compared");
    let others: Vec<_> = devnet_operators().iter().map(|operator| {
        json!({ "id": operator.id.get(), "public_key": operator.key_text, "ip": "https://127.0.0.1:1" })
    }).collect();
    bench.write("others.json", &Value::from(others).to_string(), 0o644);
    verify(["--operators", "others.json"]).expect(1).says_on_stdout("not in the list of operators");
}

#[test]
fn a_changed_document_is_named() {
    let bench = Bench::new();
    let folder = copy(&bench);
    let file = folder.join("deposit_data.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"amount\":", "\"amount\":1", 1)).unwrap();
    let folder = folder.to_str().unwrap();
    bench.run(&["dkg", "verify", folder]).expect(1).says_on_stdout("deposit_data.json");
    bench.run(&["dkg", "verify", "nowhere"]).expect(1).says_on_stdout("can't be read");
}

#[test]
fn operators_that_nobody_can_reach_are_named_and_nothing_is_stored() {
    let bench = Bench::new();
    let operators = operators(&bench);
    let pings = bench.run(&["dkg", "ping", "--operators", &operators, "--json"]).expect(69).json();
    assert_eq!(pings.as_array().unwrap().len(), 4);
    assert!(pings[0]["problem"].as_str().unwrap().contains("127.0.0.1"), "{pings}");

    let ceremony = ["dkg", "ceremony", "--operators", &operators, "--owner", ADDRESS, "--nonce", "1"];
    let rest = ["--withdraw-address", ADDRESS, "--fork-version"];
    let run = |fork| bench.run(&[&ceremony[..], &rest, &[fork]].concat());
    run("0x10000910").expect(69).says("operator 11");
    run("0x12345678").expect(1).says("0x12345678");
    assert_eq!(fs::read_dir(bench.path("ceremonies")).unwrap().count(), 0);
}

#[test]
fn a_ceremony_is_refused_until_everything_about_it_is_said() {
    let bench = Bench::new();
    let operators = operators(&bench);
    bench.run(&["dkg", "ping"]).expect(2).says("--operators");
    bench.run(&["dkg", "ceremony", "--operators", &operators]).expect(2).says("--owner");
    bench.run(&["dkg", "ping", "--operators", &operators, "--ids", "11,12"]).expect(1).says("operator 12");
    bench.run(&["dkg", "ping", "--operators", "nowhere.json"]).expect(1).says("nowhere.json");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_are_there_make_validators_that_verify() {
    let running =
        DkgOperators::start(&devnet_operators()[..4], Phases::default(), &mut StdRng::seed_from_u64(1))
            .await
            .unwrap();
    let bench = Bench::new();
    let entries: Vec<_> = devnet_operators()
        .iter()
        .zip(running.all())
        .map(|(operator, handle)| {
            json!({ "id": operator.id.get(), "public_key": operator.key_text, "ip": handle.url() })
        })
        .collect();
    bench.write("list.json", &Value::from(entries).to_string(), 0o644);
    let ping = ["dkg", "ping", "--operators", "list.json"];
    bench.run(&ping).expect(0).says_on_stdout("well");
    running.all()[0].behave(Conduct::OtherVersion("v3.0.3".to_owned()));
    bench.run(&ping).expect(1).says_on_stdout("v3.0.3");
    running.all()[0].behave(Conduct::Faithful);

    let terms = ["--owner", ADDRESS, "--nonce", "5", "--withdraw-address", ADDRESS];
    let network = ["--fork-version", "0x10000910", "--validators", "2", "--json"];
    let ceremony = [&["dkg", "ceremony", "--operators", "list.json"][..], &terms, &network].concat();
    let made = bench.run(&ceremony).expect(0).json();
    assert_eq!((&made["problem"], &made["not_told"]), (&Value::Null, &json!([])));
    assert_eq!(made["validators"].as_array().unwrap().len(), 2);
    let folder = made["folder"].as_str().unwrap();
    bench.run(&[&["dkg", "verify", folder][..], &terms].concat()).expect(0).says_on_stdout("hold");

    running.all()[2].behave(Conduct::WrongPartial);
    bench.run(&ceremony).expect(1).says_on_stdout("operator 3").says_on_stdout("partial signature");
    running.all()[2].behave(Conduct::Absent);
    bench.run(&ceremony).expect(69).says_on_stdout("operator 3");
    let folders = fs::read_dir(bench.path("ceremonies")).unwrap().count();
    assert_eq!(folders, 1, "failed ceremonies leave nothing");
}
