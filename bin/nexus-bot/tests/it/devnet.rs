//! The embedded world in one process, the bot in another, and hands from outside.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use nexus_http::{HttpClient, HttpLimits};
use serde_json::{Value, json};
use tempfile::TempDir;

struct World {
    child: Child,
    /// What it said before it was ready.
    said: String,
    dir: TempDir,
}

impl World {
    fn start(extra: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_nexus-bot"))
            .args(["devnet", "--listen-rpc", "127.0.0.1:0", "--listen-beacon", "127.0.0.1:0"])
            .args(["--slot-millis", "40", "--dir"])
            .arg(dir.path().join("world"))
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        while !said.contains("Ctrl-C ends the world") {
            said.push_str(&lines.next().expect("it ends before it is ready").unwrap());
            said.push('\n');
        }
        // Read on, or the world would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, said, dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("world").join(name)
    }

    /// Runs the bot on the configuration that the world wrote.
    fn bot(&self, args: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_nexus-bot"))
            .arg("--config")
            .arg(self.file("nexus-bot.toml"))
            .arg("--salt-file")
            .arg(self.file("salt"))
            .arg("--json")
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn url(&self) -> String {
        let line = self.said.lines().find(|line| line.starts_with("execution node")).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let client = HttpClient::new(HttpLimits::default()).unwrap();
        let answer = client.post_json(&self.url().parse().unwrap(), "", &request).await.unwrap();
        let answer: Value = answer.json().unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bot_works_in_the_world_and_answers_to_what_hands_do_to_it() {
    let mut world = World::start(&["--nexus-version", "main", "--seed", "3"]);
    let action = |plan: &Value| plan["rollups"][0]["action"].clone();
    let plan = world.bot(&["plan"]);
    assert_eq!(action(&plan), json!({"kind": "create", "count": 6}), "{}", world.said);

    let admin = plan["rollups"][0]["admin"].clone();
    world.ask("devnet_setStakingLimit", json!([admin, 2_000])).await;
    world.ask("devnet_bridgeOut", json!([admin, "150000000000000000000"])).await;
    world.ask("devnet_advanceEpochs", json!([4])).await;
    assert_eq!(action(&world.bot(&["plan"])), json!({"kind": "create", "count": 2}), "20 % of 350 ETH");

    let after = world.bot(&["run", "--once"]);
    let states: Vec<_> = after["validators"].as_array().unwrap().iter().map(|v| v["state"].clone()).collect();
    assert!(
        states.len() == 2 && states.iter().all(|state| state == "registered" || state == "active"),
        "{states:?}"
    );
    assert_eq!(world.interrupt(), Some(130));
}

#[test]
fn taken_port_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_nexus-bot"))
        .args(["devnet", "--listen-rpc", &address, "--listen-beacon", "127.0.0.1:0", "--dir"])
        .arg(dir.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(
        said.contains(&format!("{address} is taken")) && said.contains("127.0.0.1:0 picks a free port"),
        "{said}"
    );
}
