//! The bot against the embedded world, both as processes of their own.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
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
    world.edit(|text| text.replace("0x10001337", "0x10001338"));
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
