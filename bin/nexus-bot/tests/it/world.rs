//! The bot against the embedded world, both as processes of their own.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use crate::bench::{Bench, Ended};

/// A world that runs until the test is over.
struct World {
    child: Child,
    bench: Bench,
}

impl World {
    fn start() -> Self {
        let bench = Bench::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_nexus-bot"))
            .args([
                "devnet",
                "--listen-rpc",
                "127.0.0.1:0",
                "--listen-beacon",
                "127.0.0.1:0",
                "--dir",
                "world",
            ])
            .args(["--slot-millis", "50"])
            .current_dir(bench.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        loop {
            let mut line = String::new();
            assert!(told.read_line(&mut line).unwrap() > 0, "the world ended before it was ready");
            if line.contains("Ctrl-C ends the world") {
                break;
            }
        }
        // Whatever it says from now on must not fill the pipe.
        thread::spawn(move || told.read_to_end(&mut Vec::new()));
        Self { child, bench }
    }

    /// Runs the bot with the configuration that the world wrote.
    fn bot(&self, args: &[&str]) -> Ended {
        let common = ["--config", "world/nexus-bot.toml", "--salt-file", "world/salt", "--log", "warn"];
        self.bench.run(&[&common[..], args].concat())
    }

    fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.bench.path("world/nexus-bot.toml");
        let changed = change(fs::read_to_string(&path).unwrap());
        fs::write(path, changed).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stages(status: &Value) -> Vec<&str> {
    let validators = status["validators"].as_array().unwrap();
    validators.iter().map(|validator| validator["state"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_is_carried_out_once_and_held_while_paused() {
    let world = World::start();
    let plan = world.bot(&["plan", "--json"]).expect(0).json();
    assert_eq!(plan["rollups"][0]["action"], json!({ "kind": "create", "count": 6 }));
    assert_eq!(plan["rollups"][0]["locked_wei"], "500000000000000000000");
    assert_eq!(plan["observed"]["at"], "finalized");
    assert!(!world.bench.path("world/state.sqlite").exists(), "a plan writes nothing");

    world.bot(&["pause", "--why", "a test"]).expect(0);
    world.bot(&["run", "--once"]).expect(75).says("paused: a test");
    let paused = world.bot(&["plan", "--json"]).expect(0).json();
    assert_eq!(paused["rollups"][0]["action"], json!({ "kind": "hold", "reason": "paused" }));
    world.bot(&["resume"]).expect(0);

    let done = world.bot(&["run", "--once", "--json"]).expect(0).json();
    assert_eq!(done["validators"].as_array().unwrap().len(), 6);
    let status = world.bot(&["status", "--json"]).expect(0).json();
    assert!(stages(&status).iter().all(|stage| matches!(*stage, "registered" | "active")), "{status:#}");
    assert_eq!(status["rollups"][0]["staked_bps"], 3_840);
    assert_eq!(status["intents"].as_array().unwrap().len(), 7, "a deposit and six registrations");

    let again = world.bot(&["run", "--once", "--json"]).expect(0).json();
    assert_eq!(again["intents"], status["intents"], "nothing is done twice");
}

#[test]
fn a_beacon_node_of_another_network_is_a_matter_of_configuration() {
    let world = World::start();
    // What it has is hoodi's: operators make keys for no network of its own.
    world.edit(|text| text.replace("0x10000910", "0x10001338"));
    world.bot(&["plan"]).expect(64).says("of another network");
    world.bot(&["doctor"]).expect(1).says_on_stdout("FAIL  beacon node");
    let other = "nexus = \"0x0000000000000000000000000000000000000bad\"";
    let nexus = |text: String| {
        let line = text.lines().find(|line| line.starts_with("nexus = ")).unwrap().to_owned();
        text.replace(&line, other)
    };
    world.edit(nexus);
    world.bot(&["plan"]).expect(64).says("there is no code at this address");
}

#[test]
fn operators_make_the_keys_when_the_configuration_says_so() {
    let world = World::start();
    let admin = world.bot(&["plan", "--json"]).expect(0).json()["rollups"][0]["admin"].clone();
    let ping = ["dkg", "ping", "--rollup", admin.as_str().unwrap()];
    world.bot(&ping).expect(0).says_on_stdout("well");

    world.edit(|text| text.replace("[keys]\ndefault = \"mnemonic\"", "[keys]\ndefault = \"dkg\""));
    world.bot(&["run", "--once"]).expect(0);
    let status = world.bot(&["status", "--json"]).expect(0).json();
    assert_eq!(stages(&status).len(), 6, "{status:#}");
    assert!(stages(&status).iter().all(|stage| matches!(*stage, "registered" | "active")), "{status:#}");
    assert_eq!(status["intents"].as_array().unwrap().len(), 7, "a deposit and six registrations");

    let vault = world.bench.path("world/vault");
    let kept: Vec<_> = fs::read_dir(&vault).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["ceremonies"], "no mnemonic was made");
    let ceremonies = fs::read_dir(vault.join("ceremonies")).unwrap().map(|entry| entry.unwrap().path());
    let verify =
        |folder: &Path| world.bot(&["dkg", "verify", folder.to_str().unwrap(), "--json"]).expect(0).json();
    let verified: Vec<_> =
        ceremonies.flat_map(|folder| verify(&folder)["validators"].as_array().unwrap().clone()).collect();
    let verified: BTreeSet<_> =
        verified.iter().map(|validator| validator["pubkey"].as_str().unwrap()).collect();
    let deposited = status["validators"].as_array().unwrap().iter();
    assert_eq!(verified, deposited.map(|validator| validator["pubkey"].as_str().unwrap()).collect());
}
